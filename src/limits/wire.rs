//! Lines and their parts.

/// Where the server listens and the client connects by default. Loopback, because plain text should not leave the
/// machine; 7667 is unassigned at IANA and near IRC's 6667.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:7667";
/// To how many bytes Linux's terminals cut a longer line, its LF not counted (`N_TTY_BUF_SIZE` less one); rlwrap does,
/// too, because it has a terminal inside. Such a line looks like one that just has this length, so no line of this
/// length is accepted.
pub const TERMINAL_LINE: usize = 4095;
/// A command line with its end (LF or CR LF). A long paragraph fits, and so does what a terminal passes on at most.
/// Also the smallest `--max-line`: every command with its longest arguments has to fit.
pub const LINE_MAX_DEFAULT: usize = TERMINAL_LINE + 1;
/// The largest `--max-line`: one line has to be small compared with the window, and with what a turn reads.
pub const LINE_MAX_CEILING: usize = 65536;
/// How much longer than a command line a server line may be: verb, number, time and mail come before the text.
pub const LINE_OVERHEAD: usize = 320;
/// A mail address: RFC 5321 section 4.5.3.1.3 (a path of 256 without its angle brackets).
pub const MAIL_MAX: usize = 254;
/// A device's name: long enough for a host name, short enough for a column.
pub const DEVICE_MAX: usize = 32;
/// A password shorter than six bytes is easily guessed.
pub const PASSWORD_MIN: usize = 6;
/// The time to hash a password does not depend on its length, the time to read it does.
pub const PASSWORD_MAX: usize = 1024;
/// A token as text: ours have 32 characters, those of another version may have more.
pub const TOKEN_MAX: usize = 128;
/// The word of an invitation as text: ours have 24 to 32 characters, those of another version may have more.
pub const INVITE_WORD_MAX: usize = 128;
/// A display name, in characters: the contract's.
pub const NAME_MAX: usize = 64;
/// Marks on one letter of a name: Vietnamese has two, Hebrew with cantillation four; more only paint over the lines around.
pub const NAME_MARKS_MAX: usize = 4;
/// What a name looks like, in bytes: 64 characters of any script, taken apart, and nearly all that are taken apart further.
pub const LOOK_MAX: usize = 1024;
/// `ERR` repeats a verb of at most this length; longer words are no verbs.
pub const VERB_MAX: usize = 16;
/// The digits of `u64::MAX`.
pub const SEQ_DIGITS_MAX: usize = 20;
/// `2026-01-02T03:04:05.678Z`.
pub const TIME_LEN: usize = 24;
