//! The wire protocol: what lines mean, and how answers and events are written. PROTOCOL.md as types.
//!
//! Input is parsed once, into types that can only hold valid values, and never checked again.

mod answer;
mod codes;
mod command;
mod event;
mod finder;
mod folding;
pub mod framing;
mod invite_ok;
mod mail;
mod name;
mod origin;
mod reply;
mod request;
mod secret;
mod text;
mod time;
mod title;
mod verb;

pub use answer::{
    FindOk, Hello, HistoryOk, InfoOk, LastIs, LoginOk, MemberLine, More, PendingLine, Seen, WhoLine, skipped,
    split_word,
};
pub(crate) use codes::words;
pub use codes::{Bye, Code};
pub use command::{Command, verb_echo};
pub use event::{Author, Event, EventLine, MsgOk, newer_event};
pub use finder::Finder;
pub use invite_ok::InviteOk;
pub use mail::{Device, Mail, MailError, Role};
pub use name::{DisplayName, Look, NameError};
pub use origin::Origin;
pub use reply::{Refusal, bye, err, hello, no_timing_mark, ok};
pub use request::{Proof, Request, Span, Subscription};
pub use secret::{InviteWord, Password, PasswordError, Token};
pub use text::{Text, TextError};
pub use time::{Seq, Time};
pub use title::{Announce, Title};
pub use verb::Verb;
