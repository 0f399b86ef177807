//! The wire: what a line means, and how answers and events are written. PROTOCOL.md in types.
//!
//! Everything that comes in is parsed once, into a type that cannot be wrong, and never checked again.

mod event;
pub mod framing;
mod names;
mod reply;
mod request;
mod verb;
mod words;

pub use event::{Author, Event, EventLine, MsgOk};
pub use names::{Device, Mail, MailError, Password, PasswordError, Role, Seq, Text, TextError, Time, Token};
pub use reply::{Bye, Code, Refusal, bye, err, hello, no_timing_mark, ok};
pub use request::{Request, Span, Subscription, is_blank, other_protocol, verb_of};
pub use verb::Verb;
pub use words::VerbEcho;
