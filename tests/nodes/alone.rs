//! The recorder and the checker with one server that is no node of a cluster: it is killed, stopped and frozen, and nothing
//! is wrong; and where something is put wrong in what was recorded, that is found.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::asked::until_everybody_is_seen;
use super::checker::Checker;
use super::common::server::{Server, folder_with};
use super::folder;
use super::record::{Files, Happened, Kind, PlacesAre, Record};
use super::recorder::{Admins, EDITED, MEMBERS, Mood, Recorder};

/// The group of the recorder, at its beginning.
pub(super) fn members_txt() -> String {
    let lines = (0..).zip(MEMBERS).map(|(index, mail)| {
        let role = if index < 2 { " admin" } else { "" };
        format!("{mail} {}{role}\n", folder::hash(mail))
    });
    lines.collect()
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Some lives of a server, and what was recorded in each.
fn record() -> Vec<Record> {
    let mut server = Server::in_folder(folder_with(&members_txt()), &[]);
    let mut recorder = Recorder::new(1, &[("a".to_owned(), server.addr())], Admins::One, PlacesAre::Shared);
    let mut records = Vec::new();
    for (how, rests) in
        [(Signal::KILL, false), (Signal::STOP, false), (Signal::TERM, true), (Signal::KILL, true)]
    {
        let longest = recorder.longest();
        recorder.tell(format!("--- {longest}; {how:?} comes"));
        recorder.talk(Duration::from_millis(700));
        server.signal(how);
        recorder.talk(Duration::from_millis(100));
        if how == Signal::STOP {
            server.signal(Signal::CONT);
        } else {
            server.wait();
            server = server.again();
        }
        recorder.talk(Duration::from_millis(300));
        if !rests {
            continue;
        }
        let folder = server.history().with_file_name("");
        let files = recorder.rest(PATIENCE, || vec![folder::read(&folder, "a")]);
        let files = files.unwrap_or_else(|unrest| panic!("no rest, {unrest}:\n{}", recorder.story()));
        let nodes = [("a".to_owned(), server.addr())];
        let wrong = until_everybody_is_seen(&nodes, &recorder, &files[0], PATIENCE);
        assert!(wrong.is_empty(), "{wrong:#?}");
        records.push(Record { happened: recorder.take(), files, at_rest: true });
        edit(&folder, &mut recorder);
    }
    records
}

/// Somebody edits members.txt while everything rests.
fn edit(folder: &Path, recorder: &mut Recorder) {
    let mail = EDITED[0];
    let change = if recorder.is_member(mail) { Kind::Removed } else { Kind::Added };
    recorder.edited(change, mail);
    folder::edit(folder, change, mail, &folder::hash(mail));
    let is_so = |recorder: &Recorder| recorder.is_member(mail) == (change == Kind::Added);
    assert!(recorder.run(Mood::Listening, PATIENCE, is_so), "the edit has no effect:\n{}", recorder.story());
}

fn judge(records: &[Record]) -> (Checker, Vec<String>) {
    let mut checker = Checker::new(&MEMBERS, PlacesAre::Shared);
    let complaints = records.iter().flat_map(|record| checker.record(record)).collect();
    (checker, complaints)
}

#[test]
fn one_server_keeps_what_it_promises() {
    let records = record();
    let (checker, complaints) = judge(&records);
    if !complaints.is_empty() {
        let folder = tempfile::tempdir().expect("a folder").keep();
        fs::write(folder.join("record"), format!("{records:#?}")).expect("a file");
        panic!("{complaints:#?}\nwhat was recorded is in {}", folder.display());
    }
    let figures = checker.figures();
    assert!(figures.messages.answered > 100 && figures.changes > 5 && figures.told > 1000, "{figures}");
    what_is_spoilt_is_found(&records);
}

/// A checker that understands nothing of what real servers say would be content with everything.
fn what_is_spoilt_is_found(records: &[Record]) {
    let happened = records.iter().flat_map(|record| &record.happened);
    let seqs = happened.filter_map(|happened| match happened {
        Happened::Got { line, .. } => line.strip_prefix("OK MSG ")?.split(' ').next()?.parse().ok(),
        _ => None,
    });
    let seqs: Vec<usize> = seqs.collect();
    let seq = seqs[seqs.len() / 2];
    let spoil = |what: &dyn Fn(&mut Vec<&str>), complaint: &str| {
        let files = |files: &Files| {
            let text = String::from_utf8(files.history.clone()).expect("text");
            let mut lines: Vec<&str> = text.lines().collect();
            if lines.len() >= seq {
                what(&mut lines);
            }
            let history = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
            Files { history, ..files.clone() }
        };
        let spoilt: Vec<Record> = records
            .iter()
            .map(|record| Record {
                happened: record.happened.clone(),
                files: record.files.iter().map(files).collect(),
                at_rest: record.at_rest,
            })
            .collect();
        let (_, complaints) = judge(&spoilt);
        assert!(complaints.iter().any(|said| said.contains(complaint)), "{complaint}: {complaints:#?}");
    };
    spoil(&|lines| lines.truncate(seq - 1), "was told OK of a message that is missing in the files");
    spoil(&|lines| lines.splice(seq - 1..seq, []).for_each(drop::<&str>), "a has a hole");
    spoil(&|lines| lines.insert(seq, lines[seq - 1]), "a has event");
    spoil(&|lines| lines.swap(seq - 2, seq - 1), "a has event");
}
