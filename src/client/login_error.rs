//! Why a login failed, and how the program ends then.

use super::advice;
use super::connection::said::{AnyCode, LastWords, Refusal};
use super::exit::{Exit, Failure};
use crate::fingerprint::Fingerprint;
use crate::protocol::{Bye, Code, Mail};

/// Why a login failed.
#[derive(Debug)]
pub(super) enum LoginError {
    /// No server, not one of ours, or the connection was lost.
    Unreachable(String),
    /// The certificate is not trusted, or trust cannot be decided.
    Untrusted(Exit, String),
    /// The server is unknown and no authority vouches for it: a person has to decide. Nothing was sent.
    UnknownServer(String, Unknown),
    /// The server ended the connection with last words.
    Bye(LastWords),
    /// The server refused the login; the connection stays open.
    Refused(Refusal),
    /// The server does not accept the saved token any more.
    SavedLoginExpired,
}

impl LoginError {
    /// Whether the same login may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            LoginError::Unreachable(_) => true,
            LoginError::Bye(bye) => bye.exit().is_none(),
            LoginError::Refused(refused) => refused.is(Code::Busy) || refused.is(Code::Storage),
            LoginError::SavedLoginExpired | LoginError::Untrusted(..) | LoginError::UnknownServer(..) => {
                false
            }
        }
    }

    /// How the program ends because of it.
    pub(super) fn failure(&self, mail: &Mail) -> Failure {
        match self {
            LoginError::Unreachable(sentence) => Failure::new(Exit::Unreachable, sentence),
            LoginError::Untrusted(exit, sentence) => Failure::new(*exit, sentence),
            LoginError::UnknownServer(server, Unknown { fingerprint, why }) => Failure::new(
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

/// A certificate that is unknown and for which no authority vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) fingerprint: Fingerprint,
    /// Why no authority vouches for it.
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
