//! A terminal: keys in, lines out, and below them the line being typed. Everything but [`tty`] is pure.

mod breaks;
mod burst;
pub(super) mod canvas;
pub(super) mod editor;
pub(super) mod keys;
pub(super) mod kind;
pub(super) mod layout;
mod search;
pub(super) mod tty;
