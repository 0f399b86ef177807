//! The history's files: what was stored is read back, across segments and after every way to stop.
//!
//! Longer than 350 lines: independent tests, one folder each.

#[path = "common/acl.rs"]
mod acl;
#[path = "common/disk.rs"]
mod disk;
#[path = "common/store.rs"]
mod store;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::time::{Duration, Instant};

use acl::{SHARED, acl, attributes};
use chat_room::limits::HISTORY_BLOCK;
use chat_room::protocol::{Author, Device, Event, Role, Seq, Time};
use chat_room::room::{BlockNo, Delivered, Ended, KnownGroup, KnownMember, Pos, Tail};
use chat_room::server::log::local::{AppendError, MembersSnapshot, Membership, Settings, key};
use disk::skip;
use rustix::fs::{XattrFlags, setxattr};
use store::{SMALL, Store, age, check, files, line, lines, look, mail, names, refused, whole};

#[test]
fn what_was_stored_is_there_after_every_way_to_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = &folder.path().join("history");
    let mut store = Store::open(dir, &Settings::default());
    let id = store.id;
    assert_eq!((store.last, store.end), (Seq(0), Pos(0)));
    for (count, clean) in [(3, true), (1, false), (40, true), (5, false)] {
        assert_eq!(store.append(count), Ok(()));
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
    let modes = [dir.clone(), files(dir).remove(0)].map(|path| {
        let meta = fs::metadata(path).expect("is there");
        meta.permissions().mode() & 0o777
    });
    assert_eq!(modes, [0o700, 0o600], "for nobody else to read");
}

/// A start after a crash puts a copy in the file's place: nobody may read more of it than before.
#[test]
fn whom_a_file_is_shared_with_stays_after_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = &folder.path().join("history");
    let mut store = Store::open(dir, &Settings::default());
    assert_eq!(store.append(3), Ok(()));
    store.kill();
    let file = files(dir).remove(0);
    if setxattr(&file, "system.posix_acl_access", &acl(&SHARED), XattrFlags::empty()).is_err() {
        return skip("no ACL here");
    }
    let _: std::io::Result<()> = chown(&file, None, Some(54321));
    let what = || {
        let meta = fs::metadata(&file).expect("a file");
        (meta.mode(), meta.gid(), attributes(&file))
    };
    let (before, ino) = (what(), fs::metadata(&file).expect("a file").ino());
    Store::open(dir, &Settings::default()).close().expect("closed");
    assert_ne!(fs::metadata(&file).expect("a file").ino(), ino, "it is a copy");
    assert_eq!(what(), before);
}

#[test]
fn a_history_whose_files_are_gone_is_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    let id = store.id;
    store.append_each(3);
    store.snapshot(MembersSnapshot { seq: Seq(3), group: KnownGroup::default() }).expect("recorded");
    store.delivered("ann@x 3 2026-01-02T03:04:05.678Z\n").expect("recorded");
    store.close().expect("closed");
    fs::remove_file(&files(folder.path())[0]).expect("removed");
    let opened = look(folder.path(), &SMALL).expect("a history");
    assert_ne!(opened.id, id);
    assert_eq!((opened.tail.last, opened.snapshot, opened.delivered), (Seq(0), None, Vec::new()));
}

#[test]
fn files_follow_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let mut store = Store::open(dir, &SMALL);
    store.append_each(100);
    assert!(files(dir).len() > 10);
    assert!(files(dir).iter().all(|file| fs::metadata(file).expect("a file").len() <= SMALL.segment_max));
    assert_eq!(whole(dir), lines(1, 100));
    // One that fits no file goes whole into one.
    assert_eq!(store.append(100), Ok(()));
    assert_eq!(fs::read(files(dir).last().expect("one")).expect("read"), lines(101, 100));
    store.close().expect("closed");
    let summary = check(dir).expect("no problem");
    assert_eq!((summary.first, summary.last, summary.bytes), (Seq(1), Seq(200), whole(dir).len() as u64));
}

#[test]
fn blocks_and_places_of_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings { segment_max: 50_000, ..SMALL };
    let mut store = Store::open(folder.path(), &settings);
    for _ in 0..300 {
        assert_eq!(store.append(10), Ok(()));
    }
    let (whole, mut starts, mut end) = (whole(folder.path()), Vec::new(), 0);
    for seq in 1..=3000 {
        starts.push(end);
        assert_eq!(store.locate(seq), Ok(Pos(end)), "{seq}");
        end += line(seq).len() as u64;
    }
    assert_eq!(
        (store.locate(0), store.locate(3001), store.locate(9999)),
        (Ok(Pos(0)), Ok(Pos(end)), Ok(Pos(end)))
    );

    let mut read = Vec::new();
    for number in 0..=end / HISTORY_BLOCK as u64 {
        let block = store.block(number);
        assert_eq!(block.start, BlockNo(number).start());
        let first = starts.partition_point(|&start| start < block.start.0);
        assert_eq!(block.first_line, Seq(first as u64 + 1));
        read.extend_from_slice(&block.bytes);
    }
    assert!(read == whole && whole == lines(1, 3000));
    // Behind the end there is nothing, until there is.
    let next = BlockNo::of(Pos(end)).0 + 1;
    assert_eq!((store.block(next).bytes.len(), store.block(next).first_line), (0, Seq(3001)));
    let grown = store.block(next - 1).bytes.len();
    store.append_each(1);
    assert_eq!(store.block(next - 1).bytes.len(), grown + line(3001).len());
}

#[test]
fn the_tail_is_whole_lines_of_any_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    store.append_each(100);
    store.close().expect("closed");
    let whole = whole(folder.path());
    for window in (0..whole.len() + 50).step_by(13) {
        let Tail { base, bytes, last } =
            look(folder.path(), &Settings { window, ..SMALL }).expect("a history").tail;
        assert!(bytes.len() <= window);
        assert_eq!(base.plus(bytes.len()), Pos(whole.len() as u64));
        let first = 101 - memchr::memchr_iter(b'\n', &bytes).count() as u64;
        assert_eq!((bytes == lines(first, 101 - first), last), (true, Seq(100)), "{window}");
        let one_more = first > 1 && bytes.len() + line(first - 1).len() <= window;
        assert!(!one_more, "as many as fit: {window}");
    }
}

#[test]
fn membership_is_what_came_behind_the_note() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    store.append_each(55);
    let all = [(10, false, 0), (20, true, 1), (30, false, 1), (40, true, 2), (50, false, 2)];
    let all = all.map(|(seq, is_added, who)| {
        let (ann, mail) = (Author::Member(mail("ann@x")), mail(&format!("m{who}@x")));
        let by = Author::HandEdit;
        let event = if is_added { Event::Added { by, mail } } else { Event::Removed { by: ann, mail } };
        Membership { seq: Seq(seq), time: store::time(seq), event }
    });
    for (seq, behind) in [(0, 5), (9, 5), (10, 4), (40, 1), (49, 1), (50, 0), (55, 0)] {
        let mut group = KnownGroup::of([(mail("ann@x"), Seq(seq.min(3))), (mail("bob@x"), Seq(0))]);
        group
            .members
            .insert(mail("cid@x"), KnownMember { added: Seq(0), role: Some(Role::Admin), name: None });
        // With the ends of invitations, of which the events may be gone.
        group.ended = Ended::since(Seq(seq / 3));
        group.ended.end(Seq(seq), store::time(seq), mail("m7@x"));
        let snapshot = MembersSnapshot { seq: Seq(seq), group };
        store.snapshot(snapshot.clone()).expect("recorded");
        store.kill();
        let opened = look(folder.path(), &SMALL).expect("a history");
        assert_eq!(opened.membership, all[all.len() - behind..], "{seq}");
        assert_eq!(opened.snapshot.as_ref(), Some(&snapshot));
        store = Store::start(folder.path(), opened);
    }
}

#[test]
fn the_last_place_of_a_device_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &SMALL);
    store.append_each(5);
    let time = Time::from_unix_ms(1_767_323_045_678);
    let entry = |who: &str, device, seq| Delivered { mail: mail(who), device, seq: Seq(seq), time };
    let laptop = || Device::parse_named("laptop").expect("a name");
    let mut text = Vec::new();
    for entry in [
        entry("bob@x", Device::Default, 1),
        entry("ann@x", laptop(), 2),
        entry("ann@x", Device::Default, 3),
        entry("bob@x", Device::Default, 4),
    ] {
        entry.write(&mut text);
    }
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("ann@x/laptop 2 2026-01-02T03:04:05.678Z\n"));
    store.delivered(&text).expect("recorded");
    store.delivered("nonsense\nann@x/laptop 5 2026-01-0").expect("recorded");
    store.kill();
    let left =
        [entry("ann@x", laptop(), 2), entry("ann@x", Device::Default, 3), entry("bob@x", Device::Default, 4)];
    for _ in 0..2 {
        assert_eq!(look(folder.path(), &SMALL).expect("a history").delivered, left);
    }
    let compacted = fs::read_to_string(folder.path().join("delivered")).expect("read");
    assert_eq!(compacted.lines().count(), 3, "{compacted}");
}

#[test]
fn places_are_rewritten_and_others_follow_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |who: &str, seq: u64| format!("{who} {seq} 2026-01-02T03:04:05.678Z\n");
    let mut store = Store::open(folder.path(), &SMALL);
    store.append_each(5);
    store.delivered(&line("bob@x", 1).repeat(100)).expect("recorded");
    store.all_delivered(&line("ann@x", 2)).expect("recorded");
    store.delivered(&line("cid@x", 3)).expect("recorded");
    let text = fs::read_to_string(folder.path().join("delivered")).expect("read");
    assert_eq!(text, line("ann@x", 2) + &line("cid@x", 3));
    store.kill();
    let devices = look(folder.path(), &SMALL).expect("a history").delivered;
    let devices: Vec<_> = devices.iter().map(|place| (place.mail.as_str(), place.seq.0)).collect();
    assert_eq!(devices, [("ann@x", 2), ("cid@x", 3)]);
}

#[test]
fn old_files_are_dropped_when_the_members_are_noted() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let settings = Settings { keep_days: Some(30), ..SMALL };
    let mut store = Store::open(dir, &settings);
    store.append_each(40);
    age(dir);
    assert!(names(dir).contains(&"000000000001.txt".to_owned()), "nothing is noted yet");
    store.snapshot(MembersSnapshot { seq: Seq(20), group: KnownGroup::default() }).expect("recorded");
    // What comes after the snapshot is kept.
    let begins = files(dir).into_iter().filter_map(|path| {
        path.file_stem().and_then(|name| name.to_str()?.parse::<u64>().ok()).filter(|first| *first <= 21)
    });
    let stays = Seq(begins.max().expect("one"));
    assert!(stays > Seq(10));
    let (first, base) = store.drops_until(|first| first >= stays);
    assert_eq!(first, stays);
    assert_eq!(base.0, lines(1, first.0 - 1).len() as u64, "positions stay");
    assert_eq!(whole(dir), lines(first.0, 41 - first.0));
    // Whoever asks for what is gone is told where to go on.
    assert_eq!((store.locate(1), store.locate(first.0 + 1)), (Ok(base), Ok(base.plus(line(first.0).len()))));
    let block = store.block(0);
    assert_eq!((block.start, block.first_line), (base, first));
    assert_eq!(block.bytes, whole(dir));

    store.snapshot(MembersSnapshot { seq: Seq(40), group: KnownGroup::default() }).expect("recorded");
    store.drops_until(|_| files(dir).len() == 1);
    store.append_each(1);
    assert_eq!(files(dir).len(), 1, "the last is never dropped");
    store.close().expect("closed");
    let opened = look(dir, &settings).expect("a history");
    assert_eq!((opened.tail.base, opened.tail.last), (Pos(0), Seq(41)));
}

#[test]
fn one_old_file_after_the_other_is_dropped_and_nothing_soon_after_a_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let waits = Settings { keep_days: Some(30), drop_rest: Duration::from_secs(3600), ..SMALL };
    let mut store = Store::open(dir, &waits);
    store.append_each(40);
    age(dir);
    let before = files(dir);
    store.snapshot(MembersSnapshot { seq: Seq(40), group: KnownGroup::default() }).expect("recorded");
    // A round through the thread: it has looked since.
    store.append_each(1);
    assert_eq!(files(dir), before, "it was just started");
    store.close().expect("closed");
    let pauses = Settings { drop_rest: Duration::ZERO, drop_pause: Duration::from_secs(3600), ..waits };
    let mut store = Store::open(dir, &pauses);
    store.drops();
    store.append_each(1);
    assert_eq!(files(dir), before[1..], "one file");
}

#[test]
fn a_file_is_kept_while_one_of_its_times_is_young() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    // By the events alone all are old, as after a clock that was wrong when they were said.
    let settings = Settings { keep_days: Some(30), drop_pause: Duration::ZERO, ..SMALL };
    let mut store = Store::open(dir, &settings);
    store.append_each(40);
    let before = files(dir);
    store.snapshot(MembersSnapshot { seq: Seq(40), group: KnownGroup::default() }).expect("recorded");
    store.append_each(1);
    assert_eq!(files(dir), before, "they were just written");
    // By the files alone.
    store.close().expect("closed");
    let mut store = Store::open(dir, &Settings { keep_days: Some(1_000_000), ..settings });
    age(dir);
    store.append_each(1);
    assert_eq!(files(dir), before, "what was said is young");
}

/// Files of this folder that this process holds open and that have no name any more.
fn nameless(dir: &Path) -> usize {
    let open =
        fs::read_dir("/proc/self/fd").expect("Linux").map(|fd| fs::read_link(fd.expect("an entry").path()));
    let names = open.flatten().map(|target| target.to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(" (deleted)") && Path::new(name).starts_with(dir)).count()
}

#[test]
fn a_dropped_file_is_closed_though_nobody_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &Settings { keep_days: Some(30), ..SMALL });
    store.append_each(40);
    age(folder.path());
    assert_eq!(store.locate(2), Ok(Pos(line(1).len() as u64)));
    store.snapshot(MembersSnapshot { seq: Seq(40), group: KnownGroup::default() }).expect("recorded");
    store.drops();
    let began = Instant::now();
    while nameless(folder.path()) > 0 {
        assert!(began.elapsed().as_secs() < 20, "it stays open");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(store.locate(40).is_ok(), "and reading goes on");
}

#[test]
fn reading_while_files_are_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path(), &Settings { keep_days: Some(30), ..SMALL });
    let (mut all, mut starts) = (Vec::new(), Vec::new());
    for round in 0..100 {
        let before = store.last;
        store.append_each(12);
        age(folder.path());
        for seq in before.0 + 1..=store.last.0 {
            starts.push(all.len() as u64);
            all.extend(line(seq));
        }
        store.request_snapshot(MembersSnapshot { seq: before, group: KnownGroup::default() });
        for n in 0..20 {
            let end = all.len() as u64;
            let block = store.block(BlockNo::of(Pos(end * n / 20)).0);
            let from = block.start.since(Pos(0));
            assert_eq!(block.bytes, all[from..from + block.bytes.len()], "{round} {n}");
            let first = starts.partition_point(|&start| start < block.start.0);
            assert_eq!(block.first_line, Seq(first as u64 + 1));
            let seq = 1 + store.last.0 * n / 20;
            let found = store.locate(seq).expect("there").0;
            assert!(
                found >= starts[usize::try_from(seq - 1).expect("small")] && starts.contains(&found),
                "{round} {n}"
            );
        }
        store.snapshot_answer().expect("recorded");
    }
    assert!(files(folder.path()).len() < 20);
}

#[test]
fn one_server_a_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = &folder.path().join("history");
    let store = Store::open(dir, &SMALL);
    let shown = dir.display();
    let who = format!("{shown}/lock: another server (process {}) uses this history", std::process::id());
    assert!(refused(dir, &SMALL).starts_with(&who), "{}", refused(dir, &SMALL));
    check(dir).expect("reading is no offence");
    store.close().expect("closed");
    look(dir, &SMALL).expect("free again");
}

#[test]
fn the_key_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = key(folder.path()).expect("a key");
    assert_eq!(*key(folder.path()).expect("a key"), *made);
    assert_ne!(*made, [0; 32]);
    let path = folder.path().join("key");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    fs::write(&path, "short\n").expect("written");
    assert!(key(folder.path()).expect_err("refused").0.contains("/key:1: this is not 64 hex digits"));
}

#[test]
fn lines_with_wrong_numbers_are_not_appended() {
    for (first, bytes) in [(3, lines(3, 1)), (1, lines(1, 1)), (2, b"MSG 2 without its end".to_vec())] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path(), &SMALL);
        store.append_each(1);
        assert!(matches!(store.append_bytes(Seq(first), bytes), Err(AppendError::Fatal(_))));
        assert!(matches!(store.append(1), Err(AppendError::Fatal(_))), "once and for all");
        store.close().expect_err("not clean");
        assert_eq!(whole(folder.path()), lines(1, 1));
    }
}

#[test]
fn nothing_is_appended_to_a_file_that_nobody_can_find_again() {
    let removed = |file: &Path| fs::remove_file(file).expect("removed");
    let replaced = |file: &Path| {
        fs::write(file.with_extension("new"), lines(1, 2)).expect("written");
        fs::rename(file.with_extension("new"), file).expect("replaced");
    };
    for change in [&removed as &dyn Fn(&Path), &replaced] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("000000000001.txt");
        let mut store = Store::open(folder.path(), &SMALL);
        store.append_each(3);
        change(&file);
        let Err(AppendError::Failed(refused)) = store.append(1) else { panic!("it would be lost") };
        let advice = refused.0.strip_prefix(&format!("{}: was removed or replaced; ", file.display()));
        let old = advice
            .and_then(|advice| advice.strip_prefix("copy it back from "))
            .and_then(|advice| advice.strip_suffix(", and restart the server"))
            .expect("what to do");
        // As `cp` does it.
        fs::write(&file, fs::read(old).expect("it is still there")).expect("written");
        assert!(matches!(store.append(1), Err(AppendError::Failed(_))), "this is another file");
        store.close().expect("closed");
        let mut store = Store::open(folder.path(), &SMALL);
        assert_eq!(store.append(1), Ok(()));
        assert_eq!(whole(folder.path()), lines(1, 4));
    }
}

/// No assertion on times: the machine is shared. A smaller one where the code is not optimised.
#[test]
fn how_long_a_large_history_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    let mut store = Store::open(folder.path(), &Settings::default());
    for first in (0..count).step_by(10_000) {
        assert_eq!(store.append_bytes(Seq(first + 1), lines(first + 1, 10_000)), Ok(()));
    }
    store.close().expect("closed");
    let mut told = Vec::new();
    let mut time = |what: &str, times: u32, began: Instant| {
        told.push(format!("{what} {:?}", began.elapsed() / times));
    };

    let began = Instant::now();
    let opened = look(folder.path(), &Settings::default()).expect("a history");
    time("open", 1, began);
    let (last, end) = (opened.tail.last, opened.tail.base.plus(opened.tail.bytes.len()));
    assert_eq!(last, Seq(count));
    let mut store = Store::start(folder.path(), opened);
    let began = Instant::now();
    let from = store.locate(count - 19).expect("there");
    store.block(BlockNo::of(from).0);
    time("the last 20", 1, began);
    let began = Instant::now();
    for n in 0..1000 {
        store.locate(1 + n * 7919 % count).expect("there");
    }
    time("locate", 1000, began);
    let began = Instant::now();
    let blocks = BlockNo::of(end).0;
    for number in 0..blocks {
        assert_eq!(store.block(number).bytes.len(), HISTORY_BLOCK);
    }
    time("block", u32::try_from(blocks).expect("few"), began);
    store.last = last;
    let began = Instant::now();
    store.append_each(200);
    time("append", 200, began);
    store.kill();
    let began = Instant::now();
    look(folder.path(), &Settings::default()).expect("a history");
    time("open after a kill", 1, began);
    writeln!(std::io::stderr(), "{count} events, {} MB: {}", end.0 / 1_000_000, told.join(", "))
        .expect("standard error");
}
