//! What the group keeps in memory, and how much one member may take of it.

use std::time::Duration;

use super::turn::WRITE_MAX;

/// Event bytes kept in memory. At 100 bytes a line some 80,000 lines: minutes of a very busy group.
pub const WINDOW_DEFAULT: usize = 8 << 20;
/// The smallest `--window`. The largest fits a 32-bit offset with room to spare.
pub const WINDOW_MIN: usize = 1 << 20;
/// The largest `--window`.
pub const WINDOW_MAX: usize = 1 << 30;
/// Blocks kept: 4 MiB for all who catch up together.
pub const BLOCK_CACHE_MAX: usize = 64;
/// Blocks being read at once. One thread reads; more only makes the queue longer.
pub const BLOCK_FETCHES_MAX: usize = 8;
/// Events one HISTORY answer gives at most.
pub const HISTORY_LINES_MAX: u64 = 1000;
/// Events HISTORY gives when it is not told how many.
pub const HISTORY_LINES_DEFAULT: u64 = 20;
/// Places remembered on the way from bytes sent to lines acknowledged, per connection.
pub const CHECKPOINTS_MAX: usize = 16;
/// Lines of a list answer (WHO, MEMBERS) in one page.
pub const PAGE_LINES_MAX: usize = 100;
/// Bytes of a list answer in one page: long mails make shorter pages, so that an answer stays bounded.
pub const PAGE_BYTES_MAX: usize = 8 << 10;
/// Owed replies (with their bookkeeping) at which a connection's further lines stay unread.
pub const OWED_PAUSE: usize = 7 << 10;
/// Owed replies (with their bookkeeping) that one connection can cost at most, with the default `--max-line`.
pub const OWED_MAX: usize = 16 << 10;
/// Bookkeeping counted for each owed reply, beside its bytes.
pub const OWED_ENTRY_COST: usize = 48;
/// Event bytes that a flood may be ahead of the pass over the receivers: one write for each of them. With two, the
/// second comes so soon after the first that the peer has not read that one yet, and the kernel learns from this that
/// the peer is slow: BBR then paces what it is sent.
pub const AHEAD_MAX: usize = WRITE_MAX - (8 << 10);
/// Named devices of one member. A person has five; a script may have some more.
pub const DEVICES_PER_MEMBER_MAX: usize = 16;
/// Connections of one member: a device each, some of them twice.
pub const CONNECTIONS_PER_MEMBER_DEFAULT: usize = 64;
/// Lines a second of one member, all connections together: faster than anybody types, slow enough to be read.
pub const RATE_DEFAULT: u32 = 10;
/// Lines a member may have saved up: what a script says in one go.
pub const BURST_DEFAULT: u32 = 100;
/// The largest `--rate` and `--burst`.
pub const RATE_MAX: u32 = 1_000_000;
/// What a list (WHO, HISTORY) or PASSWD counts for, in lines.
pub const LIST_COST: u32 = 5;
/// Wrong passwords (LOGIN, PASSWD) that end a connection.
pub const TRIES_MAX: u8 = 3;
/// Time from connecting to being logged in, the server's own queueing not counted.
pub const LOGIN_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Strangers whose time is over that are cut in one turn. They were accepted many at once, and those inside are not to
/// wait behind all of their last words: at 30 microseconds each.
pub const TIMEOUTS_PER_TURN: usize = 16;
/// So far the last event's time may be ahead of the clock, and is kept: more than a clock that is kept right is ever
/// corrected by at once. A greater lead is a clock that was wrong.
pub const CLOCK_LEAD_MAX: Duration = Duration::from_secs(60);
/// 2026-01-01 in milliseconds since 1970: before this program was written. A clock that says less was never set, and
/// proves nothing about other times.
pub const CLOCK_EPOCH: u64 = 1_767_225_600_000;
