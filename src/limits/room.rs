//! What the group keeps in memory, and how much of it one member may use.

use std::time::Duration;

use super::turn::WRITE_MAX;

/// Event bytes kept in memory: at 100 bytes a line some 80,000 lines, minutes of a very busy group.
pub const WINDOW_DEFAULT: usize = 8 << 20;
/// The smallest `--window`.
pub const WINDOW_MIN: usize = 1 << 20;
/// The largest `--window`. It fits a 32-bit offset with room to spare.
pub const WINDOW_MAX: usize = 1 << 30;
/// Blocks kept: 4 MiB for all connections that are catching up.
pub const BLOCK_CACHE_MAX: usize = 64;
/// Blocks requested at a time. One thread reads them, so more would only make its queue longer.
pub const BLOCK_FETCHES_MAX: usize = 8;
/// Events in one answer to HISTORY, at most.
pub const HISTORY_LINES_MAX: u64 = 1000;
/// Events in an answer to HISTORY without a number.
pub const HISTORY_LINES_DEFAULT: u64 = 20;
/// Checkpoints per connection between bytes that were sent and lines that are acknowledged.
pub const CHECKPOINTS_MAX: usize = 16;
/// Lines in one page of a list (WHO, MEMBERS).
pub const PAGE_LINES_MAX: usize = 100;
/// Bytes in one page of a list: with long mails a page has fewer lines, so that answers stay bounded.
pub const PAGE_BYTES_MAX: usize = 8 << 10;
/// Bytes of owed replies, with their bookkeeping, at which no further lines of a connection are read.
pub const OWED_PAUSE: usize = 7 << 10;
/// Bytes of owed replies, with their bookkeeping, that one connection can have at most, with the default `--max-line`.
pub const OWED_MAX: usize = 16 << 10;
/// Bookkeeping counted for each owed reply in addition to its bytes.
pub const OWED_ENTRY_COST: usize = 48;
/// Event bytes by which a flood may be ahead of the pass over the receivers: one write for each of them. With two, the
/// second follows the first so closely that the peer has not read that yet; from this the kernel concludes that the
/// peer is slow, and BBR paces what it is sent.
pub const AHEAD_MAX: usize = WRITE_MAX - (8 << 10);
/// Named devices of one member. A person has five; scripts may need some more.
pub const DEVICES_PER_MEMBER_MAX: usize = 16;
/// Devices whose places are kept that are ahead of this node, which lags behind the others of its group: those of a group
/// with some ten thousand members.
pub const PLACES_AHEAD_MAX: usize = 1 << 17;
/// Connections of one member: one for each device, and some devices twice.
pub const CONNECTIONS_PER_MEMBER_DEFAULT: usize = 64;
/// Lines a second from one member, all connections together: faster than anybody types, slow enough to be read.
pub const RATE_DEFAULT: u32 = 10;
/// Lines that a member may save up: what a script sends at once.
pub const BURST_DEFAULT: u32 = 100;
/// The largest `--rate` and `--burst`.
pub const RATE_MAX: u32 = 1_000_000;
/// How many lines a list (WHO, HISTORY) or PASSWD counts as.
pub const LIST_COST: u32 = 5;
/// Wrong passwords (LOGIN, PASSWD) after which a connection is closed.
pub const TRIES_MAX: u8 = 3;
/// Time from connecting to being logged in, without the time that the server itself keeps a login waiting.
pub const LOGIN_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Connections closed in one turn because nobody logged in on them in time. Many of them were accepted together, and
/// members should not wait for all their farewells, which take 30 microseconds each.
pub const TIMEOUTS_PER_TURN: usize = 16;
/// By how much the last event's time may be ahead of the clock and be kept: more than a clock that is kept right is
/// ever corrected by at once. A greater lead means that a clock was wrong.
pub const CLOCK_LEAD_MAX: Duration = Duration::from_secs(60);
/// 2026-01-01 in milliseconds since 1970, before this program was written. A clock that shows less was never set, and
/// proves nothing about other times.
pub const CLOCK_EPOCH: u64 = 1_767_225_600_000;
