//! The connections: each one's session, what it waits for, and which ones the shell should look at.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::protocol::Mail;
use crate::room::feed::outbox::Outbox;
use crate::room::ids::MemberId;
use crate::room::{Allowance, ConnId, Countdown, Group, Now, Peer, Pos, Seat, Session, Transcript, Waiting};

#[derive(Debug, Default)]
pub(super) struct Peers {
    slots: Vec<Option<Peer>>,
    /// How many are logged in.
    pub(super) logged_in: usize,
    /// Connections that are owed something other than new events, each once: those before login, and the others.
    due: [VecDeque<ConnId>; 2],
    /// Which of the two was tried first last time.
    due_first: usize,
    /// Connections before login, by their deadlines for it.
    login_deadlines: BTreeSet<(Duration, ConnId)>,
    /// Connections whose next line has to wait, by the time at which it may be taken.
    over_rate: BTreeSet<(Duration, ConnId)>,
    /// Connections that have waited, and no longer do.
    pub(super) woken: Vec<ConnId>,
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

    /// How many there are: counted, because that is rarely asked.
    pub(super) fn len(&self) -> usize {
        self.slots.iter().flatten().count()
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
            outbox: Outbox::default(),
            session: Session::BeforeLogin(Countdown::Until(deadline), Allowance::default()),
            waiting: Waiting::No,
            tries: 0,
            last_word: None,
            listed: false,
            heard: 0,
        });
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

    /// Lists it as due.
    pub(super) fn list(&mut self, id: ConnId) {
        if let Some(peer) = self.get_mut(id)
            && !std::mem::replace(&mut peer.listed, true)
        {
            let is_logged_in = matches!(peer.session, Session::Member(_));
            self.due[usize::from(is_logged_in)].push_back(id);
        }
    }

    /// How many of them were before login when they were listed.
    pub(super) fn due_before_login(&self) -> usize {
        self.due[0].len()
    }

    /// Whether any is.
    pub(super) fn has_due(&self) -> bool {
        self.due.iter().any(|due| !due.is_empty())
    }

    /// The next one that is due. Connections before login and others alternate, so that answers to many of the former keep no
    /// member waiting.
    pub(super) fn pop_due(&mut self) -> Option<ConnId> {
        self.due_first = 1 - self.due_first;
        let [first, second] = [self.due_first, 1 - self.due_first];
        while let Some(id) = self.due[first].pop_front().or_else(|| self.due[second].pop_front()) {
            if let Some(peer) = self.get_mut(id) {
                peer.listed = false;
                return Some(id);
            }
        }
        None
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
            self.wake_from(Waiting::Allowance, [id]);
        }
    }

    /// The receivers have caught up: wakes connections that may send messages again, in order.
    pub(super) fn wake_slowed(&mut self) {
        let slowed = std::mem::take(&mut self.slowed);
        self.wake_from(Waiting::Pass, slowed);
    }

    /// The membership of whoever is logged in, or has left.
    pub(super) fn member_of(&self, id: ConnId) -> Option<MemberId> {
        self.get(id)?.session.seat().map(|seat| seat.member)
    }

    /// Wakes those of them that wait for this.
    pub(super) fn wake_from(&mut self, waiting: Waiting, ids: impl IntoIterator<Item = ConnId>) {
        for id in ids {
            if self.get(id).is_some_and(|peer| peer.waiting == waiting) {
                self.wake(id);
            }
        }
    }

    /// How many wait for the end of a search.
    pub(super) fn waiting_to_search(&self) -> usize {
        self.slots.iter().flatten().filter(|peer| peer.waiting == Waiting::Search).count()
    }

    /// It no longer waits.
    pub(super) fn wake(&mut self, id: ConnId) {
        if let Some(peer) = self.get_mut(id) {
            peer.waiting = Waiting::No;
            self.woken.push(id);
        }
    }

    /// Drops all messages that wait for the log, without an answer. `end` is the transcript's.
    pub(super) fn forget_tickets(&mut self, end: Pos) {
        for peer in self.slots.iter_mut().flatten() {
            peer.outbox.replies.forget_tickets(end);
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

    /// The one in this slot.
    pub(super) fn at(&self, slot: usize) -> Option<ConnId> {
        let serial = self.slots.get(slot)?.as_ref()?.serial;
        Some(ConnId { slot: u32::try_from(slot).expect("slots are 32-bit numbers"), serial })
    }

    /// Ends the connection's session and its deadlines.
    pub(super) fn end_session(&mut self, id: ConnId, group: &mut Group) {
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
            before @ Session::Leaving(_) => peer.session = before,
        }
    }

    /// Panics if an invariant does not hold. `is_far_ahead`: whether the transcript is too far ahead of the receivers.
    pub(super) fn check(&self, transcript: &Transcript, is_far_ahead: bool) {
        let (mut logged_in, mut slowed) = (0, 0);
        for peer in self.slots.iter().flatten() {
            peer.outbox.check(transcript);
            assert!(!peer.has_waited(), "{:?} is over", peer.waiting);
            logged_in += usize::from(matches!(peer.session, Session::Member(_)));
            slowed += usize::from(peer.waiting == Waiting::Pass);
        }
        assert_eq!(self.logged_in, logged_in);
        assert!(self.slowed.is_empty() || is_far_ahead, "the slowed may speak");
        assert!(slowed <= self.slowed.len(), "one is not woken");
    }
}
