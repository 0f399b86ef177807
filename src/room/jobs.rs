//! Work for the shell's threads. A job carries all that its answer needs and comes back with it: so nothing has to be
//! remembered meanwhile, and a late answer is recognised by the connection's serial number and the password's version in it.

use std::time::Duration;

use bytes::Bytes;

use crate::protocol::{InviteWord, Mail, Password, Proof, Seq, Subscription, Verb};
use crate::room::ids::MemberId;
use crate::room::{ConnId, PasswordHash, Pos, Search, Secret, Version};

/// A password or a token to be checked.
#[derive(Debug)]
pub struct CheckJob {
    /// The connection that waits.
    pub conn: ConnId,
    /// The mail that was claimed.
    pub mail: Mail,
    /// What it is checked against; [`crate::room::Room::renew`] updates it. `None` if no member has the mail: the check takes
    /// as long, and fails.
    pub against: Option<(Secret, Version)>,
    /// The member's ADDED line, because a token is only good for one membership.
    pub added: Seq,
    /// The password or token.
    pub proof: Proof,
    /// What follows if it fits.
    pub purpose: CheckFor,
    /// When it was asked for, by the monotonic clock.
    pub asked: Duration,
}

impl CheckJob {
    /// The hash that it is checked against, if there is one.
    pub fn hash(&self) -> Option<&PasswordHash> {
        match &self.against {
            Some((Secret::Hash(hash), _)) => Some(hash),
            _ => None,
        }
    }

    /// Whether it is for a login.
    pub fn is_login(&self) -> bool {
        matches!(self.purpose, CheckFor::Login(_))
    }

    /// The command that waits for it.
    pub fn verb(&self) -> Verb {
        match (&self.purpose, &self.proof) {
            (CheckFor::Login(_), Proof::Password(_)) => Verb::Login,
            (CheckFor::Login(_), Proof::Token(_)) => Verb::Resume,
            (CheckFor::Passwd(_), _) => Verb::Passwd,
        }
    }
}

/// A token to be made.
#[derive(Debug)]
pub struct TokenJob {
    /// The connection that waits.
    pub conn: ConnId,
    /// The member.
    pub mail: Mail,
    /// The hash of the password. With another one the token is no longer good.
    pub hash: PasswordHash,
    /// The member's ADDED line. With another one the token is no longer good.
    pub added: Seq,
}

/// The word of an invitation to be made.
#[derive(Debug)]
pub struct InviteJob {
    /// The connection that waits.
    pub conn: ConnId,
    /// Who is invited.
    pub mail: Mail,
    /// By whom.
    pub by: Mail,
    /// The last event so far.
    pub made: Seq,
    /// The transcript's id: in another one the word is no good.
    pub transcript: u32,
}

/// Somebody who was invited wants to join: their password is to be hashed, whatever the word is worth, so that the answer
/// takes as long.
#[derive(Debug)]
pub struct JoinJob {
    /// The connection that waits.
    pub conn: ConnId,
    /// The mail.
    pub mail: Mail,
    /// The word of the invitation.
    pub word: InviteWord,
    /// The password.
    pub password: Password,
    /// The transcript's id.
    pub transcript: u32,
}

/// What the word of an invitation says, if it is one of this mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Who has invited.
    pub by: Mail,
    /// The last event then.
    pub made: Seq,
}

/// What a check is for.
#[derive(Debug)]
pub enum CheckFor {
    /// LOGIN, RESUME.
    Login(Subscription),
    /// PASSWD, with the new password.
    Passwd(Password),
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It fits.
    Match,
    /// It does not fit, or no member has the mail.
    NoMatch,
    /// It was not checked, because the queue is full.
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
    /// This connection has asked for it.
    Command(ConnId, NewPassword),
    /// A password typed by hand into members.txt. If it fits `before`, that is the answer, because the password has not
    /// changed.
    Typed {
        /// The member.
        mail: Mail,
        /// The version of the typed password.
        version: Version,
        /// The hash known before.
        before: Option<PasswordHash>,
    },
}

impl HashFor {
    /// The connection that waits for it, if one does.
    pub fn conn(&self) -> Option<ConnId> {
        match self {
            HashFor::Command(conn, _) => Some(*conn),
            HashFor::Typed { .. } => None,
        }
    }
}

/// The command that gives a member a new password, and the member.
#[derive(Debug)]
pub enum NewPassword {
    /// ADD.
    Add(Mail),
    /// RESET.
    Reset(Mail),
    /// PASSWD, with the version of the old password, which was right.
    Passwd(Mail, Version),
}

impl NewPassword {
    /// The command.
    pub fn verb(&self) -> Verb {
        match self {
            NewPassword::Add(_) => Verb::Add,
            NewPassword::Reset(_) => Verb::Reset,
            NewPassword::Passwd(..) => Verb::Passwd,
        }
    }
}

/// A line to be found in the files.
#[derive(Debug)]
pub struct LocateJob {
    /// The connection that waits.
    pub conn: ConnId,
    /// The line's number.
    pub seq: Seq,
    /// What follows.
    pub purpose: LocateFor,
}

/// What a line is needed for.
#[derive(Debug)]
pub enum LocateFor {
    /// The feed begins there.
    Feed,
    /// HISTORY from this line to that.
    History(Seq, Seq),
    /// The end of what HISTORY gives. Its beginning is known: this line, at this position.
    HistoryEnd(Seq, Pos),
    /// INFO, with the mail after which its page begins.
    Info(Option<Mail>),
}

/// A part of the transcript to be searched.
#[derive(Debug)]
pub struct FindJob {
    /// The connection that waits.
    pub conn: ConnId,
    /// Its member.
    pub(in crate::room) member: MemberId,
    /// How far it has come.
    pub search: Search,
    /// Search these whole lines, which begin there; `None`: the files.
    pub lines: Option<(Pos, Bytes)>,
    /// Answered at this time of the monotonic clock, however far it has come.
    pub until: Duration,
}
