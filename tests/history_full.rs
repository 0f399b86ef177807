//! A full disk, as a small tmpfs: nothing is torn, and all goes on when there is room again.

#[path = "common/disk.rs"]
mod disk;
#[path = "common/store.rs"]
mod store;

use std::fs;
use std::process::Command;

use chat_room::room::KnownGroup;
use chat_room::server::log::local::{AppendError, MembersSnapshot, Problem, Settings};
use disk::skip;
use store::{SMALL, Store, check, lines, look, names, refused, whole};
use tempfile::TempDir;

/// A small file system of its own, as long as it lives.
struct Small(TempDir);

impl Small {
    fn mount() -> Option<Small> {
        let folder = tempfile::tempdir().expect("a folder");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
            .arg(folder.path())
            .output();
        let mounted = mount.is_ok_and(|output| output.status.success());
        if !mounted {
            skip("only root can mount a small file system");
        }
        mounted.then_some(Small(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let umount = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(umount.is_ok_and(|status| status.success()), "mounted by us");
    }
}

#[test]
fn a_full_disk_stores_nothing_and_all_goes_on_when_there_is_room() {
    let Some(small) = Small::mount() else { return };
    let dir = &small.0.path().join("history");
    let filler = small.0.path().join("filler");
    // In the midst of a file, and at the beginning of each.
    for settings in [Settings::default(), SMALL] {
        let mut store = Store::open(dir, &settings);
        fs::write(&filler, vec![0; 350_000]).expect("there is room");
        let failed = loop {
            // More than a page, so that a part of it fits.
            match store.append(100) {
                Ok(()) => {}
                Err(AppendError::Failed(what)) => break what.0,
                Err(AppendError::Fatal(what)) => panic!("{what}"),
            }
        };
        assert!(failed.contains("No space left"), "{failed}");
        assert!(whole(dir) == lines(1, store.last.0), "nothing of it is there");
        assert!(matches!(store.append(100), Err(AppendError::Failed(_))));
        let last = store.last;
        // Whatever still fits: it fails whole or is there whole.
        let snapshot = MembersSnapshot {
            seq: last,
            group: KnownGroup::of((0..500).map(|n| (store::mail(&format!("m{n}@x")), last))),
        };
        let cannot = store.snapshot(snapshot).expect_err("no room");
        let is_told =
            |name: &str| cannot.contains(&format!("/history/{name}: cannot write it: No space left"));
        assert!(is_told("ended") || is_told("members"), "{cannot}");
        assert!(!["members.new", "ended.new"].iter().any(|name| names(dir).contains(&(*name).to_owned())));
        let place = "ann@x 1 2026-01-02T03:04:05.678Z\n";
        store.delivered(&place.repeat(500)).expect_err("no room");
        store.all_delivered(&place.repeat(500)).expect_err("no room");

        fs::remove_file(&filler).expect("removed");
        assert_eq!(store.append(100), Ok(()));
        store.delivered(place).expect("recorded");
        let last = store.last;
        store.kill();
        assert!(whole(dir) == lines(1, last.0));
        let opened = look(dir, &settings).expect("a history");
        assert_eq!((opened.tail.last, opened.delivered.len()), (last, 1));
        drop(opened);
        fs::remove_dir_all(dir).expect("removed");
    }
}

#[test]
fn a_start_without_room_for_a_copy_is_refused_and_spoils_nothing() {
    let Some(small) = Small::mount() else { return };
    let dir = &small.0.path().join("history");
    let mut store = Store::open(dir, &Settings::default());
    assert_eq!(store.append(1000), Ok(()));
    store.kill();
    let filler = small.0.path().join("filler");
    fs::write(&filler, vec![0; 1 << 20]).expect_err("it takes all there is");
    let told = refused(dir, &Settings::default());
    let len = lines(1, 1000).len();
    assert_eq!(
        told,
        format!(
            "{}/000000000001.txt: cannot sync a copy of it: No space left on device (os error 28); a start \
             after a crash needs room for {len} bytes beside it: make room",
            dir.display()
        )
    );
    let needs = format!("{}: a start after a crash needs room for {len} bytes: make room", dir.display());
    assert_eq!(check(dir).expect_err("no room"), [Problem(needs)]);
    fs::remove_file(&filler).expect("removed");
    check(dir).expect("there is room again");
    assert!(look(dir, &Settings::default()).expect("a history").tail.bytes == lines(1, 1000));
}
