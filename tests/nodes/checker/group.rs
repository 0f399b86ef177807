//! Who is in the group, by what the events say: every change that was acknowledged is there, no other is, and a member who
//! is removed says nothing more.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{Files, Kind};

#[derive(Debug)]
pub(super) struct Group {
    /// There before all events.
    initial: BTreeSet<String>,
    members: BTreeSet<String>,
    /// Each member's events.
    events: BTreeMap<String, Vec<Change>>,
    asked: BTreeMap<(Kind, String), Asked>,
}

#[derive(Debug)]
struct Change {
    seq: u64,
    kind: Kind,
    by: String,
}

/// What was asked for, of one kind and about one member.
#[derive(Debug, Default)]
struct Asked {
    /// By whom, and how often that was acknowledged, and how often it is not known.
    by: BTreeMap<String, (usize, usize)>,
    edits: usize,
}

impl Group {
    pub(super) fn new(members: &[&str]) -> Group {
        let members: BTreeSet<String> = members.iter().map(|&mail| mail.to_owned()).collect();
        Group { initial: members.clone(), members, events: BTreeMap::new(), asked: BTreeMap::new() }
    }

    /// A line that has come into the files.
    pub(super) fn event(&mut self, seq: u64, line: &str, complaints: &mut Vec<String>) {
        let words: Vec<&str> = line.split(' ').collect();
        let Some(kind) = Kind::of_event(words[0]) else {
            if words[0] == "MSG" && !self.members.contains(words[3]) {
                complaints.push(format!("event {seq} is of {}, who is no member: {line}", words[3]));
            }
            return;
        };
        let (by, mail) = (words[3].to_owned(), words[4].to_owned());
        let changes = match kind {
            Kind::Added => self.members.insert(mail.clone()),
            Kind::Removed => self.members.remove(&mail),
        };
        if !changes {
            complaints.push(format!("event {seq} says {} of {mail} twice: {line}", kind.event()));
        }
        if by != "-" && !self.members.contains(&by) && by != mail {
            complaints.push(format!("event {seq} is by {by}, who is no member: {line}"));
        }
        self.events.entry(mail).or_default().push(Change { seq, kind, by });
    }

    pub(super) fn asked(&mut self, by: &str, kind: Kind, mail: &str) {
        self.asked_of(by, kind, mail).1 += 1;
    }

    pub(super) fn answered(&mut self, by: &str, kind: Kind, mail: &str, is_ok: bool) {
        let asked = self.asked_of(by, kind, mail);
        asked.1 -= 1;
        asked.0 += usize::from(is_ok);
    }

    fn asked_of(&mut self, by: &str, kind: Kind, mail: &str) -> &mut (usize, usize) {
        let asked = self.asked.entry((kind, mail.to_owned())).or_default();
        asked.by.entry(by.to_owned()).or_default()
    }

    pub(super) fn edited(&mut self, kind: Kind, mail: &str) {
        self.asked.entry((kind, mail.to_owned())).or_default().edits += 1;
    }

    /// How many removals of a member were acknowledged.
    pub(super) fn acknowledged_removals(&self, mail: &str) -> usize {
        let asked = self.asked.get(&(Kind::Removed, mail.to_owned()));
        asked.map_or(0, |asked| asked.by.values().map(|(ok, _)| ok).sum())
    }

    /// How many removals of a member the files have before an event.
    pub(super) fn removals_before(&self, mail: &str, seq: u64) -> usize {
        self.of(mail).filter(|change| change.kind == Kind::Removed && change.seq < seq).count()
    }

    fn of(&self, mail: &str) -> impl Iterator<Item = &Change> {
        self.events.get(mail).into_iter().flatten()
    }

    /// The membership of somebody who logged in when `last` was the last event: the number of its ADDED, 0 for those
    /// who were there before all events. `None`: there is none, before or directly after.
    pub(super) fn since(&self, mail: &str, last: u64) -> Option<u64> {
        let mut since = self.initial.contains(mail).then_some(0);
        for change in self.of(mail) {
            let is_added = change.kind == Kind::Added;
            if change.seq > last {
                // A member who is in the file but not announced yet is announced next.
                return since.or(is_added.then_some(change.seq));
            }
            since = is_added.then_some(change.seq);
        }
        since
    }

    /// When a membership ended.
    pub(super) fn until(&self, mail: &str, since: u64) -> Option<u64> {
        self.of(mail)
            .find(|change| change.kind == Kind::Removed && change.seq > since)
            .map(|change| change.seq)
    }

    pub(super) fn is_member(&self, mail: &str) -> bool {
        self.members.contains(mail)
    }

    /// What was asked for and what is there.
    pub(super) fn check(&self, complaints: &mut Vec<String>) {
        let kinds = [Kind::Added, Kind::Removed];
        let of_event = self.events.keys().flat_map(|mail| kinds.map(|kind| (kind, mail.clone())));
        let all: BTreeSet<(Kind, String)> = self.asked.keys().cloned().chain(of_event).collect();
        let (none, nobody) = (Asked::default(), (0, 0));
        for (kind, mail) in all {
            let asked = self.asked.get(&(kind, mail.clone())).unwrap_or(&none);
            let what = kind.event();
            let mut there: BTreeMap<&str, usize> = BTreeMap::new();
            for change in self.of(&mail).filter(|change| change.kind == kind) {
                *there.entry(&change.by).or_default() += 1;
            }
            for (&by, &count) in there.iter().filter(|(by, _)| **by != "-") {
                let (ok, perhaps) = asked.by.get(by).unwrap_or(&nobody);
                if count > ok + perhaps {
                    complaints.push(format!(
                        "the files say {count} times {what} {mail} by {by}, who asked for it {} times",
                        ok + perhaps
                    ));
                }
            }
            let ok: usize = asked.by.values().map(|(ok, _)| ok).sum();
            let perhaps: usize = asked.by.values().map(|(_, perhaps)| perhaps).sum();
            let count: usize = there.values().sum();
            // A node that died between its file and the event announces the change as an edit.
            if count > ok + perhaps + asked.edits {
                complaints.push(format!(
                    "the files say {count} times {what} {mail}, and only {} times that was asked for",
                    ok + perhaps + asked.edits
                ));
            }
            if count < ok {
                complaints.push(format!(
                    "{what} {mail} was acknowledged {ok} times, and the files say it {count} times"
                ));
            }
        }
    }

    /// Everything has come to rest: every members.txt names the group.
    pub(super) fn is_in_files(&self, files: &[Files], complaints: &mut Vec<String>) {
        for Files { node, members, .. } in files.iter().filter(|files| files.members != self.members) {
            let differ: Vec<&String> = members.symmetric_difference(&self.members).collect();
            complaints.push(format!("members.txt of {node} and the events do not agree about {differ:?}"));
        }
    }
}
