//! Every limit and every default, each with its reason, and assertions between them.
//!
//! Sizes are bytes, times are [`Duration`](std::time::Duration)s, unless a name says otherwise.

mod auth;
mod client;
mod history;
mod members;
mod net;
mod ops;
mod room;
mod turn;
mod wire;

pub use auth::*;
pub use client::*;
pub use history::*;
pub use members::*;
pub use net::*;
pub use ops::*;
pub use room::*;
pub use turn::*;
pub use wire::*;

// A server line fits what PROTOCOL.md promises a client's buffer: "MSG seq time mail text".
const _: () = assert!(1 + SEQ_DIGITS_MAX + 1 + TIME_LEN + 1 + MAIL_MAX + 1 <= LINE_OVERHEAD);
// So does the longest other event: "REMOVED seq time by mail".
const _: () = assert!(
    7 + 1 + SEQ_DIGITS_MAX + 1 + TIME_LEN + 1 + MAIL_MAX + 1 + MAIL_MAX + 1
        <= LINE_MAX_DEFAULT + LINE_OVERHEAD
);
// The longest command with arguments fits a line: PASSWD old new, CR LF.
const _: () = assert!(6 + 1 + PASSWORD_MAX + 1 + PASSWORD_MAX + 2 <= LINE_MAX_DEFAULT);
// A flood may go over its bound by one longest line. What gathers while the room waits for the disk is one sync's worth.
const _: () = assert!(AHEAD_MAX + LINE_MAX_CEILING + LINE_OVERHEAD <= HISTORY_SYNC_MAX);
// A pass is one write for each, with the line that went over the bound.
const _: () = assert!(AHEAD_MAX + LINE_MAX_DEFAULT + LINE_OVERHEAD <= WRITE_MAX);
// A flood never makes a reader who reads fall out of the window: the smallest has two passes' worth, twice.
const _: () = assert!(4 * (AHEAD_MAX + LINE_MAX_CEILING + LINE_OVERHEAD) <= WINDOW_MIN);
// A torn tail is told from damage: it is small beside a file.
const _: () = assert!(8 * HISTORY_SYNC_MAX as u64 <= HISTORY_SEGMENT_MAX);
// One answer more on top of the pause still fits the bound: a page with its OK, or a PING's line.
const _: () = assert!(OWED_PAUSE + PAGE_BYTES_MAX + 2 * LINE_OVERHEAD + OWED_ENTRY_COST <= OWED_MAX);
const _: () = assert!(LINE_MAX_DEFAULT <= PAGE_BYTES_MAX);
// Noticing and settling together keep the promise of two seconds.
const _: () = assert!(2 * MEMBERS_LOOK.as_millis() + MEMBERS_SETTLE.as_millis() < 2000);
// A change that waits for an editor, and is then made, is answered before shutting down gives up on it: what is asked for
// has one deadline for all of its waits, and those of others before it count. The rest is for the disk.
const _: () = assert!(MEMBERS_PATIENCE.as_millis() + MEMBERS_SETTLE.as_millis() < SHUTDOWN_FILES.as_millis());
const _: () = assert!(2 * MEMBERS_OLD_MAX + EVICTIONS_PER_TURN < DESCRIPTOR_RESERVE);
// A delayed login is answered while its client still waits, also behind a full queue, at 25 ms each. Wrong passwords whose
// letters come in two pieces take twice as long: 4096 of those are no accident, and turns go by address.
const _: () = assert!(
    1000 * GUESS_DELAY_MAX.as_secs() + 25 * (LOGINS_WAITING_MAX as u64) < 1000 * CLIENT_LOGIN_WAIT.as_secs()
);
// Repeats and window probes come every 120 seconds (TCP_RTO_MAX) in the end: one lost is no death.
const _: () = assert!(PEER_SILENT.as_secs() > 2 * 120);
