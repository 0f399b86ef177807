//! What follows from a command at once: its answer, what it waits for, or why it is refused.

use crate::protocol::{Code, Mail, Role};
use crate::room::feed::replies::ADMIN_ONLY;
use crate::room::{ChangeError, ConnId, Effect, Feeds, Group, SaveError, Waiting};

/// What was right a moment ago may no longer be; another attempt will tell.
pub(crate) const PASSWORD_CHANGED: &str = "the password was changed just now, try again";
pub(crate) const TOO_MANY_PASSWORDS: &str = "too many passwords are being checked, try again soon";

pub(crate) enum Answer {
    /// These lines, now.
    Lines(Vec<u8>),
    /// None yet: the connection waits for the answer to this effect.
    Await(Effect),
    /// Nothing more: it was answered already, or the log's answer will be its own.
    Given,
}

impl Answer {
    /// Gives it to this connection, or lets it wait. Returns the effect for which it waits.
    pub(crate) fn give(self, id: ConnId, feeds: &mut Feeds) -> Option<Effect> {
        match self {
            Answer::Lines(lines) => feeds.reply(id, lines),
            Answer::Await(effect) => {
                if let Effect::Save(_, change) = &effect {
                    feeds.saving.begin(change);
                }
                feeds.peers.wait(id, Waiting::Worker);
                return Some(effect);
            }
            Answer::Given => {}
        }
        None
    }
}

/// Why a command was not carried out: the code, and a sentence for a person.
pub(crate) type Refused = (Code, String);

/// For a change of members.txt that was not made.
pub(crate) fn save_refused(error: &SaveError) -> Refused {
    match error {
        SaveError::Refused(why) => refused(*why),
        SaveError::Storage(sentence) => (Code::Storage, sentence.clone()),
        SaveError::Busy => (Code::Busy, "too many changes are waiting, try again soon".to_owned()),
    }
}

pub(crate) fn refused(why: ChangeError) -> Refused {
    let (code, sentence) = match why {
        ChangeError::AlreadyMember => {
            (Code::AlreadyMember, "this mail is a member already; RESET changes a password")
        }
        ChangeError::NoSuchMember => (Code::NoSuchMember, "no member has this mail"),
        ChangeError::LastAdmin => (Code::LastAdmin, "the group needs an admin; make another one first"),
        ChangeError::NameTaken => {
            (Code::NameTaken, "somebody else is called that, or has a name or mail that looks like it")
        }
        // It was edited by hand, or a typed password was replaced by its hash.
        ChangeError::NotExpected => (Code::Busy, PASSWORD_CHANGED),
        ChangeError::NotAllowed => (Code::AdminOnly, ADMIN_ONLY),
    };
    (code, sentence.to_owned())
}

/// For what only an admin may do.
pub(crate) fn admin_only(asker: &Mail, group: &Group) -> Result<(), Refused> {
    match group.get(asker).map(|member| member.role) {
        Some(Role::Admin) => Ok(()),
        _ => Err((Code::AdminOnly, ADMIN_ONLY.to_owned())),
    }
}

pub(crate) fn no_such_message() -> Refused {
    (Code::NoSuchMessage, "there is no message with this number that you may read".to_owned())
}
