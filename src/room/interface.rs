//! What the room asks of the shell, and what it is told. Every job carries all that its answer needs, and
//! comes back with it: nothing has to be remembered meanwhile, and an answer that comes too late is told by
//! the connection's serial and the membership's version in it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::protocol::framing::Line;
use crate::protocol::{Author, Command, Device, Mail, Password, Role, Seq, Subscription, Time, Token, Verb};
use crate::room::group::roster::{Change, Edit, PasswordHash, SaveError, Secret};
use crate::room::ids::{BlockNo, ConnId, Pos, Version};
use crate::room::proposal::{Batch, Committed, ProposalTicket};
use crate::room::transcript::blocks::Block;
use crate::room::transcript::window::Tail;

/// What can happen.
#[derive(Debug)]
pub enum Input<'a> {
    /// Somebody connected, and the connection can carry lines. The slot is free; the time to log in counts from this moment of the
    /// monotonic clock.
    Connected(ConnId, Duration),
    /// Somebody has sent a line.
    Line(Taken<'a>),
    /// The peer will send nothing more; all its lines were taken.
    Eof(ConnId),
    /// The connection is gone, and its slot with the end of this input.
    Gone(ConnId),
    /// The answer to [`Effect::Check`].
    Checked(CheckJob, Verdict),
    /// The answer to [`Effect::Hash`]; `None`: the queue was full.
    Hashed(HashJob, Option<PasswordHash>),
    /// The answer to [`Effect::Issue`].
    Issued(TokenJob, Token),
    /// The answers to [`Effect::Save`], or news of the file, or both.
    Members(MembersNews),
    /// The log has given numbers to what was proposed, and keeps it.
    Committed(Committed),
    /// What was proposed with these tickets will never be an event, and nobody has seen it. All else that was proposed
    /// before this is a change of the group; the log keeps it, and takes it before what is proposed from now on.
    Refused(Vec<ProposalTicket>),
    /// Nobody knows what the log has kept, and it takes nothing more: the server stops.
    LogFailed,
    /// The answer to [`Effect::Locate`]: where the line begins, and the line with its LF.
    Located(LocateJob, Option<(Pos, Bytes)>),
    /// The answer to [`Effect::Block`].
    Block(BlockNo, Option<Block>),
    /// The files before this line, which begins there, are gone.
    Dropped(Seq, Pos),
    /// The answer to [`Effect::Measure`], and how many connections are open that cannot carry lines yet.
    Measured(ConnId, usize, Vec<(&'static str, u64)>),
    /// Nothing but time.
    Tick,
    /// The server stops: everybody gets what was said, then `BYE shutdown`.
    Shutdown,
    /// The server stops now: whoever has not got everything gets the line it is in, then `BYE`.
    ShutdownNow,
}

/// A line that [`crate::room::Room::takes`]: it has been paid for and is to be handed in next.
#[derive(Debug)]
#[must_use]
pub struct Taken<'a> {
    /// On which connection.
    pub(in crate::room) conn: ConnId,
    /// Its first word was read, its arguments not yet.
    pub(in crate::room) line: Line<'a, Command<'a>>,
}

/// What is wanted.
#[derive(Debug)]
pub enum Effect {
    /// Does this password or token fit?
    Check(CheckJob),
    /// Hash this password.
    Hash(HashJob),
    /// Make a token.
    Issue(TokenJob),
    /// Change members.txt.
    Save(Ticket, Change),
    /// Give these their numbers, and keep them. Answered by [`Input::Committed`] or [`Input::Refused`].
    Propose(Batch),
    /// Where does this line begin?
    Locate(LocateJob),
    /// Read this block of the files.
    Block(BlockNo),
    /// The shell's own figures, for STATS.
    Measure(ConnId),
    /// Somebody was not let in: for the log. `None`: they have not said who they are.
    Refused(ConnId, Option<Mail>, RefusedFor),
}

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedFor {
    /// A wrong password, or a stranger.
    Password,
    /// A token that is none, or none any more.
    Token,
    /// Too much to do.
    Busy,
    /// No place for one more connection, of everybody, of that address or of that member.
    Full,
    /// The line that announces the member cannot be stored.
    Storage,
    /// Nobody logged in in time.
    Timeout,
}

impl fmt::Display for RefusedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefusedFor::Password => "password",
            RefusedFor::Token => "token",
            RefusedFor::Busy => "busy",
            RefusedFor::Full => "full",
            RefusedFor::Storage => "storage",
            RefusedFor::Timeout => "timeout",
        })
    }
}

/// A password or a token to be checked.
#[derive(Debug)]
pub struct CheckJob {
    /// Who waits.
    pub conn: ConnId,
    /// Whose it claims to be.
    pub mail: Mail,
    /// What it must fit, and as of when; [`crate::room::Room::renew`] says it anew. `None` for a stranger: takes as long, fits
    /// nothing.
    pub against: Option<(Secret, Version)>,
    /// The line that announced that membership: a token is of one membership.
    pub added: Seq,
    /// What is claimed to fit.
    pub proof: Proof,
    /// What follows if it fits.
    pub purpose: CheckFor,
}

impl CheckJob {
    /// Whether somebody wants to come in.
    pub fn is_login(&self) -> bool {
        matches!(self.purpose, CheckFor::Login(_))
    }

    /// Which command waits for it.
    pub fn verb(&self) -> Verb {
        match (&self.purpose, &self.proof) {
            (CheckFor::Login(_), Proof::Password(_)) => Verb::Login,
            (CheckFor::Login(_), Proof::Token(_)) => Verb::Resume,
            (CheckFor::Passwd(_), _) => Verb::Passwd,
        }
    }
}

/// With what somebody claims to be a member.
#[derive(Debug)]
pub enum Proof {
    /// LOGIN, PASSWD.
    Password(Password),
    /// RESUME.
    Token(Token),
}

/// A token to be made.
#[derive(Debug)]
pub struct TokenJob {
    /// Who waits.
    pub conn: ConnId,
    /// Whom it lets in.
    pub mail: Mail,
    /// As long as this is the hash of the password,
    pub hash: PasswordHash,
    /// and this the line that announced the membership.
    pub added: Seq,
}

/// What a check is for.
#[derive(Debug)]
pub enum CheckFor {
    /// LOGIN, RESUME.
    Login(Subscription),
    /// PASSWD, with the new password.
    Passwd(Password),
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It fits.
    Match,
    /// It does not, or there is nothing to fit.
    NoMatch,
    /// That cannot be told at present.
    Busy,
}

/// A password to be hashed.
#[derive(Debug)]
pub struct HashJob {
    /// The password.
    pub password: Password,
    /// What follows.
    pub purpose: HashFor,
}

/// What a hash is for.
#[derive(Debug)]
pub enum HashFor {
    /// ADD by this connection.
    Add(ConnId, Mail),
    /// RESET by this connection.
    Reset(ConnId, Mail),
    /// PASSWD by this connection of its own member.
    Passwd {
        /// Who waits.
        conn: ConnId,
        /// Whose password.
        mail: Mail,
        /// As of when its old password fitted.
        version: Version,
    },
    /// A password typed by hand into members.txt. If it fits `before`, that is the answer: the password
    /// has not changed.
    Typed {
        /// Whose.
        mail: Mail,
        /// As of when it stood there.
        version: Version,
        /// The hash known before.
        before: Option<PasswordHash>,
    },
}

impl HashFor {
    /// Who waits for it, if it is a connection.
    pub fn conn(&self) -> Option<ConnId> {
        match self {
            HashFor::Add(conn, _) | HashFor::Reset(conn, _) | HashFor::Passwd { conn, .. } => Some(*conn),
            HashFor::Typed { .. } => None,
        }
    }
}

/// A line to be found in the files.
#[derive(Debug)]
pub struct LocateJob {
    /// Who waits.
    pub conn: ConnId,
    /// Which line.
    pub seq: Seq,
    /// What follows.
    pub purpose: LocateFor,
}

/// What a line is looked for.
#[derive(Debug)]
pub enum LocateFor {
    /// The feed begins there.
    Feed,
    /// HISTORY from this line to that.
    History(Seq, Seq),
    /// The end of what HISTORY gives; it begins at this line, there.
    HistoryEnd(Seq, Pos),
    /// INFO, with the mail behind which its page begins.
    Info(Option<Mail>),
}

/// What the files remember, for a room that begins.
#[derive(Debug)]
pub struct Restored {
    /// The oldest line kept.
    pub first: Seq,
    /// Where it begins.
    pub base: Pos,
    /// The end of the transcript.
    pub tail: Tail,
    /// Who was in the group at its end, and which line announced each (0: none).
    pub members: BTreeMap<Mail, Seq>,
    /// How far each device was.
    pub devices: Vec<(Mail, Device, Seq, Time)>,
}

/// Who asked for a change of members.txt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// A connection, by a command, as this member.
    Command(ConnId, Verb, Mail),
    /// The room itself: a password typed by hand is replaced by its hash.
    Typed,
}

impl Ticket {
    /// In whose name the change is announced.
    pub fn author(&self) -> Author {
        match self {
            Ticket::Command(_, _, mail) => Author::Member(mail.clone()),
            Ticket::Typed => Author::HandEdit,
        }
    }
}

/// Something about a member is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Whose it is.
    pub mail: Mail,
    /// What.
    pub what: Difference,
    /// Who did it.
    pub by: Author,
}

/// What of a member can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Is in the group now.
    Added,
    /// Is no longer in it.
    Removed,
    /// Has another password.
    Password,
    /// Has this role now.
    Role(Role),
}

/// What the members thread has to say. The group is what it was told: each change that was made, and each edit.
#[derive(Debug, Default)]
pub struct MembersNews {
    /// Answers to changes, in the order in which they were made.
    pub answers: Vec<(Ticket, Change, Result<(), SaveError>)>,
    /// Lines that were edited by hand, as they stand in the file now, behind those changes.
    pub edits: Vec<Edit>,
    /// What the file did not take before it may take now.
    pub may_write_again: bool,
}
