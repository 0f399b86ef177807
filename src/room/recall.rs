//! What was said before: where a feed begins, HISTORY, INFO, SKIP, and how far each device has come.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::blocks::{Block, BlockNo};
use super::commands::Refused;
use super::jobs::{Effect, LocateFor, LocateJob, Now};
use super::page::list_page;
use super::session::{ConnId, Session};
use super::transcript::Pos;
use super::{Ending, Room};
use crate::protocol::{Author, Code, Device, Event, EventLine, Mail, Seq, Span, Time, Verb, err, ok};

impl Room {
    /// A login was admitted: its feed begins behind the last line that has arrived at its device.
    pub(super) fn begin_feed(&mut self, id: ConnId, delivered: Seq, effects: &mut Vec<Effect>) {
        let first_kept = Seq(self.transcript.first().0 - 1);
        let seq = delivered.max(first_kept).min(self.transcript.durable_last()).next();
        self.locate(id, seq, LocateFor::Feed, effects);
    }

    /// Goes on at once with a line that is in memory; else the files are asked.
    fn locate(&mut self, id: ConnId, seq: Seq, purpose: LocateFor, effects: &mut Vec<Effect>) {
        let job = LocateJob { conn: id, seq, purpose };
        match self.transcript.start_of(seq) {
            Some(pos) => {
                let end = self.transcript.line_end(pos.plus(1)).min(self.transcript.durable());
                let line = self.bytes_in_memory(pos, end);
                self.found(job, pos, &line, effects);
            }
            None => {
                self.wait(id);
                effects.push(Effect::Locate(job));
            }
        }
    }

    /// The files have answered.
    pub(super) fn located(&mut self, job: LocateJob, found: Option<(Pos, Bytes)>, effects: &mut Vec<Effect>) {
        if !self.answer_is_awaited(job.conn) {
            return;
        }
        match (found, &job.purpose) {
            (Some((pos, line)), _) => self.found(job, pos, &line, effects),
            // Without its place in the transcript a feed cannot go on; the peer may come again.
            (None, LocateFor::Feed) => self.end(job.conn, Ending::AtEnd, Some(crate::protocol::Bye::Storage)),
            (None, LocateFor::History(..) | LocateFor::HistoryEnd(..)) => {
                self.reply(job.conn, err(Verb::History, Code::Storage, "the history could not be read"));
            }
            (None, LocateFor::Info(_)) => {
                self.reply(job.conn, err(Verb::Info, Code::Storage, "the history could not be read"));
            }
        }
    }

    fn found(&mut self, job: LocateJob, pos: Pos, line: &[u8], effects: &mut Vec<Effect>) {
        let LocateJob { conn: id, seq, purpose } = job;
        match purpose {
            LocateFor::Feed => {
                let transcript = &self.transcript;
                if let Some(peer) = self.peers.get_mut(id.slot as usize).and_then(Option::as_mut) {
                    peer.outbox.go_live(transcript, pos);
                    self.list(id);
                }
            }
            LocateFor::History(from, to) => {
                self.locate(id, to.next(), LocateFor::HistoryEnd(from, pos), effects);
            }
            LocateFor::HistoryEnd(from, from_pos) => {
                let to = Seq(seq.0 - 1);
                let (count, last) = (to.0 + 1 - from.0, self.transcript.durable_last());
                self.reply(id, format!("HISTORY {from} {to}\n").into_bytes());
                let transcript = &self.transcript;
                if let Some(peer) = self.peers.get_mut(id.slot as usize).and_then(Option::as_mut) {
                    peer.outbox.reply_range(transcript, from_pos, pos);
                }
                self.reply(id, ok(Verb::History, format_args!("{count} last={last}")));
            }
            LocateFor::Info(after) => {
                let answer = self.info(id, seq, after.as_ref(), line);
                self.reply(id, answer.unwrap_or_else(|(code, sentence)| err(Verb::Info, code, sentence)));
            }
        }
    }

    /// HISTORY: at most so many events, of those that are kept and durable.
    pub(super) fn history(&mut self, id: ConnId, span: Span, effects: &mut Vec<Effect>) {
        let (first, last) = (self.transcript.first().0, self.transcript.durable_last().0);
        let (from, to) = match span {
            Span::Last(n) => ((last + 1).saturating_sub(n).max(first), last),
            Span::Since(Seq(seq), n) => {
                let from = seq.saturating_add(1).max(first);
                (from, last.min(from.saturating_add(n).saturating_sub(1)))
            }
        };
        if from > to {
            return self.reply(id, ok(Verb::History, format_args!("0 last={last}")));
        }
        self.locate(id, Seq(from), LocateFor::History(Seq(from), Seq(to)), effects);
    }

    /// INFO: the line is looked at first, for its author.
    pub(super) fn ask_info(
        &mut self,
        id: ConnId,
        seq: Seq,
        after: Option<Mail>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        if seq < self.transcript.first() || seq > self.transcript.durable_last() {
            return Err(no_such_message());
        }
        self.locate(id, seq, LocateFor::Info(after), effects);
        Ok(())
    }

    fn info(&self, id: ConnId, seq: Seq, after: Option<&Mail>, line: &[u8]) -> Result<Vec<u8>, Refused> {
        let line = line.strip_suffix(b"\n").and_then(EventLine::parse);
        let Some(EventLine { event: Event::Msg { mail: author, .. }, .. }) = line else {
            return Err(no_such_message());
        };
        let asker = self.mail_of(id).ok_or_else(no_such_message)?;
        if asker != author {
            self.admin_only(&asker)
                .map_err(|(code, _)| (code, "only its author and admins may ask that".to_owned()))?;
        }
        let concerned = || self.group.page(None).filter(|(mail, m)| **mail != author && m.added < seq);
        let has = |furthest: Option<Seq>| furthest.is_some_and(|furthest| furthest >= seq);
        let delivered = concerned().filter(|(_, member)| has(member.devices.furthest())).count();
        let pending = concerned().count() - delivered;
        let mut page = list_page("PENDING", self.group.page(after), |mail, member| {
            let waits = *mail != author && member.added < seq && !has(member.devices.furthest());
            waits.then(|| format!("seen={}", Seen(member.devices.seen())))
        });
        let more = page.more_field();
        page.lines
            .extend(ok(Verb::Info, format_args!("{seq} delivered={delivered} pending={pending}{more}")));
        Ok(page.lines)
    }

    /// SKIP: the cursor goes to the end.
    pub(super) fn skip(&mut self, id: ConnId) {
        let transcript = &self.transcript;
        let Some(peer) = self.peers.get_mut(id.slot as usize).and_then(Option::as_mut) else { return };
        let count = peer.outbox.skip(transcript);
        self.reply(id, ok(Verb::Skip, count));
    }

    /// A connection cannot be served without this block of the files.
    pub fn wait_for_block(&mut self, id: ConnId, number: BlockNo, effects: &mut Vec<Effect>) {
        self.transcript.want(number, id);
        self.ask_blocks(effects);
    }

    pub(super) fn block_answered(
        &mut self,
        number: BlockNo,
        block: Option<Block>,
        effects: &mut Vec<Effect>,
    ) {
        let unreadable = block.is_none();
        for id in self.transcript.block_answered(number, block) {
            if unreadable {
                // What it waits for cannot be had, so not even the end of its line: the connection breaks off.
                self.broken.push(id);
            } else {
                self.unblocked.push(id);
            }
        }
        self.ask_blocks(effects);
    }

    fn ask_blocks(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.transcript.ask_blocks().into_iter().map(Effect::Block));
    }

    /// Connections whose block has come: they can be served again.
    pub fn take_unblocked(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.unblocked)
    }

    /// Connections whose block could not be read: nothing can follow, they are to be closed.
    pub fn take_broken(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.broken)
    }

    /// The peer's kernel has `total` of all bytes that were sent to it.
    pub fn acknowledged(&mut self, now: Now, id: ConnId, total: u64) {
        let transcript = &self.transcript;
        let Some(peer) = self.peers.get_mut(id.slot as usize).and_then(Option::as_mut) else { return };
        if peer.serial != id.serial {
            return;
        }
        if let Some(seq) = peer.outbox.acknowledged(transcript, total)
            && let Session::Member(seat) | Session::Leaving(Some(seat)) = &peer.session
        {
            self.group.arrived(seat, seq, now.wall);
        }
    }

    /// Bytes sent to this connection, and those of them of which its kernel has said nothing yet.
    pub fn bytes_sent(&self, id: ConnId) -> (u64, u64) {
        self.peer(id).map_or((0, 0), |peer| (peer.outbox.bytes_sent(), peer.outbox.outstanding()))
    }

    /// The connections of this member that came last, at most so many.
    pub fn connections_of(&self, mail: &Mail, max: usize) -> Vec<ConnId> {
        self.group.get(mail).map_or(Vec::new(), |member| member.connections().take(max).collect())
    }

    /// The last line that has arrived at a device, if the device is known.
    pub fn delivered(&self, mail: &Mail, device: &Device) -> Option<Seq> {
        self.group.get(mail)?.devices.delivered_to(device)
    }

    /// Connections of devices that were not known before. Each begins where it begins from now on: that is to be
    /// noted, with [`Room::take_delivered`], before it is told so. Forgotten, it would begin where others are by then.
    pub fn take_new_devices(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.new_devices)
    }

    /// Devices that have come further since this was asked last.
    pub fn take_delivered(&mut self) -> Vec<(Mail, Device, Seq, Time)> {
        // A place behind an announcement that is not durable yet is no news for after a crash.
        let last = self.transcript.durable_last();
        let mut changed = Vec::new();
        for (mail, member) in self.group.iter_mut() {
            let devices = member.devices.take_changed();
            changed.extend(
                devices.map(|(device, seq, time)| (mail.clone(), device.clone(), seq.min(last), time)),
            );
        }
        changed
    }

    /// The group at the durable mark, if the transcript has nothing about it that is not durable: who is in
    /// it, and which line announced each.
    pub fn note(&self) -> Option<(Seq, BTreeMap<Mail, Seq>)> {
        let settled = self.transcript.durable() == self.transcript.end() && self.unannounced.is_empty();
        let members = || self.group.page(None).map(|(mail, member)| (mail.clone(), member.added)).collect();
        settled.then(|| (self.transcript.durable_last(), members()))
    }

    /// Announces again what the disk did not take.
    pub(super) fn announce_again(&mut self, now: Now) {
        for (is_added, by, mail) in std::mem::take(&mut self.unannounced) {
            if is_added {
                let placed = self.append(now, Event::Added { by, mail: mail.clone() });
                if let Some(member) = self.group.get_mut(&mail) {
                    member.added = placed.seq;
                }
            } else {
                self.append(now, Event::Removed { by, mail });
            }
        }
        self.announce_at = None;
    }

    /// Of what was not stored, membership changes have happened all the same: the file has them.
    pub(super) fn keep_announcements(&mut self) {
        let mut at = self.transcript.durable();
        let mut kept = Vec::new();
        while at < self.transcript.end() {
            let line = self.bytes_in_memory(at, self.transcript.line_end(at.plus(1)));
            match line.strip_suffix(b"\n").and_then(EventLine::parse).map(|line| line.event) {
                Some(Event::Added { by, mail }) => kept.push((true, by, mail)),
                Some(Event::Removed { by, mail }) => kept.push((false, by, mail)),
                Some(Event::Msg { .. }) | None => {}
            }
            at = at.plus(line.len());
        }
        self.unannounced.extend(kept);
    }

    fn bytes_in_memory(&self, from: Pos, to: Pos) -> Vec<u8> {
        let mut line = Vec::new();
        let mut at = from;
        while at < to {
            let piece = self.transcript.window_slice(at, to);
            line.extend_from_slice(piece);
            at = at.plus(piece.len());
        }
        line
    }
}

/// A change of the group that is still to be announced: whether an addition, by whom, and who.
pub(super) type Announcement = (bool, Author, Mail);

fn no_such_message() -> Refused {
    (Code::NoSuchMessage, "no message of this number is kept".to_owned())
}

/// `seen=`: a time, or never.
pub(super) struct Seen(pub(super) Option<Time>);

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(time) => time.fmt(f),
            None => f.write_str("never"),
        }
    }
}
