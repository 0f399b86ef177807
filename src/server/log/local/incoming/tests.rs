//! Whatever is killed after whatever step, the next start has a good history and goes on.

use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::protocol::Mail;
use crate::room::KnownGroup;
use crate::server::log::local::segments::first_of_segment;
use crate::server::log::local::{Settings, Whose, open_as, read_small};

/// Files of events, by the numbers of their first ones.
type Files = BTreeMap<u64, String>;

fn event(number: u64) -> String {
    format!("MSG {number} 2026-01-02T03:04:05.678Z ann@x text {number}\n")
}

/// Three of the other node's: up to event 4, up to 9, and up to 11.
fn theirs() -> Files {
    [(3, 3..5), (5, 5..10), (10, 10..12)].map(|(first, events)| (first, events.map(event).collect())).into()
}

fn events_in(folder: &Path) -> Files {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").file_name());
    let firsts = names.filter_map(|name| first_of_segment(name.to_str().expect("text")));
    let read = |first: Seq| fs::read_to_string(folder.join(segment_name(first))).expect("text");
    firsts.map(|first| (first.0, read(first))).collect()
}

fn write(folder: &Path, files: &Files) {
    for (first, text) in files {
        fs::write(folder.join(segment_name(Seq(*first))), text).expect("written");
    }
}

fn opened(folder: &Path) -> Opened {
    open_as(folder, &Settings::default(), Whose::ANodes).expect("a good history")
}

fn incoming(folder: &Path, opened: &Opened) -> Incoming {
    let (first, last) = opened.segments.kept();
    let base = (last >= first).then(|| opened.segments.lock().with(last).first);
    Incoming::open(folder, base.map(|base| [base, last.next()])).expect("a folder")
}

/// Gets what is missing.
fn complete(incoming: &mut Incoming, opened: &Opened) {
    let theirs = theirs();
    let (first, last) = opened.segments.kept();
    let base = (last >= first).then(|| opened.segments.lock().with(last));
    for (first, text) in &theirs {
        let has = incoming.files().iter().any(|file| file.first.0 == *first && file.len == text.len() as u64);
        let is_own = base.is_some_and(|base| {
            base.first.0 > *first || base.first.0 == *first && base.len() == text.len() as u64
        });
        if has || is_own {
            continue;
        }
        if incoming.last().is_none_or(|last| last.first.0 != *first) {
            match base.filter(|base| base.first.0 == *first) {
                Some(base) => incoming.begin_with_own(base.first, base.len(), base.next).expect("copied"),
                None => incoming.begin(Seq(*first)).expect("made"),
            }
        }
        let here = usize::try_from(incoming.last().expect("it was begun").len).expect("it fits");
        incoming.append(&text.as_bytes()[here..]).expect("written");
        incoming.verify().expect("synced").expect("good lines");
    }
}

const KEY: [u8; 32] = [7; 32];

fn with() -> Adopted<'static> {
    let mail = Mail::parse(b"ann@x").expect("a mail");
    let members = MembersSnapshot { seq: Seq(11), group: KnownGroup::of([(mail, Seq(0))]) };
    Adopted { id: 0x0a0b_0c0d, key: &KEY, members, applied: b"a note" }
}

/// The steps are taken up to each of them, by a process that is killed then.
fn check(own: &Files) {
    for killed_after in 0.. {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        if !own.is_empty() {
            write(path, own);
            fs::write(path.join("id"), "0a0b0c0d\n").expect("written");
        }
        let history = opened(path);
        let mut copied = incoming(path, &history);
        complete(&mut copied, &history);
        let (first, last) = history.segments.kept();
        let steps = copied.steps((last < first).then_some(first));
        let is_whole = killed_after == steps.len();
        for step in steps.into_iter().take(killed_after) {
            copied.take(step, &with()).expect("taken");
        }
        drop((history, copied));

        // The next start.
        let history = opened(path);
        let all: String = theirs().into_values().collect();
        let (older, here): (Files, Files) = events_in(path).into_iter().partition(|(first, _)| *first < 3);
        let here: String = here.into_values().collect();
        assert!(
            all.starts_with(&here),
            "{killed_after} of {own:?}: a part of it is there, from its first event on"
        );
        assert!(older.values().all(|text| own.values().any(|own| own == text) || text.is_empty()));
        assert!(here.is_empty() || history.id == 0x0a0b_0c0d, "{killed_after}: of another transcript");
        assert!(here == all || !has_note(path), "{killed_after}: the note comes last");
        let mut copied = incoming(path, &history);
        complete(&mut copied, &history);
        copied.adopt(history, &with()).expect("adopted");
        let history = opened(path);
        assert_eq!((history.id, history.tail.last), (0x0a0b_0c0d, Seq(11)));
        let mut files = own.clone();
        files.extend(theirs());
        assert_eq!(events_in(path), files);
        assert_eq!(state::read_key(&Folder::new(path)).expect("a key").as_deref(), Some(&KEY));
        assert!(!path.join(INCOMING).exists());
        if is_whole {
            return;
        }
    }
}

fn has_note(path: &Path) -> bool {
    read_small(path, "applied").expect("read").is_some()
}

#[test]
fn a_kill_after_any_step_leaves_a_good_history() {
    check(&Files::new());
    // It has older ones, and ends at the end of a file, within one, or with one that was just begun.
    let own = |files: &[(u64, std::ops::Range<u64>)]| -> Files {
        files.iter().map(|(first, events)| (*first, events.clone().map(event).collect())).collect()
    };
    check(&own(&[(1, 1..3), (3, 3..5)]));
    check(&own(&[(1, 1..3), (3, 3..5), (5, 5..7)]));
    check(&own(&[(1, 1..3), (3, 3..5), (5, 5..10), (10, 10..10)]));
}

#[test]
fn what_an_earlier_process_has_left_is_continued_as_far_as_it_is_good() {
    let check = |begins: Option<[u64; 2]>, left: &[(u64, &str)], expected: &[(u64, u64, u64)]| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join(INCOMING)).expect("a folder");
        let left = left.iter().map(|(first, text)| (*first, (*text).to_owned())).collect();
        write(&folder.path().join(INCOMING), &left);
        let incoming = Incoming::open(folder.path(), begins.map(|begins| begins.map(Seq))).expect("a folder");
        let kept = incoming.files().iter().map(|file| (file.first.0, file.len, file.next.0));
        assert_eq!(kept.collect::<Vec<_>>(), expected, "{left:?}");
        let kept: Vec<_> = events_in(&folder.path().join(INCOMING))
            .into_iter()
            .map(|(first, text)| (first, text.len() as u64))
            .collect();
        assert_eq!(kept, expected.iter().map(|(first, len, _)| (*first, *len)).collect::<Vec<_>>());
    };
    let (one, two): (String, String) = ((3..5).map(event).collect(), (5..7).map(event).collect());
    let (one_len, two_len, line) = (one.len() as u64, two.len() as u64, event(5).len() as u64);
    let torn = &two[..two.len() - 3];
    check(None, &[], &[]);
    check(None, &[(3, &one), (5, &two)], &[(3, one_len, 5), (5, two_len, 7)]);
    check(None, &[(3, &one), (5, torn)], &[(3, one_len, 5), (5, line, 6)]);
    check(None, &[(3, &one), (5, "")], &[(3, one_len, 5), (5, 0, 5)]);
    // After a bad line, or a hole, nothing counts.
    check(None, &[(3, &one[..event(3).len() + 5]), (5, &two)], &[(3, line, 4)]);
    check(None, &[(3, &one), (6, &two)], &[(3, one_len, 5)]);
    check(None, &[(3, &one), (5, "\0\0\0\0"), (6, &two)], &[(3, one_len, 5), (5, 0, 5)]);
    // It continues the history that is here now.
    check(Some([3, 5]), &[(3, &one), (5, &two)], &[(3, one_len, 5), (5, two_len, 7)]);
    check(Some([3, 5]), &[(5, &two)], &[(5, two_len, 7)]);
    check(Some([1, 3]), &[(5, &two)], &[]);
}

#[test]
fn a_file_with_a_bad_line_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut incoming = Incoming::open(folder.path(), None).expect("a folder");
    for first in [3, 4] {
        incoming.begin(Seq(first)).expect("made");
        incoming.append(event(first).as_bytes()).expect("written");
        assert_eq!(incoming.verify().expect("synced"), Ok(()));
    }
    incoming.append(event(6).as_bytes()).expect("written");
    let bad = Err("line 2 of 000000000004.txt: this is event 6, and 5 belongs here".to_owned());
    assert_eq!(incoming.verify().expect("synced"), bad);
    let last = incoming.last().map(|last| (last.first, last.next));
    assert_eq!(last, Some((Seq(3), Seq(4))));
    incoming.begin(Seq(4)).expect("made again");
    incoming.clear().expect("removed");
    assert!(incoming.last().is_none() && incoming.segments().is_none());
    Incoming::discard(folder.path()).expect("removed");
    assert!(!folder.path().join(INCOMING).exists());
}
