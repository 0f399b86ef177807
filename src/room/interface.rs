//! The room's inputs and effects.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use crate::protocol::framing::Line;
use crate::protocol::{
    Author, Command, Device, DisplayName, Event, InviteOk, LastIs, Mail, Role, Seq, Time, Token, Verb, words,
};
use crate::room::{
    Batch, Block, BlockNo, Change, CheckJob, Committed, ConnId, Edit, FindJob, HashJob, Invitation,
    InviteJob, JoinJob, KnownGroup, LocateJob, LogRefusal, Missing, PasswordHash, Pos, ProposalTicket,
    SaveError, Tail, TokenJob, Verdict,
};

/// Something that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// Somebody connected, and lines can begin. The slot is free; the time to log in counts from this moment of the
    /// monotonic clock.
    Connected(ConnId, Duration),
    /// A line that was taken.
    Line(Taken<'a>),
    /// The peer will send nothing more; all its lines were taken.
    Eof(ConnId),
    /// The connection is closed, and its slot is free after this input.
    Gone(ConnId),
    /// The answer to [`Effect::Check`].
    Checked(CheckJob, Verdict),
    /// The answer to [`Effect::Settle`]: whether that is certain.
    Settled(CheckJob, LastIs),
    /// The answer to [`Effect::Hash`]; `None`: the queue was full.
    Hashed(HashJob, Option<PasswordHash>),
    /// The answer to [`Effect::Issue`].
    Issued(TokenJob, Token),
    /// The answer to [`Effect::Invite`].
    Invited(InviteJob, InviteOk),
    /// The answer to [`Effect::Join`]: the hash of the password, and what the word says if it is good. No hash: the queue was
    /// full.
    Joining(JoinJob, Option<PasswordHash>, Option<Invitation>),
    /// The answers to [`Effect::Save`], or news of the file, or both.
    Members(MembersNews),
    /// On a node of a cluster: the group has decided that this member's line says this now; `None`: is no member any more.
    /// The author is somebody on another node, or has edited a file by hand.
    Decided(Author, Edit),
    /// So far these devices have come on other nodes.
    Places(Vec<Delivered>),
    /// These devices are about to log in for the first time, on this node or another one, and begin at these places or later.
    Expected(Vec<Delivered>),
    /// These members have these devices connected to other nodes now.
    Elsewhere(Vec<(Mail, Vec<Device>)>),
    /// The log has given proposals their numbers, and keeps them. Some may have been made on other nodes.
    Committed(Committed),
    /// The messages with these tickets will never be events. If they could not be stored, all other proposals so far are changes
    /// of the group.
    Refused(Vec<ProposalTicket>, LogRefusal),
    /// What the log has kept is unknown, and it takes nothing more: the server stops.
    LogFailed,
    /// The node has lost the others of its group. What it has proposed may be committed or not; that is answered later.
    CutOff,
    /// It has found them again.
    Rejoined,
    /// The answer to [`Effect::Locate`]: where the line begins, and the line with its LF.
    Located(LocateJob, Option<(Pos, Bytes)>),
    /// The answer to [`Effect::Find`]: a part was searched. False: it could not be read.
    Searched(FindJob, bool),
    /// The answer to [`Effect::Block`].
    Block(BlockNo, Option<Block>),
    /// A member has another role, for which there will be no line.
    QuietRole(Mail, Role),
    /// Events before this line, which begins at this position, were dropped from the files.
    Dropped(Seq, Pos),
    /// The answer to [`Effect::Measure`], and how many connections are open whose lines cannot begin yet.
    Measured(ConnId, usize, Vec<(&'static str, String)>),
    /// Time has passed.
    Tick,
    /// The server stops, and the log answers no proposal any more: what became of them will be known too late.
    GivenUp,
    /// The server stops: the connections in these slots get all events so far, then `BYE shutdown`.
    Shutdown(Range<usize>),
    /// The server stops now: the connections in these slots get the rest of their line, then `BYE shutdown`.
    ShutdownNow(Range<usize>),
}

/// A line that [`crate::room::Room::takes`]: it has been paid for and is to be handed in next.
#[derive(Debug)]
#[must_use]
pub struct Taken<'a> {
    /// Its connection.
    pub(in crate::room) conn: ConnId,
    /// Its first word was read, its arguments not yet.
    pub(in crate::room) line: Line<'a, Command<'a>>,
}

/// Something for the shell to do.
#[derive(Debug)]
pub enum Effect {
    /// Check this password or token.
    Check(CheckJob),
    /// A login's password or token was right: answer when the log has told what became of all that this member has said so far, on
    /// any server of the group, or cannot find that out.
    Settle(CheckJob),
    /// Hash this password.
    Hash(HashJob),
    /// Make a token.
    Issue(TokenJob),
    /// Make the word of an invitation.
    Invite(InviteJob),
    /// Hash the password of somebody who wants to join, and read the word.
    Join(JoinJob),
    /// Change members.txt.
    Save(Ticket, Change),
    /// Give these proposals their numbers, and keep them. Answered by [`Input::Committed`] or [`Input::Refused`].
    Propose(Batch),
    /// Find where this line begins.
    Locate(LocateJob),
    /// Search the next part of the transcript.
    Find(FindJob),
    /// Read this block of the files.
    Block(BlockNo),
    /// Collect the shell's figures for STATS.
    Measure(ConnId),
    /// Log a refused login, with the mail that was claimed, if any.
    Refused(ConnId, Option<Mail>, RefusedFor),
}

/// What to send to a connection next.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Nothing at present.
    Nothing,
    /// Nothing at present, or never, because of this.
    Missing(Missing),
    /// Nothing ever again: everything was sent.
    Finished,
}

words! {
    /// Why a login was refused.
    pub RefusedFor {
        /// A wrong password, or no such member.
        Password = "password",
        /// A wrong token, or one that is no longer valid.
        Token = "token",
        /// The word of an invitation is wrong, old, used or ended.
        Invite = "invite",
        /// A full queue.
        Busy = "busy",
        /// Too many connections: in all, from that address or of that member.
        Full = "full",
        /// The member's ADDED line could not be stored, or the node is cut off.
        Storage = "storage",
        /// Nobody logged in in time.
        Timeout = "timeout",
    }
}

/// What the files have, for a room that starts.
#[derive(Debug)]
pub struct Restored {
    /// The oldest line kept.
    pub first: Seq,
    /// Where it begins.
    pub base: Pos,
    /// The end of the transcript.
    pub tail: Tail,
    /// The group at its end.
    pub group: KnownGroup,
    /// How far each device has come, and when it was seen.
    pub devices: Vec<Delivered>,
}

/// How far a device has come, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The member.
    pub mail: Mail,
    /// The device.
    pub device: Device,
    /// The last event that has arrived.
    pub seq: Seq,
    /// When it was last seen.
    pub time: Time,
}

/// The origin of a change of members.txt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// A connection, by a command, as this member.
    Command(ConnId, Verb, Mail),
    /// The room itself: a password typed by hand is replaced by its hash.
    Typed,
}

impl Ticket {
    /// Who asks.
    pub fn author(&self) -> Author {
        match self {
            Ticket::Command(_, _, mail) => Author::Member(mail.clone()),
            Ticket::Typed => Author::HandEdit,
        }
    }
}

/// A change of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Of a member.
    Member {
        /// The member.
        mail: Mail,
        /// What has changed.
        what: Difference,
        /// Who changed it.
        by: Author,
    },
    /// Of what it has agreed on, by this event.
    Settings(Event<'static>),
}

/// What can change about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Is in the group now.
    Added,
    /// Is no longer in it.
    Removed,
    /// Has another password.
    Password,
    /// Is invited, and no member yet.
    Invited,
    /// Was added by an invitation.
    Joined,
    /// Has this role now.
    Role(Role),
    /// Has this name now, or none.
    Name(Option<DisplayName>),
}

/// Answers and edits from the thread of members.txt.
#[derive(Debug, Default)]
pub struct MembersNews {
    /// Answers to changes, in the order in which they were made.
    pub answers: Vec<(Ticket, Change, Result<(), SaveError>)>,
    /// Lines edited by hand, as they are in the file now, after those changes.
    pub edits: Vec<Edit>,
    /// Whether changes that the file did not take before may succeed now.
    pub may_write_again: bool,
}

impl MembersNews {
    /// The answer to one change.
    pub fn answer(ticket: Ticket, change: Change, result: Result<(), SaveError>) -> MembersNews {
        MembersNews { answers: vec![(ticket, change, result)], ..MembersNews::default() }
    }
}
