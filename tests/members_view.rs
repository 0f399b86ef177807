//! members.txt as a view of a group that many nodes share: it follows the group, and edits by hand are told, not followed.

#[path = "common/members_file.rs"]
mod members_file;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_room::protocol::{Mail, Role};
use chat_room::room::{Record, Secret, Standing};
use chat_room::server::members::file::{Changes, Seen, ViewDone, ViewJob, read_at_start, spawn_view};
use chat_room::server::threads::worker::Worker;
use members_file::{FAST, hash, mail, phc};
use mio::{Events, Poll, Token, Waker};
use tempfile::TempDir;

/// A member as a test writes it: `ann@x 1 admin`, `bob@x 2`; `bob@x -` for no such member.
fn member(text: &str) -> (Mail, Option<Standing>) {
    let mut words = text.split(' ');
    let who = mail(words.next().expect("a mail"));
    let Ok(number) = words.next().expect("a number or -").parse() else { return (who, None) };
    let role = if words.next() == Some("admin") { Role::Admin } else { Role::Member };
    (who, Some(Standing { hash: hash(number), role, name: None }))
}

fn group(members: &[&str]) -> BTreeMap<Mail, Standing> {
    members
        .iter()
        .map(|text| member(text))
        .map(|(who, standing)| (who, standing.expect("a member")))
        .collect()
}

/// A text with numbers in braces in the place of hashes.
fn filled(text: &str) -> String {
    (1..9).fold(text.to_owned(), |text, number| text.replace(&format!("{{{number}}}"), &phc(number)))
}

fn brief(text: &str) -> String {
    (1..9).fold(text.to_owned(), |text, number| text.replace(&phc(number), &format!("{{{number}}}")))
}

fn shown(record: Option<&Record>) -> String {
    match record {
        None => "-".to_owned(),
        Some(Record { secret: Secret::Hash(hash), role, .. }) => format!("{} {role}", brief(hash.as_str())),
        Some(Record { secret: Secret::Typed(_), role, .. }) => format!("typed {role}"),
    }
}

/// A folder with members.txt and what was seen of it.
struct Place {
    folder: TempDir,
}

/// The thread, and what it has told.
struct View {
    poll: Poll,
    worker: Worker<ViewJob, ViewDone>,
    file: PathBuf,
    behind: usize,
    edits: Vec<String>,
    problem: Option<String>,
}

impl Place {
    fn new(text: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        place.write(text);
        place
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("members.txt")
    }

    fn seen(&self) -> PathBuf {
        self.folder.path().join("members-seen")
    }

    /// Somebody edits the file.
    fn write(&self, text: &str) {
        fs::write(self.file(), filled(text)).expect("written");
    }

    fn text(&self) -> String {
        brief(&fs::read_to_string(self.file()).expect("a file"))
    }

    /// A server that joins this group: the file says the same.
    fn joins(&self, members: &[&str]) -> View {
        self.starts_with(Seen::agreed(&self.seen(), group(members)).expect("recorded"), members)
    }

    /// A server that was here before.
    fn starts(&self, members: &[&str]) -> View {
        let file = read_at_start(&self.file()).expect("no mistake");
        self.starts_with(Seen::read(&self.seen(), &file).expect("ours").expect("a record"), members)
    }

    fn starts_with(&self, seen: Seen, members: &[&str]) -> View {
        let poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).expect("a waker"));
        let worker = spawn_view(self.file(), seen, &group(members), FAST, waker).expect("a thread");
        View { poll, worker, file: self.file(), behind: 0, edits: Vec::new(), problem: None }
    }
}

impl View {
    /// The group changes; returns when the thread has answered.
    fn follow(&mut self, changes: &[&str]) -> &mut View {
        let changes: Changes = changes.iter().map(|text| member(text)).collect();
        assert!(self.worker.try_send(ViewJob::Follow(changes)).is_ok(), "the queue has room");
        while self.hear().followed == 0 {}
        self
    }

    /// Waits for what the thread tells next.
    fn hear(&mut self) -> ViewDone {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut events = Events::with_capacity(1);
        loop {
            if let Some(done) = self.worker.try_recv() {
                self.behind = done.behind;
                for edit in &done.news.edits {
                    let (before, after) = (shown(edit.before.as_ref()), shown(edit.after.as_ref()));
                    self.edits.push(format!("{}: {before} to {after}", edit.mail));
                }
                if let Some(readable) = &done.news.readable {
                    self.problem =
                        readable.as_ref().err().map(|problem| members_file::in_folder(&self.file, problem));
                }
                return done;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain: {:?}, {} behind", self.edits, self.behind);
            let _: std::io::Result<()> = self.poll.poll(&mut events, Some(left));
        }
    }

    fn until(&mut self, is_met: impl Fn(&View) -> bool) -> &mut View {
        while !is_met(self) {
            self.hear();
        }
        self
    }

    /// Takes what was told of edits.
    fn edits(&mut self, count: usize) -> Vec<String> {
        self.until(|view| view.edits.len() >= count);
        std::mem::take(&mut self.edits)
    }
}

const GROUP: [&str; 2] = ["ann@x 1 admin", "bob@x 2"];
const FILE: &str = "# The group.\r\nbob@x\t{2} \n\nann@x {1}  admin\n";

#[test]
fn the_file_follows_the_group_and_keeps_what_is_the_admins_own() {
    let place = Place::new(FILE);
    let mut view = place.joins(&GROUP);
    view.follow(&["bob@x 3 admin", "cid@x 4"]);
    assert_eq!(place.text(), "# The group.\r\nbob@x\t{3} admin \n\nann@x {1}  admin\ncid@x {4}\n");
    view.follow(&["ann@x -", "cid@x 4 admin"]).follow(&["bob@x 3"]);
    assert_eq!(place.text(), "# The group.\r\nbob@x\t{3} \n\ncid@x {4} admin\n");
    assert_eq!((view.behind, view.edits.len()), (0, 0), "an own write is no edit");
    let mode = place.seen().metadata().expect("a record").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "there are hashes in it");
}

#[test]
fn an_edit_is_told_with_what_stood_there_before() {
    let place = Place::new(FILE);
    let mut view = place.joins(&GROUP);
    place.write("ann@x {1} admin\nbob@x secret\ncid@x {3} admin\n");
    assert_eq!(view.edits(2), ["bob@x: {2} member to typed member", "cid@x: - to {3} admin"]);
    place.write("ann@x {1}\ncid@x {3} admin\n");
    assert_eq!(view.edits(2), ["ann@x: {1} admin to {1} member", "bob@x: typed member to -"]);
    // The group agrees with the second edit, and not with the rest.
    view.follow(&["ann@x 1", "bob@x 2", "cid@x 3 admin"]);
    assert_eq!(place.text(), "ann@x {1}\ncid@x {3} admin\nbob@x {2}\n");
    assert_eq!((view.behind, view.edits.len()), (0, 0));
}

#[test]
fn an_edit_over_which_the_view_is_written_is_told_as_it_was() {
    let place = Place::new(FILE);
    let mut view = place.joins(&GROUP);
    place.write("ann@x {1} admin\nbob@x {5}\n");
    view.follow(&["bob@x 4"]);
    assert_eq!(view.edits(1), ["bob@x: {2} member to {5} member"]);
    assert_eq!(place.text(), "ann@x {1} admin\nbob@x {4}\n", "the group will say what comes of it");
}

#[test]
fn while_the_file_has_a_mistake_the_changes_wait() {
    let place = Place::new(FILE);
    let mut view = place.joins(&GROUP);
    place.write("ann@x {1} admin\nbob@x\n");
    view.until(|view| view.problem.is_some());
    assert_eq!(view.problem.as_deref(), Some("members.txt:2: no password follows the mail"));
    view.follow(&["cid@x 3"]).follow(&["cid@x 4", "dan@x 4"]);
    assert_eq!((view.behind, &*place.text()), (2, "ann@x {1} admin\nbob@x\n"));
    place.write("ann@x {1} admin\nbob@x {2}\n# mended\n");
    view.until(|view| view.behind == 0 && view.problem.is_none());
    assert_eq!(place.text(), "ann@x {1} admin\nbob@x {2}\n# mended\ncid@x {4}\ndan@x {4}\n");
    assert_eq!(view.edits.len(), 0);
}

#[test]
fn what_cannot_be_recorded_is_not_written_and_tried_again() {
    let place = Place::new(FILE);
    let elsewhere = place.folder.path().join("history");
    fs::create_dir(&elsewhere).expect("a folder");
    let seen = Seen::agreed(&elsewhere.join("members-seen"), group(&GROUP)).expect("recorded");
    fs::remove_dir_all(&elsewhere).expect("ours");
    let mut view = place.starts_with(seen, &GROUP);
    view.follow(&["bob@x -"]);
    assert_eq!((view.behind, &*place.text()), (1, FILE));
    fs::create_dir(&elsewhere).expect("a folder");
    view.until(|view| view.behind == 0);
    assert_eq!(place.text(), "# The group.\r\n\nann@x {1}  admin\n");
}

#[test]
fn there_is_an_admin_in_the_file_at_any_time() {
    let place = Place::new(FILE);
    let mut view = place.joins(&GROUP);
    // By hand bob takes the place of ann; meanwhile the group has made cid an admin and removed ann.
    place.write("ann@x {1} admin\nbob@x {2} admin\n");
    assert_eq!(view.edits(1), ["bob@x: {2} member to {2} admin"]);
    place.write("ann@x {1}\nbob@x {2} admin\n");
    assert_eq!(view.edits(1), ["ann@x: {1} admin to {1} member"]);
    view.follow(&["bob@x 2"]);
    assert_eq!((view.behind, &*place.text()), (1, "ann@x {1}\nbob@x {2} admin\n"));
    view.follow(&["ann@x -", "cid@x 3 admin"]);
    assert_eq!((view.behind, &*place.text()), (0, "bob@x {2}\ncid@x {3} admin\n"));
}

#[test]
fn what_was_edited_while_the_server_was_down_is_told_at_its_start() {
    let place = Place::new(FILE);
    place.joins(&GROUP).follow(&["cid@x 3", "bob@x 2 admin"]);
    place.write("ann@x {1} admin\nbob@x {5} admin\ncid@x {3}\ndan@x {4}\n");
    // Meanwhile another node's admin has given cid another password, and eve is new.
    let mut view = place.starts(&["ann@x 1 admin", "bob@x 2 admin", "cid@x 6", "eve@x 7"]);
    assert_eq!(view.edits(2), ["bob@x: {2} admin to {5} admin", "dan@x: - to {4} member"]);
    view.until(|view| view.behind == 0);
    assert_eq!(place.text(), "ann@x {1} admin\nbob@x {5} admin\ncid@x {6}\ndan@x {4}\neve@x {7}\n");
    // The edits come back, and are none at the start after that.
    view.follow(&["bob@x 5 admin", "dan@x 4"]);
    drop(view);
    let mut view = place.starts(&["ann@x 1 admin", "bob@x 5 admin", "cid@x 6", "dan@x 4", "eve@x 7"]);
    assert_eq!(view.follow(&["dan@x -"]).edits.len(), 0);
}

#[test]
fn a_write_that_a_kill_has_left_unrecorded_is_no_edit() {
    let recorded = "chat-room members-seen 1\nann@x admin {1}\nbob@x member {2}\ncid@x member {3}\n";
    let announced = "> bob@x member {4}\n> cid@x -\n> dan@x member {5}\n";
    for (file, edits) in [
        // Before members.txt was replaced, after it, and edited by hand since.
        ("ann@x {1} admin\nbob@x {2}\ncid@x {3}\n", vec![]),
        ("ann@x {1} admin\nbob@x {4}\ndan@x {5}\n", vec![]),
        (
            "ann@x {1} admin\nbob@x {6}\ncid@x {7}\ndan@x {5}\n",
            vec!["bob@x: {2} member to {6} member", "cid@x: {3} member to {7} member"],
        ),
    ] {
        let place = Place::new(file);
        fs::write(place.seen(), filled(&format!("{recorded}{announced}"))).expect("written");
        let mut view = place.starts(&["ann@x 1 admin", "bob@x 4", "dan@x 8"]);
        view.follow(&["ann@x 8 admin"]);
        assert_eq!(view.edits, edits, "{file}");
        assert_eq!(place.text(), "ann@x {8} admin\nbob@x {4}\ndan@x {8}\n", "{file}");
    }
}

#[test]
fn a_record_that_no_server_wrote_is_named() {
    let place = Place::new(FILE);
    let file = read_at_start(&place.file()).expect("no mistake");
    assert!(Seen::read(&place.seen(), &file).expect("no file").is_none());
    for (text, line) in [
        ("", 1),
        ("chat-room members-seen 2\n", 1),
        ("chat-room members-seen 1\nann@x admin {1}\nbob@x {2}\n", 3),
        ("chat-room members-seen 1\nann@x admin {1}\nbob@x owner {2}\n", 3),
        ("chat-room members-seen 1\nann@x admin secret\n", 2),
        ("chat-room members-seen 1\n> ann admin {1}\n", 2),
    ] {
        fs::write(place.seen(), filled(text)).expect("written");
        let problem = Seen::read(&place.seen(), &file).expect_err(text);
        let told = members_file::in_folder(&place.file(), problem);
        let expected = format!(
            "members-seen:{line}: this is not what a server writes here; remove it, and members.txt has to agree \
             with the group"
        );
        assert_eq!(told, expected, "{text}");
    }
}
