//! Chat-Room: one group, one process. The group is a transcript, a connection is a cursor into it plus the
//! few replies it is owed, and the server is a loop that moves cursors.
//!
//! In reading order: [`protocol`] and [`protocol::framing`] say what the bytes on the wire mean, [`room`] decides what
//! follows from them and what each connection is owed, without any input or output of its own; [`server`] is
//! everything that waits or fails around it. [`limits`] has every number, [`options`] the command line, as [`manual`] describes it;
//! [`fingerprint`], [`core_dumps`] and [`files`] are what server and client both need beside that.

pub mod client;
pub mod core_dumps;
pub mod files;
pub mod fingerprint;
pub mod limits;
pub mod manual;
pub mod options;
pub mod pem;
pub mod protocol;
pub mod room;
pub mod server;
