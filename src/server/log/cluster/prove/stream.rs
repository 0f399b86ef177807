//! The stream's name and subjects.

/// The stream's name.
pub const STREAM: &str = "ROOM";
/// What is published to these is stored in it.
pub const SUBJECTS: &str = "room.>";
/// And comes again at these, with its number.
pub const REPUBLISHED: &str = "live.>";
/// Asks about the stream.
pub const STREAM_INFO: &str = "$JS.API.STREAM.INFO.ROOM";
/// Reads it: any replica answers.
pub const DIRECT_GET: &str = "$JS.API.DIRECT.GET.ROOM";
/// What to do if the brokers refuse a login something.
pub const PERMISSIONS: &str = "give this login the permissions of deploy/three-nodes/nats.conf";
/// Asks each broker how its JetStream is configured.
pub const ALL_JSZ: &str = "$SYS.REQ.SERVER.PING.JSZ";
