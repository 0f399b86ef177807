//! Where each device's feed begins. The rule:
//!
//! - **No hole.** A device begins at or before the event after the last one that its client has read.
//! - **Repeated is only what was not acknowledged, as far as that was recorded.** After a start a device begins exactly
//!   where the file `delivered` has it: places are recorded every two seconds, at a clean stop, and when a device is new. What
//!   is recorded was read. Each later login in the same life begins at or after the one before, and after all that
//!   its client's kernel had certainly acknowledged: what the client had read before it sent a PING that was answered.
//! - **A device that nobody knows** begins where its member's furthest device is, and the first one at its member's
//!   ADDED. Nobody begins before that, nor is shown anything from before it by HISTORY. A member who was removed and added
//!   again is another one.

use std::collections::BTreeMap;

use super::group::Group;
use super::stream::Stream;
use super::tale::{After, Session};

/// What is known of a device's client.
#[derive(Clone, Copy, Debug)]
struct Device {
    /// Its member's ADDED.
    since: u64,
    /// The last event that it has read.
    read: u64,
}

#[derive(Debug, Default)]
pub(super) struct Devices {
    known: BTreeMap<String, Device>,
    /// What the file said at the end of the last life.
    recorded: BTreeMap<String, u64>,
}

/// Events that came again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repeated {
    pub(super) logins: u64,
    pub(super) events: u64,
    pub(super) most: u64,
}

/// In the life that is judged: a device's membership, and what has certainly been acknowledged.
type Acknowledged = BTreeMap<String, (u64, u64)>;

impl Devices {
    /// Takes in a life, at whose beginning the files had `before` events.
    pub(super) fn life(
        &mut self,
        before: u64,
        group: &Group,
        streams: &[(&Session, Stream)],
        after: &After,
        repeated: &mut Repeated,
    ) -> Vec<String> {
        let mut complaints = Vec::new();
        let tops = self.tops(group, streams);
        let mut acknowledged = Acknowledged::new();
        for (session, stream) in streams.iter().filter(|(session, _)| session.has_feed()) {
            let Some(login) = stream.login else { continue };
            let Some(since) = group.since(&session.mail, login.last) else { continue };
            let (who, start) = (session.who(), login.start);
            let mut complain = |what: &str| complaints.push(format!("{who} begins behind {start}, {what}"));
            let known = self.known.get(&who).filter(|device| device.since == since);
            if let Some(Device { read, .. }) = known {
                if start > *read {
                    complain(&format!("a hole: its client has read up to {read}"));
                }
                let again = read.saturating_sub(start);
                repeated.logins += u64::from(again > 0);
                repeated.events += again;
                repeated.most = repeated.most.max(again);
            }
            let beginning = since.saturating_sub(1);
            if start < beginning.min(login.last) {
                complain(&format!("before its member was added by event {since}"));
            }
            if let Some(earliest) = stream.earliest.filter(|earliest| *earliest < since) {
                complain(&format!("and is shown event {earliest}, its member was added by event {since}"));
            }
            let top = tops.get(&(session.mail.clone(), since)).copied().unwrap_or(0);
            match acknowledged.get(&who).filter(|(s, _)| *s == since) {
                Some((_, up_to)) if start < *up_to => {
                    complain(&format!("again: its client has acknowledged up to {up_to}"));
                }
                Some(_) => {}
                None => match self.noted_of(&who, since, before) {
                    Some(recorded) if start != recorded => complain(&format!("and {recorded} is recorded")),
                    Some(_) => {}
                    None => {
                        let siblings = self.noted_siblings(&session.mail, since, before).max(beginning);
                        if start < siblings.min(login.last) || start > top.max(siblings) {
                            complain(&format!(
                                "it is new, its member's others were between {siblings} and {top}"
                            ));
                        }
                    }
                },
            }
            let read = known.map_or(stream.read, |device| device.read.max(stream.read));
            // An own message breaks the trail of acknowledged bytes; with many of them outstanding less is known.
            let sure = if stream.messages.is_empty() { stream.fenced } else { start };
            self.known.insert(who.clone(), Device { since, read });
            let entry = acknowledged.entry(who).or_insert((since, sure));
            *entry = if entry.0 == since { (since, sure.max(entry.1)) } else { (since, sure) };
        }
        self.check_notes(group, &tops, &acknowledged, after, &mut complaints);
        self.recorded.clone_from(&after.recorded);
        complaints
    }

    /// How far each member's furthest device has come, at the end of the life.
    fn tops(&self, group: &Group, streams: &[(&Session, Stream)]) -> BTreeMap<(String, u64), u64> {
        let mut tops = BTreeMap::new();
        let mut top = |mail: &str, since, read: u64| {
            let top = tops.entry((mail.to_owned(), since)).or_insert(0);
            *top = read.max(*top);
        };
        for (who, device) in &self.known {
            top(mail_of(who), device.since, device.read);
        }
        for (session, stream) in streams.iter().filter(|(session, _)| session.has_feed()) {
            if let Some(login) = stream.login
                && let Some(since) = group.since(&session.mail, login.last)
            {
                top(&session.mail, since, stream.read);
            }
        }
        tops
    }

    /// The place recorded for this device when the life began; not one of an earlier member's device.
    fn noted_of(&self, who: &str, since: u64, before: u64) -> Option<u64> {
        let recorded = *self.recorded.get(who)?;
        (since <= before && recorded + 1 >= since).then_some(recorded)
    }

    fn noted_siblings(&self, mail: &str, since: u64, before: u64) -> u64 {
        let siblings = self.recorded.keys().filter(|who| mail_of(who) == mail);
        siblings.filter_map(|who| self.noted_of(who, since, before)).max().unwrap_or(0)
    }

    /// What is recorded was read, and never goes back; after a clean stop all that was acknowledged is recorded.
    fn check_notes(
        &self,
        group: &Group,
        tops: &BTreeMap<(String, u64), u64>,
        acknowledged: &Acknowledged,
        after: &After,
        complaints: &mut Vec<String>,
    ) {
        for (who, &recorded) in &after.recorded {
            let mail = mail_of(who);
            let Some(since) = group.since(mail, u64::MAX).filter(|since| recorded + 1 >= *since) else {
                continue;
            };
            let known = self.known.get(who).filter(|device| device.since == since);
            let top = tops.get(&(mail.to_owned(), since)).copied().unwrap_or(0);
            let read = known.map_or(top.max(since.saturating_sub(1)), |device| device.read);
            if recorded > read {
                complaints
                    .push(format!("{who} is recorded at {recorded}, and its client has read up to {read}"));
            }
            let before = self.recorded.get(who).copied().unwrap_or(0);
            if recorded < before {
                complaints.push(format!("{who} is recorded at {recorded}, and was at {before}"));
            }
        }
        for (who, (since, up_to)) in acknowledged.iter().filter(|_| after.stopped) {
            let is_same = group.since(mail_of(who), u64::MAX) == Some(*since);
            if is_same && after.recorded.get(who).is_none_or(|recorded| recorded < up_to) {
                complaints.push(format!(
                    "{who} has acknowledged up to {up_to}, and that is not recorded at a clean stop"
                ));
            }
        }
    }

    /// Everybody has read everything, and that is recorded.
    pub(super) fn is_settled(&self, group: &Group, last: u64) -> Vec<String> {
        let here = self.known.iter().filter(|(who, device)| {
            group.passwords().contains_key(mail_of(who))
                && group.since(mail_of(who), last) == Some(device.since)
        });
        let behind =
            here.filter(|(who, device)| device.read != last || self.recorded.get(*who) != Some(&last));
        behind
            .map(|(who, device)| {
                format!(
                    "{who} has read {}, recorded is {:?}, and the end is {last}",
                    device.read,
                    self.recorded.get(who)
                )
            })
            .collect()
    }
}

fn mail_of(who: &str) -> &str {
    who.split('/').next().expect("split gives at least one piece")
}
