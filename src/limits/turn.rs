//! How much one turn of the loop does of each thing, and how long connections may take.

use std::time::Duration;

use super::net::SEND_BUFFER;
use super::wire::LINE_MAX_DEFAULT;

/// Bytes read from one connection in one turn, one buffer full. So no more than this waits unparsed.
pub const READ_PER_TURN: usize = 16 << 10;
/// The same before login: a login fits, and an unauthenticated connection costs little.
pub const READ_PER_TURN_BEFORE_LOGIN: usize = LINE_MAX_DEFAULT;
/// Lines taken from one connection in one turn, so that a script that pipelines shares the loop.
pub const LINES_PER_CONN_TURN: usize = 64;
/// The same before login: there may be many such connections, and all they need is a login.
pub const LINES_PER_TURN_BEFORE_LOGIN: usize = 4;
/// Connections from which one turn reads or takes lines, so that it soon comes to writing. When very many end at once, such a
/// turn takes four milliseconds.
pub const CONNS_READ_PER_TURN: usize = 512;
/// Connections accepted in one turn, less those that are not greeted yet: a flood of them shares the loop with the members, and
/// takes no memory for what it is owed. One takes 20 microseconds, and its login as long again.
pub const ACCEPTS_PER_TURN: usize = 64;
/// But so many are: it is fewer than a turn greets.
pub const ACCEPTS_PER_TURN_MIN: usize = 8;
/// Connections evicted in one turn, half of them for each listener. They keep their slots until its end, and members
/// should not wait for more of their farewells.
pub const EVICTIONS_PER_TURN: usize = 8;
/// How long accepting pauses when there is no descriptor left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long the loop writes before it polls again. Each of the three kinds of writing (replies, sockets that are
/// writable again, the pass) has this time, so a PING is answered after three of them at most. Less makes the fan-out
/// slower: each turn costs some microseconds.
pub const SLICE: Duration = Duration::from_micros(500);
/// How long connections that are catching up wait for the disk, at most, from the time when it gets something to do
/// until it has nothing left: ten times what an undisturbed append takes, and nobody notices. They wait no longer than they
/// were written to since they last waited.
pub const DISK_FIRST: Duration = Duration::from_millis(3);
/// After the loop has written for so long while an append was under way, the append has the core to itself for as long
/// again, at most. With half of it a flood to 1,000 is slower, because it then waits for most appends.
pub const DISK_TURN: Duration = Duration::from_millis(1);
/// Connections that one slice of the pass looks at, most of which may need no write: 20 nanoseconds each.
pub const LOOKS_PER_SLICE: usize = 8192;
/// Bytes given to the kernel in one write: what an empty send buffer takes. Larger writes were slower, because the full
/// buffer split them and the kernel paced them; smaller ones were slower, too.
pub const WRITE_MAX: usize = SEND_BUFFER;
/// The same for a connection that is catching up, while fewer than [`FEW_CATCHING_UP`] are. With 64 KiB, a whole block,
/// one PING in a hundred took half as long again.
pub const WRITE_CATCHING_UP: usize = 16 << 10;
/// So many and more have writes of full size: small ones would make all of them half as fast.
pub const FEW_CATCHING_UP: usize = 5;
/// How long a turn works on TLS handshakes, on at least one: a flood of hellos shares the loop with the members. One
/// takes 0.16 ms with an elliptic key, milliseconds with a large RSA key.
pub const HANDSHAKES_SLICE: Duration = Duration::from_millis(1);
/// Connections accepted that wait for their handshake; further ones with TLS wait in the kernel's queue. Accepting is
/// cheaper than a handshake, so a flood of hellos would otherwise take all places. Also how many are accepted in one
/// turn.
pub const HANDSHAKES_WAITING_MAX: usize = 64;
/// How often the kernel is asked what peers have acknowledged, and the devices' places are recorded. Events whose
/// record is lost are delivered again.
pub const ACKNOWLEDGED_LOOK: Duration = Duration::from_secs(2);
/// How long one turn asks the kernel: less than it may write, so that many connections with outstanding bytes are not
/// asked so often that nothing is sent to them.
pub const ACKNOWLEDGED_SLICE: Duration = Duration::from_micros(250);
/// Connections of a member that are asked about when another one logs in: a person has few.
pub const ACKNOWLEDGED_PER_LOGIN: usize = 16;
/// Members that one turn visits for what concerns all of them: a file to be rewritten, a clock that was wrong. They
/// take some hundred microseconds.
pub const MEMBERS_PER_TURN: usize = 1024;
/// How often a snapshot of the members is written. Segments before it may be dropped.
pub const MEMBERS_SNAPSHOT_EVERY: Duration = Duration::from_secs(600);
/// How long a connection that is being closed may take nothing of what it is owed, or acknowledge nothing of what it
/// was sent, before it is closed at once. Any line carries something in that time.
pub const LEAVING_PATIENCE: Duration = Duration::from_secs(60);
/// After our FIN, and for a device after all was acknowledged: how long we read and drop what the peer still sends, so
/// that our kernel does not reset the connection before the peer has read our last lines.
pub const LINGER: Duration = Duration::from_secs(1);
/// How long a peer's kernel may answer nothing at all while bytes are outstanding. The kernel by itself
/// (`tcp_retries2`) waits 15 minutes.
pub const PEER_SILENT: Duration = Duration::from_secs(5 * 60);
/// How long a peer whose kernel answers may take no byte while bytes are outstanding. A stopped program may be resumed,
/// a pager left open be scrolled.
pub const PEER_STUCK: Duration = Duration::from_secs(60 * 60);
/// Shutting down: how long the end of the transcript is still delivered after the last connection was told.
pub const SHUTDOWN_DELIVER: Duration = Duration::from_secs(2);
/// Shutting down: slots whose connections are told in one turn. It takes a millisecond and a half until all of these have
/// their last words; then the next are told, so that only so many need memory for them.
pub const SHUTDOWN_SLOTS_PER_TURN: usize = 64;
/// Shutting down: how long connections are told one after the other. A million take 40 seconds.
pub const SHUTDOWN_TELLING: Duration = Duration::from_secs(60);
/// Shutting down: how long a job on files may take before the exit status reports it.
pub const SHUTDOWN_FILES: Duration = Duration::from_secs(4);
