//! The connections: each one's session, what it waits for, and which ones the shell should look at.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::protocol::{Bye, Mail, bye};
use crate::room::feed::due::DueList;
use crate::room::feed::outbox::Outbox;
use crate::room::group::Group;
use crate::room::ids::{ConnId, Now};
use crate::room::rate::Allowance;
use crate::room::session::{Countdown, Ending, Peer, Seat, Session, Waiting, seconds};
use crate::room::transcript::window::Transcript;

#[derive(Debug, Default)]
pub(super) struct Peers {
    slots: Vec<Option<Peer>>,
    len: usize,
    logged_in: usize,
    due: DueList,
    /// Connections before login, by their deadlines for it.
    login_deadlines: BTreeSet<(Duration, ConnId)>,
    /// Connections whose next line has to wait, by the time at which it may be taken.
    over_rate: BTreeSet<(Duration, ConnId)>,
    /// Connections that have waited, and no longer do.
    woken: Vec<ConnId>,
    /// Connections whose next message waits for a pass, in the order in which they began to wait.
    slowed: Vec<ConnId>,
    /// Connections whose block was read.
    pub(super) unblocked: Vec<ConnId>,
    /// Connections whose block could not be read.
    pub(super) broken: Vec<ConnId>,
    /// Connections whose SKIP waits for a block.
    pub(super) skipping: Vec<ConnId>,
    /// Connections of new devices.
    pub(super) new_devices: Vec<ConnId>,
}

impl Peers {
    /// Allocates memory for so many.
    pub(super) fn reserve(&mut self, connections: usize) {
        self.slots.reserve_exact(connections);
    }

    /// All slots are below this.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many are logged in.
    pub(super) fn logged_in(&self) -> usize {
        self.logged_in
    }

    /// The connection, if it is still open.
    pub(super) fn get(&self, id: ConnId) -> Option<&Peer> {
        self.slots.get(id.slot as usize)?.as_ref().filter(|peer| peer.serial == id.serial)
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Peer> {
        self.slots.get_mut(id.slot as usize)?.as_mut().filter(|peer| peer.serial == id.serial)
    }

    /// Adds a connection with this deadline for its login.
    pub(super) fn connect(&mut self, id: ConnId, deadline: Duration) {
        let slot = id.slot as usize;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        debug_assert!(self.slots[slot].is_none());
        self.slots[slot] = Some(Peer {
            serial: id.serial,
            outbox: Outbox::new(),
            session: Session::BeforeLogin(Countdown::Until(deadline), Allowance::default()),
            waiting: Waiting::No,
            tries: 0,
            listed: false,
            heard: 0,
        });
        self.len += 1;
        self.login_deadlines.insert((deadline, id));
    }

    /// The connection is closed.
    pub(super) fn remove(&mut self, id: ConnId, group: &mut Group) {
        if self.get(id).is_some() {
            self.end_session(id, group);
            let peer = self.slots[id.slot as usize].take();
            if let Some(Peer { session: Session::Leaving(Some(seat)), .. }) = peer {
                group.release(&seat, id);
            }
            self.len -= 1;
        }
    }

    /// The login succeeded.
    pub(super) fn admit(&mut self, id: ConnId, seat: Seat) {
        self.get_mut(id).expect("an answer was awaited").session = Session::Member(seat);
        self.logged_in += 1;
    }

    /// The member who is logged in.
    pub(super) fn mail_of(&self, id: ConnId) -> Option<&Mail> {
        match &self.get(id)?.session {
            Session::Member(seat) => Some(&seat.mail),
            Session::BeforeLogin(..) | Session::Leaving(_) => None,
        }
    }

    /// This connection has sent something.
    pub(super) fn hear(&mut self, now: Now, id: ConnId) {
        if let Some(peer) = self.get_mut(id) {
            peer.heard = seconds(now);
        }
    }

    /// Adds a reply to what it is owed.
    pub(super) fn reply(&mut self, id: ConnId, lines: Vec<u8>, transcript: &Transcript) {
        if let Some(peer) = self.get_mut(id) {
            peer.outbox.reply(transcript, lines);
            self.list(id);
        }
    }

    /// Lists it as due.
    pub(super) fn list(&mut self, id: ConnId) {
        if let Some(peer) = self.get_mut(id)
            && !std::mem::replace(&mut peer.listed, true)
        {
            let is_logged_in = matches!(peer.session, Session::Member(_));
            self.due.push(id, is_logged_in);
        }
    }

    /// The next one that is due.
    pub(super) fn pop_due(&mut self) -> Option<ConnId> {
        while let Some(id) = self.due.pop() {
            if let Some(peer) = self.get_mut(id) {
                peer.listed = false;
                return Some(id);
            }
        }
        None
    }

    /// Whether its lines are taken at present.
    pub(super) fn listens(&self, id: ConnId) -> bool {
        self.get(id).is_some_and(|peer| peer.waiting == Waiting::No && !peer.outbox.is_leaving())
    }

    /// Whether no line of it will ever be taken again.
    pub(super) fn is_leaving(&self, id: ConnId) -> bool {
        self.get(id).is_none_or(|peer| peer.outbox.is_leaving())
    }

    /// Whether it waits for a worker's answer.
    pub(super) fn awaits_answer(&self, id: ConnId) -> bool {
        self.get(id).is_some_and(|peer| peer.waiting == Waiting::Worker && !peer.outbox.is_leaving())
    }

    /// Its next line stays unread until this has happened. So replies keep the order of the requests without ids.
    pub(super) fn wait(&mut self, id: ConnId, waiting: Waiting) {
        if let Some(peer) = self.get_mut(id) {
            peer.waiting = waiting;
        }
        if waiting == Waiting::Pass {
            self.slowed.push(id);
        }
    }

    /// A worker has answered. Returns whether the connection still waits for that, and lets it continue; else it is closed or
    /// leaving, and the answer comes too late. The only place where late answers are dropped.
    pub(super) fn answer_is_awaited(&mut self, id: ConnId) -> bool {
        self.wake(id);
        self.get(id).is_some_and(|peer| !peer.outbox.is_leaving())
    }

    /// Its next line has to wait until this time.
    pub(super) fn wait_until(&mut self, at: Duration, id: ConnId) {
        self.wait(id, Waiting::Allowance);
        self.over_rate.insert((at, id));
    }

    /// Wakes the connections whose time has come.
    pub(super) fn end_waits(&mut self, now: Now) {
        while let Some(&(at, id)) = self.over_rate.first()
            && at <= now.mono
        {
            self.over_rate.pop_first();
            if self.get(id).is_some_and(|peer| peer.waiting == Waiting::Allowance) {
                self.wake(id);
            }
        }
    }

    /// The receivers have caught up: wakes connections that may send messages again, in order.
    pub(super) fn wake_slowed(&mut self) {
        for id in std::mem::take(&mut self.slowed) {
            if self.get(id).is_some_and(|peer| peer.waiting == Waiting::Pass) {
                self.wake(id);
            }
        }
    }

    /// It no longer waits.
    pub(super) fn wake(&mut self, id: ConnId) {
        if let Some(peer) = self.get_mut(id) {
            peer.waiting = Waiting::No;
            self.woken.push(id);
        }
    }

    /// Connections that have waited, and no longer do.
    pub(super) fn take_woken(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.woken)
    }

    /// Drops all messages that wait for the log, without an answer.
    pub(super) fn forget_tickets(&mut self) {
        for peer in self.slots.iter_mut().flatten() {
            peer.outbox.forget_tickets();
        }
    }

    /// Stops the time to log in while the server checks the password.
    pub(super) fn stop_countdown(&mut self, now: Now, id: ConnId) {
        if let Some(peer) = self.get_mut(id)
            && let Session::BeforeLogin(countdown, _) = &mut peer.session
            && let Countdown::Until(at) = *countdown
        {
            *countdown = Countdown::Stopped(at.saturating_sub(now.mono));
            self.login_deadlines.remove(&(at, id));
        }
    }

    /// Lets it run again, unless the login succeeded.
    pub(super) fn run_countdown(&mut self, now: Now, id: ConnId) {
        if let Some(peer) = self.get_mut(id)
            && let Session::BeforeLogin(countdown, _) = &mut peer.session
            && let Countdown::Stopped(left) = *countdown
        {
            let at = now.mono + left;
            *countdown = Countdown::Until(at);
            self.login_deadlines.insert((at, id));
        }
    }

    /// Connections whose time to log in is over, at most so many.
    pub(super) fn too_late(&self, now: Now, max: usize) -> Vec<ConnId> {
        let late = self.login_deadlines.iter().take_while(|(at, _)| *at <= now.mono);
        late.take(max).map(|&(_, id)| id).collect()
    }

    /// The next deadline of a connection.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let first = |set: &BTreeSet<(Duration, ConnId)>| set.first().map(|&(at, _)| at);
        first(&self.login_deadlines).into_iter().chain(first(&self.over_rate)).min()
    }

    /// Takes no further line of this connection. `ending` says what it is still sent.
    pub(super) fn end(
        &mut self,
        id: ConnId,
        ending: Ending,
        last_word: Option<Bye>,
        transcript: &Transcript,
        group: &mut Group,
    ) {
        self.end_session(id, group);
        let Some(peer) = self.get_mut(id) else { return };
        let (was_leaving, waited) = (peer.outbox.is_leaving(), peer.waiting != Waiting::No);
        match ending {
            Ending::AtEnd => peer.outbox.leave_at_end(transcript),
            Ending::AtLineEnd => peer.outbox.leave_at_line_end(transcript),
        }
        if let Some(last_word) = last_word
            && !was_leaving
        {
            peer.outbox.reply(transcript, bye(last_word));
        }
        if waited {
            self.woken.push(id);
        }
        self.list(id);
    }

    /// The same for these, each after the line that is being sent to it.
    pub(super) fn end_each(
        &mut self,
        ids: &[ConnId],
        last_word: Bye,
        transcript: &Transcript,
        group: &mut Group,
    ) {
        for &id in ids {
            self.end(id, Ending::AtLineEnd, Some(last_word), transcript, group);
        }
    }

    /// Ends all connections.
    pub(super) fn end_all(
        &mut self,
        ending: Ending,
        last_word: Bye,
        transcript: &Transcript,
        group: &mut Group,
    ) {
        let id = |(slot, peer): (u32, &Option<Peer>)| Some(ConnId { slot, serial: peer.as_ref()?.serial });
        for id in (0..).zip(&self.slots).filter_map(id).collect::<Vec<_>>() {
            self.end(id, ending, Some(last_word), transcript, group);
        }
    }

    /// Ends the connection's session and its deadlines.
    fn end_session(&mut self, id: ConnId, group: &mut Group) {
        let Some(peer) = self.get_mut(id) else { return };
        match std::mem::replace(&mut peer.session, Session::Leaving(None)) {
            Session::BeforeLogin(Countdown::Until(at), _) => {
                self.login_deadlines.remove(&(at, id));
            }
            Session::BeforeLogin(Countdown::Stopped(_), _) => {}
            Session::Member(seat) => {
                group.leave(&seat, id);
                peer.session = Session::Leaving(Some(seat));
                self.logged_in -= 1;
            }
            Session::Leaving(seat) => peer.session = Session::Leaving(seat),
        }
    }

    /// Panics if an invariant does not hold. `is_far_ahead`: whether the transcript is too far ahead of the receivers.
    pub(super) fn check(&self, transcript: &Transcript, is_far_ahead: bool) {
        let (mut len, mut logged_in, mut slowed) = (0, 0, 0);
        for peer in self.slots.iter().flatten() {
            peer.outbox.check(transcript);
            assert!(!peer.has_waited(), "{:?} is over", peer.waiting);
            len += 1;
            logged_in += usize::from(matches!(peer.session, Session::Member(_)));
            slowed += usize::from(peer.waiting == Waiting::Pass);
        }
        assert_eq!((self.len, self.logged_in), (len, logged_in));
        assert!(self.slowed.is_empty() || is_far_ahead, "the slowed may speak");
        assert!(slowed <= self.slowed.len(), "one is not woken");
    }
}
