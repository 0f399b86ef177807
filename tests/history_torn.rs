//! What a crash can do to the last segment is repaired; any other damage is refused, with file and line.

#[path = "common/store.rs"]
mod store;

use std::fs;
use std::path::Path;

use chat_room::limits::HISTORY_SYNC_MAX;
use chat_room::protocol::Seq;
use chat_room::room::KnownGroup;
use chat_room::server::log::local::{MembersSnapshot, Settings};
use store::{SMALL, Store, check, files, line, lines, look, names, refused, whole};
use tempfile::TempDir;

/// A history of one file with these bytes, as after a crash.
fn crashed(bytes: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("id"), "0123abcd\n").expect("written");
    fs::write(folder.path().join("000000000001.txt"), bytes).expect("written");
    folder
}

/// A history of several small files, and how it ended.
fn several(clean: bool) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    store.append_each(30);
    if clean {
        store.close().expect("closed");
    } else {
        store.kill();
    }
    assert!(files(folder.path()).len() > 4);
    folder
}

/// Opens it, and goes on: `good` lines are left, and the rest is kept aside.
fn mended(dir: &Path, good: u64, torn: &[u8]) {
    let mut store = Store::open(dir, &SMALL);
    assert_eq!((store.id, store.last), (0x0123_abcd, Seq(good)));
    let aside = format!("torn-{}", good + 1);
    assert_eq!(names(dir).contains(&aside), !torn.is_empty());
    if !torn.is_empty() {
        assert!(fs::read(dir.join(aside)).expect("kept") == torn);
    }
    store.append_each(2);
    store.close().expect("closed");
    assert!(whole(dir) == lines(1, good + 2));
    assert_eq!(check(dir).expect("no problem").last, Seq(good + 2));
}

#[test]
fn cut_anywhere_in_the_last_two_lines() {
    let all = lines(1, 8);
    let (seventh, eighth) = (lines(1, 6).len(), lines(1, 7).len());
    for cut in seventh..=all.len() {
        let folder = crashed(&all[..cut]);
        let (good, from) = match cut {
            _ if cut == all.len() => (8, cut),
            _ if cut >= eighth => (7, eighth),
            _ => (6, seventh),
        };
        mended(folder.path(), good, &all[from..cut]);
    }
}

#[test]
fn a_torn_tail_of_any_kind() {
    let good = lines(1, 5);
    let tails = [
        vec![0],
        vec![0; 4096],
        vec![0; HISTORY_SYNC_MAX],
        // Pages that came in another order.
        [vec![0; 200], lines(8, 3)].concat(),
        [line(6)[..20].to_vec(), lines(7, 3)].concat(),
        line(7),
        line(5),
        b"\n".to_vec(),
        b"no event\n".to_vec(),
        vec![b'x'; 100_000],
        b"\xff\xfe\n".to_vec(),
    ];
    for torn in tails {
        mended(crashed(&[&good[..], &torn].concat()).path(), 5, &torn);
    }
    mended(crashed(b"").path(), 0, b"");
    mended(crashed(&line(1)[..9]).path(), 0, &line(1)[..9]);
}

#[test]
fn a_kept_torn_tail_is_never_overwritten() {
    let folder = crashed(&lines(1, 3));
    let file = folder.path().join("000000000001.txt");
    for torn in ["one", "two", "three"] {
        fs::write(&file, [&lines(1, 3)[..], torn.as_bytes()].concat()).expect("written");
        look(folder.path(), &SMALL).expect("mended");
    }
    let kept =
        ["torn-4", "torn-4.2", "torn-4.3"].map(|name| fs::read(folder.path().join(name)).expect("kept"));
    assert_eq!(kept, [&b"one"[..], b"two", b"three"]);
}

#[test]
fn earlier_damage_is_refused() {
    let mut bytes = lines(1, 80_000);
    assert!(bytes.len() > HISTORY_SYNC_MAX + 200_000);
    let at = lines(1, 16).len();
    bytes[at] = b'm';
    let folder = crashed(&bytes);
    let told = refused(folder.path(), &SMALL);
    assert!(told.contains("/000000000001.txt:17: this is no event; "), "{told}");
    assert!(whole(folder.path()) == bytes, "nothing was touched");
    let checked = check(folder.path()).expect_err("named").remove(0).0;
    assert_eq!(checked, told);
}

#[test]
fn after_a_clean_stop_nothing_can_be_torn() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    assert_eq!(store.append(3), Ok(()));
    store.close().expect("closed");
    let file = &files(folder.path())[0];
    fs::write(file, [&lines(1, 2)[..], b"MSG 3 edited\n"].concat()).expect("written");
    let told = refused(folder.path(), &SMALL);
    assert!(told.contains("/000000000001.txt:3: this is no event; no crash does this"), "{told}");
    fs::write(file, lines(1, 3)).expect("written");
    look(folder.path(), &SMALL).expect("right again");
}

#[test]
fn recorded_events_cannot_be_torn_off() {
    for by_device in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path(), &SMALL);
        assert_eq!(store.append(3), Ok(()));
        if by_device {
            store.delivered("ann@x 3 2026-01-02T03:04:05.678Z\n").expect("recorded");
        } else {
            store.snapshot(MembersSnapshot { seq: Seq(3), group: KnownGroup::default() }).expect("recorded");
        }
        store.kill();
        let file = &files(folder.path())[0];
        fs::write(file, &lines(1, 3)[..lines(1, 3).len() - 1]).expect("written");
        let told = refused(folder.path(), &SMALL);
        assert!(told.contains("/000000000001.txt:3: the line has no end; no crash does this"), "{told}");
        fs::write(file, lines(1, 2)).expect("written");
        let told = refused(folder.path(), &SMALL);
        let noted = if by_device { "delivered" } else { "members" };
        assert!(told.contains(&format!("event 3 is recorded in {noted}, but not here; restore")), "{told}");
    }
}

#[test]
fn older_files_are_checked_whole_by_check_only() {
    let folder = several(false);
    let second = files(folder.path()).remove(1);
    let name = second.file_name().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(&second).expect("text");
    fs::write(&second, text.replacen("x\nMSG", "x\nmsg", 1)).expect("written");
    look(folder.path(), &SMALL).expect("a history");
    let told = check(folder.path()).expect_err("named");
    assert_eq!(told.len(), 1);
    assert!(
        told[0].0.contains(&format!("/{name}:"))
            && told[0].0.contains("this is no event; a start does not look there"),
        "{}",
        told[0]
    );
}

#[test]
fn check_overlooks_what_is_just_being_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    store.append_each(3);
    let file = &files(folder.path())[0];
    fs::write(file, [&lines(1, 3)[..], b"MSG 4 20"].concat()).expect("written");
    assert_eq!(check(folder.path()).expect("no problem").last, Seq(3));
    store.kill();
    let told = check(folder.path()).expect_err("nobody writes").remove(0).0;
    assert!(
        told.contains("/000000000001.txt:4: the line has no end: a start cuts a torn tail of 8 bytes"),
        "{told}"
    );
}

#[test]
fn the_ends_of_older_files_have_to_fit() {
    let spoil = |spoil: &dyn Fn(&Path)| {
        let folder = several(true);
        spoil(&files(folder.path())[1]);
        (refused(folder.path(), &SMALL), check(folder.path()).expect_err("named"))
    };
    let (told, checked) = spoil(&|second| fs::remove_file(second).expect("removed"));
    assert!(told.contains("the file before it, 000000000001.txt, ends with event"), "{told}");
    assert_eq!(checked[0].0, told);

    let (told, checked) = spoil(&|second| fs::write(second, "").expect("written"));
    assert!(told.contains("does not begin or end with an event; restore"), "{told}");
    assert_eq!(checked[0].0, told);

    let (told, checked) = spoil(&|second| fs::write(second, lines(2, 3)).expect("written"));
    assert!(told.contains(".txt:1: this is event 2; restore"), "{told}");
    assert!(checked.iter().any(|problem| problem.0 == told), "{checked:?}");
    assert!(checked.iter().any(|problem| problem.0.contains(".txt:1: this is event 2, and ")), "{checked:?}");

    // The oldest may be missing: dropping does that too.
    let folder = several(true);
    fs::remove_file(&files(folder.path())[0]).expect("removed");
    let opened = look(folder.path(), &SMALL).expect("a history");
    let (first, last) = opened.segments.kept();
    assert!(first > Seq(1) && last == Seq(30));
    assert!(opened.tail.bytes == whole(folder.path()));
}

#[test]
fn an_empty_last_file_is_where_a_crash_left_it() {
    let folder = several(false);
    fs::write(folder.path().join("000000000031.txt"), "").expect("written");
    let mut store = Store::open(folder.path(), &SMALL);
    assert_eq!(store.last, Seq(30));
    store.append_each(1);
    assert_eq!(fs::read(folder.path().join("000000000031.txt")).expect("read"), line(31));
}

#[test]
fn small_files_that_are_wrong_are_named() {
    for (name, text, told) in [
        ("id", "xyz\n", "/id:1: this is not 8 hex digits; remove it"),
        ("members", "", "/members:1: no number; remove the file"),
        ("members", "2\nann@x 1\nbob@x 3\n", "/members:3: no member with the number of an event"),
    ] {
        let folder = several(true);
        fs::write(folder.path().join(name), text).expect("written");
        let refused = refused(folder.path(), &Settings::default());
        assert!(refused.contains(told), "{refused}");
        assert!(check(folder.path()).expect_err("named")[0].0.contains(told));
    }
    // An unknown file is nobody's business, an unfinished one is removed.
    let folder = several(true);
    for name in ["000000000001.txt.gz", "notes.txt", "members.new"] {
        fs::write(folder.path().join(name), "?").expect("written");
    }
    look(folder.path(), &SMALL).expect("a history");
    let left = names(folder.path());
    assert!(left.contains(&"notes.txt".to_owned()) && !left.contains(&"members.new".to_owned()));
}
