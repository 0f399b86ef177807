//! Who is in the group: members.txt has every change that was answered with OK, and the events tell all of them.
//!
//! The file comes first and the event follows, so a kill in between leaves a difference. The next start announces it
//! as an edit, before anything else is said of that member. Two changes that undo each other leave none.

use std::collections::{BTreeMap, BTreeSet};

use super::stream::{Answer, Change};
use super::tale::After;

#[derive(Debug)]
pub(super) struct Group {
    admin: String,
    /// In members.txt at the end of the last life, with the password that fits.
    passwords: BTreeMap<String, String>,
    /// In the group by what the events say.
    announced: BTreeSet<String>,
    /// Each member's events: number, and whether it is ADDED.
    events: BTreeMap<String, Vec<(u64, bool)>>,
    /// There before all events.
    initial: BTreeSet<String>,
}

impl Group {
    pub(super) fn new(admin: &str, passwords: BTreeMap<String, String>) -> Group {
        let initial: BTreeSet<String> = passwords.keys().cloned().collect();
        Group {
            admin: admin.to_owned(),
            passwords,
            announced: initial.clone(),
            events: BTreeMap::new(),
            initial,
        }
    }

    /// The membership of somebody who logged in when `last` was the last event: the number of its ADDED, 0 for who
    /// was there before all events. `None`: it has not been announced yet.
    pub(super) fn since(&self, mail: &str, last: u64) -> Option<u64> {
        let mut since = self.initial.contains(mail).then_some(0);
        for &(seq, is_added) in self.events.get(mail).into_iter().flatten() {
            if seq > last {
                // A member who is in the file but not announced yet is announced next.
                return since.or(is_added.then_some(seq));
            }
            since = is_added.then_some(seq);
        }
        since
    }

    /// Whether members.txt has and the events tell the same.
    pub(super) fn is_settled(&self) -> bool {
        self.announced.iter().eq(self.passwords.keys())
    }

    /// Whether members.txt named this one when the life began that was judged last, or an ADD in it did.
    pub(super) fn may_enter(before: &BTreeMap<String, String>, mail: &str, changes: &[Change]) -> bool {
        before.contains_key(mail) || changes.iter().any(|change| change.verb == "ADD" && change.mail == mail)
    }

    pub(super) fn passwords(&self) -> &BTreeMap<String, String> {
        &self.passwords
    }

    /// Takes in a life: its new lines, the first of which has the number `first`, and the changes in their order.
    pub(super) fn life(
        &mut self,
        first: u64,
        lines: &[String],
        changes: &[Change],
        after: &After,
    ) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut heard: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
        for (seq, line) in (first..).zip(lines) {
            let words: Vec<&str> = line.split(' ').collect();
            if words[0] == "MSG" {
                continue;
            }
            let (by, mail, is_added) = (words[3], words[4], words[0] == "ADDED");
            self.events.entry(mail.to_owned()).or_default().push((seq, is_added));
            heard.entry(mail.to_owned()).or_default().push((by.to_owned(), is_added));
        }
        let mails: BTreeSet<&String> =
            self.passwords.keys().chain(&self.announced).chain(heard.keys()).collect();
        let mails: Vec<String> = mails.into_iter().chain(changes.iter().map(|c| &c.mail)).cloned().collect();
        for mail in mails.iter().collect::<BTreeSet<_>>() {
            let none = Vec::new();
            self.check_events(mail, heard.get(mail).unwrap_or(&none), changes, &mut complaints);
        }
        self.check_file(changes, &after.passwords, &mut complaints);
        self.passwords.clone_from(&after.passwords);
        complaints
    }

    /// The events of one member in this life: what the last one left to be announced, then what was changed.
    fn check_events(
        &mut self,
        mail: &str,
        heard: &[(String, bool)],
        changes: &[Change],
        complaints: &mut Vec<String>,
    ) {
        let is_in = self.passwords.contains_key(mail);
        let left_over = (self.announced.contains(mail) != is_in).then_some(("-", is_in));
        let of_mail = changes.iter().filter(|change| change.mail == mail && change.verb != "RESET");
        let happened = of_mail.filter(|change| matches!(change.answer, Answer::Ok | Answer::None));
        let mut expected =
            left_over.into_iter().chain(happened.map(|change| (self.admin.as_str(), change.verb == "ADD")));
        for (by, is_added) in heard {
            let what = if *is_added { "ADDED" } else { "REMOVED" };
            match expected.next() {
                Some((author, kind)) if author == by && kind == *is_added => {}
                expected => complaints
                    .push(format!("{mail}: the files say {what} by {by}, and {expected:?} was to come")),
            }
            let changes =
                if *is_added { self.announced.insert(mail.to_owned()) } else { self.announced.remove(mail) };
            if !changes {
                complaints.push(format!("{mail}: the files say {what} twice"));
            }
        }
    }

    /// members.txt is what it was, with all that was answered with OK, and perhaps what was not answered.
    fn check_file(&self, changes: &[Change], found: &BTreeMap<String, String>, complaints: &mut Vec<String>) {
        let mut settled = self.passwords.clone();
        let mut perhaps = None;
        for change in changes {
            let is_in = settled.contains_key(&change.mail);
            let (verb, mail) = (&change.verb, &change.mail);
            if perhaps.is_some() {
                complaints
                    .push(format!("{verb} {mail} was asked before the last answer: that cannot be judged"));
            }
            match &change.answer {
                Answer::Ok => {
                    if is_in == (verb == "ADD") {
                        complaints.push(format!("{verb} {mail} was answered OK and made no sense"));
                    }
                    apply(change, &mut settled);
                }
                Answer::Refused(code) => {
                    let fits = match code.as_str() {
                        "already-member" => verb == "ADD" && is_in,
                        "no-such-member" => verb != "ADD" && !is_in,
                        _ => false,
                    };
                    if !fits {
                        complaints.push(format!("{verb} {mail} was refused: {code}"));
                    }
                }
                Answer::None => {
                    let mut after = settled.clone();
                    // What would be refused changes nothing.
                    if is_in != (verb == "ADD") {
                        apply(change, &mut after);
                    }
                    perhaps = Some(after);
                }
            }
        }
        if *found == settled || perhaps.as_ref().is_some_and(|perhaps| found == perhaps) {
            return;
        }
        let mails: BTreeSet<&String> = settled.keys().chain(found.keys()).collect();
        for mail in mails.into_iter().filter(|mail| settled.get(*mail) != found.get(*mail)) {
            let (should, is) = (settled.get(mail), found.get(mail));
            let perhaps = perhaps.as_ref().map(|perhaps| perhaps.get(mail));
            complaints.push(format!(
                "{mail}: members.txt has {is:?} and should have {should:?}, or, by what was not answered, {perhaps:?}"
            ));
        }
    }
}

fn apply(change: &Change, passwords: &mut BTreeMap<String, String>) {
    match change.verb.as_str() {
        "REMOVE" => {
            passwords.remove(&change.mail);
        }
        _ => {
            passwords.insert(change.mail.clone(), change.password.clone());
        }
    }
}
