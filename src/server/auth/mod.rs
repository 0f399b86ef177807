//! Who gets in: passwords are hashed on a thread of their own, tokens checked at once, guessers looked at later.

pub(super) mod admission;
mod argon;
mod decoy;
mod fair;
pub mod passwords;
mod queue;
mod throttle;
pub mod tokens;
