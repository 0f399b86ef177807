//! The history's files: what was stored is there, what was torn is cut, what is damaged is named.

#[path = "common/store.rs"]
mod store;

use chat_room::protocol::Seq;
use chat_room::room::Pos;
use chat_room::server::history::{AppendResult, Settings, check};
use store::{SMALL, Store, files, line, lines, look, whole};

#[test]
fn what_was_stored_is_there_after_every_way_to_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = &folder.path().join("history");
    let mut store = Store::open(dir, &Settings::default());
    let id = store.id;
    assert_eq!((store.last, store.end), (Seq(0), Pos(0)));
    for (count, clean) in [(3, true), (1, false), (40, true), (5, false)] {
        assert_eq!(store.append(count), AppendResult::Stored);
        let last = store.last;
        if clean {
            store.close().expect("closed");
        } else {
            store.kill();
        }
        store = Store::open(dir, &Settings::default());
        assert_eq!((store.id, store.last), (id, last));
        assert_eq!(store.end, Pos(whole(dir).len() as u64));
    }
    assert_eq!(whole(dir), lines(1, 49));
    assert_eq!(check(dir).expect("no problem").last, Seq(49));
}

#[test]
fn files_follow_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let mut store = Store::open(dir, &SMALL);
    store.append_each(100);
    assert!(files(dir).len() > 10);
    assert_eq!(whole(dir), lines(1, 100));
    let block = store.block(0);
    assert_eq!((block.start, block.first_line), (Pos(0), Seq(1)));
    assert_eq!(block.bytes, lines(1, 100));
    let mut at = 0;
    for seq in 1..=101 {
        assert_eq!(store.locate(seq), Ok(Pos(at)), "{seq}");
        at += line(seq).len() as u64;
    }
    store.close().expect("closed");
    let opened = look(dir, &SMALL).expect("a history");
    assert_eq!((opened.first, opened.last), (Seq(1), Seq(100)));
    assert_eq!((opened.tail.base, &opened.tail.bytes), (Pos(0), &lines(1, 100)));
    assert_eq!(opened.membership.len(), 10);
}
