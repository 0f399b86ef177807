//! FIND in files and in memory: in segments that come and go beside a naive search, and over real sockets.

mod common;
#[path = "common/store.rs"]
mod store;

use std::fs;

use chat_room::limits::{FIND_LINES_MAX, FIND_SLICE};
use chat_room::protocol::{Seq, Text};
use chat_room::room::{Found, KnownGroup, Search};
use chat_room::server::log::local::{MembersSnapshot, Searcher, Settings};
use common::server::{GROUP, Server, members_txt};
use common::talk::Talk;
use store::{SMALL, Store, age, files, line, lines};

fn search(text: &str, first: u64, end: u64) -> Search {
    Search::new(Text::parse(text.as_bytes()).expect("a text"), Seq(first), Seq(end))
}

/// The messages among these lines that hold the text, the oldest first.
fn naive(text: &str, first: u64, end: u64) -> Vec<u64> {
    let holds = |seq: &u64| {
        let line = line(*seq);
        let text_of = line.splitn(5, |&b| b == b' ').nth(4).expect("five words");
        line.starts_with(b"MSG ") && String::from_utf8_lossy(text_of).to_lowercase().contains(text)
    };
    (first..end).filter(holds).collect()
}

fn seqs(found: &[Found]) -> Vec<u64> {
    found.iter().map(|found| found.seq.0).collect()
}

#[test]
fn in_segments_as_a_naive_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &Settings { segment_max: 3000, ..SMALL });
    for _ in 0..100 {
        assert_eq!(store.append(7), Ok(()));
    }
    assert!(files(folder.path()).len() > 10);
    let whole = lines(1, 700);
    let mut searcher = Searcher::new(store.segments.clone());
    for (text, first, end) in [
        ("77", 1, 701),
        ("X X", 1, 701),
        ("xxxx", 5, 650),
        ("x", 690, 701),
        ("1", 300, 301),
        ("absent", 1, 701),
    ] {
        let mut all = naive(&text.to_lowercase(), first, end);
        let mut before = Some(end);
        while let Some(end) = before {
            let mut search = search(text, first, end);
            while !search.is_over() {
                searcher.go_on(&mut search, 1).expect("read");
            }
            let (found, more) = search.into_found();
            let page = all.split_off(all.len().saturating_sub(FIND_LINES_MAX));
            assert_eq!(seqs(&found), page, "{text}");
            for Found { seq, start, end } in found {
                let place = usize::try_from(start.0).expect("small")..usize::try_from(end.0).expect("small");
                assert_eq!(whole[place], line(seq.0));
            }
            before = more.map(|more| more.0);
        }
        assert_eq!(all, [0; 0], "{text}");
    }
}

/// What is dropped in the middle of a search is not found, and all that is kept is.
#[test]
fn while_files_are_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &Settings { keep_days: Some(30), ..SMALL });
    let mut searcher = Searcher::new(store.segments.clone());
    let mut dropped = 0;
    for round in 1..=40 {
        store.append_each(12);
        age(folder.path());
        let end = store.last.0 + 1;
        let mut search = search(&format!("{round} x"), 1, end);
        searcher.go_on(&mut search, 1).expect("read");
        store
            .snapshot(MembersSnapshot { seq: Seq(end - 6), group: KnownGroup::default() })
            .expect("recorded");
        let mut before = None;
        while !search.is_over() && before != search.rest() {
            dropped += usize::from(store.dropped.take().is_some());
            before = search.rest();
            searcher.go_on(&mut search, 1).expect("read");
            // The writer looks again whether a file is old.
            store.append_each(1);
        }
        let name = files(folder.path())[0].file_stem().expect("a name").to_owned();
        let first: u64 = name.to_str().and_then(|name| name.parse().ok()).expect("a number");
        let found = seqs(&search.into_found().0);
        let expected = naive(&format!("{round} x"), 1, end);
        assert!(found.iter().all(|seq| expected.contains(seq)), "{round}: {found:?}");
        assert!(expected.iter().all(|seq| found.contains(seq) || *seq < first), "{round}: {found:?}");
    }
    assert!(dropped > 5, "{dropped} were dropped");
}

#[test]
fn damage_is_told_by_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    store.append_each(40);
    let file = files(folder.path()).remove(1);
    let len = fs::read(&file).expect("read").len();
    fs::write(&file, vec![b'x'; len]).expect("written");
    let mut search = search("absent", 1, 41);
    let mut searcher = Searcher::new(store.segments.clone());
    let problem = loop {
        if let Err(problem) = searcher.go_on(&mut search, 1) {
            break problem;
        }
    };
    let name = file.file_name().and_then(|name| name.to_str()).expect("a plain name");
    assert!(problem.0.contains(name) && problem.0.contains("see --check"), "{}", problem.0);
}

/// Everything that is said before and after a restart, with files and with memory alone.
const LUNCH: &str = "
    ann:
    bob:
    ann> MSG Lunch at one?
    ann< OK MSG 1 <time>
    bob< MSG 1 …
    bob> MSG Über das LUNCHPAKET
    bob< OK MSG 2 <time>
    ann< MSG 2 …
    ann> FIND lunch
    ann< FOUND 2
    ann< MSG 1 <time> ann@x Lunch at one?
    ann< MSG 2 <time> bob@x Über das LUNCHPAKET
    ann< OK FIND 2
    ann> FIND BEFORE 2 LUNCH
    ann< FOUND 1
    ann< MSG 1 <time> ann@x Lunch at one?
    ann< OK FIND 1
    ann> FIND üBER
    ann< FOUND 1
    ann< MSG 2 <time> bob@x Über das LUNCHPAKET
    ann< OK FIND 1
    ann> FIND ann@x
    ann< OK FIND 0
    ann=
";

#[test]
fn over_a_socket() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--history", "none"]));
    talk.play(LUNCH);
    let mut talk = Talk::with(Server::start());
    talk.play(LUNCH);
    // What is in the files alone.
    let mut talk = Talk::with(talk.server.again());
    talk.play(
        "
        eve>> LOGIN eve@x/- eve-secret\\nFIND LUNCH\\nFIND lunch at\\nPING\\n
        eve< OK LOGIN …
        eve< FOUND 2
        eve< MSG 1 …
        eve< MSG 2 …
        eve< OK FIND 2
        eve< FOUND 1
        eve< MSG 1 …
        eve< OK FIND 1
        eve< OK PING
        ",
    );
}

/// More than memory holds, and more than one part of a search: what is found is far apart.
#[test]
fn in_much_that_was_said() {
    let folder = common::server::folder_with(&members_txt(&GROUP));
    fs::create_dir(folder.path().join("history")).expect("a folder");
    let needle = |seq: u64| if seq % 50_000 == 7 { "NEEDLE" } else { "hay" };
    let line =
        |seq| format!("MSG {seq} 2026-01-02T03:04:05.678Z ann@x {} {seq} is what she said\n", needle(seq));
    let history: String = (1..=300_000).map(line).collect();
    assert!(history.len() > 2 * FIND_SLICE);
    fs::write(folder.path().join("history/000000000001.txt"), history).expect("written");
    let mut talk = Talk::with(Server::in_folder(folder, &["--window", "1M"]));
    talk.play(
        "
        ann> LOGIN ann@x/- ann-secret
        ann< OK LOGIN …
        ann> FIND Needle
        ann< FOUND 6
        ann< MSG 7 …
        ann< MSG 50007 …
        ann< MSG 100007 …
        ann< MSG 150007 …
        ann< MSG 200007 …
        ann< MSG 250007 <time> ann@x NEEDLE 250007 is what she said
        ann< OK FIND 6
        ann> FIND BEFORE 200000 HAY 1
        ann< FOUND 20
        ",
    );
    let peer = talk.peer("ann");
    for seq in 199_980..=199_999 {
        peer.expect(&format!("MSG {seq} …"));
    }
    peer.expect("OK FIND 20 more=199980");
}
