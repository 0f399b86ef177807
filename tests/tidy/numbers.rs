//! The numbers in the documents are those of src/limits/.

use chat_room::limits::{
    ACKNOWLEDGED_LOOK, AHEAD_MAX, BLOCK_CACHE_MAX, BURST_DEFAULT, CLOCK_LEAD_MAX,
    CONNECTIONS_BEFORE_LOGIN_DEFAULT, CONNECTIONS_PER_ADDRESS_DEFAULT, CONNECTIONS_PER_MEMBER_DEFAULT,
    DESCRIPTOR_RESERVE, DEVICE_MAX, DEVICES_PER_MEMBER_MAX, DISK_FIRST, FIND_BLOCK, FIND_LINES_MAX,
    FIND_SLICE, FIND_TIME_MAX, GUESS_DELAY_MAX, GUESS_DELAY_MIN, GUESS_FORGIVEN, HASH_QUEUE_MAX,
    HISTORY_BLOCK, HISTORY_LINES_DEFAULT, HISTORY_LINES_MAX, HISTORY_QUEUE_MAX, HISTORY_SEGMENT_MAX,
    KEEPALIVE_RETRIES, LINE_MAX_DEFAULT, LINE_OVERHEAD, LINGER, LIST_COST, LOG_QUEUE_MAX,
    LOGIN_TIMEOUT_DEFAULT, LOGINS_WAITING_MAX, MAIL_MAX, MEMBERS_QUEUE_MAX, METRICS_PEER, METRICS_PEERS,
    OWED_PAUSE, PAGE_BYTES_MAX, PAGE_LINES_MAX, PASSWORD_MAX, PASSWORD_MIN, PEER_SILENT, PEER_STUCK,
    RATE_DEFAULT, SLICE, TERMINAL_LINE, TIME_LEN, TOKEN_LIFE, TOKEN_MAX, TRIES_MAX, TYPED_PER_EXCHANGE,
    VERB_MAX, WINDOW_DEFAULT, WRITE_CATCHING_UP,
};

use crate::{nothing_wrong, read};

/// Small numbers as they stand in a sentence.
fn word(number: u64) -> &'static str {
    const WORDS: [&str; 11] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS[usize::try_from(number).expect("a small number")]
}

/// `4096` as `4,096`.
fn thousands(number: usize) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Phrases that a document has to have.
fn phrases() -> Vec<(&'static str, Vec<String>)> {
    vec![
        (
            "PROTOCOL.md",
            vec![
                format!("at most {MAIL_MAX} bytes, one @"),
                format!("1 to {DEVICE_MAX} of A-Z"),
                format!("{PASSWORD_MIN} to {PASSWORD_MAX} bytes of UTF-8"),
                format!("at most {TOKEN_MAX} of them"),
                format!("always {TIME_LEN} characters"),
                format!("`max-line` bytes ({LINE_MAX_DEFAULT}, unless"),
                format!("`max-line` + {LINE_OVERHEAD}"),
                format!("a line of exactly {TERMINAL_LINE} bytes"),
                format!("for {} days", TOKEN_LIFE.as_secs() / 86_400),
                format!("{} seconds after connecting", LOGIN_TIMEOUT_DEFAULT.as_secs()),
                format!("remembers {DEVICES_PER_MEMBER_MAX} named devices"),
                format!("can have {CONNECTIONS_PER_MEMBER_DEFAULT} connections at once"),
                format!(
                    "after {} seconds, then 4, 8, at most {}",
                    GUESS_DELAY_MIN.as_secs(),
                    GUESS_DELAY_MAX.as_secs()
                ),
                format!("forgotten after {} seconds", GUESS_FORGIVEN.as_secs()),
                format!("At most {LOGINS_WAITING_MAX} logins wait"),
                format!("{HASH_QUEUE_MAX} other passwords, or {MEMBERS_QUEUE_MAX} changes of members.txt"),
                format!("{} wrong passwords on this connection", word(TRIES_MAX.into())),
                format!("at most {PAGE_LINES_MAX} lines, and at most {PAGE_BYTES_MAX} bytes"),
                format!("the last {HISTORY_LINES_DEFAULT} events"),
                format!("At most {HISTORY_LINES_MAX} events"),
                format!("At most {FIND_LINES_MAX} messages"),
                format!("the search had taken {} seconds", word(FIND_TIME_MAX.as_secs())),
                format!("at most {VERB_MAX} ASCII letters"),
                format!("The server checks every {} seconds", word(ACKNOWLEDGED_LOOK.as_secs())),
                format!("in memory, {} MiB", WINDOW_DEFAULT / MIB),
                format!("answers nothing at all for {} minutes", PEER_SILENT.as_secs() / 60),
                format!("takes no new byte for {} minutes", PEER_STUCK.as_secs() / 60),
                format!("when {} probes in a row", word(KEEPALIVE_RETRIES.into())),
                format!("owed {} KiB of them", OWED_PAUSE / KIB),
                format!("send {RATE_DEFAULT} lines a second, and {BURST_DEFAULT} at once"),
                format!("and PASSWD count as {}.", word(LIST_COST.into())),
            ],
        ),
        (
            "ARCHITECTURE.md",
            vec![
                format!("in memory: {} MiB", WINDOW_DEFAULT / MIB),
                format!(
                    "2 {MEMBERS_QUEUE_MAX} {HISTORY_QUEUE_MAX} {HISTORY_QUEUE_MAX} {HISTORY_QUEUE_MAX} {}",
                    thousands(LOG_QUEUE_MAX)
                ),
                format!("more than {} KiB (one write) ahead", AHEAD_MAX / KIB),
                format!("is stored, {} ms at most", DISK_FIRST.as_millis()),
                format!("a block: {} KiB of the files", HISTORY_BLOCK / KIB),
                format!("{BLOCK_CACHE_MAX} blocks are kept"),
                format!("transcript's end, {} MiB at a time", FIND_SLICE / MIB),
                format!("reads blocks of {} KiB", FIND_BLOCK / KIB),
                format!("they get {} KiB a write", WRITE_CATCHING_UP / KIB),
                format!("segments of {} MiB", HISTORY_SEGMENT_MAX >> 20),
                format!("up to {TYPED_PER_EXCHANGE} of them go into the file"),
                (if SLICE.as_micros() == 500 { "After half a millisecond of writes" } else { "?" })
                    .to_owned(),
                (if LINGER.as_secs() == 1 { "a second: what still comes is read" } else { "?" }).to_owned(),
                (if CLOCK_LEAD_MAX.as_secs() == 60 { "at most a minute ahead" } else { "?" }).to_owned(),
            ],
        ),
        (
            "docs/operating.md",
            vec![
                format!("reserves {DESCRIPTOR_RESERVE} for itself"),
                format!(
                    "At most {} connections may be waiting to log in",
                    thousands(CONNECTIONS_BEFORE_LOGIN_DEFAULT)
                ),
                format!("A request has {} seconds to arrive", word(METRICS_PEER.as_secs())),
                format!("at most {} connections may be without one", word(METRICS_PEERS as u64)),
                format!("at {} MiB a new one begins", HISTORY_SEGMENT_MAX >> 20),
                format!("{DEVICES_PER_MEMBER_MAX} named devices are remembered"),
                format!("| `{CONNECTIONS_PER_ADDRESS_DEFAULT}` | connections from one"),
            ],
        ),
    ]
}

/// Phrases that a text lacks, however its lines are broken.
fn lacking(text: &str, phrases: &[String]) -> Vec<String> {
    let flat: Vec<&str> = text.split_whitespace().collect();
    let flat = flat.join(" ");
    phrases.iter().filter(|phrase| !flat.contains(*phrase)).cloned().collect()
}

#[test]
fn the_numbers_are_those_of_the_limits() {
    for (name, phrases) in phrases() {
        let complain = |phrase| format!("{name} does not say: {phrase}");
        nothing_wrong(lacking(&read(name), &phrases).into_iter().map(complain));
    }
    let phrases = ["at most 3 bytes".to_owned(), "at most 4 bytes".to_owned()];
    assert_eq!(lacking("at most\n  3 bytes", &phrases), ["at most 4 bytes"]);
    assert_eq!((thousands(4096), thousands(20_000), word(3)), ("4,096".into(), "20,000".into(), "three"));
}
