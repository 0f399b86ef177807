//! What a connection is owed: its cursor into the transcript, the few private replies in between, and how much of it the
//! peer's kernel has acknowledged.

pub(super) mod ack_tracker;
pub(super) mod arrived;
pub(super) mod chunk;
pub(super) mod due;
pub(super) mod entry;
pub(super) mod extent;
pub(super) mod gap;
pub(super) mod leaving;
pub(super) mod outbox;
pub(super) mod passes;
pub(super) mod replies;
pub(super) mod skip;
