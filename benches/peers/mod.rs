//! Our server and those that others use to say something to many, with one load for all of them.

pub(crate) mod chat_room;
pub(crate) mod contestant;
pub(crate) mod irc;
pub(crate) mod mqtt;
pub(crate) mod nats;
pub(crate) mod program;
pub(crate) mod proof;
pub(crate) mod protocol;
pub(crate) mod readers;
pub(crate) mod redis;
pub(crate) mod round;
pub(crate) mod texts;
pub(crate) mod writers;
