//! Why nobody was let in, and what becomes of the program then.

use super::advice;
use super::connection::said::{AnyCode, LastWords, Refusal};
use super::exit::{Exit, Failure};
use crate::fingerprint::Fingerprint;
use crate::protocol::{Bye, Code, Mail};

/// Why nobody was let in.
#[derive(Debug)]
pub(super) enum LoginError {
    /// No server, none of ours, or it hung up.
    Unreachable(String),
    /// It is not the one that it should be, or whether it is cannot be told.
    Untrusted(Exit, String),
    /// It was never met, and nobody vouches for it: a person has to say whether it is right. Nothing was sent.
    Stranger(String, Stranger),
    /// It ended the connection with words.
    Bye(LastWords),
    /// It answered the login so; the connection goes on.
    Refused(Refusal),
    /// It does not take this token any more.
    SavedLoginExpired,
}

impl LoginError {
    /// Whether it may be another time later, with the same words.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            LoginError::Unreachable(_) => true,
            LoginError::Bye(bye) => bye.exit().is_none(),
            LoginError::Refused(refused) => refused.is(Code::Busy) || refused.is(Code::Storage),
            LoginError::SavedLoginExpired | LoginError::Untrusted(..) | LoginError::Stranger(..) => false,
        }
    }

    /// The end of the program.
    pub(super) fn failure(&self, mail: &Mail) -> Failure {
        match self {
            LoginError::Unreachable(sentence) => Failure::new(Exit::Unreachable, sentence),
            LoginError::Untrusted(exit, sentence) => Failure::new(*exit, sentence),
            LoginError::Stranger(server, Stranger { fingerprint, why }) => Failure::new(
                Exit::Refused,
                format!(
                    "{server} is not known here, so nothing was sent. No authority vouches for it: {why}. \
                     Its fingerprint is {fingerprint}. Start a chat there at a terminal, which asks \
                     whether that is right, or name a certificate to trust with --ca"
                ),
            ),
            LoginError::Bye(bye) => {
                Failure::new(bye.exit().unwrap_or(Exit::Unreachable), advice::ended_by(bye))
            }
            LoginError::Refused(refused) if refused.is(Code::BadLogin) => Failure::new(
                Exit::Refused,
                format!(
                    "wrong password for {mail}, or no member has this mail; an admin can set a new password with /reset"
                ),
            ),
            LoginError::SavedLoginExpired => {
                Failure::new(Exit::Refused, "the saved login has expired; log in again with the password")
            }
            LoginError::Refused(why) => {
                let exit = if self.may_pass() { Exit::Unreachable } else { Exit::Refused };
                let said = advice::refused(why);
                Failure::new(exit, format!("the login of {mail} was refused ({}): {said}", why.code))
            }
        }
    }
}

/// A server that was never met, and for which no authority vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stranger {
    pub(super) fingerprint: Fingerprint,
    /// Why none does.
    pub(super) why: String,
}

impl LastWords {
    /// How the program ends if connecting again makes no sense: the member or the password is not accepted any more, or
    /// another connection of this device has replaced this one.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.code {
            AnyCode::Known(Bye::Removed | Bye::Left | Bye::PasswordChanged) => Some(Exit::Removed),
            AnyCode::Known(Bye::BadLogin | Bye::Protocol) => Some(Exit::Refused),
            AnyCode::Known(Bye::Replaced) => Some(Exit::Lost),
            AnyCode::Known(Bye::LoginTimeout | Bye::Full | Bye::Storage | Bye::Shutdown)
            | AnyCode::Newer(_) => None,
        }
    }
}
