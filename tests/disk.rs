//! The disk below the real server: full, read-only, immutable; and kill -9 before the calls of a command.

mod common;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use chat_room::server::members::file::read_at_start;
use common::disk::{Disk, skip, tool};
use common::peer::Peer;
use common::server::{GROUP, Server, members_txt};
use common::talk::Talk;

/// What is refused while the file cannot be written, and what goes on. `kim@x` comes and goes when it can.
const REFUSED: &str = "
    ann> ADD kim@x kim-secret
    ann< ERR ADD storage members.txt: cannot …
    ann> REMOVE bob@x
    ann< ERR REMOVE storage members.txt: cannot …
    ann> RESET bob@x other-secret
    ann< ERR RESET storage members.txt: cannot …
    bob> PASSWD bob-secret other-secret
    bob< ERR PASSWD storage members.txt: cannot …
    bob> LEAVE
    bob< ERR LEAVE storage members.txt: cannot …
    bob> MSG we go on
    bob< OK MSG …
    ann< MSG …
    cid> LOGIN cid@x/- cid-secret
    cid< OK LOGIN …
    cid> QUIT
    cid< OK QUIT
    cid.
    cid/
    ann=
    bob=
";
const POSSIBLE: &str = "
    ann> ADD kim@x kim-secret
    ann< OK ADD kim@x
    ann< ADDED …
    bob< ADDED …
    kim:
    kim< ADDED …
    ann> REMOVE kim@x
    ann< OK REMOVE kim@x
    ann< REMOVED …
    bob< REMOVED …
    kim< BYE removed …
    kim.
    kim/
";

/// While the disk is like this, commands are refused and the file stays to the byte.
#[track_caller]
fn refuses(talk: &mut Talk) {
    let before = talk.server.members_text();
    talk.play(REFUSED);
    assert_eq!(talk.server.members_text(), before);
}

#[test]
fn a_full_disk_and_a_read_only_one() {
    let mount_point = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(mount_point.path()) else { return };
    let folder = tempfile::tempdir_in(mount_point.path()).expect("a folder");
    let text = members_txt(&GROUP) + &format!("#{}\n", "x".repeat(9000));
    fs::write(folder.path().join("members.txt"), text).expect("written");
    let mut talk = Talk::with(Server::in_folder(folder, &["--history", "none"]));
    talk.play("ann:\nbob:");
    talk.play(POSSIBLE);
    let filler = disk.fill();
    refuses(&mut talk);
    talk.play("ann> ADD kim@x kim-secret\nann< ERR ADD storage members.txt: cannot …; make room");
    fs::remove_file(filler).expect("removed");
    talk.play(POSSIBLE);
    disk.remount("ro");
    refuses(&mut talk);
    talk.play("ann> ADD kim@x kim-secret\nann< ERR ADD storage members.txt: cannot …; mount it writable");
    disk.remount("rw");
    talk.play(POSSIBLE);
    assert_eq!(talk.peer("ann").stat("members-file-ok"), 1);
}

#[test]
fn an_immutable_file() {
    let mut talk = Talk::with(Server::with(&members_txt(&GROUP), &["--history", "none"]));
    let shown = talk.server.members().display().to_string();
    talk.play("ann:\nbob:");
    if !tool(&format!("chattr +i {shown}")) {
        skip("chattr +i is not possible here");
        return;
    }
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| refuses(&mut talk)));
    assert!(tool(&format!("chattr -i {shown}")));
    refused.unwrap_or_else(|why| std::panic::resume_unwind(why));
    talk.play(POSSIBLE);
}

/// The server under strace, which does this to it.
fn strace(inject: &str) -> Command {
    let (call, _) = inject.split_once(':').expect("a call, and what is done");
    let mut command = Command::new("strace");
    // -D: our child is the server, and strace its grandchild.
    command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
    command.arg(format!("inject={inject}")).arg(env!("CARGO_BIN_EXE_chat-room-server"));
    command
}

/// Kills the server before the nth such call; what it has acknowledged must be there. Whether it survived.
#[track_caller]
fn killed_before(call: &str, nth: usize) -> bool {
    let at = format!("{call} {nth}");
    let command = strace(&format!("{call}:signal=SIGKILL:when={nth}"));
    let server = Server::launch(command, &members_txt(&["ann"]), &["--history", "none"]);
    let mut ann = Peer::connect(server.addr());
    ann.send(b"LOGIN ann@x ann-secret\nADD bob@x bob-secret\nADD cid@x cid-secret\nREMOVE bob@x\n");
    ann.half_close();
    let (mut said, mut survived) = (Vec::new(), false);
    while let Some(line) = ann.line() {
        survived |= line == "OK REMOVE bob@x";
        said.extend(line.strip_prefix("OK ").map(str::to_owned));
    }
    let mut server = server.again();
    let file = read_at_start(&server.members()).expect("no mistake");
    let members: Vec<&str> =
        file.members().map(|(mail, _)| mail).map(chat_room::protocol::Mail::as_str).collect();
    let states: [&[&str]; 4] =
        [&["ann@x"], &["ann@x", "bob@x"], &["ann@x", "bob@x", "cid@x"], &["ann@x", "cid@x"]];
    let state = states.iter().position(|state| *state == members);
    let state = state.unwrap_or_else(|| panic!("{at}: {members:?}"));
    let answered = said.iter().filter(|line| line.starts_with("ADD ") || line.starts_with("REMOVE ")).count();
    // Two more may be there: one was made, and the answer was on its way; the next line is taken in the same turn, before that
    // answer is written, and the file's thread may be as fast.
    assert!((answered..=answered + 2).contains(&state), "{at}: {answered} answered, {state} there");
    for member in &members {
        Peer::member(server.addr(), member);
    }
    server.kill();
    survived
}

#[test]
fn killed_before_any_call_of_a_command_what_was_acknowledged_is_there() {
    let can =
        strace("fsync:delay_enter=1").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        skip("strace is not possible here");
        return;
    }
    // Those that only a replacement makes, and the one that tells of it.
    // The start makes some once, to see whether the file could be replaced.
    for (call, first) in [("fchmod", 2), ("fsync", 2), ("renameat2", 1), ("unlinkat", 1), ("sendto", 1)] {
        let survived = (first..100).find(|&nth| killed_before(call, nth)).expect("it makes few such calls");
        writeln!(std::io::stdout(), "{call}: killed {} times", survived - first).expect("standard output");
        assert!(survived - first > 2, "{call} is made for each change");
    }
}
