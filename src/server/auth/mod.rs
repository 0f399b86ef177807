//! Who gets in: passwords are hashed on a thread of their own, tokens are checked at once, guessers are throttled.

pub(super) mod admission;
mod argon;
mod decoy;
mod fair;
mod hasher;
mod invitations;
pub mod passwords;
pub(super) mod queue;
mod throttle;
pub mod tokens;
mod verified;
