//! What a line and its words may be.

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
/// A token as text: ours have 32 characters, those of another version may be longer.
pub const TOKEN_MAX: usize = 128;
/// `ERR` repeats the verb if it is at most this long; longer words are no verbs.
pub const VERB_MAX: usize = 16;
/// The digits of `u64::MAX`.
pub const SEQ_DIGITS_MAX: usize = 20;
/// `2026-01-02T03:04:05.678Z`.
pub const TIME_LEN: usize = 24;
