//! Every limit and every default with its reason, and assertions that relate them.
//!
//! Sizes are bytes, times are [`Duration`](std::time::Duration)s, unless a name says otherwise.

mod auth;
mod brokers;
mod client;
mod cluster;
mod history;
mod members;
mod net;
mod ops;
mod room;
mod turn;
mod web;
mod wire;

pub use auth::*;
pub use brokers::*;
pub use client::*;
pub use cluster::*;
pub use history::*;
pub use members::*;
pub use net::*;
pub use ops::*;
pub use room::*;
pub use turn::*;
pub use web::*;
pub use wire::*;

// A server line, "MSG seq time mail text", fits the client's buffer that PROTOCOL.md recommends.
const _: () = assert!(1 + SEQ_DIGITS_MAX + 1 + TIME_LEN + 1 + MAIL_MAX + 1 <= LINE_OVERHEAD);
// So does the longest other event: "REMOVED seq time by mail".
const _: () = assert!(
    7 + 1 + SEQ_DIGITS_MAX + 1 + TIME_LEN + 1 + MAIL_MAX + 1 + MAIL_MAX + 1
        <= LINE_MAX_DEFAULT + LINE_OVERHEAD
);
// The longest command with arguments fits a line: PASSWD old new, CR LF.
const _: () = assert!(6 + 1 + PASSWORD_MAX + 1 + PASSWORD_MAX + 2 <= LINE_MAX_DEFAULT);
// So does JOIN mail word password, CR LF.
const _: () = assert!(4 + 1 + MAIL_MAX + 1 + INVITE_WORD_MAX + 1 + PASSWORD_MAX + 2 <= LINE_MAX_DEFAULT);
// It is remembered for longer whose invitations have ended than one is good, which is rounded up to an hour.
const _: () = assert!(INVITE_LIFE.as_secs() + 60 * 60 < ENDS_KEPT_FOR.as_secs());
// A flood may exceed its limit by one longest line, and what gathers while the room waits for the disk is one sync.
const _: () = assert!(AHEAD_MAX + LINE_MAX_CEILING + LINE_OVERHEAD <= HISTORY_SYNC_MAX);
// A pass is one write for each receiver, with the line that exceeded the limit.
const _: () = assert!(AHEAD_MAX + LINE_MAX_DEFAULT + LINE_OVERHEAD <= WRITE_MAX);
// No flood makes a receiver that reads fall out of the window: the smallest window holds two passes, twice.
const _: () = assert!(4 * (AHEAD_MAX + LINE_MAX_CEILING + LINE_OVERHEAD) <= WINDOW_MIN);
// A torn tail can be told from damage: it is small compared with a segment.
const _: () = assert!(8 * HISTORY_SYNC_MAX as u64 <= HISTORY_SEGMENT_MAX);
// One more answer after the pause still fits the limit: a page with its OK, or the answer to a PING.
const _: () = assert!(OWED_PAUSE + PAGE_BYTES_MAX + 2 * LINE_OVERHEAD + OWED_ENTRY_COST <= OWED_MAX);
const _: () = assert!(LINE_MAX_DEFAULT <= PAGE_BYTES_MAX);
// An edit is noticed and has settled within the promised two seconds.
const _: () = assert!(2 * MEMBERS_LOOK.as_millis() + MEMBERS_SETTLE.as_millis() < 2000);
// A change that waits for an editor and is then made is answered before a shutdown gives up on it: a change has one
// deadline for all its waits, including those of the changes before it. The remaining time is for the disk.
const _: () = assert!(MEMBERS_PATIENCE.as_millis() + MEMBERS_SETTLE.as_millis() < SHUTDOWN_FILES.as_millis());
const _: () = assert!(2 * MEMBERS_OLD_MAX + EVICTIONS_PER_TURN < DESCRIPTOR_RESERVE);
// A delayed login is answered while its client still waits, even after a full queue, at 25 ms each. Passwords with two
// forms take twice as long; but 4096 of those, all wrong, are an attack, and an attacker's addresses have only their
// turns.
const _: () = assert!(
    1000 * GUESS_DELAY_MAX.as_secs() + 25 * (LOGINS_WAITING_MAX as u64) < 1000 * CLIENT_LOGIN_WAIT.as_secs()
);
// Retransmissions and window probes are at last 120 seconds apart (TCP_RTO_MAX), and one of them may be lost.
const _: () = assert!(PEER_SILENT.as_secs() > 2 * 120);
// A FIND is answered before a client of many servers asks whether the server is there.
const _: () = assert!(FIND_TIME_MAX.as_millis() < CLIENT_SILENCE_MANY.as_millis());
// Every block has at least one whole line, and the answer to FIND, in which lines are not copied, fits in after the pause.
const _: () = assert!(LINE_MAX_CEILING + LINE_OVERHEAD < FIND_BLOCK);
const _: () = assert!((FIND_LINES_MAX + 2) * OWED_ENTRY_COST + LINE_OVERHEAD <= PAGE_BYTES_MAX);
