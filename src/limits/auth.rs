//! Who gets in: places, passwords, tokens.

use std::time::Duration;

/// Connections from one address (IPv4, or the first 64 bits of IPv6). A company behind one office address fits, or
/// a group behind a proxy; one address does not take all places of a large server.
pub const CONNECTIONS_PER_ADDRESS_DEFAULT: usize = 10_000;
/// Connections on which nobody has logged in, or from which somebody has left. With one more the oldest from the address with the most gives way: so
/// many may come while somebody's line is on its way. All of a group of 20,000 may be on their way at once, and many more
/// would only be places for strangers.
pub const CONNECTIONS_BEFORE_LOGIN_DEFAULT: usize = 20_000;
/// Jobs of members' commands, and of passwords typed into the file, waiting for the hash thread: at 25 ms a job half a
/// minute.
pub const HASH_QUEUE_MAX: usize = 1024;
/// Logins waiting for it, some hundred bytes each: as many as are checked while the last of them still waits
/// ([`CLIENT_LOGIN_WAIT`](super::CLIENT_LOGIN_WAIT)). Whoever is behind the same address as a flood should wait rather than be refused.
pub const LOGINS_WAITING_MAX: usize = 4096;
/// How often at most it is looked who of those in a full queue is gone: that takes a millisecond.
pub const HASH_QUEUE_SWEEP_EVERY: Duration = Duration::from_millis(250);
/// Commands of members (PASSWD, ADD) that go before a login, where both wait: a member who asks for nothing but
/// hashes keeps nobody out.
pub const HASH_COMMANDS_IN_A_ROW: u32 = 8;
/// Logins that go before a password typed into members.txt, where both wait: an edit counts within two seconds,
/// and that many take a fifth of one.
pub const HASH_LOGINS_PER_FILE: u32 = 8;
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
/// How long a token lets in. Who comes once a month never types the password again.
pub const TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
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
