//! What is in a node's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::server::cheap_hash;
use crate::record::{Device, Files, Kind};

/// Reads it, while the node runs or after it has ended.
pub(super) fn read(folder: &Path, node: &str) -> Files {
    let history = folder.join("history");
    let places = history.join("delivered");
    Files {
        node: node.to_owned(),
        history: transcript(&history),
        members: members(&folder.join("members.txt")),
        places: self::places(&places),
    }
}

/// The transcript's files, one after the other.
fn transcript(history: &Path) -> Vec<u8> {
    let entries = fs::read_dir(history).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files.iter().flat_map(|path| fs::read(path).unwrap_or_default()).collect()
}

fn members(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mails =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_whitespace().next());
    mails.map(str::to_owned).collect()
}

/// The furthest place of a device counts: on a node, what others have told comes later. A line without its end was not written
/// in full.
fn places(path: &Path) -> BTreeMap<Device, u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut places: BTreeMap<Device, u64> = BTreeMap::new();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let mut words = line.split(' ');
        if let (Some(device), Some(Ok(seq))) = (words.next(), words.next().map(str::parse::<u64>)) {
            let place = places.entry(Device(device.to_owned())).or_insert(seq);
            *place = seq.max(*place);
        }
    }
    places
}

/// The hash of the password with which the recorder's clients of this member log in.
pub(super) fn hash(mail: &str) -> String {
    let name = mail.split('@').next().expect("split gives at least one piece");
    cheap_hash(&format!("{name}-secret"))
}

/// Adds somebody to members.txt, or takes them out, as an editor does that replaces the file.
pub(super) fn edit(folder: &Path, change: Kind, mail: &str, hash: &str) {
    let path = folder.join("members.txt");
    let text = fs::read_to_string(&path).expect("it is there, and text");
    let mut lines: Vec<&str> = text.lines().collect();
    let line = format!("{mail} {hash}");
    match change {
        Kind::Added => lines.push(&line),
        Kind::Removed => lines.retain(|line| line.split_whitespace().next() != Some(mail)),
    }
    let new = folder.join("members.txt~");
    fs::write(&new, lines.join("\n") + "\n").expect("a file");
    fs::rename(&new, &path).expect("a file");
}
