//! The start of a history whose files hold whatever they hold. What was good before the first bad line is kept, what
//! is cut lies aside, nothing bad is taken for good, and a second start finds nothing to do.
//!
//! An input is a folder: `===` and a name, then what is in that file.
//!
//! Longer than 350 lines: the model of a start is as long as the start.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chat_room::protocol::{DisplayName, Event, EventLine, Mail, Seq, Time, Title};
use chat_room::room::{Delivered, Pos};
use chat_room::server::log::local::{Membership, Opened, Problem, Whose, check as check_all, open};

use crate::engine::{Seen, Target, fuzz};
use crate::store::{SMALL, lines};

type Folder = BTreeMap<String, Vec<u8>>;

fn unpacked(input: &[u8]) -> Folder {
    let mut folder = Folder::new();
    let mut rest = input;
    while let Some(at) = rest.windows(3).position(|mark| mark == b"===") {
        let entry = &rest[at + 3..];
        let end = entry.windows(3).position(|mark| mark == b"===").unwrap_or(entry.len());
        let (name, bytes) =
            entry[..end].split_at(entry[..end].iter().position(|&b| b == b'\n').unwrap_or(end));
        let plain = |name: &&str| {
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
            plain && !name.starts_with('.') && (1..40).contains(&name.len()) && *name != "lock"
        };
        if let Some(name) = std::str::from_utf8(name).ok().filter(plain) {
            folder.insert(name.to_owned(), bytes.strip_prefix(b"\n").unwrap_or(bytes).to_vec());
        }
        rest = &entry[end..];
    }
    folder
}

fn read_back(dir: &Path) -> Folder {
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry"));
    let files = entries.map(|entry| {
        (entry.file_name().into_string().expect("a plain name"), fs::read(entry.path()).expect("a file"))
    });
    files.filter(|(name, _)| name != "lock").collect()
}

fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(".new").is_some()
}

/// The number in the name of a file of the transcript.
fn first_of(name: &str) -> Option<u64> {
    let first: u64 = name.strip_suffix(".txt")?.parse().ok()?;
    (first > 0 && format!("{first:012}.txt") == name).then_some(first)
}

/// How far a file is good, and where the numbers and times are then.
fn good(bytes: &[u8], first: u64, after: Time) -> (usize, u64, Time) {
    let (mut len, mut next, mut last) = (0, first, after);
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let event = line.strip_suffix(b"\n").and_then(EventLine::parse);
        match event.filter(|event| event.seq.0 == next) {
            Some(event) => (len, next, last) = (len + line.len(), next + 1, event.time),
            None => break,
        }
    }
    (len, next, last)
}

/// What can be said of a folder without opening it.
struct Model {
    /// Its files by their first numbers.
    files: Vec<(u64, String)>,
    /// The good bytes of the last segment, and the number after them.
    good: usize,
    next: u64,
    /// All files are good from one end to the other, but for the end of the last one.
    is_whole: bool,
    /// The highest number that a small file speaks of, and whether those that have to can be read.
    snapshot: u64,
    told: u64,
    small_are_good: bool,
    /// There is no `id`: a start makes it a new history, and records about events that are not here do not count.
    is_renewed: bool,
}

fn text(folder: &Folder, name: &str) -> Option<String> {
    folder.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// What `delivered` says, and whether all of it counts.
fn delivered(folder: &Folder) -> Vec<Delivered> {
    let text = text(folder, "delivered").unwrap_or_default();
    let mut entries: Vec<Delivered> = Vec::new();
    for entry in text.split_inclusive('\n').filter_map(|line| Delivered::parse(line.strip_suffix('\n')?)) {
        entries.retain(|other| (&other.mail, &other.device) != (&entry.mail, &entry.device));
        entries.push(entry);
    }
    entries
}

/// Whether `ended` can be read beside a snapshot of this event; one that knows less than that is not.
fn ends_are_good(folder: &Folder, snapshot: u64) -> bool {
    let Some(text) = text(folder, "ended") else { return true };
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
    let mut lines = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let (known, since) = match lines.next().as_deref() {
        Some([known, since]) => (number(Some(known)), number(Some(since))),
        _ => return false,
    };
    let (Some(known), Some(mut last)) = (known, since) else { return false };
    known < snapshot
        || lines.all(|words| match words[..] {
            [seq, time, mail] => {
                let seq = number(Some(seq)).filter(|seq| *seq >= last);
                last = seq.unwrap_or(last);
                seq.is_some() && Time::parse(time).is_some() && Mail::parse(mail.as_bytes()).is_ok()
            }
            _ => false,
        })
}

fn model(folder: &Folder) -> Model {
    let mut files: Vec<(u64, String)> =
        folder.keys().filter_map(|name| Some((first_of(name)?, name.clone()))).collect();
    files.sort_unstable();
    let (mut is_whole, mut time, mut found) = (true, Time::default(), (0, 1));
    for (at, (first, name)) in files.iter().enumerate() {
        let bytes = &folder[name];
        is_whole &= at == 0 || found.1 == *first;
        let (len, next, last) = good(bytes, *first, time);
        if at + 1 < files.len() {
            is_whole &= len == bytes.len() && len > 0;
            // Of an older file only the ends are looked at.
            let line = bytes.strip_suffix(b"\n").and_then(|bytes| bytes.rsplit(|&b| b == b'\n').next());
            time = line.and_then(EventLine::parse).map_or(last, |event| event.time);
        }
        found = (len, next);
    }
    // A new history begins with a new one.
    let id = text(folder, "id").filter(|_| !files.is_empty());
    let is_renewed = id.is_none();
    let id_is_good = id.is_none_or(|id| {
        let digits = id.trim_end();
        digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    });
    let mut members = text(folder, "members").map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    if files.is_empty() {
        members = None;
    }
    let snapshot = members.as_ref().map(|lines| lines.first().and_then(|line| line.parse::<u64>().ok()));
    let entries_are_good = members.iter().flatten().skip(1).all(|line| {
        if ["announce on", "announce off"].contains(&line.as_str()) {
            return true;
        }
        if let Some(title) = line.strip_prefix("title ") {
            return Title::kept(title.as_bytes()).is_some();
        }
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let seq = words.get(1).and_then(|seq| seq.parse::<u64>().ok());
        Mail::parse(words[0].as_bytes()).is_ok()
            && seq <= snapshot.flatten()
            && seq.is_some()
            && words.get(2).is_none_or(|role| ["admin", "member"].contains(role))
            && words.get(3).is_none_or(|name| DisplayName::kept(name.as_bytes()).is_some())
    });
    let ends_are_good = snapshot.flatten().is_none_or(|snapshot| ends_are_good(folder, snapshot));
    let key_is_good = text(folder, "key").is_none_or(|key| {
        let key = key.trim_end();
        key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit())
    });
    let told = delivered(folder).iter().map(|entry| entry.seq.0).max().filter(|_| !files.is_empty());
    Model {
        good: found.0,
        next: found.1,
        is_whole,
        snapshot: snapshot.flatten().unwrap_or(0),
        told: told.unwrap_or(0),
        is_renewed,
        small_are_good: key_is_good
            && id_is_good
            && snapshot != Some(None)
            && entries_are_good
            && ends_are_good,
        files,
    }
}

/// Whether it has to open. `None`: damage inside of older files may be found, or not.
fn opens(folder: &Folder, model: &Model) -> Option<bool> {
    if !model.small_are_good {
        return Some(false);
    }
    let Some((_, name)) = model.files.last() else { return Some(true) };
    let len = folder[name].len();
    let clean_says = text(folder, "clean").unwrap_or_default();
    if model.good < len && !clean_says.is_empty() {
        return Some(false);
    }
    let then = clean_says.strip_suffix('\n').and_then(|text| {
        let (name, len) = text.split_once(' ')?;
        Some((first_of(name)?, len.parse::<usize>().ok()?))
    });
    let was_longer = then.is_some_and(|then| then > (model.files[model.files.len() - 1].0, len));
    if was_longer && !model.is_renewed {
        return Some(false);
    }
    if !model.is_renewed && model.next <= model.snapshot.max(model.told) {
        return Some(false);
    }
    model.is_whole.then_some(true)
}

/// All but what a start may change: `clean`, what was left unfinished, an `id` that was not there, a smaller
/// `delivered`, and the end of the last file with what is kept aside of it.
fn assert_kept(before: &Folder, after: &Folder, model: &Model) {
    let last = model.files.last().map(|(_, name)| name);
    for (name, bytes) in before {
        match after.get(name) {
            _ if name == "clean" || is_unfinished(name) => {}
            _ if model.files.is_empty() && ["members", "ended", "delivered", "id"].contains(&&name[..]) => {}
            Some(_)
                if ["members", "ended"].contains(&&name[..])
                    && model.is_renewed
                    && model.next <= model.snapshot => {}
            None => panic!("{name} is gone"),
            Some(_) if name == "delivered" => {}
            Some(now) if Some(name) == last => {
                assert!(now == bytes || *now == bytes[..model.good], "{name}: what was good is kept");
                let torn = &bytes[now.len()..];
                let aside = after.iter().any(|(name, kept)| {
                    name.starts_with(&format!("torn-{}", model.next))
                        && !before.contains_key(name)
                        && kept == torn
                });
                assert!(torn.is_empty() || aside, "{name}: what was cut is kept aside");
            }
            Some(now) => assert!(now == bytes, "{name} is another"),
        }
    }
    let new = after.keys().filter(|name| !before.contains_key(*name));
    let aside = new.clone().filter(|name| name.starts_with("torn-")).count();
    assert!(aside <= 1);
    for name in new {
        let made = name == "id" || name.starts_with("torn-") || model.files.is_empty() && name == "000000000001.txt"
            // The snapshot was shortened, and this comes with it.
            || name == "ended" && model.is_renewed && model.next <= model.snapshot;
        assert!(made, "{name} is new");
    }
}

/// What the opening says, in a form that can be compared.
fn told(opened: &Opened) -> String {
    let Opened { id, last_time, tail, snapshot, membership, delivered, segments, .. } = opened;
    let kept = segments.kept();
    format!("{id} {kept:?} {last_time} {tail:?} {snapshot:?} {membership:?} {delivered:?}")
}

fn assert_opened(before: &Folder, after: &Folder, model: &Model, opened: &Opened) {
    let oldest = model.files.first().map_or(1, |(first, _)| *first);
    assert_eq!(opened.segments.kept(), (Seq(oldest), Seq(model.next - 1)));
    assert!(
        model.is_renewed || model.snapshot.max(model.told) <= opened.tail.last.0,
        "what was recorded is there"
    );
    let mut whole = Vec::new();
    for name in after.keys().filter(|name| first_of(name).is_some()) {
        whole.extend_from_slice(&after[name]);
    }
    if let Some((_, name)) = model.files.last() {
        assert!(after[name] == before[name][..model.good], "nothing bad is taken for good");
    }
    assert!(
        opened.tail.bytes == whole && opened.tail.base == Pos(0) && opened.tail.last == Seq(model.next - 1)
    );
    assert!(!after.contains_key("clean") && !after.keys().any(|name| is_unfinished(name)));
    if !model.files.is_empty() {
        let mut here = delivered(before);
        for place in &mut here {
            place.seq = place.seq.min(opened.tail.last);
        }
        assert_eq!(opened.delivered, here);
    }
    if model.is_whole {
        let lines = whole.split(|&b| b == b'\n').filter_map(EventLine::parse);
        let later = lines.filter(|line| line.seq.0 > model.snapshot);
        let changes = later.filter_map(|EventLine { seq, time, event }| match event {
            Event::Msg { .. } => None,
            change => {
                Some(Membership { seq, time, event: change.into_change().expect("it changes the group") })
            }
        });
        assert_eq!(opened.membership, changes.collect::<Vec<_>>());
    }
}

fn assert_readable(told: &str, seen: &mut Seen) {
    assert!(!told.contains(char::is_control), "{told:?}");
    let words = told.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2);
    seen.mark(words.take(12).map(str::to_owned).collect::<Vec<_>>());
}

fn check(dir: &Path, input: &[u8], seen: &mut Seen) {
    let before = unpacked(input);
    if dir.exists() {
        fs::remove_dir_all(dir).expect("ours");
    }
    fs::create_dir(dir).expect("a folder");
    for (name, bytes) in &before {
        fs::write(dir.join(name), bytes).expect("written");
    }
    let model = model(&before);
    let checked = check_all(dir, SMALL.window, Whose::OneServers);
    let expected = opens(&before, &model);
    let opened = open(dir, &SMALL);
    let after = read_back(dir);
    assert_kept(&before, &after, &model);
    if let Some(expected) = expected {
        assert_eq!(opened.is_ok(), expected, "{:?}", opened.err());
    }
    seen.mark((
        model.files.len().min(4),
        model.is_whole,
        opened.is_ok(),
        checked.warnings.len().min(3),
        expected,
    ));
    assert_eq!(checked.mistakes.is_empty(), opened.is_ok(), "a start and --check agree: {checked:?}");
    match opened {
        Err(Problem(told)) => {
            assert_readable(&told, seen);
            let Err(Problem(again)) = open(dir, &SMALL) else { panic!("refused once: {told}") };
            assert_eq!(again, told, "refused for the same reason");
        }
        Ok(opened) => {
            assert_opened(&before, &after, &model, &opened);
            seen.mark((opened.delivered.len().min(3), opened.membership.len().min(3), model.good.min(1)));
            let first = told(&opened);
            drop(opened);
            let opened = open(dir, &SMALL).expect("what was mended is good");
            assert_eq!(told(&opened), first, "a second start finds the same");
            assert!(read_back(dir) == after, "and nothing to do");
            drop(opened);
            let again = check_all(dir, SMALL.window, Whose::OneServers);
            assert!(again.mistakes.is_empty() && (model.is_whole || !again.warnings.is_empty()), "{again:?}");
        }
    }
    for Problem(told) in checked.mistakes.iter().chain(&checked.warnings) {
        assert_readable(told, seen);
    }
}

/// Where files cost no disk.
fn scratch() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    let made = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
    made.expect("a folder")
}

#[test]
fn fuzz_recovery() {
    let id = &b"===id\n0123abcd\n"[..];
    let one = [b"===000000000001.txt\n", &lines(1, 12)[..]].concat();
    let two = [&one[..], b"===000000000013.txt\n", &lines(13, 9)].concat();
    let small = b"===members\n10\nann@x 1\nbob@x 10\n===delivered\nann@x 3 2026-01-02T03:04:05.678Z\n\
        bob@x/laptop 11 2026-01-02T03:04:05.678Z\nann@x 12 2026-01-02T03:04:06.678Z\n";
    let clean = format!("===clean\n000000000001.txt {}\n", lines(1, 12).len());
    let seeds = vec![
        [id, &one].concat(),
        [id, &one[..one.len() - 9]].concat(),
        [id, &b"===000000000001.txt\n"[..], &lines(1, 7), clean.as_bytes()].concat(),
        [id, &two, small].concat(),
        [id, &one, small, clean.as_bytes()].concat(),
        [id, &two[..two.len() - 30], b"===torn-21\n?===members.new\n7"].concat(),
        [id, &two, b"===000000000022.txt\n"].concat(),
        // Numbers end somewhere.
        b"===id\n0123abcd\n===18446744073709551615.txt\nMSG 18446744073709551615 2026-01-02T03:04:05.678Z ann@x x\n".to_vec(),
        [id, &two, b"===members\n10\ntitle The  Choir\nannounce on\nann@x 1 admin Ann  A.\nbob@x 10 member\n"].concat(),
        [id, &two, small, b"===ended\n10 4\n5 2026-01-02T03:04:05.678Z eve@x\n7 2026-01-02T03:04:05.678Z kim@x\n"].concat(),
        b"===members\n7\n===delivered\nann@x 3 2026-01-02T03:04:05.678Z\n".to_vec(),
    ];
    let words = &[
        "===",
        "===id\n",
        "===clean\n",
        "===members\n",
        "===delivered\n",
        "===ended\n",
        "12 0\n",
        "===000000000001.txt\n",
        "===000000000013.txt\n",
        "===torn-13\n",
        "===000000000001.txt.new\n",
        "MSG ",
        "ADDED ",
        "REMOVED ",
        "PROMOTED ",
        "NAMED ",
        "admin Ann  A.",
        "TITLED ",
        "title The Choir\n",
        "announce on\n",
        "ann@x",
        "/laptop",
        "- ",
        "\n",
        " ",
        "2026-01-02T03:04:05.678Z",
        "\0\0\0\0\0\0\0\0",
        "MSG 13 2026-01-02T03:04:06.678Z ann@x hi\n",
        "ADDED 13 2026-01-02T03:04:06.678Z - bob@x\n",
    ];
    let folder = scratch();
    let dir = folder.path().join("history");
    let target = Target { name: "recovery", seeds, words, runs: 1_500, len_max: 8192 };
    fuzz(&target, |input, seen| check(&dir, input, seen));
}
