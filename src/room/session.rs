//! The state of a connection: before login, a member's, or leaving; and what its lines wait for.

use std::time::Duration;

use crate::limits::OWED_PAUSE;
use crate::protocol::{Bye, Mail, Verb};
use crate::room::feed::outbox::Outbox;
use crate::room::group::devices::DeviceIndex;
use crate::room::{Allowance, MemberId, Now};

/// Seconds of the monotonic clock: a hundred years fit.
pub(super) fn seconds(now: Now) -> u32 {
    u32::try_from(now.mono.as_secs()).unwrap_or(u32::MAX)
}

/// How far a connection has come.
#[derive(Debug)]
pub(super) enum Session {
    /// Not logged in: the time left for that, and how many lines it may still send.
    BeforeLogin(Countdown, Allowance),
    /// Logged in.
    Member(Seat),
    /// No further line is taken. What is owed is still sent, and what of it is acknowledged still counts for the device.
    Leaving(Option<Seat>),
}

impl Session {
    /// The member and the device, also of a connection that is leaving.
    pub(super) fn seat(&self) -> Option<&Seat> {
        match self {
            Session::Member(seat) | Session::Leaving(Some(seat)) => Some(seat),
            Session::BeforeLogin(..) | Session::Leaving(None) => None,
        }
    }
}

/// The member and the device of a connection.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) mail: Mail,
    pub(super) member: MemberId,
    /// None: without a feed.
    pub(super) device: Option<DeviceIndex>,
}

/// A deadline that can be stopped, as it is while the server checks the password.
#[derive(Clone, Copy, Debug)]
pub(super) enum Countdown {
    /// Runs, until this time of the monotonic clock.
    Until(Duration),
    /// Stopped, with this left.
    Stopped(Duration),
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// After all events so far, and the answers to all commands.
    AtEnd,
    /// After the line that is being sent, and the answers that are owed. Whoever is removed comes back to no number.
    Answered,
    /// After the line that is being sent. An own message that comes later in the feed is not answered, nor what was asked after
    /// it: its number would say that all events before it were sent, too.
    AtLineEnd,
}

/// What a connection's next line waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Nothing: lines are taken.
    No,
    /// A worker's answer.
    Worker,
    /// The rate limit: the time at which another line is allowed.
    Allowance,
    /// The log's answers to its own messages.
    OwnMessages,
    /// That its peer takes replies: too many are owed.
    Replies,
    /// A pass over the receivers: the transcript is too far ahead of them; or the log's answer to TITLE and ANNOUNCE.
    Pass,
    /// The end of another search of its member's.
    Search,
}

/// All that the room knows of one connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) serial: u64,
    pub(super) outbox: Outbox,
    pub(super) session: Session,
    pub(super) waiting: Waiting,
    /// Wrong passwords so far.
    pub(super) tries: u8,
    /// The last words, if it is leaving and there are any.
    pub(super) last_word: Option<Bye>,
    /// Whether it is in the list of connections that are owed something other than new events.
    pub(super) listed: bool,
    /// When something last came from it, a line or its kernel's acknowledgement: in seconds of the monotonic clock.
    pub(super) heard: u32,
}

impl Peer {
    /// Whether its lines are taken at present.
    pub(super) fn listens(&self) -> bool {
        self.waiting == Waiting::No && !self.outbox.is_leaving()
    }

    /// Whether it waits for a worker's answer.
    pub(super) fn awaits_answer(&self) -> bool {
        self.waiting == Waiting::Worker && !self.outbox.is_leaving()
    }

    /// What has to happen before a line with this verb is taken, apart from the rate limit. `holds_what_is_said`: see
    /// [`crate::room::Feeds::holds_what_is_said`].
    pub(super) fn waits_for(&self, verb: Option<Verb>, holds_what_is_said: bool) -> Waiting {
        // These answers include the connection's own messages, which have to be committed first.
        let includes_own_messages = matches!(
            verb,
            Some(Verb::History | Verb::Find | Verb::Info | Verb::Stats | Verb::Title | Verb::Announce)
        );
        let is_held = matches!(verb, Some(Verb::Msg | Verb::Title | Verb::Announce)) && holds_what_is_said;
        if self.outbox.replies.cost >= OWED_PAUSE {
            Waiting::Replies
        } else if is_held {
            Waiting::Pass
        } else if includes_own_messages && self.outbox.replies.has_tickets() {
            Waiting::OwnMessages
        } else {
            Waiting::No
        }
    }

    /// Whether what it waits for has happened, as far as its outbox shows that.
    pub(super) fn has_waited(&self) -> bool {
        match self.waiting {
            Waiting::Replies => self.outbox.replies.cost < OWED_PAUSE,
            Waiting::OwnMessages => !self.outbox.replies.has_tickets(),
            Waiting::No | Waiting::Worker | Waiting::Allowance | Waiting::Pass | Waiting::Search => false,
        }
    }
}
