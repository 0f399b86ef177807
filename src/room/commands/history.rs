//! The past: where a feed begins, HISTORY, INFO, SKIP, and how far each device has come.

use bytes::Bytes;

use crate::protocol::{
    Code, Device, Event, EventLine, HistoryOk, InfoOk, Mail, PendingLine, Seq, Span, Time, Verb, err, ok,
};
use crate::room::Room;
use crate::room::commands::page::list_page;
use crate::room::commands::refused::Refused;
use crate::room::group::Member;
use crate::room::ids::{BlockNo, ConnId, Now, Pos};
use crate::room::interface::{Effect, LocateFor, LocateJob};
use crate::room::session::{Ending, Session, seconds};
use crate::room::transcript::blocks::Block;

impl Room {
    /// Starts the feed of a new login after this line.
    pub(in crate::room) fn begin_feed(&mut self, id: ConnId, seen: Seq, effects: &mut Vec<Effect>) {
        self.locate(id, seen.next(), LocateFor::Feed, effects);
    }

    /// Continues at once with a line in memory; else asks the files.
    fn locate(&mut self, id: ConnId, seq: Seq, purpose: LocateFor, effects: &mut Vec<Effect>) {
        let job = LocateJob { conn: id, seq, purpose };
        match self.transcript.start_of(seq) {
            Some(pos) => {
                let end = self.transcript.line_end(pos.plus(1)).min(self.transcript.end());
                let line = self.bytes_in_memory(pos, end);
                self.found(job, pos, &line, effects);
            }
            None => {
                self.peers.wait(id);
                effects.push(Effect::Locate(job));
            }
        }
    }

    /// The files have answered.
    pub(in crate::room) fn located(
        &mut self,
        job: LocateJob,
        found: Option<(Pos, Bytes)>,
        effects: &mut Vec<Effect>,
    ) {
        if !self.peers.answer_is_awaited(job.conn) {
            return;
        }
        match (found, &job.purpose) {
            (Some((pos, line)), _) => self.found(job, pos, &line, effects),
            // Without its position a feed cannot begin; the peer may connect again.
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
        if seq < self.transcript.first() && !matches!(purpose, LocateFor::Feed) {
            // It was dropped meanwhile.
            let verb = if matches!(purpose, LocateFor::Info(_)) { Verb::Info } else { Verb::History };
            let (code, sentence) = no_such_message();
            return self.reply(id, err(verb, code, sentence));
        }
        match purpose {
            LocateFor::Feed => {
                let transcript = &self.transcript;
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.outbox.go_live(transcript, pos);
                    self.peers.list(id);
                }
            }
            LocateFor::History(from, to) => {
                self.locate(id, to.next(), LocateFor::HistoryEnd(from, pos), effects);
            }
            LocateFor::HistoryEnd(from, from_pos) => {
                let to = Seq(seq.0 - 1);
                let (count, last) = (to.0 + 1 - from.0, self.transcript.last());
                self.reply(id, format!("HISTORY {from} {to}\n").into_bytes());
                let transcript = &self.transcript;
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.outbox.reply_range(transcript, from_pos, pos);
                }
                self.reply(id, ok(Verb::History, HistoryOk { count, last }));
            }
            LocateFor::Info(after) => {
                let answer = self.info(id, seq, after.as_ref(), line);
                self.reply(id, answer.unwrap_or_else(|(code, sentence)| err(Verb::Info, code, sentence)));
            }
        }
    }

    /// HISTORY: events that this member may read.
    pub(in crate::room) fn history(
        &mut self,
        id: ConnId,
        mail: &Mail,
        span: Span,
        effects: &mut Vec<Effect>,
    ) {
        let (first, last) = (self.first_for(mail).0, self.transcript.last().0);
        let (from, to) = match span {
            Span::Last(n) => ((last + 1).saturating_sub(n).max(first), last),
            Span::Since(Seq(seq), n) => {
                let from = seq.saturating_add(1).max(first);
                (from, last.min(from.saturating_add(n).saturating_sub(1)))
            }
        };
        if from > to {
            return self.reply(id, ok(Verb::History, HistoryOk { count: 0, last: Seq(last) }));
        }
        self.locate(id, Seq(from), LocateFor::History(Seq(from), Seq(to)), effects);
    }

    /// INFO: finds the line first, for its author.
    pub(in crate::room) fn ask_info(
        &mut self,
        id: ConnId,
        mail: &Mail,
        seq: Seq,
        after: Option<Mail>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refused> {
        if seq < self.first_for(mail) || seq > self.transcript.last() {
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
        let asker = self.peers.mail_of(id).cloned().ok_or_else(no_such_message)?;
        if asker != author {
            self.admin_only(&asker)
                .map_err(|(code, _)| (code, "only its author and admins may ask that".to_owned()))?;
        }
        let concerned = || self.group.page(None).filter(|(mail, m)| **mail != author && m.was_here_at(seq));
        let has = |furthest: Option<Seq>| furthest.is_some_and(|furthest| furthest >= seq);
        let delivered = concerned().filter(|(_, member)| has(member.devices.furthest())).count() as u64;
        let pending = concerned().count() as u64 - delivered;
        let mut page = list_page(self.group.page(after), |mail, member| {
            let waits = *mail != author && member.was_here_at(seq) && !has(member.devices.furthest());
            waits.then(|| PendingLine {
                mail: mail.clone(),
                seen: self.shown_seen(member.devices.seen()).into(),
            })
        });
        let info = InfoOk { seq, delivered, pending };
        page.lines.extend(ok(Verb::Info, format_args!("{info}{}", page.more)));
        Ok(page.lines)
    }

    /// SKIP: the cursor goes to the transcript's end, once it is known where the line that is being sent ends.
    pub(in crate::room) fn skip(&mut self, id: ConnId, effects: &mut Vec<Effect>) {
        let transcript = &self.transcript;
        let Some(peer) = self.peers.get_mut(id) else { return };
        if peer.outbox.is_lagging(transcript) && !peer.outbox.leap(transcript) {
            // The line that is being sent was dropped: no block has its end.
            return self.peers.broken.push(id);
        }
        match peer.outbox.skip(transcript) {
            Ok(count) => self.reply(id, ok(Verb::Skip, count)),
            Err(block) => {
                self.peers.wait(id);
                self.peers.skipping.push(id);
                self.wait_for_block(id, block, effects);
            }
        }
    }

    /// Retries the SKIPs that waited for a block.
    fn skip_again(&mut self, effects: &mut Vec<Effect>) {
        for id in std::mem::take(&mut self.peers.skipping) {
            if self.peers.answer_is_awaited(id) {
                self.skip(id, effects);
                self.peers.list(id);
            }
        }
    }

    /// A connection waits for this block of the files.
    pub fn wait_for_block(&mut self, id: ConnId, number: BlockNo, effects: &mut Vec<Effect>) {
        self.transcript.want(number, id);
        self.ask_blocks(effects);
    }

    pub(in crate::room) fn block_answered(
        &mut self,
        number: BlockNo,
        block: Option<Block>,
        effects: &mut Vec<Effect>,
    ) {
        let unreadable = block.is_none();
        for id in self.transcript.block_answered(number, block) {
            if unreadable {
                // Not even the end of its line can be sent: the connection is closed.
                self.peers.broken.push(id);
            } else {
                self.peers.unblocked.push(id);
            }
        }
        self.skip_again(effects);
        self.ask_blocks(effects);
    }

    fn ask_blocks(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.transcript.ask_blocks().into_iter().map(Effect::Block));
    }

    /// Connections whose block has been read: they can be served again.
    pub fn take_unblocked(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.peers.unblocked)
    }

    /// Connections whose block could not be read: they have to be closed.
    pub fn take_broken(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.peers.broken)
    }

    /// The peer's kernel has acknowledged `total` of all bytes sent.
    pub fn acknowledged(&mut self, now: Now, id: ConnId, total: u64) {
        let transcript = &self.transcript;
        let Some(peer) = self.peers.get_mut(id) else { return };
        let before = peer.outbox.outstanding();
        let arrived = peer.outbox.acknowledged(transcript, total);
        if peer.outbox.outstanding() < before {
            peer.heard = seconds(now);
        }
        if let Some(seq) = arrived
            && let Session::Member(seat) | Session::Leaving(Some(seat)) = &peer.session
        {
            self.group.arrived(seat, seq, now.wall);
        }
    }

    /// Whether acknowledgements of this connection move a device's place.
    pub fn moves_a_place(&self, id: ConnId) -> bool {
        match self.peers.get(id).map(|peer| &peer.session) {
            Some(Session::Member(seat) | Session::Leaving(Some(seat))) => {
                seat.device.is_some() && self.group.get(&seat.mail).is_some_and(|m| m.id == seat.member)
            }
            _ => false,
        }
    }

    /// The newest connections of this member, at most `max`, and as many that are leaving.
    pub fn connections_of(&self, mail: &Mail, max: usize) -> Vec<ConnId> {
        let of = |member: &Member| member.connections().take(max).chain(member.leaving().take(max)).collect();
        self.group.get(mail).map_or(Vec::new(), of)
    }

    /// The last line acknowledged by a device, if the device is known.
    pub fn delivered(&self, mail: &Mail, device: &Device) -> Option<Seq> {
        self.group.get(mail)?.devices.delivered_to(device)
    }

    /// Connections of new devices. A device's first place has to be recorded, with [`Room::take_delivered`], before it is sent
    /// anything: if the place were lost, the device would later begin where the member's others are, and miss events.
    pub fn take_new_devices(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.peers.new_devices)
    }

    /// The places of devices that have changed since the last call.
    pub fn take_delivered(&mut self) -> Vec<(Mail, Device, Seq, Time)> {
        self.group.take_places()
    }

    /// Whether the transcript has all changes of the group.
    pub fn is_group_settled(&self) -> bool {
        self.proposals.is_group_settled()
    }

    /// Members in byte order, after `after` if it is given, and the number of each one's ADDED line, if that is known yet.
    pub fn members_from(&self, after: Option<&Mail>) -> impl Iterator<Item = (&Mail, Option<Seq>)> {
        self.group.page(after).map(|(mail, member)| (mail, member.added))
    }

    /// How far each device of these members has come.
    pub fn places_from(
        &self,
        after: Option<&Mail>,
    ) -> impl Iterator<Item = (&Mail, impl Iterator<Item = (&Device, Seq, Time)>)> {
        self.group.page(after).map(|(mail, member)| (mail, member.devices.places()))
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

fn no_such_message() -> Refused {
    (Code::NoSuchMessage, "no message of this number is there for you to read".to_owned())
}
