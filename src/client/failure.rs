//! What went wrong, for a person: how the program ends because of it, and what to do next, for every refusal of a server and every
//! failure of a network.

use std::io::{self, IsTerminal as _, Write as _};

use super::connection::said::{LastWords, Refusal};
use super::display;
use crate::fingerprint::Fingerprint;
use crate::limits::CLIENT_CONNECT_WAIT;
use crate::protocol::{Bye, Code, Mail};

/// Writes a sentence to standard error. If that fails, there is nowhere to report it.
pub(super) fn complain(sentence: &str) {
    let sentence = display::clean(sentence.as_bytes());
    let shown = if io::stderr().is_terminal() { display::with_rows(&sentence).into() } else { sentence };
    let _ = writeln!(io::stderr(), "chat-room-client: {shown}");
}

/// Exit codes, one for each case that a script may want to tell apart. 0: success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Something failed on this machine: a file, the terminal, the output.
    Failed = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// No server to connect to, or it has no room now.
    Unreachable = 3,
    /// The server refused the login or a line; or the client refused its certificate.
    Refused = 4,
    /// Removed from the group, or the password was changed.
    Removed = 5,
    /// The connection was lost before everything was done.
    Lost = 6,
}

/// Why the program ends before everything was done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// With a sentence for a person, without a full stop.
    Told(Exit, String),
    /// Standard output was closed at the other end (`| head`): its reader has enough. This is no error.
    Unread,
}

impl Failure {
    pub(super) fn new(exit: Exit, sentence: impl Into<String>) -> Failure {
        Failure::Told(exit, sentence.into())
    }

    /// For a person.
    pub(super) fn sentence(self) -> String {
        match self {
            Failure::Told(_, sentence) => sentence,
            Failure::Unread => String::new(),
        }
    }

    /// Something failed on this machine.
    pub(super) fn failed(sentence: impl Into<String>) -> Failure {
        Failure::new(Exit::Failed, sentence)
    }
}

/// Why a login failed.
#[derive(Debug)]
pub(super) enum LoginError {
    /// No server, not one of ours, or the connection was lost.
    Unreachable(String),
    /// The certificate is not trusted, or trust cannot be decided.
    Untrusted(Exit, String),
    /// The server is unknown and no authority vouches for its certificate, for this reason: a person has to decide. Nothing was
    /// sent.
    UnknownServer(String, Fingerprint, String),
    /// It is not of the group of the others.
    OtherGroup(String),
    /// The server ended the connection with last words.
    Bye(LastWords),
    /// The server refused the login; the connection stays open.
    Refused(Refusal),
    /// The server refused the invitation, or the password that was to be the member's.
    NotInvited(Refusal),
    /// The server does not accept the saved token any more.
    SavedLoginExpired,
}

impl LoginError {
    /// Whether the same login may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            LoginError::Unreachable(_) => true,
            LoginError::Bye(bye) => bye.exit().is_none(),
            LoginError::Refused(refused) | LoginError::NotInvited(refused) => refused.may_pass(),
            LoginError::SavedLoginExpired
            | LoginError::Untrusted(..)
            | LoginError::UnknownServer(..)
            | LoginError::OtherGroup(_) => false,
        }
    }

    /// Whether it speaks against this server alone: another one of the group may be the right one.
    pub(super) fn is_distrust(&self) -> bool {
        matches!(self, LoginError::Untrusted(..) | LoginError::UnknownServer(..) | LoginError::OtherGroup(_))
    }

    /// Whether another server of the group may take the same login.
    pub(super) fn may_pass_elsewhere(&self) -> bool {
        self.may_pass() || self.is_distrust()
    }

    /// Trust cannot be decided.
    pub(super) fn undecided(server: &str, why: &str) -> LoginError {
        LoginError::Untrusted(Exit::Failed, format!("no connection to {server}: {why}"))
    }

    /// How the program ends because of it.
    pub(super) fn failure(&self, mail: &Mail) -> Failure {
        match self {
            LoginError::Unreachable(sentence) => Failure::new(Exit::Unreachable, sentence),
            LoginError::Untrusted(exit, sentence) => Failure::new(*exit, sentence),
            LoginError::UnknownServer(server, fingerprint, why) => Failure::new(
                Exit::Refused,
                format!(
                    "{server} is not known here, so nothing was sent. No authority vouches for it: {why}. \
                     Its fingerprint is {fingerprint}. Start a chat there at a terminal, which asks \
                     whether that is right, or name a certificate to trust with --ca"
                ),
            ),
            LoginError::OtherGroup(sentence) => Failure::new(Exit::Refused, sentence),
            LoginError::Bye(bye) => bye.failure(Exit::Unreachable),
            LoginError::Refused(refused) if refused.code == Some(Code::BadLogin) => Failure::new(
                Exit::Refused,
                format!(
                    "wrong password for {mail}, or no member has this mail; an admin can set a new password with /reset"
                ),
            ),
            LoginError::NotInvited(why) => {
                let exit = if self.may_pass() { Exit::Unreachable } else { Exit::Refused };
                Failure::new(exit, format!("{mail} has not joined ({}): {}", why.word, refused(why)))
            }
            LoginError::SavedLoginExpired => {
                Failure::new(Exit::Refused, "the saved login has expired; log in again with the password")
            }
            LoginError::Refused(why) => {
                let exit = if self.may_pass() { Exit::Unreachable } else { Exit::Refused };
                let said = refused(why);
                Failure::new(exit, format!("the login of {mail} was refused ({}): {said}", why.word))
            }
        }
    }
}

impl LastWords {
    /// How the program ends if connecting again makes no sense: the member or the password is not accepted any more, or
    /// another connection of this device has replaced this one.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.code {
            Some(Bye::Removed | Bye::Left | Bye::PasswordChanged) => Some(Exit::Removed),
            Some(Bye::BadLogin | Bye::Protocol) => Some(Exit::Refused),
            Some(Bye::Replaced) => Some(Exit::Lost),
            Some(Bye::LoginTimeout | Bye::Full | Bye::Storage | Bye::Shutdown | Bye::CutOff) | None => None,
        }
    }

    /// As a reason.
    pub(super) fn said(&self) -> String {
        format!("the server ended the connection: {}", self.sentence)
    }

    /// What a person can do next.
    pub(super) fn next_step(&self) -> &'static str {
        let Some(code) = self.code else { return UNKNOWN };
        match code {
            Bye::Removed | Bye::Left => "an admin can add you again",
            Bye::PasswordChanged => "start again with the new password",
            Bye::LoginTimeout => "start again",
            Bye::BadLogin => "start again with the right password, or ask an admin for a new one",
            Bye::Full | Bye::Shutdown => "start again in a few minutes",
            Bye::Replaced => "end one of the others and start again",
            Bye::Storage => "whoever runs the server has to look at its disk",
            Bye::CutOff => "start again with another server of the group, with --server",
            Bye::Protocol => "its port may be for TLS, or this client may be too old",
        }
    }

    /// The end of the program; `otherwise`: if another attempt could make sense.
    pub(super) fn failure(&self, otherwise: Exit) -> Failure {
        let exit = self.exit().unwrap_or(otherwise);
        Failure::new(exit, format!("{}; {}", self.said(), self.next_step()))
    }
}

/// Why a connection is given up: an answer came without a command.
pub(super) const OUT_OF_STEP: &str = "the server sent an answer that was not asked for";

/// Why a connection is given up: what is missing is to be fetched on the next one.
pub(super) const UNREADABLE: &str = "the server cannot read its history at present";

/// An `ERR` for a person, with the next step.
pub(super) fn refused(why: &Refusal) -> String {
    // Sentences about the protocol mean nothing to somebody who typed something else.
    let said = match why.code {
        Some(Code::UnknownCommand) => "the server does not know this command",
        Some(Code::Usage) => "the server does not accept it like that",
        Some(Code::AlreadyMember) => "somebody with this mail is a member already",
        _ => why.sentence.as_str(),
    };
    format!("{said}; {}", after_refusal(why.code))
}

fn after_refusal(code: Option<Code>) -> &'static str {
    let Some(code) = code else { return UNKNOWN };
    match code {
        Code::UnknownCommand => "it is older than this client",
        Code::Usage => "/help shows how to type it",
        Code::LoginFirst | Code::AlreadyLoggedIn => "start again",
        Code::BadLogin => "try again with the password you have now, or ask an admin for a new one",
        Code::BadInvite => "if you have joined with it before, start without --join",
        Code::AdminOnly => "/members shows who the admins are",
        Code::NoSuchMember => "/members shows who is in the group",
        Code::AlreadyMember => "/reset gives a new password",
        Code::BadName => "choose a name of 1 to 64 characters that are shown, without @ and /",
        Code::NameTaken => "choose a name that nobody can take for somebody else's",
        Code::BadTitle => "choose a title of 1 to 64 characters that are shown",
        Code::AnnounceOnly => "wait until an admin lets everybody speak",
        Code::LastAdmin => "make somebody else an admin with /promote first",
        Code::BadMail => "an address looks like ann@example.org",
        Code::BadPassword => "choose another",
        Code::BadText => "leave it out and try again",
        Code::NoSuchMessage => "/history shows the numbers",
        Code::TooLong => "say it in several lines",
        Code::Busy => "try again in a moment",
        Code::Full => "end the chat on one of your devices, or use the name of one of them with --device",
        Code::Storage => "whoever runs the server can tell you more",
    }
}

/// The next step for a code that is newer than this client.
const UNKNOWN: &str = "whoever runs the server can tell you what that means";

/// An error of the network for a person, with the next step.
pub(super) fn unreachable(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there; is the server running, and is that its port?".to_owned()
        }
        io::ErrorKind::TimedOut => format!(
            "no answer within {} s; is the name right, or is a firewall in between?",
            CLIENT_CONNECT_WAIT.as_secs()
        ),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "it cannot be reached; is this machine on the network?".to_owned()
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            "it closed the connection; is that its port?".to_owned()
        }
        _ => format!("{why}; is the name right, and is this machine on the network?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::connection::said::Reason;

    /// The codes in the table of a section of PROTOCOL.md.
    fn codes(section: &str) -> Vec<&'static str> {
        let (_, section) =
            include_str!("../../PROTOCOL.md").split_once(section).expect("it has that section");
        let section = section.split("\n## ").next().expect("split gives at least one piece");
        let code = |line: &'static str| line.strip_prefix("| `")?.split('`').next();
        section.lines().filter_map(code).collect()
    }

    #[test]
    fn no_code_lacks_a_next_step() {
        let (errors, byes) = (codes("\n## Errors\n"), codes("\n## Last words\n"));
        assert_eq!((errors.len(), byes.len()), (22, 11), "{errors:?} {byes:?}");
        for code in errors {
            assert_ne!(after_refusal(Reason::read(code, Code::parse).code), UNKNOWN, "{code}");
        }
        for code in byes {
            assert_ne!(Reason::read(code, Bye::parse).next_step(), UNKNOWN, "{code}");
        }
    }

    #[test]
    fn refusals_and_last_words_in_a_persons_words() {
        let check = |code: &str, sentence: &str, expected: &str| {
            assert_eq!(refused(&Reason::read(&format!("{code} {sentence}"), Code::parse)), expected);
        };
        check("admin-only", "only admins may", "only admins may; /members shows who the admins are");
        check("brand-new", "who knows", "who knows; whoever runs the server can tell you what that means");
        check(
            "unknown-command",
            "put MSG",
            "the server does not know this command; it is older than this client",
        );
        check(
            "already-member",
            "RESET",
            "somebody with this mail is a member already; /reset gives a new password",
        );
        check("usage", "usage: WHO", "the server does not accept it like that; /help shows how to type it");
        let bye = |code: &str| Reason::read(&format!("{code} so long"), Bye::parse);
        let ended = "the server ended the connection: so long";
        assert_eq!(bye("full").said(), ended);
        let told = |code: &str| bye(code).failure(Exit::Lost);
        let lost = |next: &str| Failure::new(Exit::Lost, format!("{ended}; {next}"));
        assert_eq!(told("full"), lost("start again in a few minutes"));
        assert_eq!(told("new"), lost(UNKNOWN));
    }

    #[test]
    fn what_cannot_be_reached_has_a_question_to_look_into() {
        use io::ErrorKind as Kind;
        let kinds = [
            Kind::ConnectionRefused,
            Kind::TimedOut,
            Kind::HostUnreachable,
            Kind::NetworkUnreachable,
            Kind::ConnectionReset,
            Kind::NotFound,
            Kind::Other,
        ];
        for kind in kinds {
            let sentence = unreachable(&kind.into());
            assert!(sentence.contains("; ") && sentence.ends_with('?'), "{sentence}");
        }
    }
}
