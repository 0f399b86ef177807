//! Refused commands: codes and sentences.

use crate::protocol::{Code, Mail, Role};
use crate::room::group::Group;
use crate::room::group::roster::{ChangeError, SaveError};

/// What was right a moment ago may no longer be; another attempt will tell.
pub(in crate::room) const PASSWORD_CHANGED: &str = "the password was changed just now, try again";
pub(in crate::room) const TOO_MANY_PASSWORDS: &str = "too many passwords are being checked, try again soon";

/// Why a command was not carried out.
pub(in crate::room) type Refused = (Code, String);

/// The code and sentence for a change of members.txt that was not made.
pub(in crate::room) fn save_refused(error: &SaveError) -> Refused {
    match error {
        SaveError::Refused(why) => refused(*why),
        SaveError::Storage(sentence) => (Code::Storage, sentence.clone()),
        SaveError::Busy => (Code::Busy, "too many changes are waiting, try again soon".to_owned()),
    }
}

pub(in crate::room) fn refused(why: ChangeError) -> Refused {
    let (code, sentence) = match why {
        ChangeError::AlreadyMember => {
            (Code::AlreadyMember, "this mail is a member already; RESET changes a password")
        }
        ChangeError::NoSuchMember => (Code::NoSuchMember, "no member has this mail"),
        ChangeError::LastAdmin => (Code::LastAdmin, "the group needs an admin; make another one first"),
        // It was edited by hand, or a typed password was replaced by its hash.
        ChangeError::NotExpected => (Code::Busy, PASSWORD_CHANGED),
    };
    (code, sentence.to_owned())
}

/// For what only an admin may do.
pub(in crate::room) fn admin_only(asker: &Mail, group: &Group) -> Result<(), Refused> {
    match group.get(asker).map(|member| member.role) {
        Some(Role::Admin) => Ok(()),
        _ => Err((Code::AdminOnly, "only an admin may do that".to_owned())),
    }
}

pub(in crate::room) fn no_such_message() -> Refused {
    (Code::NoSuchMessage, "no message of this number is there for you to read".to_owned())
}
