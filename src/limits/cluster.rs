//! One group on many nodes: the stream's batches, and how long a node waits for them.

use std::time::Duration;

use super::history::HISTORY_SEGMENT_MAX;
use super::wire::{DEVICE_MAX, LINE_MAX_CEILING, LINE_OVERHEAD, MAIL_MAX, SEQ_DIGITS_MAX, TIME_LEN};

/// A node's name: a host's, without its domain, fits, and so does a subject of the stream's engine with it.
pub const NODE_NAME_MAX: usize = 32;
/// The bytes of a batch: some thousand messages, and small beside the 512 KiB that the stream takes. Three replicas store one
/// in 4 ms.
pub const BATCH_MAX: usize = 256 << 10;
/// A line of a batch with its LF: the longest message, its verb and its author.
pub const BATCH_LINE_MAX: usize = LINE_MAX_CEILING + LINE_OVERHEAD;
/// The first line of a batch: `v1`, a name and three numbers.
pub const BATCH_HEAD_MAX: usize = 2 + 1 + NODE_NAME_MAX + 3 * (1 + SEQ_DIGITS_MAX) + 1;
/// A node's batches under way, so that a commit's two hops and two syncs are not waited for one after the other. What is
/// proposed meanwhile gathers, and is the next batch.
pub const BATCHES_UNDER_WAY_MAX: usize = 8;
/// How long after a batch was sent, or one before it came back, all that have not come back are sent again: some hundred
/// commits, and less than an election.
pub const BATCH_RESEND: Duration = Duration::from_secs(2);
/// The same after a broker has said that it does not take one: there is no leader at present, and asking costs little.
pub const BATCH_RESEND_REFUSED: Duration = Duration::from_millis(500);
/// After so much silence a node asks whether it has missed something: nobody says that a line was lost on its way.
pub const TAIL_SILENCE: Duration = Duration::from_millis(500);
/// How long an answer to that may take before it is asked again. A replica that is frozen, not dead, answers after a minute.
pub const TAIL_ANSWER: Duration = Duration::from_secs(1);
/// How long to wait after an answer that brought nothing although there is something.
pub const TAIL_PAUSE: Duration = Duration::from_millis(100);
/// How long a message may come later than the acknowledgement that tells of it.
pub const TAIL_BEHIND_ACK: Duration = Duration::from_millis(50);
/// Bytes of messages kept that came before their turn.
pub const TAIL_AHEAD_MAX: usize = 4 << 20;
/// So many answers in a row, a second's, have to begin too late before the stream counts as cut: one or two may have lost
/// their first messages on the way.
pub const TAIL_GONE_ANSWERS: u32 = 10;
/// After so much silence a node sends an empty batch, to see whether it is cut off.
pub const PROBE_AFTER: Duration = Duration::from_secs(10);
/// How long a node waits for its oldest batch, or hears nothing, before it is cut off and its members are sent to another:
/// longer than an election (4 to 9 s), and within the 20 s after which members are to know.
pub const CUT_OFF_AFTER: Duration = Duration::from_secs(15);
/// After a node has sent something, and nothing has come back for so long, it may stand alone: members are let in without a
/// certain `last=`. A commit takes milliseconds; an election may last longer, but no member should wait for one before they
/// can read, and those who have messages without an answer find the server that is there sooner.
pub const ALONE_AFTER: Duration = Duration::from_secs(5);
/// How long after a question about members who log in a node is asked again. Its answer takes a turn of its loop.
pub const GATE_ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long a node may leave such questions without an answer before its start is ended: longer than a new connection to another
/// broker takes, and a tenth of the time that clients wait for a login.
pub const GATE_SILENT: Duration = Duration::from_secs(6);
/// The same if the brokers say all the time that the node has no connection to them: it has ended, or a machine was lost with
/// its broker. A node that only changes its broker is back within a second.
pub const GATE_ABSENT: Duration = Duration::from_secs(3);
/// Members in one question: they and their new devices fit a message of [`PLACES_MESSAGE`].
pub const GATE_MAILS_MAX: usize = 400;
/// Questions without all their answers. Logins that come meanwhile are the next one, so a storm of them is few messages.
pub const GATE_QUESTIONS_MAX: usize = 4;

/// Starts that a node's process may have, one after each fence. So many fences take half a day at least; and a node that
/// starts again sooner than after as many milliseconds is ahead of the clock by no more than that.
pub const STARTS_OF_A_PROCESS: u64 = 1 << 14;
/// When a node that has joined says first what its history adds up to, for the others to compare: what its members have waited
/// for is sent by then.
pub const SUM_FIRST: Duration = Duration::from_secs(10);
/// How often it does after that.
pub const SUM_EVERY: Duration = Duration::from_secs(10 * 60);
/// How long nodes whose sums differ wait for what others say: as long as a node that reaches nobody is not cut off yet.
pub const CLAIMS_WAIT: Duration = Duration::from_secs(15);
/// Events whose sums are compared at a time, the last ones: some of each of five nodes.
pub const CLAIMS_KEPT: usize = 16;
/// Sums kept to compare with, one for each batch with lines: more than can come between the moment when a node says its own
/// and its place in the stream.
pub const SUMS_KEPT: usize = 64;

/// Requests that wait for the thread of a node, and news from it that wait for the loop.
pub const CLUSTER_QUEUE_MAX: usize = 64;
/// Bytes of lines that wait for the files while a node catches up; then its thread waits, too.
pub const CLUSTER_HEARD_MAX: usize = 4 << 20;
/// Messages and bytes of one answer when a node reads the stream: some milliseconds of work.
pub const FETCH_MESSAGES: usize = 500;
/// See [`FETCH_MESSAGES`].
pub const FETCH_BYTES: usize = 2 << 20;
/// Bytes of a message with places of devices, whole lines: some thousand of them.
pub const PLACES_MESSAGE: usize = 256 << 10;
/// How often a node that has nothing to tell says that it is there.
pub const HERE_EVERY: Duration = Duration::from_secs(2);
/// How long changes of who is there gather: nobody sees that, and ten thousand logins at once are some dozen messages.
pub const HERE_GATHER: Duration = Duration::from_millis(50);
/// After so long without a word a node counts as silent: two signs of life may be lost, and a third be late.
pub const HERE_SILENT: Duration = Duration::from_secs(6);
/// After so long its members count as gone: they have found another node, or that it is cut off.
pub const HERE_FORGOTTEN: Duration = Duration::from_secs(15);
/// How long an answer to a question who is there may take before it is asked again.
pub const HERE_ASK_AGAIN: Duration = Duration::from_secs(1);
/// Bytes of the lines of a message about who is there.
pub const HERE_MESSAGE: usize = 256 << 10;
/// How often a node notes how far it has applied the stream: a start after a crash applies what came since once more.
pub const NOTE_EVERY: Duration = Duration::from_secs(60);
/// How long a node waits at its start for a broker, and while it catches up for the next message, before it gives up: twice
/// an election.
pub const CLUSTER_START_WAIT: Duration = Duration::from_secs(20);

/// The unit in which a node gets files from another one.
pub const COPY_BLOCK: usize = 64 << 10;
/// Blocks under way to a node: half a megabyte, so that a round trip of 5 ms does not hold up a link of 100 MB/s.
pub const COPY_UNDER_WAY: usize = 8;
/// How long a block may take before it is asked for again: the other node waits for a disk at most, and for those before it.
pub const COPY_ANSWER: Duration = Duration::from_secs(2);
/// After so long without an answer another node is asked: three questions.
pub const COPY_SILENCE: Duration = Duration::from_secs(6);
/// How long offers are gathered, so that the best can be taken: some round trips between continents.
pub const COPY_OFFERS_WAIT: Duration = Duration::from_millis(500);
/// Offers gathered at a time: more than there are nodes.
pub const COPY_OFFERS_MAX: usize = 64;
/// How long a node waits for another one that has what it lacks, or for the next byte, before it gives up and says so: as long
/// as a node that is being restarted takes. The service manager tries again.
pub const COPY_PATIENCE: Duration = Duration::from_secs(15);
/// How often a node may fail with the same file before that is given up.
pub const COPY_ATTEMPTS: u32 = 3;
/// How often the log tells how much has come.
pub const COPY_PROGRESS: Duration = Duration::from_secs(5);
/// A file of the history, as another node may offer it: sixteen times what they have, for files that were made by hand.
pub const COPY_FILE_MAX: u64 = 16 * HISTORY_SEGMENT_MAX;
/// A state's text: a million members, each with a long hash and a long mail.
pub const COPY_NOTE_MAX: u64 = 512 << 20;
/// How long a node may take to add up a file for another one: the largest, from a slow disk.
pub const COPY_SUM_WAIT: Duration = Duration::from_secs(30);
/// Bytes for the broker that have to be gone before a node answers the next question about its files: two windows.
pub const COPY_UNSENT_MAX: usize = 2 * COPY_UNDER_WAY * COPY_BLOCK;
/// How long a node that is asked nothing keeps a file open, and a state in memory.
pub const COPY_IDLE: Duration = Duration::from_secs(10);

/// By how many messages a stream that is made again begins after what the node of its history has recorded of the lost one:
/// more than any node can have applied in the minute since, or in a million of them. So a node that still runs sees a gap
/// and stops, and does not take messages of the new stream for its own one's.
pub const STREAM_GAP: u64 = 1_000_000_000_000;

// A batch has room for the longest line.
const _: () = assert!(BATCH_HEAD_MAX + BATCH_LINE_MAX <= BATCH_MAX);
// Members can read for a while before a node that stands alone is cut off, and come in within ten seconds.
const _: () = assert!(ALONE_AFTER.as_secs() + GATE_ASK_AGAIN.as_secs() < 10);
// A node is shown as long as its members may not know that it is cut off.
const _: () = assert!(HERE_FORGOTTEN.as_secs() >= CUT_OFF_AFTER.as_secs());
const _: () = assert!(HERE_SILENT.as_secs() >= 3 * HERE_EVERY.as_secs());
const NEW_DEVICE_MAX: usize = MAIL_MAX + 1 + DEVICE_MAX + 1 + SEQ_DIGITS_MAX + 1 + TIME_LEN + 1;
const _: () = assert!(GATE_MAILS_MAX * (MAIL_MAX + 1 + NEW_DEVICE_MAX) + BATCH_HEAD_MAX <= PLACES_MESSAGE);
// Before a node is cut off, its logins have ended the start of another that is silent, if the quorum is there.
const _: () = assert!(GATE_SILENT.as_secs() + BATCH_RESEND.as_secs() < CUT_OFF_AFTER.as_secs());
// Five nodes with all that they may have under way, sent once and again.
const _: () = assert!(SUMS_KEPT > 5 * BATCHES_UNDER_WAY_MAX);
// An idle node that is cut off has sent a probe, and has sent it again, before it says so.
const _: () = assert!(PROBE_AFTER.as_secs() + 2 * BATCH_RESEND.as_secs() < CUT_OFF_AFTER.as_secs());
