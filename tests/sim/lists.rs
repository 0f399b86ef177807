//! What the naive server answers to those who ask: WHO, MEMBERS, INFO, FIND, STATS.

use std::collections::{BTreeMap, BTreeSet};

use chat_room::limits::FIND_LINES_MAX;

use super::oracle::{Client, Expected, Oracle, Pending, Searched};

impl Oracle {
    pub(super) fn who(&mut self, client: Client) {
        let mut devices: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for other in &self.clients {
            if let (Some(who), Some(device)) = (&other.who, &other.device) {
                devices.entry(who).or_default().insert(device);
            }
        }
        let mut lines: Vec<String> =
            devices.iter().map(|(who, devices)| format!("WHO {who} devices={}", devices.len())).collect();
        lines.push(format!("OK WHO {}", lines.len()));
        for line in lines {
            self.reply(client, line);
        }
    }

    /// Who is a member, behind `after`. Admins are told when each was seen.
    pub(super) fn members(&mut self, client: Client, after: &str) {
        self.member_lists += 1;
        let online: BTreeSet<&String> = self
            .clients
            .iter()
            .filter(|other| other.device.is_some())
            .filter_map(|other| other.who.as_ref())
            .collect();
        let tells_seen = self.is_admin(client);
        let listed = self.members.iter().filter(|(mail, _)| mail.as_str() > after);
        let mut lines: Vec<String> = listed
            .map(|(mail, member)| {
                let role = if member.admin { "admin" } else { "member" };
                let online = if online.contains(mail) { "yes" } else { "no" };
                let seen = if tells_seen { self.seen(mail) } else { "" };
                let name = member.name.as_ref().map_or(String::new(), |name| format!(" name={name}"));
                format!("MEMBER {mail} role={role} online={online}{seen}{name}")
            })
            .collect();
        lines.push(format!("OK MEMBERS {}", lines.len()));
        for line in lines {
            self.reply(client, line);
        }
    }

    /// At any time, or never: no device is known.
    fn seen(&self, mail: &str) -> &'static str {
        let known: Vec<_> = self.arrived.keys().filter(|(of, _)| of == mail).collect();
        if known.is_empty() {
            return " seen=never";
        }
        if known.iter().all(|key| self.unsure.contains(*key)) { " seen" } else { " seen=" }
    }

    /// Its author and admins are told whom it has not reached, of those who were here when it was said.
    pub(super) fn informed(&mut self, client: Client, seq: u64, after: &str) {
        let line = self.log[usize::try_from(seq - 1).expect("few")].clone();
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] != "MSG" {
            return self.reply(client, "ERR INFO no-such-message ");
        }
        let author = words[3];
        if self.clients[client].who.as_deref() != Some(author) && !self.is_admin(client) {
            return self.reply(client, "ERR INFO admin-only ");
        }
        self.infos += 1;
        let concerned = self.members.keys().filter(|mail| *mail != author && self.added_of(mail) < seq);
        let (reached, waiting): (Vec<&String>, Vec<&String>) =
            concerned.partition(|mail| self.furthest.get(*mail).is_some_and(|furthest| *furthest >= seq));
        let listed = waiting.iter().filter(|mail| mail.as_str() > after);
        let mut lines: Vec<String> =
            listed.map(|mail| format!("PENDING {mail}{}", self.seen(mail))).collect();
        lines.push(format!("OK INFO {seq} delivered={} pending={}", reached.len(), waiting.len()));
        for line in lines {
            self.reply(client, line);
        }
    }

    /// A member searches once at a time, and only what they may read.
    pub(super) fn find(&mut self, client: Client, who: &str, first: u64, words: &[String]) {
        let searches = |other: &Expected| {
            let is_asked = matches!(other.pending, Some(Pending::Find { .. })) && !other.leaving;
            is_asked && other.who.as_deref() == Some(who)
        };
        let others = self.open.iter().filter(|other| searches(&self.clients[**other])).count();
        assert_eq!(others, 0, "{who} searches once at a time");
        let (own, last) = (self.first_own(who), self.last());
        let (end, text) = match words {
            [_, seq, text] => (seq.parse::<u64>().expect("a number").min(last + 1), text.clone()),
            _ => (last + 1, words[0].clone()),
        };
        self.before += usize::from(first < own && first < end);
        self.clients[client].pending =
            Some(Pending::Find { first: first.max(own), end, text, searched: None });
    }

    /// The newest messages that hold the text, of those between `first` and `end`.
    pub(super) fn found(
        &mut self,
        client: Client,
        first: u64,
        end: u64,
        text: &str,
        searched: Option<Searched>,
    ) {
        let all = Searched { to: first, oldest: first, is_read: true };
        let Searched { to, oldest, is_read } = searched.unwrap_or(all);
        if !is_read {
            return self.reply(client, "ERR FIND storage ");
        }
        let holds = |seq: &u64| {
            let line = &self.log[usize::try_from(*seq - 1).expect("few")];
            let words: Vec<&str> = line.splitn(5, ' ').collect();
            words[0] == "MSG" && words[4].to_lowercase().contains(&text.to_lowercase())
        };
        let mut found: Vec<u64> = (first.max(to)..end).filter(holds).collect();
        let more = if found.len() > FIND_LINES_MAX {
            found.drain(..found.len() - FIND_LINES_MAX);
            Some(found[0])
        } else {
            (to > first).then_some(to)
        };
        found.retain(|seq| *seq >= oldest);
        self.finds += found.len();
        if !found.is_empty() {
            self.reply(client, format!("FOUND {}", found.len()));
        }
        for seq in &found {
            let line = self.log[usize::try_from(seq - 1).expect("few")].clone();
            self.reply(client, line);
        }
        let more = more.filter(|more| *more > oldest).map_or(String::new(), |more| format!(" more={more}"));
        self.reply(client, format!("OK FIND {}{more}", found.len()));
    }

    /// The room's own figures, and the one that the shell of this simulation has.
    pub(super) fn measured(&mut self, client: Client) {
        self.stats += 1;
        let second = self.second;
        let figures = [
            ("connections", self.open.len()),
            ("logged-in", self.clients.iter().filter(|client| client.who.is_some()).count()),
            ("members", self.members.len()),
            ("last-event", self.log.len()),
            ("events-last-minute", self.appended_at.iter().filter(|at| **at + 60 > second).count()),
            ("shell", 1),
        ];
        for (name, value) in figures {
            self.reply(client, format!("STAT {name} {value}"));
        }
        self.reply(client, format!("OK STATS {}", figures.len()));
    }
}
