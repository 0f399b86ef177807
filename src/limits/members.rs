//! members.txt and its thread.

use std::time::Duration;

use super::ops::LOG_QUEUE_MAX;

/// Changes that wait for the thread of members.txt.
pub const MEMBERS_QUEUE_MAX: usize = 256;
/// Hashes of typed passwords that one replacement of members.txt puts in. Computing them takes some three seconds;
/// writing a file of 20,000 members with a sync takes a fiftieth of that. Half of the thread's queue, so that commands
/// have places.
pub const TYPED_PER_EXCHANGE: usize = MEMBERS_QUEUE_MAX / 2;
/// How long passwords typed into members.txt are left alone after the file did not take their hashes: as long as
/// [`MEMBERS_PROBE`], because they stay readable meanwhile.
pub const TYPED_RETRY: Duration = Duration::from_secs(10);
/// Builds with debug assertions check the group in every turn if it is no larger than this, which takes a hundred
/// microseconds.
pub const CHECKED_MEMBERS_MAX: usize = 100;
/// How often the file is checked for edits: half of the promised two seconds, less the time to settle.
pub const MEMBERS_LOOK: Duration = Duration::from_millis(500);
/// How long the file has to be unchanged before an edit counts, because editors write in pieces.
pub const MEMBERS_SETTLE: Duration = Duration::from_millis(500);
/// How often the thread checks whether the file still cannot be replaced: soon enough for the admin who has just solved
/// that. Each check creates a file without a name.
pub const MEMBERS_PROBE: Duration = Duration::from_secs(10);
/// How long a replaced file is watched for a late write through an old descriptor.
pub const MEMBERS_OLD_WATCH: Duration = Duration::from_secs(2);
/// Replaced files watched at a time, each with a descriptor. Commands come no faster than passwords are hashed, so
/// these are at least those of the last half second.
pub const MEMBERS_OLD_MAX: usize = 24;
/// How long a change may wait for an editor that keeps writing, all its waits together, before it is refused.
pub const MEMBERS_PATIENCE: Duration = Duration::from_secs(3);
/// A larger members.txt is a mistake, not a group. With hashes, which make lines of 118 bytes, some 560,000 members
/// fit.
pub const MEMBERS_FILE_MAX: u64 = 64 << 20;
/// Changes of the group that one edit of members.txt writes to the log, and weak hashes in it; more are counted. A
/// quarter of what may wait for a slow reader of the log, and a millisecond of the loop.
pub const CHANGES_LOGGED: usize = LOG_QUEUE_MAX / 4;
/// How long an edit of members.txt with a typed password waits when too many passwords are being hashed already.
pub const EDITS_RETRY: Duration = Duration::from_secs(1);
