//! Who a connection is so far, and what it waits for.

use std::time::Duration;

use super::rate::Allowance;
use crate::protocol::Mail;
use crate::room::feed::outbox::Outbox;
use crate::room::group::devices::DeviceIndex;
use crate::room::ids::{MemberId, Now};

/// The second of the monotonic clock: a hundred years fit.
pub(super) fn seconds(now: Now) -> u32 {
    u32::try_from(now.mono.as_secs()).unwrap_or(u32::MAX)
}

/// Who it is.
#[derive(Debug)]
pub(super) enum Session {
    /// Not logged in. Ends at the deadline; while the server itself checks a password, the time that is
    /// left is kept instead. And what may still be asked.
    BeforeLogin(Countdown, Allowance),
    /// Logged in.
    Member(Seat),
    /// Nobody any more: no further line is taken, what is owed is still sent, and what of it arrives still
    /// counts for the device.
    Leaving(Option<Seat>),
}

/// Whose connection it is, or was.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) mail: Mail,
    pub(super) member: MemberId,
    /// None: without a feed.
    pub(super) device: Option<DeviceIndex>,
}

/// A deadline that can be stopped.
#[derive(Clone, Copy, Debug)]
pub(super) enum Countdown {
    /// Ends at this moment of the monotonic clock.
    Until(Duration),
    /// Stopped, with this left.
    Stopped(Duration),
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// All that was said is still sent, and the answers to all commands.
    AtEnd,
    /// The line that is on its way is still sent, and the answers that are owed.
    AtLineEnd,
}

/// What a connection's next line waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Nothing: lines are taken.
    No,
    /// A worker's answer.
    Worker,
    /// The moment at which its member may ask more.
    Allowance,
    /// The log's answers to what it has said itself.
    OwnMessages,
    /// That its peer takes replies.
    Replies,
    /// A pass over the receivers: the transcript is too far ahead of them.
    Pass,
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
    /// Stands in the room's list of connections with something new to be sent.
    pub(super) listed: bool,
    /// The second of the monotonic clock in which something came from it last: a line, or its kernel's receipt.
    pub(super) heard: u32,
}
