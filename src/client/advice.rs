//! What a person can do next, for every refusal of a server and every failure of a network.

use std::io;

use super::connection::said::{AnyCode, LastWords, Refusal};
use crate::limits::CLIENT_CONNECT_WAIT;
use crate::protocol::{Bye, Code};

/// Why a connection is given up: an answer came without a command.
pub(super) const OUT_OF_STEP: &str = "the server sent an answer that was not asked for";

/// An `ERR` for a person, with the next step.
pub(super) fn refused(why: &Refusal) -> String {
    // Sentences about the protocol mean nothing to somebody who typed something else.
    let said = match why.code {
        AnyCode::Known(Code::UnknownCommand) => "the server does not know this command",
        AnyCode::Known(Code::Usage) => "the server does not accept it like that",
        AnyCode::Known(Code::AlreadyMember) => "somebody with this mail is a member already",
        _ => why.sentence.as_str(),
    };
    format!("{said}; {}", after_refusal(&why.code))
}

fn after_refusal(code: &AnyCode<Code>) -> &'static str {
    let AnyCode::Known(code) = code else { return UNKNOWN };
    match code {
        Code::UnknownCommand => "it is older than this client",
        Code::Usage => "/help shows how to type it",
        Code::LoginFirst | Code::AlreadyLoggedIn => "start again",
        Code::BadLogin => "try again with the password you have now, or ask an admin for a new one",
        Code::AdminOnly => "/members shows who the admins are",
        Code::NoSuchMember => "/members shows who is in the group",
        Code::AlreadyMember => "/reset gives a new password",
        Code::LastAdmin => "make somebody else an admin in members.txt first",
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

/// The server's last words, as a reason.
pub(super) fn said_bye(bye: &LastWords) -> String {
    format!("the server ended the connection: {}", bye.sentence)
}

/// The same as the end of the program, with the next step.
pub(super) fn ended_by(bye: &LastWords) -> String {
    format!("{}; {}", said_bye(bye), after_bye(&bye.code))
}

pub(super) fn after_bye(code: &AnyCode<Bye>) -> &'static str {
    let AnyCode::Known(code) = code else { return UNKNOWN };
    match code {
        Bye::Removed | Bye::Left => "an admin can add you again",
        Bye::PasswordChanged => "start again with the new password",
        Bye::LoginTimeout => "start again",
        Bye::BadLogin => "start again with the right password, or ask an admin for a new one",
        Bye::Full | Bye::Shutdown => "start again in a few minutes",
        Bye::Replaced => "end one of the others and start again",
        Bye::Storage => "whoever runs the server has to look at its disk",
        Bye::Protocol => "its port may be for TLS, or this client may be too old",
    }
}

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
        assert_eq!((errors.len(), byes.len()), (17, 10), "{errors:?} {byes:?}");
        for code in errors {
            assert_ne!(after_refusal(&Reason::read(code, Code::parse).code), UNKNOWN, "{code}");
        }
        for code in byes {
            assert_ne!(after_bye(&Reason::read(code, Bye::parse).code), UNKNOWN, "{code}");
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
        assert_eq!(said_bye(&bye("full")), ended);
        assert_eq!(ended_by(&bye("full")), format!("{ended}; start again in a few minutes"));
        assert_eq!(ended_by(&bye("new")), format!("{ended}; {UNKNOWN}"));
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
