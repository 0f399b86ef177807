//! Every limit and every default, each with its reason, and assertions between them.
//!
//! Sizes are bytes, times are [`Duration`]s, unless a name says otherwise.

use std::time::Duration;

/// Where the server listens and the client connects, unless told otherwise. Loopback: plain text is for
/// this machine; 7667 is free in IANA's registry and near IRC's 6667.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:7667";

/// What a terminal of Linux hands on of a longer line (`N_TTY_BUF_SIZE` less one), its LF not counted. Also through
/// rlwrap, which has one inside. Nothing tells it from a line that is just as long, so no line of this length is taken.
pub const TERMINAL_LINE: usize = 4095;
/// A command line with its end (LF or CR LF). A long paragraph fits; what a terminal has cut is one byte too long.
/// Also the smallest `--max-line`: every command with its longest arguments must fit.
pub const LINE_MAX_DEFAULT: usize = TERMINAL_LINE;
/// The largest `--max-line`: one line must stay small beside the window and beside a turn's reading.
pub const LINE_MAX_CEILING: usize = 65536;
/// How much longer than a command line a server line may be: verb, number, time and mail come before the text.
pub const LINE_OVERHEAD: usize = 320;

/// A mail address: RFC 5321 section 4.5.3.1.3 (a path of 256 less its angle brackets).
pub const MAIL_MAX: usize = 254;
/// A device's name: long enough for a host name, short enough for a column.
pub const DEVICE_MAX: usize = 32;
/// Below six bytes a password is a guess.
pub const PASSWORD_MIN: usize = 6;
/// Hashing time does not depend on it, reading it does.
pub const PASSWORD_MAX: usize = 1024;
/// So far the last event's time may be ahead of the clock, and is kept: more than a clock that is kept right is ever
/// corrected by at once. A greater lead is a clock that was wrong.
pub const CLOCK_LEAD_MAX: Duration = Duration::from_secs(60);
/// 2026-01-01 in milliseconds since 1970: before this program was written. A clock that says less was never set, and
/// proves nothing about other times.
pub const CLOCK_EPOCH: u64 = 1_767_225_600_000;
/// How long a token lets in. Who comes once a month never types the password again.
pub const TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A token as text: ours have 32 characters, those of another version may be longer.
pub const TOKEN_MAX: usize = 128;
/// `ERR` repeats the verb if it is at most this long; longer words are no verbs.
pub const VERB_MAX: usize = 16;
/// The digits of `u64::MAX`.
pub const SEQ_DIGITS_MAX: usize = 20;
/// `2026-01-02T03:04:05.678Z`.
pub const TIME_LEN: usize = 24;

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

/// Named devices of one member. A person has five; a script may have some more.
pub const DEVICES_PER_MEMBER_MAX: usize = 16;
/// How often what the peers' kernels have acknowledged is asked for, and noted. What is lost of it is delivered
/// once more.
pub const ACKNOWLEDGED_LOOK: Duration = Duration::from_secs(2);
/// How long the loop asks in one turn: a part of what it may write in it, so that many connections with bytes on their way
/// are not asked so often that they are sent nothing.
pub const ACKNOWLEDGED_SLICE: Duration = Duration::from_micros(250);
/// Connections of a member asked when one more logs in: a person has few.
pub const ACKNOWLEDGED_PER_LOGIN: usize = 16;
/// Bytes appended to `delivered` until it is written anew, whatever its size.
pub const DELIVERED_SLACK: usize = 256 << 10;
/// And as many times its size after the last time on top: in a busy group every connected device has a new place
/// every two seconds, so that of what is written most is out of date, and a start reads all of it.
pub const DELIVERED_GROWTH: usize = 8;
/// How often the members are noted beside the history: the files before the note may be dropped.
pub const MEMBERS_NOTE: Duration = Duration::from_secs(600);

/// Wrong passwords (LOGIN, PASSWD) that end a connection.
pub const TRIES_MAX: u8 = 3;
/// Time from connecting to being logged in, the server's own queueing not counted.
pub const LOGIN_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

/// Strangers whose time is over that are cut in one turn. They were accepted many at once, and those inside are not to
/// wait behind all of their last words: at 30 microseconds each.
pub const TIMEOUTS_PER_TURN: usize = 16;

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
/// Event bytes that a flood may be ahead of the pass over the receivers: one write for each of them. With two, the
/// second comes so soon after the first that the peer has not read that one yet, and the kernel learns from this that
/// the peer is slow: BBR then paces what it is sent.
pub const AHEAD_MAX: usize = WRITE_MAX - (8 << 10);
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

/// The kernel's send buffer per connection. Linux doubles it for its own bookkeeping.
pub const SEND_BUFFER: usize = 128 << 10;
/// Connections the kernel completes before we accept them: as many as it takes, which `net.core.somaxconn` says (4096 since
/// Linux 5.4). Whoever raises that wants it to count. Old kernels keep 16 bits of it.
pub const BACKLOG: i32 = 65535;
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
/// Connections at most, whatever the limit of descriptors: where there is none, a container often has 2^30 of them,
/// and the tables are made for all that may come.
pub const CONNECTIONS_MAX: usize = 1 << 20;
/// Descriptors for which the kernel makes room before the first connection, 8 bytes each.
pub const DESCRIPTORS_AHEAD: usize = 1 << 16;
/// Descriptors kept free of connections: standard streams, poll, waker, signals, listener, files, and the strangers
/// who are put out in a turn.
pub const DESCRIPTOR_RESERVE: usize = 64;
/// Strangers put out in one turn for newcomers when no place is left, half of them by each listener: both are here until
/// its end, and those inside do not wait behind the last words of more.
pub const EVICTIONS_PER_TURN: usize = 8;
/// Connections from one address (IPv4, or the first 64 bits of IPv6). A company behind one office address fits, or
/// a group behind a proxy; one address does not take all places of a large server.
pub const CONNECTIONS_PER_ADDRESS_DEFAULT: usize = 10_000;
/// Connections on which nobody has logged in, or from which somebody has left. With one more the oldest from the address with the most gives way: so
/// many may come while somebody's line is on its way. All of a group of 20,000 may be on their way at once, and many more
/// would only be places for strangers.
pub const CONNECTIONS_BEFORE_LOGIN_DEFAULT: usize = 20_000;
/// How long accepting pauses when there is no descriptor left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// TCP keepalive: the shortest silence after which a peer's kernel is probed. With the longest times an idle peer that
/// vanished is noticed after 4 min + 8 × 20 s.
pub const KEEPALIVE_IDLE_MIN: Duration = Duration::from_secs(120);
/// The longest: each connection has a time of its own in between, so that the probes of 20,000 who fell silent together are
/// 160 a second. But the kernel's timers are as coarse as they are long, beyond 131 seconds 16 (with 250 ticks a second,
/// kernel/time/timer.c): then 2,600 leave at once, and of those a loopback interface drops 1,600.
pub const KEEPALIVE_IDLE_MAX: Duration = Duration::from_secs(240);
/// Between keepalive probes, at least.
pub const KEEPALIVE_INTERVAL_MIN: Duration = Duration::from_secs(10);
/// And at most: probes that were dropped together are repeated apart, by timers that are fine enough for it. With up to 40
/// seconds some were in step with the first probes of others, which go before them: 32 of 19,000 were lost.
pub const KEEPALIVE_INTERVAL_MAX: Duration = Duration::from_secs(20);
/// Unanswered probes until the connection is given up: some may be dropped, so many in a row are not.
pub const KEEPALIVE_RETRIES: u32 = 8;
/// After our FIN, and with a device when all has arrived: how long we read and drop what the peer still sends, so that its
/// kernel does not answer our last words with a reset.
pub const LINGER: Duration = Duration::from_secs(1);
/// With bytes outstanding: how long a peer's kernel may answer nothing at all. The kernel's own patience
/// (`tcp_retries2`) is 15 minutes.
pub const PEER_SILENT: Duration = Duration::from_secs(5 * 60);
/// With bytes outstanding: how long a peer whose kernel answers may take no new byte. A stopped
/// program may be resumed, a pager left open be scrolled.
pub const PEER_STUCK: Duration = Duration::from_secs(60 * 60);

/// How long the loop works on TLS handshakes before it does something else, and at least on one: a flood of hellos
/// shares the loop with those inside. One takes 0.16 ms with an elliptic key, milliseconds with a large RSA key.
pub const HANDSHAKES_SLICE: Duration = Duration::from_millis(1);
/// Handshakes that wait for that; further newcomers with TLS wait in the kernel's queue. Accepting is cheaper than a
/// handshake, and a flood of hellos would take all places. Also how many are accepted in one turn.
pub const HANDSHAKES_WAITING_MAX: usize = 64;
/// Bytes a peer may send before its handshake is done. A hello with everything in it has two or three thousand,
/// rustls would take 64 KiB.
pub const TLS_HANDSHAKE_MAX: usize = 16 << 10;
/// Plaintext encrypted at a time, one record. A peer that does not read costs as much.
pub const TLS_RECORD_MAX: usize = 16 << 10;
/// Records sent with TLS 1.2 until the connection ends: half of what AES-GCM allows with one key (RFC 8446 section
/// 5.5). TLS 1.3 changes keys in between.
pub const TLS12_RECORDS_MAX: u32 = 1 << 23;
/// Places remembered on the way from bytes acknowledged back to plaintext, per connection.
pub const TLS_CHECKPOINTS_MAX: usize = 16;
/// A certificate with its chain, or a key, as PEM: some KiB each.
pub const PEM_FILE_MAX: u64 = 1 << 20;
/// So long before a certificate ends it is told: who renews it by a program does so earlier, and has failed.
pub const CERTIFICATE_ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Or this part of its life, if that is less: there are certificates for six days.
pub const CERTIFICATE_ENDS_DIVISOR: u64 = 3;
/// A certificate is looked at so often in its life: four times in the part in which it is told that it ends.
pub const CERTIFICATE_LOOKS: u32 = 12;
/// At least so often: it may have been renewed without a word, and a warning once a day is read.
pub const CERTIFICATE_LOOK_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// And not more often: a look is two files and some milliseconds.
pub const CERTIFICATE_LOOK_MIN: Duration = Duration::from_secs(1);

/// A warning or an error that comes again within this time is not logged again, but counted.
pub const REPEATS_MINUTE: Duration = Duration::from_secs(60);
/// Of how many texts that is remembered. A broken disk has three or four.
pub const REPEATS_KEPT: usize = 32;
/// Lines in the log a second that tell of refused logins; more are counted. Enough to tell who guesses, and less than
/// a gigabyte a day.
pub const REFUSALS_LOGGED: u32 = 100;

/// Changes of members that one edit of members.txt writes to the log; more are counted. A quarter of what waits there for a
/// slow reader of the log, and a millisecond of the loop.
pub const CHANGES_LOGGED: usize = LOG_QUEUE_MAX / 4;

/// How often at most the service manager is told how things stand.
pub const NOTIFY_STATUS: Duration = Duration::from_secs(10);
/// How long it is waited for a service manager that does not take that the server is ready.
pub const NOTIFY_PATIENCE: Duration = Duration::from_secs(5);

/// A connection that is on its way out and takes nothing of what it is owed for this long is closed, and so is one that has
/// been sent all and acknowledges nothing more. Any line carries something in that time.
pub const LEAVING_PATIENCE: Duration = Duration::from_secs(60);

/// Jobs of members' commands, and of passwords typed into the file, waiting for the hash thread: at 25 ms a job half a
/// minute.
pub const HASH_QUEUE_MAX: usize = 1024;
/// Logins waiting for it, some hundred bytes each: as many as are checked while the last of them still waits
/// ([`CLIENT_LOGIN_WAIT`]). Whoever is behind the same address as a flood should wait rather than be refused.
pub const LOGINS_WAITING_MAX: usize = 4096;
/// How often at most it is looked who of those in a full queue is gone: that takes a millisecond.
pub const HASH_QUEUE_LOOK: Duration = Duration::from_millis(250);
/// After a wrong password: how much later the next one from that address is looked at. Long enough to make guessing
/// tedious, short enough for who has mistyped.
pub const GUESS_DELAY_MIN: Duration = Duration::from_secs(2);
/// After several. Whoever is behind the same address with a right password waits so long, and then for the turn: both
/// together 15 seconds, also while fifty addresses guess, if from that very address few mails are guessed at.
pub const GUESS_DELAY_MAX: Duration = Duration::from_secs(12);
/// A wrong password is forgiven after this long: the next one from there is looked at at once.
pub const GUESS_FORGIVEN: Duration = Duration::from_secs(15);
/// How long after that its address still has its turns among the guessers.
pub const GUESSER_KNOWN: Duration = Duration::from_secs(15 * 60);
/// Addresses whose wrong passwords are remembered, 50 bytes each: more than can be hashed in [`GUESSER_KNOWN`].
pub const GUESSERS_MAX: usize = 50_000;
/// Commands of members (PASSWD, ADD) that go before a login, where both wait: a member who asks for nothing but
/// hashes keeps nobody out.
pub const HASH_COMMANDS_IN_A_ROW: u32 = 8;
/// Logins that go before a password typed into members.txt, where both wait: an edit counts within two seconds,
/// and that many take a fifth of one.
pub const HASH_LOGINS_PER_FILE: u32 = 8;
/// Changes of members.txt waiting for its thread.
pub const MEMBERS_QUEUE_MAX: usize = 256;
/// Log lines waiting for a slow reader of the log; more are dropped and counted.
pub const LOG_QUEUE_MAX: usize = 4096;

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

/// Argon2id memory a PHC string may ask for, KiB. Typed by an admin, but paid by our one hash thread.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 256 << 10;
/// Argon2id passes a PHC string may ask for.
pub const ARGON2_PASSES_MAX: u32 = 16;
/// Argon2id memory × passes a PHC string may ask for: ten times our own cost. One thread hashes for everybody, and
/// who guesses at that member keeps it busy.
pub const ARGON2_KIB_PASSES_MAX: u32 = 10 * 2 * 19456;
/// Argon2id lanes a PHC string may ask for.
pub const ARGON2_LANES_MAX: u32 = 16;
/// Below this memory × passes a PHC string is accepted with a warning: half of our own cost.
pub const ARGON2_WEAK_KIB_PASSES: u32 = 19456;

/// A history file is followed by a new one at this size: large enough that a year is a folder one can look at,
/// small enough to be checked and copied at start in a fraction of a second.
pub const HISTORY_FILE_MAX: u64 = 64 << 20;
/// Bytes between two fdatasyncs of the history, so the most that a crash can tear, less the line it begins in.
/// What a flood may be ahead gathers during one fdatasync, and fits.
pub const HISTORY_SYNC_MAX: usize = 256 << 10;
/// Added to the nice value (sched(7)) of the thread that stores: ten times the loop's weight. An append has 0.1 ms of
/// work, and waits for 0.7 beside a loop that is never idle.
pub const NICE_DISK: i32 = -10;
/// To that of hashing and of the log: a tenth of the loop's weight.
pub const NICE_BACKGROUND: i32 = 10;
/// The unit in which history is read back: some hundreds of lines, a fraction of a send buffer.
pub const HISTORY_BLOCK: usize = 64 << 10;
/// Jobs waiting for the history's reader. One append is in flight at a time; notes of cursors come every two
/// seconds: the same is ample for the writer.
pub const HISTORY_QUEUE_MAX: usize = 64;
/// How long the history's reader keeps a file open that nobody asks for: `--keep-days` may have dropped it, and its
/// blocks are free when it is closed.
pub const HISTORY_READER_IDLE: Duration = Duration::from_secs(1);
/// After a start, and after the clock was set, no history file is dropped for so long: time to set a clock that is
/// wrong, by hand or over the network.
pub const HISTORY_DROP_REST: Duration = Duration::from_secs(10 * 60);
/// Then one in so long: 90 GiB a day, and who sees in the log that it is wrong has time to stop it.
pub const HISTORY_DROP_PAUSE: Duration = Duration::from_secs(60);

/// Shutting down: how long the transcript's end is still delivered.
pub const SHUTDOWN_DELIVER: Duration = Duration::from_secs(2);
/// Shutting down: how long a file job may take before the exit code says so.
pub const SHUTDOWN_FILES: Duration = Duration::from_secs(4);

/// The client: how long one address of the server may take to accept a connection.
pub const CLIENT_CONNECT_WAIT: Duration = Duration::from_secs(10);
/// The client: after so long the next address of a name is tried beside the one before, as RFC 8305 recommends.
pub const CLIENT_NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// The client: how long a server may take to greet, which it does at once.
pub const CLIENT_HELLO_WAIT: Duration = Duration::from_secs(10);
/// The client: how long a handshake and the greeting may take. Handshakes of 20,000 who come back together take their
/// server half a minute.
pub const CLIENT_TLS_WAIT: Duration = Duration::from_secs(30);
/// The client: bytes of a line that `send` splits into messages: sixteen of them. What is longer is no text for people.
pub const CLIENT_SEND_LINE_MAX: usize = 64 << 10;
/// The client: how long a login may take. A full queue of logins at the server takes 102 seconds, its delay
/// after wrong tries 12.
pub const CLIENT_LOGIN_WAIT: Duration = Duration::from_secs(120);
/// The client: lines sent and not answered yet. As many as the server takes in one turn; more would only wait there.
pub const CLIENT_OUTSTANDING_MAX: usize = LINES_PER_CONN_TURN;
/// The client: the first wait before it connects again; it doubles.
pub const CLIENT_RETRY_FIRST: Duration = Duration::from_secs(1);
/// The client: the longest wait before it connects again.
pub const CLIENT_RETRY_LONGEST: Duration = Duration::from_secs(60);
/// The client: after so long without a byte it sends PING, and after as long again the connection is given up.
pub const CLIENT_SILENCE: Duration = Duration::from_secs(30);
/// The client: how long a server that is asked to let it go may take.
pub const CLIENT_QUIT_WAIT: Duration = Duration::from_secs(5);
/// The client: bytes read before they are shown together.
pub const CLIENT_BATCH: usize = 64 << 10;
/// The client: bytes given to the terminal before it is noted which lines it has taken: what the kernel hands to a
/// terminal at once.
pub const CLIENT_PIECE: usize = 2048;
/// The client: so many lines are shown before what was missed, so that it is known what it is about: a screen of them.
pub const CLIENT_LEAD_IN: u64 = 20;
/// The client: so many missed events are shown without a question: some screens of them.
pub const CLIENT_MISSED_SHOWN: u64 = 300;
/// The client: so many lines of a paste are said without a question.
pub const CLIENT_PASTE_LINES: usize = 5;
/// The client: so long the rest of a key's sequence, or of a character, may take. Longer, and ESC was a key by itself.
pub const CLIENT_SEQUENCE_WAIT: Duration = Duration::from_millis(500);
/// The client: so long a paste that has begun may stand still. Its end may never come: the window was closed.
pub const CLIENT_PASTE_WAIT: Duration = Duration::from_secs(3);
/// The client: what follows a line within this time came with it: nobody types so fast.
pub const CLIENT_BURST_WAIT: Duration = Duration::from_millis(10);
/// The client: what follows several lines within this time came with them: a paste may come in pieces.
pub const CLIENT_BURST_LINES_WAIT: Duration = Duration::from_millis(100);
/// The client: bytes that are taken together if they come at once.
pub const CLIENT_BURST_MAX: usize = CLIENT_TYPED_MAX / 2;
/// The client: so long the rest of the word that answers a question, and its Enter, belong to the answer.
pub const CLIENT_ANSWER_REST: Duration = Duration::from_secs(1);
/// The client: nothing is written while the window's size has changed within this time. tmux tells of a change up to 250
/// ms late.
pub const CLIENT_RESIZE_QUIET: Duration = Duration::from_millis(300);
/// The client: but something is, after so long: a server that is silent for longer is given up.
pub const CLIENT_RESIZE_LONGEST: Duration = Duration::from_secs(10);
/// The client: how long it may take to end in order after a signal; then it ends. Its last line may wait for a terminal that
/// takes nothing.
pub const CLIENT_END_WAIT: Duration = Duration::from_secs(2);
/// The client: bytes of the line being typed, a paste's lines together.
pub const CLIENT_TYPED_MAX: usize = 256 << 10;
/// The client: typed lines that can be fetched back.
pub const CLIENT_TYPED_KEPT: usize = 500;
/// The client: printed lines kept to be printed again when that is asked for: more than a screen has.
pub const CLIENT_PRINTED_KEPT: usize = 200;
/// The client: own lines shown while they are not acknowledged; of more it shows how many.
pub const CLIENT_UNSAID_SHOWN: usize = 5;
/// The client: pages of MEMBERS asked for at login, to know which short names are unique. Of a larger group it
/// learns names as they come.
pub const CLIENT_NAME_PAGES: usize = 4;
/// The client: names known at a time.
pub const CLIENT_NAMES_MAX: usize = 10_000;

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
const _: () = assert!(8 * HISTORY_SYNC_MAX as u64 <= HISTORY_FILE_MAX);
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
