//! The threads and the disk of the simulated shell: late, full, or failing.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chat_room::limits::HISTORY_BLOCK;
use chat_room::protocol::{Announce, Device, EventLine, LastIs, Mail, Role, Seq, Time, Title, Token};
use chat_room::room::{
    Block, ConnId, Delivered, Effect, Ended, GroupSettings, Input, KnownGroup, KnownMember, LocateFor,
    LogRefusal, Pos, Restored, Room, Tail, Ticket,
};

use chat_room::server::log::Sequencer;

use super::file::{display_name, field, mail, roster};
use super::nodes::Nodes;
use super::oracle::{Client, Noted, Pending, Postponed, Searched, Settings, token};
use super::world::{Save, World, config};

/// What was noted of the group, with what the log tells of it since.
fn known(group: BTreeMap<String, Noted>, ended: Ended, settings: &Settings) -> KnownGroup {
    let member = |(who, noted): (String, Noted)| {
        let role = Some(if noted.admin { Role::Admin } else { Role::Member });
        let name = noted.name.as_deref().map(display_name);
        (mail(&who), KnownMember { added: Seq(noted.added), role, name })
    };
    KnownGroup { members: group.into_iter().map(member).collect(), ended, settings: agreed(settings) }
}

/// What the group has agreed on.
pub(super) fn agreed(Settings { title, announce }: &Settings) -> GroupSettings {
    let title = title.as_ref().map(|title| Title::parse(title.as_bytes()).expect("a title"));
    GroupSettings { title, announce: if *announce { Announce::On } else { Announce::Off } }
}

impl World {
    pub(super) fn late(&mut self) -> bool {
        !self.draining && self.rng.percent(self.swarm.worker_delay)
    }

    pub(super) fn note_new_devices(&mut self) {
        if !self.room.take_new_devices().is_empty() {
            self.note_devices();
        }
    }

    /// Whether the login waits for its member's ADDED line, or is refused because that cannot be stored.
    pub(super) fn is_postponed(
        &mut self,
        id: ConnId,
        client: Client,
        login: Option<&(Mail, Device)>,
    ) -> bool {
        let postponed = self.oracle.postpones(client);
        match postponed {
            Postponed::No => {}
            Postponed::Until => self.postponed.push((id, login.cloned())),
            Postponed::Refused => {
                self.report.unannounced += 1;
                self.oracle.refuse_unstored(client);
            }
        }
        postponed != Postponed::No
    }

    /// Something was stored, or was not: whose ADDED line was in it is let in, or told.
    fn go_on_with_postponed(&mut self) {
        self.note_new_devices();
        for (id, login) in std::mem::take(&mut self.postponed) {
            let Some(client) = self.client_of(id) else { continue };
            if self.is_postponed(id, client, login.as_ref()) {
                continue;
            }
            self.report.postponed += 1;
            let delivered = login.and_then(|(who, device)| self.delivered(&who, &device));
            let first = self.room.transcript().first().0;
            self.oracle.checked(client, false, delivered.map(|seq| seq.0), first);
            self.oracle.clients[client].locating = !self.room.listens(id);
        }
    }

    /// The files are read, sooner or later.
    pub(super) fn files(&mut self) {
        while !self.locates.is_empty() && !self.late() {
            let job = self.locates.pop_front().expect("it was there");
            let (id, is_feed) = (job.conn, matches!(job.purpose, LocateFor::Feed));
            // Of what is dropped, the oldest line kept.
            let seq = job.seq.max(self.kept.0);
            let was_dropped = job.seq < seq;
            let mut lines = self.stored.split_inclusive(|&b| b == b'\n');
            let count = usize::try_from(seq.0 - self.stored_first.0).expect("few");
            let before: usize = lines.by_ref().take(count).map(<[u8]>::len).sum();
            let line = Bytes::copy_from_slice(lines.next().unwrap_or_default());
            self.report.located += 1;
            self.note(format_args!("{id:?} finds {seq} at {before}"));
            self.handle(Input::Located(job, Some((Pos(before as u64), line))));
            if let Some(client) = self.client_of(id)
                && self.room.listens(id)
            {
                if is_feed && was_dropped {
                    self.oracle.leaped(client, seq.0);
                }
                self.oracle.clients[client].locating = false;
                self.answered(client);
            }
            self.think();
        }
        self.search();
        while !self.blocks.is_empty() && !self.late() {
            let number = self.blocks.pop_front().expect("it was there");
            let from = usize::try_from(number.start().0).expect("few");
            let start = from.max(self.kept.1);
            let end = self.stored.len().min(from + HISTORY_BLOCK).max(start);
            let lines = memchr::memchr_iter(b'\n', &self.stored[..start]).count();
            let bytes = Bytes::copy_from_slice(&self.stored[start..end]);
            self.report.blocks += 1;
            self.note(format_args!("block {number:?}"));
            let mid_line = start > 0 && self.stored[start - 1] != b'\n';
            let first_line = Seq(lines as u64 + self.stored_first.0 + u64::from(mid_line));
            let block = Block { start: Pos(start as u64), bytes, first_line, mid_line };
            let lagging = |world: &World, slot: usize| {
                world.conns[slot].as_ref().is_some_and(|conn| world.room.is_lagging(conn.id))
            };
            let were_lagging: Vec<bool> = (0..self.conns.len()).map(|slot| lagging(self, slot)).collect();
            self.handle(Input::Block(number, Some(block)));
            for (slot, was_lagging) in were_lagging.into_iter().enumerate() {
                let leaped = was_lagging && !lagging(self, slot);
                if let Some(conn) = &self.conns[slot] {
                    if leaped {
                        self.oracle.leaped(conn.client, self.room.transcript().first().0);
                    }
                    if !self.room.listens(conn.id) {
                        continue;
                    }
                    let client = conn.client;
                    self.answered(client);
                }
            }
            self.think();
        }
    }

    /// Searches go on, by some blocks each.
    fn search(&mut self) {
        while !self.finds.is_empty() && !self.late() {
            let mut job = self.finds.pop_front().expect("it was there");
            let id = job.conn;
            let pos = |at: usize| Pos(at as u64);
            let is_read = self.draining || job.lines.is_some() || !self.rng.percent(5);
            if let Some((start, lines)) = &job.lines {
                job.search.block(*start, lines, true).expect("lines");
            } else if is_read {
                if job.search.rest().is_none() {
                    let (first, end) = job.search.bounds();
                    let from = if first > self.kept.0 { self.place_of(first) } else { 0 };
                    job.search.located(pos(from), pos(self.place_of(end)));
                }
                for _ in 0..=self.rng.below(3) {
                    let (from, to) = job.search.rest().expect("located");
                    let (from, to) = (from.since(Pos(0)), to.since(Pos(0)));
                    if job.search.is_over() || to <= self.kept.1 {
                        break;
                    }
                    let first = from.max(self.kept.1);
                    let start = to.saturating_sub(4000 + self.rng.below(2000)).max(first);
                    job.search.block(pos(start), &self.stored[start..to], start == first).expect("lines");
                }
            }
            self.note(format_args!("{id:?} has come to {:?}", job.search));
            let client = self.client_of(id);
            if let Some(Pending::Find { searched, .. }) =
                client.and_then(|client| self.oracle.clients[client].pending.as_mut())
            {
                let to = job.search.rest().map_or(0, |(_, to)| to.since(Pos(0)));
                let lines_before = memchr::memchr_iter(b'\n', &self.stored[..to]).count() as u64;
                *searched = Some(Searched {
                    to: self.stored_first.0 + lines_before,
                    oldest: self.room.transcript().first().0,
                    is_read,
                });
            }
            self.report.searches += 1;
            self.handle(Input::Searched(job, is_read));
            if let Some(client) = client
                && self.room.listens(id)
            {
                self.answered(client);
            }
            self.think();
        }
    }

    /// Where this line begins, in what is stored and kept.
    fn place_of(&self, seq: Seq) -> usize {
        let before = seq.0.saturating_sub(self.stored_first.0);
        let lines = self.stored.split_inclusive(|&b| b == b'\n');
        let at: usize = lines.take(usize::try_from(before).expect("few")).map(<[u8]>::len).sum();
        at.max(self.kept.1)
    }

    /// Old files go. Not while somebody has asked for a range of them: whether that is answered is chance.
    pub(super) fn drop_files(&mut self) {
        if self
            .oracle
            .clients
            .iter()
            .any(|client| matches!(client.pending, Some(Pending::History { .. } | Pending::Info { .. })))
        {
            return;
        }
        let (first, from) = self.kept;
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', &self.stored[from..]).collect();
        // A file is begun with a line, so that the last one has some.
        let gone = self.rng.below(ends.len().max(1));
        if gone > 0 {
            self.report.dropped += 1;
            self.kept = (Seq(first.0 + gone as u64), from + ends[gone - 1] + 1);
            let (first, from) = self.kept;
            self.note(format_args!("the history begins with {first}"));
            self.handle(Input::Dropped(first, Pos(from as u64)));
        }
    }

    /// The process dies. Of what was being stored some may have reached the disk, and recovery keeps whole
    /// lines. What was noted of devices may be old.
    pub(super) fn crash(&mut self) {
        self.report.crashes += 1;
        if self.rng.percent(50) {
            self.note_devices();
        }
        if let Some(in_flight) = self.storing.take() {
            let reached = self.rng.below(in_flight.len() + 1);
            let whole = in_flight[..reached].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            self.stored.extend_from_slice(&in_flight[..whole]);
        }
        let last = self.stored_first.0 - 1 + memchr::memchr_iter(b'\n', &self.stored).count() as u64;
        let (first, from) = self.kept;
        self.stored.drain(..from);
        (self.stored_first, self.kept) = (first, (first, 0));
        self.note(format_args!("crash, {last} lines have survived"));
        self.oracle.restart(last, self.wall_ms, &self.file);
        self.conns.iter_mut().for_each(|conn| *conn = None);
        self.tasks.clear();
        self.found.clear();
        self.settling.clear();
        self.saves.clear();
        self.saves_due = 0;
        (self.edits_filed, self.edits_told) = (0, 0);
        self.filed.clear();
        self.locates.clear();
        self.finds.clear();
        self.blocks.clear();
        self.postponed.clear();
        self.effects.clear();
        self.committed = None;
        self.pass_at = None;
        self.told = self.file.clone();

        let tail_at = self.stored.len().saturating_sub(1 + self.rng.below(self.swarm.window));
        let base = self.stored[..tail_at].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let last_line = self.stored.split(|&b| b == b'\n').rfind(|line| !line.is_empty());
        let last_time = last_line.and_then(EventLine::parse).map_or(Time::default(), |line| line.time);
        let (group, ended) = (self.oracle.group_of_log(), self.ended_of_log());
        let devices = self.noted.iter().map(|((mail, device), &(seq, time))| {
            let (mail, device) = (mail.clone(), device.clone());
            Delivered { mail, device, seq, time }
        });
        let restored = Restored {
            first,
            base: Pos(0),
            tail: Tail { base: Pos(base as u64), bytes: self.stored[base..].to_vec(), last: Seq(last) },
            group: known(group, ended, &self.oracle.settings),
            devices: devices.collect(),
        };
        self.sequencer = Sequencer::new(Seq(last), last_time);
        self.nodes = self.swarm.has_nodes.then(|| Nodes::after(Seq(last), last_time));
        let now = self.now();
        self.room = Room::restore(config(&self.swarm), &roster(&self.file), restored, now, &mut self.effects);
        self.think();
    }

    /// A thread answers somebody who is gone.
    pub(super) fn note_late(&mut self, id: ConnId) {
        self.report.late_verdicts += 1;
        let is_used = self.conns[id.slot as usize].is_some();
        self.report.late_in_used_slots += usize::from(is_used);
    }

    /// The last line acknowledged by a device, if the room knows the device.
    pub(super) fn delivered(&self, who: &Mail, of: &Device) -> Option<Seq> {
        self.room.places_of(who).find(|place| place.device == *of).map(|place| place.seq)
    }

    pub(super) fn client_of(&self, id: ConnId) -> Option<Client> {
        let conn = self.conns.get(id.slot as usize)?.as_ref()?;
        (conn.id == id).then_some(conn.client)
    }

    /// Effects become jobs. A queue that is full says so at once.
    pub(super) fn think(&mut self) {
        loop {
            self.room.poll_proposals(&mut self.effects);
            if self.effects.is_empty() {
                self.saves_are_not_held_back();
                return;
            }
            for effect in std::mem::take(&mut self.effects) {
                let busy = !self.draining && self.rng.percent(self.swarm.busy);
                match effect {
                    Effect::Check(job) => self.ask_check(job, busy),
                    Effect::Hash(job) => self.ask_hash(job, busy),
                    // Of one that waited for its member's ADDED line.
                    Effect::Settle(job) => self.handle(Input::Settled(job, LastIs::Certain)),
                    Effect::Issue(job) => {
                        let text = token(job.mail.as_str(), job.added.0, &field(&job.hash));
                        let made = Token::parse(text.as_bytes()).expect("a token");
                        let client = self.client_of(job.conn).expect("it has just asked");
                        self.handle(Input::Issued(job, made));
                        self.answered(client);
                    }
                    Effect::Invite(_) => unreachable!("made at once"),
                    Effect::Join(job) => self.ask_join(job, busy),
                    Effect::Save(ticket, change) => {
                        if ticket == Ticket::Typed {
                            self.saves_due = self.saves_due.checked_sub(1).expect("the oracle knows of it");
                        }
                        self.saves.push_back(Save { ticket, change, told: self.edits_told });
                    }
                    Effect::Propose(batch) if self.nodes.is_some() => {
                        let changes = self.shared().propose(&batch);
                        self.commit_changes(changes);
                    }
                    Effect::Propose(batch) => {
                        self.sequencer.propose(batch);
                        self.begin_storing();
                    }
                    Effect::Locate(job) => self.locates.push_back(job),
                    Effect::Find(job) => self.finds.push_back(job),
                    Effect::Block(number) => self.blocks.push_back(number),
                    Effect::Refused(..) => {}
                    Effect::Measure(id) => {
                        let client = self.client_of(id).expect("it has just asked");
                        self.handle(Input::Measured(id, 0, vec![("shell", "1".to_owned())]));
                        self.answered(client);
                    }
                }
            }
        }
    }

    fn begin_storing(&mut self) {
        if let Some((first, lines)) = self.sequencer.begin(Duration::from_millis(self.now_ms)) {
            assert_eq!(first, self.room.transcript().last().next());
            self.storing = Some(lines);
        }
    }

    /// The log: it takes its time, refuses now and then, and tells twice what it has told.
    pub(super) fn log(&mut self) {
        if self.nodes.is_some() {
            self.shared_log();
            return self.go_on_with_postponed();
        }
        self.begin_storing();
        if !self.draining
            && self.rng.percent(self.swarm.repeats)
            && let Some(told) = self.committed.clone()
        {
            self.report.repeated += 1;
            self.handle(Input::Committed(told));
        }
        if self.storing.is_none() || !self.draining && self.rng.percent(self.swarm.disk_delay) {
            return;
        }
        let lines = self.storing.take().expect("just asked");
        if !self.draining && self.rng.percent(self.swarm.disk_fails) {
            self.note(format_args!("the log refuses"));
            self.oracle.refused();
            let refused = self.sequencer.failed(Duration::from_millis(self.now_ms));
            self.handle(Input::Refused(refused, LogRefusal::Storage));
        } else {
            self.stored.extend_from_slice(&lines);
            self.oracle.committed(memchr::memchr_iter(b'\n', &lines).count());
            self.note(format_args!("the log has {}", self.oracle.last()));
            let committed = self.sequencer.stored();
            self.committed = Some(committed.clone());
            self.handle(Input::Committed(committed));
        }
        self.begin_storing();
        self.go_on_with_postponed();
        self.think();
    }
}
