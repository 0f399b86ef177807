//! Who gets in: places, passwords, tokens.

use std::time::Duration;

/// Connections from one address (IPv4, or the first 64 bits of IPv6). A company or a proxy with one address fits, but
/// no address takes all places of a large server.
pub const CONNECTIONS_PER_ADDRESS_DEFAULT: usize = 10_000;
/// Connections on which nobody has logged in, or which have left and wait for acknowledgements. One more evicts the
/// oldest from the address with the most, so that many may be connected while a member's login is under way. All of a
/// group of 20,000 may log in at once; many more places would serve only others.
pub const CONNECTIONS_BEFORE_LOGIN_DEFAULT: usize = 20_000;
/// Members' commands, and likewise passwords typed into the file, that wait for the hash thread: half a minute at 25 ms
/// each.
pub const HASH_QUEUE_MAX: usize = 1024;
/// Logins that wait for it, some hundred bytes each: as many as can be checked while the last one still waits
/// ([`CLIENT_LOGIN_WAIT`](super::CLIENT_LOGIN_WAIT)). A member at the same address as a flood should wait rather than
/// be refused.
pub const LOGINS_WAITING_MAX: usize = 4096;
/// How often at most a full queue is swept of logins whose connections are closed, which takes a millisecond.
pub const HASH_QUEUE_SWEEP_EVERY: Duration = Duration::from_millis(250);
/// Commands (PASSWD, ADD) that go before a waiting login: a member who keeps the thread busy with them keeps nobody
/// out.
pub const HASH_COMMANDS_IN_A_ROW: u32 = 8;
/// Logins that go before a waiting password from members.txt: an edit has to count within two seconds, and so many take
/// a fifth of one.
pub const HASH_LOGINS_PER_FILE: u32 = 8;
/// How much later the next password from an address is checked after one was wrong: long enough to make guessing
/// tedious, short enough for a typing mistake.
pub const GUESS_DELAY_MIN: Duration = Duration::from_secs(2);
/// The same after several wrong ones. A right password from the same address waits this long and then for its turn: 15
/// seconds together, even while fifty addresses guess, unless many mails are guessed at from the same address.
pub const GUESS_DELAY_MAX: Duration = Duration::from_secs(12);
/// How long until a wrong password is forgiven, and the next one from the address is checked at once.
pub const GUESS_FORGIVEN: Duration = Duration::from_secs(15);
/// How long after that the address still has its turns among the guessers.
pub const GUESSER_KNOWN: Duration = Duration::from_secs(15 * 60);
/// Addresses whose wrong passwords are remembered, 50 bytes each: more than can be hashed in [`GUESSER_KNOWN`].
pub const GUESSERS_MAX: usize = 50_000;
/// How long a token is good. A device that connects once a month never needs the password again.
pub const TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long an invitation is good: whoever looks at their mail once a week finds it in time.
pub const INVITE_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long it is remembered whose invitations have ended: a day longer than any of them is good, because the clocks of
/// those who make and take them differ.
pub const ENDS_KEPT_FOR: Duration = Duration::from_secs(8 * 24 * 60 * 60);
/// How many of these ends are remembered, some hundred bytes each. With more in eight days, older invitations end, too.
pub const ENDS_MAX: usize = 10_000;
/// Argon2id memory of the hashes that we make, in KiB. With [`ARGON2_PASSES`] and [`ARGON2_LANES`] it is what OWASP's
/// Password Storage Cheat Sheet asks for at least, and some 25 ms of the hash thread.
pub const ARGON2_MEMORY_KIB: u32 = 19 << 10;
/// Their Argon2id passes.
pub const ARGON2_PASSES: u32 = 2;
/// Their Argon2id lanes.
pub const ARGON2_LANES: u32 = 1;
/// Argon2id memory that a PHC string may require, in KiB. An admin gives it, but our only hash thread pays for it.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 256 << 10;
/// Argon2id passes that a PHC string may require.
pub const ARGON2_PASSES_MAX: u32 = 16;
/// Argon2id memory × passes that a PHC string may require: ten times our own. Somebody who guesses at that member keeps
/// the thread busy for everybody. A hash keeps the cost that it was made with until the password changes.
pub const ARGON2_KIB_PASSES_MAX: u32 = 10 * ARGON2_MEMORY_KIB * ARGON2_PASSES;
/// Argon2id lanes that a PHC string may require.
pub const ARGON2_LANES_MAX: u32 = 16;
/// A PHC string with less memory × passes is accepted with a warning: half of our own.
pub const ARGON2_WEAK_KIB_PASSES: u32 = ARGON2_MEMORY_KIB * ARGON2_PASSES / 2;
