//! A members.txt that cannot be replaced: the start, `--check`, STATS and answers to commands say so, with the reason and what
//! to do, and a password typed there is not ignored silently. Also one that can be replaced but would lose metadata, or whose
//! folder cannot be synced.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use chat_room::server::members::file::read_at_start;
use common::disk::{Disk, Mounted, skip, tool};
use common::server::{GROUP, Server, members_txt, until, until_members};
use common::talk::Talk;
use rustix::process::Signal;
use tempfile::TempDir;

/// A user of no name, and another one.
const USER: u32 = 12345;
const OTHER: u32 = 54321;

/// The server, or what runs it as [`USER`].
fn command(as_user: bool) -> Command {
    let server = env!("CARGO_BIN_EXE_chat-room-server");
    if !as_user {
        return Command::new(server);
    }
    let mut command = Command::new("setpriv");
    let user = USER.to_string();
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--no-new-privs", server]);
    command
}

/// A folder with members.txt in a folder of its own, everything the user's.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let members = folder.path().join("members.txt");
    fs::write(&members, members_txt(&GROUP) + "zoe@x typed-by-hand\n").expect("written");
    for path in [folder.path(), &members] {
        let _: std::io::Result<()> = chown(path, Some(USER), Some(USER));
    }
    folder
}

/// The server on a folder that has been made to resist. `why` is what it says of it.
#[track_caller]
fn resists(folder: TempDir, as_user: bool, why: &str, cure: impl FnOnce(&Path)) {
    if !rustix::process::geteuid().is_root() || (as_user && !tool("setpriv --version")) {
        return skip("only root can make such a folder");
    }
    let sentence = format!("members.txt: cannot be replaced: {why}");
    let before = fs::read(folder.path().join("members.txt")).expect("a file");
    let check = command(as_user)
        .current_dir(folder.path())
        .args(["--check", "--history", "none", "--listen", "127.0.0.1:0"])
        .output()
        .expect("a server");
    let said = String::from_utf8(check.stderr).expect("text");
    assert!(
        said.contains(&sentence) && said.contains("and a password stays in it as it was typed"),
        "{said}"
    );
    assert_eq!(check.status.code(), Some(0), "{said}");

    let server = Server::launch_in(folder, command(as_user), "127.0.0.1:0", &["--history", "none"]);
    let mut talk = Talk::with(server);
    talk.server.until_logged(&sentence);
    talk.server.until_logged("the password typed for zoe@x stays in the members file: ");
    talk.play("ann:\nzoe> LOGIN zoe@x typed-by-hand\nzoe< OK LOGIN …");
    talk.play(&format!("ann> ADD kim@x kim-secret\nann< ERR ADD storage …{sentence}…"));
    talk.play("ann> REMOVE bob@x\nann< ERR REMOVE storage …");
    assert_eq!(talk.peer("ann").stat("members-file-writable"), 0);
    assert_eq!(talk.peer("ann").stat("members-file-ok"), 1);
    assert_eq!(fs::read(talk.server.members()).expect("a file"), before);
    let beside = fs::read_dir(talk.server.members().parent().expect("a folder")).expect("a folder");
    assert!(beside.count() <= 2, "nothing is left there");

    // Once it is cured, all is made up for.
    cure(&talk.server.members());
    talk.server.signal(Signal::HUP);
    talk.peer("ann").until_stat("members-file-writable", 1..=1);
    until_members(&talk.server, |text| !text.contains("typed-by-hand"));
    talk.server.until_logged("typed password replaced by its hash: mail=zoe@x");
    talk.play("ann> ADD kim@x kim-secret\nann< OK ADD kim@x\nann< ADDED …\nann=");
}

#[test]
fn a_file_that_is_mounted_by_itself() {
    let folder = folder();
    let members = folder.path().join("members.txt");
    let Some(mounted) = Mounted::over(&members, &members) else { return };
    let why = "the file is mounted by itself; mount the folder it is in";
    resists(folder, false, why, |_| drop(mounted));
}

#[test]
fn a_mounted_file_that_was_replaced_where_it_comes_from() {
    let (folder, outside) = (folder(), folder());
    let (inside, outside) = (folder.path().join("members.txt"), outside.path().join("members.txt"));
    let Some(mounted) = Mounted::over(&outside, &inside) else { return };
    let server = Server::in_folder(folder, &["--history", "none"]);
    let edited = outside.with_extension("new");
    fs::write(&edited, members_txt(&["ann", "kim"])).expect("written");
    fs::rename(&edited, &outside).expect("renamed");
    server.until_logged("members.txt: was mounted here by itself, and has been replaced where it comes from");
    // Before the server's folder goes: what is mounted cannot be removed.
    drop(mounted);
}

#[test]
fn a_folder_that_its_user_cannot_write() {
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).expect("own folder");
    let why = "this user cannot write in its folder, where a new file would be made: Permission denied";
    resists(folder, true, why, |members| {
        let folder = members.parent().expect("a folder");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("own folder");
    });
}

#[test]
fn a_folder_that_is_mounted_read_only() {
    let folder = folder();
    let path = folder.path().to_owned();
    let Some(mounted) = Mounted::over(&path, &path) else { return };
    if !tool(&format!("mount -o remount,bind,ro {}", path.display())) {
        return skip("no folder can be mounted read-only here");
    }
    let why = "its folder cannot be written: Read-only file system (os error 30); mount it writable";
    resists(folder, false, why, |_| {
        assert!(tool(&format!("mount -o remount,bind,rw {}", path.display())));
    });
    drop(mounted);
    fs::remove_dir(path).expect("the server could only empty it");
}

#[test]
fn a_file_of_another_user() {
    let folder = folder();
    let members = folder.path().join("members.txt");
    fs::set_permissions(&members, fs::Permissions::from_mode(0o644)).expect("own file");
    let _: std::io::Result<()> = chown(&members, Some(OTHER), Some(OTHER));
    let why = "its owner could not be kept: Operation not permitted";
    resists(folder, true, why, |members| chown(members, Some(USER), Some(USER)).expect("root may"));
}

#[test]
fn a_file_of_another_user_in_a_folder_with_the_sticky_bit() {
    let folder = folder();
    let members = folder.path().join("members.txt");
    let _: std::io::Result<()> = chown(folder.path(), Some(OTHER), Some(OTHER));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).expect("own folder");
    fs::set_permissions(&members, fs::Permissions::from_mode(0o666)).expect("own file");
    let _: std::io::Result<()> = chown(&members, Some(OTHER), Some(OTHER));
    let why = "it belongs to another user, in a folder with the sticky bit";
    resists(folder, true, why, |members| chown(members, Some(USER), Some(USER)).expect("root may"));
}

#[test]
fn an_immutable_file() {
    let folder = folder();
    let members = folder.path().join("members.txt");
    if !tool(&format!("chattr +i {}", members.display())) {
        return skip("chattr +i is not possible here");
    }
    let why = "it is immutable; chattr -i";
    resists(folder, false, why, |members| assert!(tool(&format!("chattr -i {}", members.display()))));
}

#[test]
fn an_immutable_folder() {
    let folder = folder();
    let path = folder.path().display().to_string();
    if !tool(&format!("chattr +i {path}")) {
        return skip("chattr +i is not possible here");
    }
    resists(folder, false, "its folder is immutable; chattr -i", |_| {
        assert!(tool(&format!("chattr -i {path}")));
    });
}

/// A label that root alone may set.
#[test]
fn an_attribute_that_its_user_may_not_set() {
    let folder = folder();
    let members = folder.path().join("members.txt");
    if !tool(&format!("setfattr -n security.note -v kept {}", members.display())) {
        return skip("setfattr is not here, or no attribute of this kind");
    }
    let why = "its attribute security.note could not be kept: Operation not permitted";
    resists(folder, true, why, |members| {
        assert!(tool(&format!("setfattr -x security.note {}", members.display())));
    });
}

#[test]
fn other_names_of_the_file_are_told() {
    let folder = folder();
    fs::hard_link(folder.path().join("members.txt"), folder.path().join("copy")).expect("a link");
    let server = Server::in_folder(folder, &["--history", "none"]);
    server.until_logged("members.txt: has another name (a hard link)");
}

/// The server under strace, for which these folders cannot be synced: as on the shared folders of virtual machines.
fn unsynced(folders: &[&Path]) -> Option<Command> {
    let mut command = Command::new("strace");
    command.args([
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync",
        "-e",
        "inject=fsync:error=EINVAL",
    ]);
    for folder in folders {
        command.arg("-P").arg(folder);
    }
    let can = tool("strace -qq -o /dev/null -e trace=fsync true");
    if !can {
        skip("strace is not possible here");
    }
    command.arg(env!("CARGO_BIN_EXE_chat-room-server"));
    can.then_some(command)
}

#[test]
fn a_file_system_that_syncs_no_folders_stops_nothing_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("members.txt"), members_txt(&GROUP)).expect("written");
    let (path, history) = (folder.path().to_owned(), folder.path().join("history"));
    let unsynced = || unsynced(&[&path, &history]);
    let Some(command) = unsynced() else { return };
    let mut talk = Talk::with(Server::launch_in(folder, command, "127.0.0.1:0", &[]));
    talk.server.until_logged("members.txt: this file system cannot sync folders");
    talk.server.until_logged("history: this file system cannot sync folders");
    let said = "ann:\nbob:\nann> ADD kim@x kim-secret\nann< OK ADD kim@x\nann< ADDED 1 …\nbob< ADDED 1 …\nkim:\nkim< ADDED …
        bob> MSG kept\nbob< OK MSG 2 <time>\nann< MSG 2 …\nkim< MSG 2 …\nann> REMOVE kim@x\nann< OK REMOVE kim@x\nann=";
    talk.play(&said.replace("\nann=", ""));
    talk.server.stop();
    let Talk { server, .. } = talk;
    let server = Server::launch_in(server.into_folder(), unsynced().expect("as before"), "127.0.0.1:0", &[]);
    let check = unsynced()
        .expect("as before")
        .current_dir(&path)
        .args(["--check", "--listen", "127.0.0.1:0"])
        .output();
    let check = String::from_utf8(check.expect("a server").stderr).expect("text");
    assert!(check.contains("members.txt: this file system cannot sync folders"), "{check}");
    assert!(check.contains("history: this file system cannot sync folders"), "{check}");
    assert!(
        !read_at_start(&server.members())
            .expect("no mistake")
            .roster()
            .keys()
            .any(|mail| mail.as_str() == "kim@x")
    );
    let mut talk = Talk::with(server);
    talk.play(
        "bob:\nbob> HISTORY SINCE 1 1\nbob< HISTORY 2 2\nbob< MSG 2 <time> bob@x kept\nbob< OK HISTORY …",
    );
}

#[test]
fn a_full_disk_is_an_obstacle_until_a_change_goes_through() {
    let mount_point = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(mount_point.path()) else { return };
    let folder = tempfile::tempdir_in(mount_point.path()).expect("a folder");
    let text = members_txt(&GROUP) + &format!("#{}\n", "x".repeat(9000));
    fs::write(folder.path().join("members.txt"), text).expect("written");
    let mut talk = Talk::with(Server::in_folder(folder, &["--history", "none"]));
    talk.play("ann:");
    let filler = disk.fill();
    talk.play("ann> ADD kim@x kim-secret\nann< ERR ADD storage …members.txt: cannot write a new one beside it: No space left …");
    assert_eq!(talk.peer("ann").stat("members-file-writable"), 0);
    fs::remove_file(filler).expect("removed");
    talk.play("ann> ADD kim@x kim-secret\nann< OK ADD kim@x\nann< ADDED …");
    assert_eq!(talk.peer("ann").stat("members-file-writable"), 1);
    until("it is told", || talk.server.log().contains("the members file can be replaced again"));
}
