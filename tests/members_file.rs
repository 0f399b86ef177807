//! The thread of members.txt: commands and edits by hand change the file, and neither loses what the other wrote.
//!
//! Longer than 350 lines: independent tests, one file each.

#[path = "common/acl.rs"]
mod acl;
#[path = "common/disk.rs"]
mod disk;
#[path = "common/members_file.rs"]
mod members_file;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use acl::{SHARED, acl, attributes};
use chat_room::limits::CHANGES_LOGGED;
use chat_room::protocol::Seq;
use chat_room::room::{Change, ChangeError, SaveError, Secret};
use chat_room::server::members::file::{Timing, create, read_at_start, warnings};
use disk::{Disk, skip, tool};
use members_file::{FAST, MembersThread, add, beside, hash, in_folder, mail, phc, remove, reset};
use rustix::fs::{XattrFlags, setxattr};
use tempfile::TempDir;

fn folder(text: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("members.txt");
    fs::write(&path, text).expect("a file");
    (folder, path)
}

fn text(path: &Path) -> String {
    fs::read(path).expect("a file").escape_ascii().to_string()
}

/// Makes the changes one by one, and compares what then stands in the file; numbers stand for hashes.
#[track_caller]
fn check(before: &str, changes: Vec<Change>, after: &str) {
    let (_folder, path) = folder(before.as_bytes());
    let mut thread = MembersThread::open(&path, FAST);
    for change in changes {
        assert_eq!(thread.change(change), Ok(()));
        assert_eq!(thread.roster, read_at_start(&path).expect("no mistake").roster());
    }
    assert_eq!(text(&path), after.replace("{1}", &phc(1)));
    assert_eq!(beside(&path), Vec::<String>::new());
}

#[test]
fn all_but_the_changed_line_stays_as_it_is() {
    check("a@x secret admin", vec![add("b@x", 1)], r"a@x secret admin\nb@x {1}\n");
    check(
        "\u{feff}# x\r\nb@x secret\r\n\tA@x  secret \t admin\r\n",
        vec![reset("b@x", 1), remove("b@x"), reset("a@x", 1), add("c@x", 1)],
        r"\xef\xbb\xbf# x\r\n\tA@x  {1} \t admin\r\nc@x {1}\r\n",
    );
    check(
        "a@x secret admin\nb@x secret\n",
        vec![reset("b@x", 2), reset("b@x", 1)],
        "a@x secret admin\\nb@x {1}\\n",
    );
}

#[test]
fn each_change_of_a_batch_has_its_own_answer() {
    let (_folder, path) = folder(b"a@x secret admin\nb@x secret\n");
    let mut thread = MembersThread::open(&path, FAST);
    let changes = [add("b@x", 1), add("c@x", 1), remove("a@x"), remove("b@x"), reset("b@x", 1)];
    for (ticket, change) in changes.into_iter().enumerate() {
        thread.ask(ticket, change);
    }
    let refused = |ticket, error| (ticket, Err(SaveError::Refused(error)));
    let expected = vec![
        refused(0, ChangeError::AlreadyMember),
        (1, Ok(())),
        refused(2, ChangeError::LastAdmin),
        (3, Ok(())),
        refused(4, ChangeError::NoSuchMember),
    ];
    assert_eq!(thread.answers(5), expected);
    assert_eq!(text(&path), format!("a@x secret admin\\nc@x {}\\n", phc(1)));
    assert!(thread.knows("c@x") && !thread.knows("b@x"));
}

#[test]
fn an_own_write_is_no_edit_and_an_edit_is_told_once() {
    let (_folder, path) = folder(b"a@x secret admin\n");
    let mut thread = MembersThread::open(&path, FAST);
    assert_eq!(thread.change(add("b@x", 1)), Ok(()));
    assert_eq!(thread.reports, 0);
    thread.reload();
    assert!(thread.hear(Duration::from_millis(60)).is_none(), "nothing is new");
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("the file");
    file.write_all(b"# no news\n").expect("written");
    assert!(thread.hear(Duration::from_millis(60)).is_none(), "a comment is no news");
    file.write_all(b"c@x secret\n").expect("written");
    assert!(thread.news().contains_key(&mail("c@x")));
    assert!(thread.hear(Duration::from_millis(60)).is_none(), "told once");
    // An edit that nobody has looked at yet, and a change: one answer tells of both.
    file.write_all(b"d@x secret\n").expect("written");
    assert_eq!(thread.change(remove("b@x")), Ok(()));
    assert!(thread.knows("d@x") && !thread.knows("b@x"));
}

#[test]
fn whoever_joins_without_knowledge_of_an_edit_is_not_taken() {
    let (_folder, path) = folder(b"a@x secret admin\nb@x secret\n");
    let mut thread = MembersThread::open(&path, FAST);
    let join = |who: &str| Change::Join { mail: mail(who), hash: hash(1), made: Seq(7) };
    assert_eq!(thread.change(join("c@x")), Ok(()));
    let edited = fs::read_to_string(&path).expect("text").replace("b@x secret\n", "");
    fs::write(&path, edited).expect("written");
    assert!(!thread.news().contains_key(&mail("b@x")));
    // The edit may have ended the invitation. Other changes are made all the same.
    let changes = [(join("b@x"), 0), (add("d@x", 1), 0), (join("b@x"), 1), (join("d@x"), 1)];
    for (ticket, (change, reports)) in changes.into_iter().enumerate() {
        thread.ask_knowing(ticket, change, reports);
    }
    let refused = |ticket, error| (ticket, Err(SaveError::Refused(error)));
    let expected = vec![
        refused(0, ChangeError::NotExpected),
        (1, Ok(())),
        (2, Ok(())),
        refused(3, ChangeError::AlreadyMember),
    ];
    assert_eq!(thread.answers(4), expected);
}

#[test]
fn to_ask_who_may_be_invited_writes_nothing() {
    let (_folder, path) = folder(b"a@x secret admin\nb@x secret\n");
    let mut thread = MembersThread::open(&path, FAST);
    let before = fs::metadata(&path).expect("the file").ino();
    let invite = |who: &str| Change::Invite { mail: mail(who) };
    assert_eq!(thread.change(invite("c@x")), Ok(()));
    assert_eq!(thread.change(invite("b@x")), Err(SaveError::Refused(ChangeError::AlreadyMember)));
    assert_eq!(fs::metadata(&path).expect("the file").ino(), before);
}

#[test]
fn an_edit_counts_when_it_has_settled() {
    let (_folder, path) = folder(b"a@x secret admin\nb@x secret\n");
    // Long, so that a test that is held up is not late.
    let timing = Timing { settle: Duration::from_secs(2), patience: Duration::from_secs(20), ..FAST };
    let mut thread = MembersThread::open(&path, timing);
    let start = Instant::now();
    let mut file = fs::File::create(&path).expect("the file");
    file.write_all(b"a@x secret admin\n").expect("written");
    // Half of it is there when a change comes and when a signal does: neither makes a group of it.
    thread.ask(0, add("c@x", 1));
    thread.reload();
    assert!(thread.hear(Duration::from_millis(100)).is_none());
    file.write_all(b"b@x secret2\n").expect("written");
    assert_eq!(thread.answers(1), [(0, Ok(()))]);
    assert!(start.elapsed() > timing.settle, "{:?}", start.elapsed());
    assert!(thread.knows("b@x") && thread.knows("c@x"));
    assert_eq!(text(&path), format!("a@x secret admin\\nb@x secret2\\nc@x {}\\n", phc(1)));
}

#[test]
fn an_edit_counts_within_two_seconds() {
    let (_folder, path) = folder(b"a@x secret admin\n");
    let mut thread = MembersThread::open(&path, Timing::default());
    // A look has just been taken.
    assert!(thread.hear(Duration::from_millis(50)).is_none());
    // A busy machine takes its own time now and then.
    let took = ["b@x", "c@x", "d@x", "e@x", "f@x"].map(|who| {
        let start = Instant::now();
        fs::write(&path, format!("a@x secret admin\n{who} secret\n")).expect("written");
        assert!(thread.news().contains_key(&mail(who)));
        start.elapsed()
    });
    let (least, most) = (Duration::from_millis(500), Duration::from_secs(2));
    assert!(took.iter().all(|took| *took >= least) && took.iter().any(|took| *took < most), "{took:?}");
}

#[test]
fn an_editor_that_keeps_writing_is_not_overwritten() {
    let (_folder, path) = folder(b"a@x secret admin\n");
    let timing = Timing { settle: Duration::from_secs(1), patience: Duration::from_secs(2), ..FAST };
    let mut thread = MembersThread::open(&path, timing);
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("the file");
    file.write_all(b"#").expect("written");
    thread.ask(0, add("b@x", 1));
    let done = loop {
        file.write_all(b"#").expect("written");
        if let Some(done) = thread.hear(Duration::from_millis(10)) {
            break done;
        }
    };
    let busy = "members.txt: somebody is writing to it; try again".to_owned();
    assert_eq!(done.answers[0].2, Err(SaveError::Storage(busy)));
    assert!(text(&path).ends_with("##"));
}

#[test]
fn a_mistake_is_told_and_stops_changes_until_it_is_gone() {
    let (_folder, path) = folder(b"a@x secret admin\nb@x secret\n");
    let mut thread = MembersThread::open(&path, FAST);
    let mistakes: [(&[u8], &str); 4] = [
        (b"a@x secret admin\nA@x secret\n", "members.txt:2: two entries for a@x (first in line 1)"),
        (b"\n", "members.txt: it has no members"),
        (b"a@x secret\n", "members.txt: nobody in it is an admin (the word admin after the password)"),
        (
            b"a@x secret admin\n\n\nb@x secret root\n",
            "members.txt:4: after the password of b@x only the word admin or member may follow",
        ),
    ];
    for (bytes, sentence) in mistakes {
        fs::write(&path, bytes).expect("written");
        // Within a truncating write the file is empty: that may be told first, if we are slow.
        thread.until(sentence, |thread| thread.problem.as_deref() == Some(sentence));
        assert_eq!(thread.change(add("c@x", 1)), Err(SaveError::Storage(sentence.into())));
        assert_eq!(fs::read(&path).expect("a file"), bytes);
        assert!(thread.knows("b@x"), "the last good roster stays");
    }
    let told = thread.reports;
    assert!(thread.hear(Duration::from_millis(60)).is_none(), "a problem is told once");
    thread.reload();
    thread.until("told again", |thread| thread.reports > told);
    fs::remove_file(&path).expect("removed");
    thread.until("gone", |thread| thread.problem.as_deref() == Some("members.txt: does not exist"));
    assert_eq!(thread.change(remove("b@x")), Err(SaveError::Storage("members.txt: does not exist".into())));
    fs::write(&path, b"a@x secret admin\nb@x secret\n").expect("written");
    thread.reload();
    thread.until("repaired", |thread| thread.problem.is_none());
    assert_eq!(thread.change(remove("b@x")), Ok(()));
}

#[test]
fn mode_and_owner_stay() {
    let (_folder, path) = folder(b"a@x secret admin\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("own file");
    // Only root may give files away; anybody else keeps their own.
    let root = chown(&path, Some(12345), Some(54321)).is_ok();
    let mut thread = MembersThread::open(&path, FAST);
    assert_eq!(thread.change(add("b@x", 1)), Ok(()));
    let meta = fs::metadata(&path).expect("a file");
    assert_eq!(meta.mode() & 0o7777, 0o640);
    if root {
        assert_eq!((meta.uid(), meta.gid()), (12345, 54321));
    }
}

#[test]
fn the_acl_and_other_attributes_stay() {
    let (_folder, path) = folder(b"a@x secret admin\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
    let given: [(&str, &[u8]); 4] = [
        ("system.posix_acl_access", &acl(&SHARED)),
        ("user.note", b"kept"),
        ("user.empty", b""),
        ("security.note", b"a label"),
    ];
    for (name, value) in given {
        if setxattr(&path, name, value, XattrFlags::empty()).is_err() {
            skip(format_args!("no attribute {name} here"));
        }
    }
    let (before, mode) = (attributes(&path), fs::metadata(&path).expect("a file").mode());
    let getfacl = |path: &Path| Command::new("getfacl").arg(path).output().map(|output| output.stdout).ok();
    let shown = getfacl(&path);
    let mut thread = MembersThread::open(&path, FAST);
    for change in [add("b@x", 1), reset("b@x", 2), remove("b@x")] {
        assert_eq!(thread.change(change), Ok(()));
        assert_eq!((attributes(&path), fs::metadata(&path).expect("a file").mode()), (before.clone(), mode));
        assert_eq!(getfacl(&path), shown);
    }
}

#[test]
fn a_folders_default_acl_gives_nobody_more() {
    let (folder, path) = folder(b"a@x secret admin\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("own file");
    if setxattr(folder.path(), "system.posix_acl_default", &acl(&SHARED), XattrFlags::empty()).is_err() {
        return skip("no ACL here");
    }
    let before = attributes(&path);
    let mut thread = MembersThread::open(&path, FAST);
    assert_eq!(thread.change(add("b@x", 1)), Ok(()));
    assert_eq!(attributes(&path), before);
    assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o7777, 0o640);
}

#[test]
fn a_group_that_is_not_the_folders_stays() {
    let (folder, path) = folder(b"a@x secret admin\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("own file");
    // New files here get the folder's group.
    if chown(folder.path(), None, Some(54321)).is_err() || chown(&path, None, Some(12345)).is_err() {
        return skip("only root may choose groups");
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o2755)).expect("own folder");
    let mut thread = MembersThread::open(&path, FAST);
    assert_eq!(thread.change(add("b@x", 1)), Ok(()));
    let meta = fs::metadata(&path).expect("a file");
    assert_eq!((meta.gid(), meta.mode() & 0o7777), (12345, 0o640));
}

#[test]
fn a_symlink_is_followed_once() {
    let (folder, link) = folder(b"a@x secret admin\n");
    fs::create_dir(folder.path().join("etc")).expect("a folder");
    let target = folder.path().join("etc/group");
    fs::rename(&link, &target).expect("moved");
    symlink("etc/group", &link).expect("a link");
    let mut thread = MembersThread::open(&link, FAST);
    assert_eq!(thread.change(add("b@x", 1)), Ok(()));
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert_eq!(text(&target), format!("a@x secret admin\\nb@x {}\\n", phc(1)));
    let twice = folder.path().join("twice");
    symlink("members.txt", &twice).expect("a link");
    let problem = read_at_start(&twice).expect_err("two links");
    assert_eq!(in_folder(&twice, problem), "twice: is a symlink to a symlink");
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |path: &Path| in_folder(path, read_at_start(path).expect_err("no file"));
    assert_eq!(
        refused(&folder.path().join("no.txt")),
        "no.txt: does not exist; --init MAIL makes it, with an admin"
    );
    fs::create_dir(folder.path().join("sub")).expect("a folder");
    assert_eq!(refused(&folder.path().join("sub")), "sub: is not a file");
    assert!(refused(&folder.path().join("no/sub.txt")).starts_with("sub.txt: cannot open its folder: "));
}

#[test]
fn init_makes_a_file_for_one_admin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("members.txt");
    create(&path, &mail("Ann@Example.org"), &hash(7)).expect("made");
    assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o7777, 0o600);
    let file = read_at_start(&path).expect("no mistake");
    assert_eq!(file.roster()[&mail("ann@example.org")].secret, Secret::Hash(hash(7)));
    assert_eq!(warnings(&path), Ok(vec![]));
    let before = text(&path);
    let again = create(&path, &mail("eve@example.org"), &hash(8)).expect_err("it is there");
    assert_eq!(in_folder(&path, again), "members.txt: exists already, and is left as it is");
    assert_eq!(text(&path), before);
}

#[test]
fn cheap_hashes_are_warned_of() {
    let cheap = phc(1).replace("m=19456", "m=64");
    let (_folder, path) = folder(format!("a@x secret admin\n\nb@x {cheap}\n").as_bytes());
    let warnings = warnings(&path).expect("no mistake");
    assert_eq!(warnings.len(), 1);
    assert!(in_folder(&path, &warnings[0]).starts_with("members.txt:3: the hash of b@x "), "{warnings:?}");
}

#[test]
fn of_very_many_cheap_hashes_some_are_listed() {
    let cheap = phc(1).replace("m=19456", "m=64");
    let many = (0..CHANGES_LOGGED + 5).fold(String::new(), |lines, n| lines + &format!("m{n}@x {cheap}\n"));
    let (_folder, path) = folder(format!("a@x secret admin\n{many}").as_bytes());
    let warnings = warnings(&path).expect("no mistake");
    assert_eq!(warnings.len(), CHANGES_LOGGED + 1);
    let last = warnings.last().expect("some");
    assert_eq!(in_folder(&path, last), "members.txt: 5 more hashes are weak, too many to list");
}

#[track_caller]
fn refused_with(thread: &mut MembersThread, change: Change, end: &str) {
    let before = text(&thread.path);
    match thread.change(change) {
        Err(SaveError::Storage(sentence)) => {
            assert!(sentence.starts_with("members.txt: cannot "), "{sentence}");
            assert!(sentence.contains(end), "{sentence}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(text(&thread.path), before);
}

#[test]
fn an_immutable_file_is_a_storage_error_until_it_is_none() {
    let (_folder, path) = folder(b"a@x secret admin\n");
    let shown = path.display();
    if !tool(&format!("chattr +i {shown}")) {
        skip("chattr +i is not possible here");
        return;
    }
    let mut thread = MembersThread::open(&path, FAST);
    refused_with(&mut thread, add("b@x", 1), "immutable");
    assert!(tool(&format!("chattr -i {shown}")));
    assert_eq!(beside(&path), Vec::<String>::new());
    assert_eq!(thread.change(add("b@x", 1)), Ok(()));
}

#[test]
fn an_obstacle_to_replacing_is_reported_once_and_at_each_reload() {
    let (_folder, path) = folder(b"a@x secret admin\n");
    let shown = path.display();
    if !tool(&format!("chattr +i {shown}")) {
        return skip("chattr +i is not possible here");
    }
    let mut thread = MembersThread::open(&path, FAST);
    let told = |thread: &mut MembersThread| {
        let patience = Duration::from_secs(20);
        thread
            .hear(patience)
            .expect("news")
            .news
            .replaceable
            .expect("it is of this")
            .map_err(|problem| in_folder(&path, problem))
    };
    let immutable = "members.txt: cannot be replaced: it is immutable; chattr -i";
    assert_eq!(told(&mut thread), Err(immutable.to_owned()));
    assert!(thread.hear(Duration::from_millis(100)).is_none(), "it is known");
    thread.reload();
    assert_eq!(told(&mut thread), Err(immutable.to_owned()));
    assert!(tool(&format!("chattr -i {shown}")));
    // Found without being asked.
    assert_eq!(told(&mut thread), Ok(()));
    thread.reload();
    assert!(thread.hear(Duration::from_millis(100)).is_none(), "all is well");
}

#[test]
fn an_obstacle_is_not_over_because_the_file_cannot_be_read() {
    let (folder, path) = folder(b"a@x secret admin\n");
    let chattr = |change: &str| tool(&format!("chattr {change} {}", folder.path().display()));
    if !chattr("+i") {
        return skip("chattr +i is not possible here");
    }
    let mut thread = MembersThread::open(&path, FAST);
    let mut news = || thread.hear(Duration::from_secs(20)).expect("news").news;
    let first = news();
    let file = fs::File::options().write(true).open(&path).expect("it may be written");
    // Too large to be read, then as before.
    let told = [100 << 20, 17].map(|len| {
        file.set_len(len).expect("it may grow");
        let news = news();
        (news.readable.expect("it is of this").is_ok(), news.replaceable)
    });
    assert!(chattr("-i"));
    assert!(first.replaceable.expect("it is of this").is_err());
    assert_eq!(told, [(false, None), (true, None)]);
    assert_eq!(news().replaceable, Some(Ok(())));
}

#[test]
fn a_full_disk_and_a_read_only_one_are_storage_errors_until_they_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(folder.path()) else { return };
    let path = folder.path().join("members.txt");
    fs::write(&path, format!("a@x secret admin\n#{}\n", "x".repeat(9000))).expect("written");
    let filler = disk.fill();
    let mut thread = MembersThread::open(&path, FAST);
    refused_with(&mut thread, add("b@x", 1), "No space left on device");
    assert_eq!(beside(&path), ["filler"]);
    fs::remove_file(&filler).expect("removed");
    assert_eq!(thread.change(add("b@x", 1)), Ok(()));
    disk.remount("ro");
    refused_with(&mut thread, add("c@x", 1), "Read-only file system");
    disk.remount("rw");
    assert_eq!(thread.change(add("c@x", 1)), Ok(()));
}
