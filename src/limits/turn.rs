//! How much of each kind one turn of the loop does, and how long connections may take.

use std::time::Duration;

use super::net::SEND_BUFFER;
use super::wire::LINE_MAX_DEFAULT;

/// Bytes read from one connection in one turn, and so the most that waits unparsed: one scratch buffer's worth.
pub const READ_PER_TURN: usize = 16 << 10;
/// The same before a password was right: a login fits, and what a stranger makes wait costs little.
pub const READ_PER_TURN_BEFORE_LOGIN: usize = LINE_MAX_DEFAULT;
/// Lines taken from one connection in one turn, so that a pipelining script shares the loop.
pub const LINES_PER_CONN_TURN: usize = 64;
/// The same before a password was right: there can be many strangers, and all they have to say is a login.
pub const LINES_PER_TURN_BEFORE_LOGIN: usize = 4;
/// Connections read or dispatched in one turn, so that writing is never far away.
pub const CONNS_READ_PER_TURN: usize = 1024;
/// Newcomers accepted in one turn: a flood of them shares the loop with those inside.
pub const ACCEPTS_PER_TURN: usize = 256;
/// Strangers put out in one turn for newcomers when no place is left, half of them by each listener: both are here until
/// its end, and those inside do not wait behind the last words of more.
pub const EVICTIONS_PER_TURN: usize = 8;
/// How long accepting pauses when there is no descriptor left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long the loop writes before it polls again, and how long at most it then takes to answer a PING: each of the
/// three kinds of writing (replies, sockets that take again, the pass) has as much. Shorter ones make
/// the fan-out slower: a turn costs some microseconds.
pub const SLICE: Duration = Duration::from_micros(500);
/// How long those who catch up wait for the disk, at most, from when it is given something to do until it has nothing
/// left: ten times what an append takes where nothing disturbs it, and nobody notices.
pub const DISK_FIRST: Duration = Duration::from_millis(3);
/// An append beside which was written for so long has the core for itself for as long again, at most. Half of it makes a
/// flood to 1,000 slower, for it then waits for most appends.
pub const DISK_TURN: Duration = Duration::from_millis(1);
/// Connections looked at in one slice of the pass, most of which may need no write: at 20 nanoseconds each.
pub const LOOKS_PER_SLICE: usize = 8192;
/// Bytes handed to the kernel in one write: what an empty send buffer takes whole. Larger writes were slower, cut in
/// two by a full buffer and paced by the kernel; so were smaller ones.
pub const WRITE_MAX: usize = SEND_BUFFER;
/// The same to one who catches up, where fewer than [`FEW_CATCHING_UP`] do. With 64 KiB, a whole block, one PING of
/// others in a hundred took half as long again.
pub const WRITE_CATCHING_UP: usize = 16 << 10;
/// So many have writes of full size: small ones would make all of them half as fast.
pub const FEW_CATCHING_UP: usize = 5;
/// How long the loop works on TLS handshakes before it does something else, and at least on one: a flood of hellos
/// shares the loop with those inside. One takes 0.16 ms with an elliptic key, milliseconds with a large RSA key.
pub const HANDSHAKES_SLICE: Duration = Duration::from_millis(1);
/// Handshakes that wait for that; further newcomers with TLS wait in the kernel's queue. Accepting is cheaper than a
/// handshake, and a flood of hellos would take all places. Also how many are accepted in one turn.
pub const HANDSHAKES_WAITING_MAX: usize = 64;
/// How often what the peers' kernels have acknowledged is asked for, and noted. What is lost of it is delivered
/// once more.
pub const ACKNOWLEDGED_LOOK: Duration = Duration::from_secs(2);
/// How long the loop asks in one turn: a part of what it may write in it, so that many connections with bytes on their way
/// are not asked so often that they are sent nothing.
pub const ACKNOWLEDGED_SLICE: Duration = Duration::from_micros(250);
/// Connections of a member asked when one more logs in: a person has few.
pub const ACKNOWLEDGED_PER_LOGIN: usize = 16;
/// How often the members are noted beside the history: the files before the note may be dropped.
pub const MEMBERS_SNAPSHOT_EVERY: Duration = Duration::from_secs(600);
/// A connection that is on its way out and takes nothing of what it is owed for this long is closed, and so is one that has
/// been sent all and acknowledges nothing more. Any line carries something in that time.
pub const LEAVING_PATIENCE: Duration = Duration::from_secs(60);
/// After our FIN, and with a device when all has arrived: how long we read and drop what the peer still sends, so that its
/// kernel does not answer our last words with a reset.
pub const LINGER: Duration = Duration::from_secs(1);
/// With bytes outstanding: how long a peer's kernel may answer nothing at all. The kernel's own patience
/// (`tcp_retries2`) is 15 minutes.
pub const PEER_SILENT: Duration = Duration::from_secs(5 * 60);
/// With bytes outstanding: how long a peer whose kernel answers may take no new byte. A stopped
/// program may be resumed, a pager left open be scrolled.
pub const PEER_STUCK: Duration = Duration::from_secs(60 * 60);
/// Shutting down: how long the transcript's end is still delivered.
pub const SHUTDOWN_DELIVER: Duration = Duration::from_secs(2);
/// Shutting down: how long a file job may take before the exit code says so.
pub const SHUTDOWN_FILES: Duration = Duration::from_secs(4);
