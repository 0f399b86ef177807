//! Chat-Room: one group, one process. The group is a transcript, a connection is a cursor into it plus the
//! few replies it is owed, and the server is a loop that moves cursors.

pub mod client;
pub mod limits;
pub mod lines;
pub mod protocol;
pub mod room;
pub mod server;
