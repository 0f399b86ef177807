//! A thousand edits of members.txt by hand while commands change it: in the end the file holds exactly what
//! was acknowledged and what was edited.
//!
//! Each round an editor reads the file, changes of the server are under way, and the editor saves, at some moment
//! before, within or after the replacement: in place, truncating first, or by renaming. An editor that renames
//! its copy over a file that was replaced after it read it undoes what lay between; it looks at what it put away,
//! and the oracle does without just that.

#[path = "common/members_file.rs"]
mod members_file;

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use chat_room::room::{Change, SaveError};
use chat_room::server::members::file::{Timing, read_at_start};
use members_file::{FAST, MembersThread, add, phc, remove, reset};
use rustix::fs::{CWD, RenameFlags, renameat_with};

const ROUNDS: usize = 1000;

/// Marsaglia's xorshift: the same rounds every time, but for the moments.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).expect("below a usize")
    }

    /// Lets up to so many microseconds pass, without giving the processor away.
    fn spin(&mut self, bound: usize) {
        let end = Instant::now() + Duration::from_micros(self.below(bound) as u64);
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    }
}

/// How many microseconds a change takes on this disk.
fn replacement_takes(thread: &mut MembersThread) -> usize {
    let start = Instant::now();
    for number in 0..20 {
        assert_eq!(thread.change(reset("a@x", number)), Ok(()));
    }
    usize::try_from(start.elapsed().as_micros() / 20).expect("not for ever")
}

/// How an editor saves.
#[derive(Clone, Copy, Debug)]
enum Save {
    InPlace,
    Truncating,
    Renaming,
}

/// A change of the server, and the line it brings or takes.
struct Asked {
    change: Change,
    gone: Option<String>,
    new: Option<String>,
}

impl Asked {
    fn is_in(&self, lines: &[String]) -> bool {
        let has = |line: &String| lines.contains(line);
        self.gone.as_ref().is_none_or(|line| !has(line)) && self.new.as_ref().is_none_or(has)
    }
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

/// Up to three changes of different members, each of whom was added by a command.
fn changes(random: &mut Random, round: usize, expected: &[String]) -> Vec<Asked> {
    let mut members: Vec<&String> = expected.iter().filter(|line| line.starts_with('c')).collect();
    let mut asked = Vec::new();
    for nth in 0..=random.below(3) {
        let number = 3 * round + nth;
        let kind = if members.len() < 5 { 0 } else { random.below(3) };
        if kind == 0 {
            let who = format!("c{number}@x");
            let line = format!("{who} {}", phc(number));
            asked.push(Asked { change: add(&who, number), gone: None, new: Some(line) });
            continue;
        }
        let line = members.swap_remove(random.below(members.len()));
        let (who, _) = line.split_once(' ').expect("mail and hash");
        let gone = Some(line.clone());
        asked.push(match kind {
            1 => Asked { change: remove(who), gone, new: None },
            _ => Asked { change: reset(who, number), gone, new: Some(format!("{who} {}", phc(number))) },
        });
    }
    asked
}

/// An edit by hand: a line more, or one of those by hand less.
fn edit(random: &mut Random, round: usize, before: &str) -> (String, Option<String>, Option<String>) {
    let mut lines: Vec<&str> = before.lines().collect();
    let by_hand: Vec<usize> =
        (0..lines.len()).filter(|&at| lines[at].starts_with("# ") || lines[at].starts_with('h')).collect();
    let new = match random.below(3) {
        0 => format!("# edit {round}"),
        _ => format!("h{round}@x \t secret{round}"),
    };
    if by_hand.len() > 10 {
        let gone = lines.remove(by_hand[random.below(by_hand.len())]).to_owned();
        return (lines.join("\n") + "\n", Some(gone), None);
    }
    lines.insert(random.below(lines.len() + 1), &new);
    let text = lines.join("\n") + "\n";
    (text, None, Some(new))
}

/// Saves in place, through the descriptor by which the file was read. Gives the time from the first change to
/// the last.
fn write_in_place(random: &mut Random, file: &File, text: &str, truncating: bool) -> Duration {
    let start = Instant::now();
    if truncating {
        file.set_len(0).expect("truncated");
        random.spin(600);
    }
    let (first, second) = text.as_bytes().split_at(random.below(text.len()));
    file.write_all_at(first, 0).expect("written");
    random.spin(300);
    file.write_all_at(second, first.len() as u64).expect("written");
    file.set_len(text.len() as u64).expect("cut");
    start.elapsed()
}

/// Puts a copy in the file's place, and gives what stood there.
fn rename_over(path: &Path, text: &str) -> String {
    let copy = path.with_extension("swp");
    fs::write(&copy, text).expect("written");
    renameat_with(CWD, &copy, CWD, path, RenameFlags::EXCHANGE).expect("exchanged");
    let out = fs::read_to_string(&copy).expect("read");
    fs::remove_file(&copy).expect("removed");
    out
}

#[test]
fn nothing_is_lost_between_a_thousand_edits_and_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("members.txt");
    fs::write(&path, "# the group\na@x secret admin\n").expect("written");
    // Rounds are short, and not more than MEMBERS_OLD_MAX replaced files are watched at a time.
    let timing = Timing { old_watch: Duration::from_millis(100), ..FAST };
    let mut thread = MembersThread::open(&path, timing);
    // The edit of the round before may still have to settle.
    let takes = replacement_takes(&mut thread) + 5000;
    let mut expected = lines(&fs::read_to_string(&path).expect("read"));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    // That the rounds are worth something: how many saved late, and how many undid something.
    let (mut late, mut undone, mut failed) = (0, 0, 0);
    // Where the machine stopped the editor in the midst of its save for about the settling time, half a save
    // was one, and nobody can say what should stand there; nor where it held the file for about as long as a
    // replaced one is watched. Such a round does not count.
    let mut slow = 0;
    let mut round = 0;
    while round < ROUNDS + slow {
        round += 1;
        let save = [Save::InPlace, Save::Truncating, Save::Renaming][random.below(3)];
        let asked = changes(&mut random, round, &expected);
        let ask = |thread: &MembersThread| {
            for (ticket, asked) in asked.iter().enumerate() {
                thread.ask(ticket, asked.change.clone());
            }
        };
        let read_first = random.below(2) == 0;
        if !read_first {
            ask(&thread);
            random.spin(takes);
        }
        let opened = Instant::now();
        let mut file = fs::OpenOptions::new().read(true).write(true).open(&path).expect("the file");
        let mut before = String::new();
        file.read_to_string(&mut before).expect("read");
        let (text, gone, new) = edit(&mut random, round, &before);
        if read_first {
            ask(&thread);
        }
        random.spin(takes);
        let mut took = Duration::ZERO;
        let out = match save {
            Save::Renaming => rename_over(&path, &text),
            Save::InPlace | Save::Truncating => {
                took = write_in_place(&mut random, &file, &text, matches!(save, Save::Truncating));
                let ino = |meta: fs::Metadata| meta.ino();
                late += usize::from(file.metadata().map(ino).ok() != fs::metadata(&path).map(ino).ok());
                before.clone()
            }
        };
        let held = opened.elapsed();
        let (before, out) = (lines(&before), lines(&out));
        expected.retain(|line| Some(line) != gone.as_ref());
        expected.extend(new);
        let mut answers = thread.answers(asked.len());
        answers.sort_by_key(|(ticket, _)| *ticket);
        if 2 * took > timing.settle || 2 * held > timing.old_watch {
            slow += 1;
            assert!(slow < ROUNDS, "the machine is too busy for this test");
            std::thread::sleep(2 * timing.old_watch);
            let whole = fs::read_to_string(&path).expect("read");
            assert!(read_at_start(&path).is_ok(), "round {round}, {save:?}, slow: {whole}");
            expected = lines(&whole);
            continue;
        }
        for (asked, (_, result)) in asked.iter().zip(answers) {
            match result {
                Ok(()) if asked.is_in(&out) && !asked.is_in(&before) => undone += 1,
                Ok(()) => {
                    expected.retain(|line| Some(line) != asked.gone.as_ref());
                    expected.extend(asked.new.clone());
                }
                Err(SaveError::Storage(_)) => failed += 1,
                Err(refused) => panic!("round {round}, {save:?}: {refused:?}"),
            }
        }
        expected.sort();
        let start = Instant::now();
        loop {
            let found = lines(&fs::read_to_string(&path).expect("read"));
            if found == expected {
                break;
            }
            if start.elapsed() > Duration::from_secs(30) {
                let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
                let more: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
                panic!("round {round}, {save:?}: missing {missing:?}, too much {more:?}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let roster = read_at_start(&path).expect("no mistake").roster();
    thread.until("the last edit", |thread| thread.roster == roster);
    members_file::until_alone(&path);
    assert!(late > 0 && undone > 0, "late {late}, undone {undone}, failed {failed}");
    assert!(failed < ROUNDS / 10, "late {late}, undone {undone}, failed {failed}");
}
