//! members.txt and its thread.

use std::time::Duration;

use super::ops::LOG_QUEUE_MAX;

/// Changes of members.txt waiting for its thread.
pub const MEMBERS_QUEUE_MAX: usize = 256;
/// Hashes of typed passwords that one replacement of members.txt puts there. To make them takes some three seconds, and to
/// write a file of 20,000 members with a sync a fiftieth of that. Half of what may wait for the thread: commands have
/// their places.
pub const TYPED_PER_EXCHANGE: usize = MEMBERS_QUEUE_MAX / 2;
/// How long passwords typed into members.txt are left alone when the file does not take their hashes.
pub const TYPED_RETRY: Duration = Duration::from_secs(60);
/// In builds with debug assertions the group is checked in every turn, if it is no larger than this: a hundred microseconds.
pub const CHECKED_MEMBERS_MAX: usize = 100;
/// How often members.txt is looked at. Half of the promised two seconds, less the settling time.
pub const MEMBERS_LOOK: Duration = Duration::from_millis(500);
/// An edit counts once the file has been unchanged for this long: editors write in pieces.
pub const MEMBERS_SETTLE: Duration = Duration::from_millis(500);
/// While something keeps members.txt from being replaced, how often it is looked whether it still does: soon enough for
/// the admin who has just mended it, and each look makes a file without a name.
pub const MEMBERS_PROBE: Duration = Duration::from_secs(10);
/// How long a replaced members.txt is watched for a late write through an old descriptor.
pub const MEMBERS_OLD_WATCH: Duration = Duration::from_secs(2);
/// Replaced files watched at a time; each holds a descriptor. Commands come as fast as passwords are hashed,
/// so these are at least the last half second's.
pub const MEMBERS_OLD_MAX: usize = 24;
/// How long after it was asked for a change still waits for an editor that keeps writing, all waits together, before
/// it is refused.
pub const MEMBERS_PATIENCE: Duration = Duration::from_secs(3);
/// A members.txt larger than this is a mistake, not a group. With hashes, of 118 bytes a line, some 560,000 members fit.
pub const MEMBERS_FILE_MAX: u64 = 64 << 20;
/// Changes of members that one edit of members.txt writes to the log; more are counted. A quarter of what waits there for a
/// slow reader of the log, and a millisecond of the loop.
pub const CHANGES_LOGGED: usize = LOG_QUEUE_MAX / 4;
