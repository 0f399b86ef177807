//! A terminal: keys in, lines out, and below them the line being typed. Everything but [`tty`] is pure.

mod breaks;
mod burst;
pub(super) mod canvas;
pub(super) mod editor;
pub(super) mod keys;
pub(super) mod kind;
pub(super) mod layout;
mod search;
pub(super) mod title;
pub(super) mod tty;

pub(in crate::client) use self::canvas::{Ability, Canvas, Live};
pub(in crate::client) use self::editor::{Editor, Typed, pasted};
pub(in crate::client) use self::keys::{Key, Keys};
pub(in crate::client) use self::kind::Resizing;
pub(in crate::client) use self::layout::Line;
use self::search::Search;
pub(in crate::client) use self::tty::Echo;
