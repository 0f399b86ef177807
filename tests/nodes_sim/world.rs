//! One seed: the stream, the nodes, and what is under way between them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use chat_room::limits::{BATCH_MAX, STARTS_OF_A_PROCESS};
use chat_room::protocol::{Announce, Mail, Role, Seq, Time};
use chat_room::room::PasswordHash;
use chat_room::server::log::cluster::{
    Act, Answer as GateAnswer, Command, Genesis, Heard, NodeName, Question, Replica, Start, State, Stop,
    StreamSeq, Sum, TokenKey, batches,
};
use zeroize::Zeroizing;

use super::clients::{Answer, Ticket};
use super::devices::{Key, Read, Told};
use super::faults::Swarm;
use super::here::{Here, Place};
use super::logins::{Login, LoginId, Logins};
use super::node::{Life, Node, Running, TicketId, group_of, told};
use super::oracle::{Member, Oracle};
use super::report::{Report, What};
use super::rng::Rng;

/// The leader's clock at the beginning: 2026-01-02.
const WALL_MS: u64 = 1_767_323_045_678;
pub(super) const CREATED: &str = "2026-01-02T03:04:05.6Z";
/// How long it takes until everybody is answered when everything works again: a batch is sent again after two seconds, and a
/// node that needs another's history finds that out in one; but not before the stream has a message, which is a probe or a sum
/// after ten seconds if nobody says anything.
const SETTLED_AFTER: Duration = Duration::from_secs(15);
/// Longer than any publish is late.
const LATEST: Duration = Duration::from_secs(25);

pub(super) struct Stored {
    pub(super) stamp: Time,
    pub(super) body: Bytes,
}

pub(super) enum Event {
    /// A publish reaches the leader: the node's, over this connection.
    Store {
        body: Bytes,
        from: usize,
        conn: u64,
    },
    /// Something reaches a node, if it still has this connection.
    Hear {
        node: usize,
        conn: u64,
        heard: Heard,
    },
    /// A node connects to a broker.
    Up {
        node: usize,
    },
    /// A node starts again.
    Start {
        node: usize,
    },
    /// A node has told who is there.
    Here {
        node: usize,
        conn: u64,
        from: NodeName,
        message: Bytes,
    },
    /// A node is asked about members who log in at another one, and answers; or nobody is there to answer.
    Question {
        node: usize,
        conn: u64,
        from: usize,
        question: Question,
    },
    Answer {
        node: usize,
        conn: u64,
        name: NodeName,
        answer: GateAnswer,
        told: Told,
    },
    Absent {
        node: usize,
        conn: u64,
        name: NodeName,
    },
    /// A node is asked who is there.
    Asked {
        node: usize,
        conn: u64,
    },
    /// A node has told how far a device has come; is asked for all of that; tells it.
    Place {
        node: usize,
        conn: u64,
        told: Place,
    },
    AskedPlaces {
        node: usize,
        conn: u64,
        up_to: u64,
    },
    TellPlaces {
        node: usize,
        life: u64,
        number: u64,
    },
    /// A node that has stopped because of its sums is put right.
    Repair {
        node: usize,
    },
    /// A member who was let in says again what had no answer and was not said.
    Again {
        node: usize,
        login: LoginId,
    },
    /// Members come to this node from another one, whose start has ended.
    Move {
        here: usize,
        from: usize,
        start: Start,
    },
}

impl Event {
    /// The node whose next deadline it may change. `None`: that of any.
    fn touches(&self) -> Option<usize> {
        match self {
            Event::Hear { node, .. }
            | Event::Up { node }
            | Event::Start { node }
            | Event::Here { node, .. }
            | Event::Question { node, .. }
            | Event::Answer { node, .. }
            | Event::Absent { node, .. }
            | Event::Asked { node, .. }
            | Event::Place { node, .. }
            | Event::AskedPlaces { node, .. }
            | Event::TellPlaces { node, .. }
            | Event::Repair { node }
            | Event::Again { node, .. } => Some(*node),
            Event::Store { .. } | Event::Move { .. } => None,
        }
    }
}

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) swarm: Swarm,
    pub(super) now: Duration,
    queue: BTreeMap<(Duration, u64), Event>,
    pub(super) serial: u64,
    /// The number of the stream's first message.
    pub(super) first: u64,
    pub(super) stream: Vec<Stored>,
    /// So many of them are gone.
    pub(super) dropped: usize,
    pub(super) oracle: Oracle,
    /// The group that was founded.
    founders: BTreeMap<String, Member>,
    pub(super) nodes: Vec<Node>,
    pub(super) tickets: Vec<Ticket>,
    pub(super) logins: Vec<Login>,
    /// What devices' clients have read.
    pub(super) read: BTreeMap<Key, Read>,
    /// Names that a second machine has used.
    pub(super) doubled: BTreeSet<NodeName>,
    /// By how much the leader's clock is ahead.
    pub(super) ahead: Duration,
    /// No more faults.
    pub(super) is_calm: bool,
    /// Whoever has other lines stays stopped.
    pub(super) is_judged: bool,
    pub(super) report: Report,
    /// What happened, if one seed is replayed.
    pub(super) trace: Option<String>,
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut rng = Rng::new(seed);
        let swarm = Swarm::of(&mut rng);
        let first = *rng.pick(&[1, 1, 100]);
        World {
            rng,
            swarm,
            now: Duration::from_secs(1),
            queue: BTreeMap::new(),
            serial: 0,
            first,
            stream: Vec::new(),
            dropped: 0,
            oracle: Oracle::default(),
            founders: BTreeMap::new(),
            nodes: Vec::new(),
            tickets: Vec::new(),
            logins: Vec::new(),
            read: BTreeMap::new(),
            doubled: BTreeSet::new(),
            ahead: Duration::ZERO,
            is_calm: false,
            is_judged: false,
            report: Report::default(),
            trace: None,
        }
    }

    pub(super) fn run(&mut self) {
        self.found();
        for name in 0..self.swarm.nodes {
            self.join(name);
        }
        for _ in 0..self.swarm.steps {
            let ms = match self.rng.below(100) {
                0..70 => self.rng.below(60),
                70..96 => self.rng.below(700),
                96..99 => self.rng.below(6000),
                _ => self.rng.below(30_000),
            };
            self.pass(Duration::from_millis(ms as u64));
            self.anything();
        }
        if self.swarm.has_long_silence {
            self.pass(Duration::from_secs(700));
        }
        self.heal();
        self.settle();
        // What comes late changes nothing.
        self.pass(LATEST);
        self.settle();
        self.alter_some();
        self.settle();
        self.judge_sums();
        self.settle();
        // What has changed last is told, and asked for if it was missed.
        self.pass(Duration::from_secs(3));
        self.settle();
        self.compare();
    }

    fn settle(&mut self) {
        let patience = self.now + SETTLED_AFTER;
        while !self.is_settled() {
            assert!(self.now < patience, "everything settles");
            self.pass(Duration::from_millis(200));
        }
    }

    /// The stream's first messages.
    fn found(&mut self) {
        let base = *self.rng.pick(&[0, 0, 41]);
        let (time, sum) = (Time::from_unix_ms(WALL_MS - 5000), Sum::default().after(&[7; 3][..base.min(3)]));
        let token_key = TokenKey::new(Zeroizing::new([7; 32]));
        let line_max = self.swarm.line_max;
        let mut commands = vec![Command::Genesis(Genesis {
            transcript: 7,
            token_key,
            line_max,
            last: Seq(base as u64),
            time,
            sum,
            members: 3,
        })];
        for (text, role) in [("a@x", Role::Admin), ("b@x", Role::Member), ("c@x", Role::Member)] {
            commands.push(Command::Member {
                mail: mail(text),
                role,
                hash: hash(0),
                added: Seq(0),
                named: None,
            });
        }
        let keeper = NodeName::parse("keeper").expect("a name");
        for body in batches(&keeper, Start(1), commands) {
            self.store(Bytes::from(body));
        }
        self.founders = self.oracle.group.clone();
    }

    /// A message is stored for good.
    pub(super) fn store(&mut self, body: Bytes) {
        let ms = WALL_MS + u64::try_from((self.now + self.ahead).as_millis()).expect("years");
        self.trace(|world| format!("stored {}: {}", world.end(), brief(&body)));
        self.oracle.apply(ms, &body);
        if self.oracle.outcomes.last().is_some_and(Option::is_none) {
            self.report.count(What::Double);
        }
        if body.windows(5).any(|bytes| bytes == b"\nSUM ") {
            self.report.count(What::Sum);
        }
        self.stream.push(Stored { stamp: Time::from_unix_ms(ms), body });
    }

    /// The number of the stream's next message.
    pub(super) fn end(&self) -> StreamSeq {
        StreamSeq(self.first + self.stream.len() as u64)
    }

    /// A fault with this chance in a hundred, unless everything works again.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        !self.is_calm && self.rng.percent(percent)
    }

    pub(super) fn ms(&mut self, from: usize, below: usize) -> Duration {
        Duration::from_millis((from + self.rng.below(below - from)) as u64)
    }

    pub(super) fn later(&mut self, delay: Duration, event: Event) {
        self.serial += 1;
        self.queue.insert((self.now + delay, self.serial), event);
    }

    /// Adds a line to the trace, if it is wanted.
    pub(super) fn trace(&mut self, what: impl FnOnce(&World) -> String) {
        if self.trace.is_some() {
            let line = format!("{:>8} {}\n", self.now.as_millis(), what(self));
            self.trace.get_or_insert_default().push_str(&line);
        }
    }

    /// Time passes, and what is due in it happens.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut turns = 0;
        // Asking all of them each time took half of the simulation's time.
        let mut deadlines = self.deadlines();
        loop {
            let queued = self.queue.first_key_value().map(|(key, _)| key.0);
            let deadline = (0..).zip(&deadlines).filter_map(|(index, at)| Some(((*at)?, index))).min();
            let next = queued.into_iter().chain(deadline.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            turns = if next > self.now { 0 } else { turns + 1 };
            assert!(turns < 10_000, "time passes");
            self.now = self.now.max(next);
            let touched = if queued == Some(next) {
                let (_, event) = self.queue.pop_first().expect("it is there");
                let touched = event.touches();
                self.happen(event);
                touched
            } else if let Some((_, index)) = deadline {
                let now = self.now;
                let replica = &mut self.nodes[index].running_mut().expect("it has a deadline").replica;
                if replica.next_deadline().is_some_and(|at| at <= now) {
                    replica.tick(now);
                }
                self.drain(index);
                Some(index)
            } else {
                None
            };
            match touched {
                Some(index) => deadlines[index] = self.nodes[index].next_deadline(self.now),
                None => deadlines = self.deadlines(),
            }
        }
        assert_eq!(deadlines, self.deadlines(), "an event changes what it says that it touches");
        self.now = until;
    }

    fn deadlines(&self) -> Vec<Option<Duration>> {
        self.nodes.iter().map(|node| node.next_deadline(self.now)).collect()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Store { body, from, conn } => self.stored(body, from, conn),
            Event::Hear { node, conn, heard } => {
                if self.nodes[node].link.conn == Some(conn) {
                    if let Heard::Live { seq, .. } = &heard {
                        let link = &mut self.nodes[node].link;
                        if seq.0 < link.heard_to {
                            self.report.count(What::LiveAhead);
                        }
                        link.heard_to = link.heard_to.max(seq.0);
                    }
                    self.hear(node, heard);
                }
            }
            Event::Up { node } => self.connect(node),
            Event::Start { node } => self.start(node),
            Event::Here { node, conn, from, message } => self.hear_of(node, conn, &from, &message),
            Event::Question { node, conn, from, question } => {
                self.is_questioned(node, conn, from, &question);
            }
            Event::Answer { node, conn, name, answer, told } => {
                if self.nodes[node].link.conn == Some(conn) {
                    self.hears_of_devices(node, told);
                }
                self.is_answered(node, conn, &name, Some(answer));
            }
            Event::Absent { node, conn, name } => self.is_answered(node, conn, &name, None),
            Event::Asked { node, conn } => self.is_asked(node, conn),
            Event::Place { node, conn, told } => self.hears_place(node, conn, told),
            Event::AskedPlaces { node, conn, up_to } => self.is_asked_places(node, conn, up_to),
            Event::TellPlaces { node, life, number } => self.tells_places(node, life, number),
            Event::Repair { node } => self.is_repaired(node),
            Event::Again { node, login } => self.says_again(node, login),
            Event::Move { here, from, start } => self.move_members(here, from, start),
        }
    }

    pub(super) fn hear(&mut self, index: usize, heard: Heard) {
        let now = self.now;
        self.trace(|world| format!("{} hears {}", world.nodes[index].name, brief_heard(&heard)));
        if let Some(running) = self.nodes[index].running_mut() {
            match heard {
                Heard::Up => running.logins.gate.up(now),
                Heard::Down => running.logins.gate.down(),
                _ => {}
            }
            running.replica.heard(now, heard);
            self.drain(index);
        }
    }

    pub(super) fn connect(&mut self, index: usize) {
        if self.nodes[index].link.conn.is_none() && self.nodes[index].running().is_some() {
            self.serial += 1;
            self.nodes[index].link.conn = Some(self.serial);
            self.nodes[index].running_mut().expect("it runs").here.attendance.up();
            self.hear(index, Heard::Up);
        }
    }

    /// Starts a node that is not running, with its note if it has one.
    fn start(&mut self, index: usize) {
        if !matches!(self.nodes[index].life, Life::Crashed) {
            return;
        }
        let mut floor = u64::try_from(self.now.as_millis()).expect("years");
        if self.chance(self.swarm.clock_back) {
            self.report.count(What::ClockBack);
            let last = self.nodes[index].last_start.map_or(0, |start| start.0);
            floor = if self.rng.percent(50) { last } else { floor.saturating_sub(100_000) };
        }
        let (first, now) = (StreamSeq(self.first), self.now);
        let node = &mut self.nodes[index];
        let state = match &node.note {
            Some((text, at)) => {
                node.at = *at;
                State::parse(text.as_bytes()).expect("it was written")
            }
            None => {
                node.is_altered = false;
                if node.at > 0 {
                    self.report.count(What::NoNote);
                }
                node.at = 0;
                State::new(CREATED, first)
            }
        };
        let node = &mut self.nodes[index];
        node.group = group_of(&state);
        node.forgets_expected();
        node.shown = [state.last().0; 2];
        let floor = floor.max(node.next_start);
        node.next_start = floor + STARTS_OF_A_PROCESS;
        let replica = Replica::new(node.name.clone(), Start(floor), state, now);
        node.lives += 1;
        node.life = Life::Running(Box::new(Running {
            replica,
            is_cut_off: false,
            first_start: Start(0),
            has_begun: false,
            join: None,
            own_at: now,
            reached_at: None,
            here: Here::of(&node.name),
            logins: Logins::of(&node.name),
        }));
        let delay = self.ms(1, 300);
        self.later(delay, Event::Up { node: index });
    }

    /// Does what a node's replica wants done.
    pub(super) fn drain(&mut self, index: usize) {
        loop {
            let mut has_acted = false;
            while let Some(act) = self.nodes[index].running_mut().and_then(|running| running.replica.poll()) {
                has_acted = true;
                self.act(index, act);
            }
            let has_probed = self.at_gate(index);
            if !has_acted && !has_probed {
                break;
            }
        }
        self.here(index);
        let now = self.now;
        if let Some(running) = self.nodes[index].running_mut()
            && running.replica.reached_at() != running.reached_at
        {
            // Perhaps a probe, of which nobody is told.
            (running.own_at, running.reached_at) = (now, running.replica.reached_at());
        }
        let node = &self.nodes[index];
        let Some(running) = node.running() else { return };
        running.replica.check();
        if let Some(oldest) = node.pending.front().filter(|_| node.has_joined()) {
            let since = self.tickets[*oldest].at.max(running.own_at);
            let is_due = now > since + Duration::from_secs(31);
            assert!(running.is_cut_off || !is_due, "members are sent to another node");
        }
    }

    fn act(&mut self, index: usize, act: Act<TicketId>) {
        match act {
            Act::Publish(body) => {
                assert!(body.len() <= BATCH_MAX, "a batch has its limit");
                self.publish(index, body);
            }
            Act::Fetch { from } => self.fetch(index, from),
            Act::Applied(applied, tickets) => {
                self.report.count(What::Applied);
                let at = usize::try_from(applied.seq.0 - self.first).expect("a few");
                let outcomes: Vec<String> = applied.outcomes.iter().map(told).collect();
                assert_eq!(Some(&outcomes), self.oracle.outcomes[at].as_ref(), "each command is judged so");
                if applied.seq.0 == self.first {
                    // A room is made of the group that was founded.
                    self.nodes[index].group = self.founders.clone();
                }
                self.nodes[index].follow(&applied, &self.oracle);
                if !tickets.is_empty() {
                    self.nodes[index].running_mut().expect("it acts").own_at = self.now;
                    assert_eq!(applied.origin.node, self.nodes[index].name, "the batch is its own");
                    assert_eq!(tickets.len(), outcomes.len(), "each command has its ticket");
                }
                let mut seq = applied.first.0;
                for (ticket, outcome) in tickets.into_iter().zip(outcomes) {
                    let line = (outcome == "said").then_some(seq);
                    let is_line = outcome == "said" || outcome == "changed" && self.is_event(ticket);
                    self.answer(index, ticket, Answer::Told(outcome, line));
                    seq += u64::from(is_line);
                }
            }
            Act::Fenced(tickets) => {
                self.nodes[index].running_mut().expect("it acts").logins.end();
                for ticket in tickets {
                    let (name, start) = (self.nodes[index].name.as_str(), self.tickets[ticket].start);
                    assert!(self.oracle.has_ended(name, start), "only a fence makes it certain");
                    self.answer(index, ticket, Answer::Fenced);
                }
            }
            Act::CaughtUp => {
                let now = self.now;
                self.nodes[index].running_mut().expect("it acts").replica.join_group(now);
            }
            Act::Joined(start) => {
                // Two processes of one name may take the same JOIN for theirs.
                let name = self.nodes[index].name.clone();
                let mut others = self.nodes.iter().enumerate().filter(|(other, _)| *other != index);
                let now = self.now;
                let is_shared =
                    others.any(|(_, other)| other.name == name && other.last_start == Some(start));
                let node = &mut self.nodes[index];
                node.has_doubtful_start |= is_shared;
                let running = node.running_mut().expect("it acts");
                running.own_at = now;
                let is_restart = std::mem::replace(&mut running.has_begun, true);
                if !is_restart {
                    node.joined_at = Some(now);
                    let running = node.running_mut().expect("it acts");
                    running.first_start = start;
                    running.here.attendance.begin(start);
                }
                node.last_start = Some(start);
                for ticket in &node.pending {
                    // What was proposed before goes out under this start.
                    let waits = &mut self.tickets[*ticket].start;
                    *waits = if *waits == 0 { start.0 } else { *waits };
                }
                if is_restart {
                    self.report.count(What::Restart);
                }
            }
            Act::CutOff => {
                let running = self.nodes[index].running_mut().expect("it acts");
                assert!(!std::mem::replace(&mut running.is_cut_off, true), "it says so once");
                running.logins.end();
                self.report.count(What::CutOff);
                self.send_away(index);
            }
            Act::Back => {
                let now = self.now;
                let running = self.nodes[index].running_mut().expect("it acts");
                running.own_at = now;
                assert!(std::mem::replace(&mut running.is_cut_off, false), "it was cut off");
                self.report.count(What::Back);
            }
            act @ Act::Differs { .. } => self.goes_on(index, &act),
            Act::Stop(stop) => self.stopped(index, &stop),
        }
    }

    fn stopped(&mut self, index: usize, stop: &Stop) {
        self.trace(|world| format!("{} stops: {stop}", world.nodes[index].name));
        if let Stop::SumDiffers { node, event } = stop {
            return self.stops_for_sums(index, node, *event);
        }
        self.nodes[index].life = Life::Stopped;
        self.orphan(index);
        match stop {
            Stop::NameTaken { node } => {
                assert!(self.doubled.contains(node), "{node} has its name for itself");
                self.report.count(What::NameTaken);
            }
            Stop::Gone { next, .. } => {
                assert!(next.0 < self.first + self.dropped as u64, "{next} is there");
                self.report.count(What::Gone);
                self.copy(index);
            }
            other => panic!("{other}"),
        }
    }

    /// Everything works from now on.
    fn heal(&mut self) {
        self.trace(|_| "heals".to_owned());
        self.is_calm = true;
        for index in 0..self.nodes.len() {
            let link = &mut self.nodes[index].link;
            (link.publish_cut, link.read_cut, link.frozen) = (false, false, None);
            self.later(Duration::from_millis(100), Event::Start { node: index });
            self.later(Duration::from_millis(200), Event::Up { node: index });
        }
    }

    fn is_settled(&self) -> bool {
        self.nodes.iter().all(|node| match &node.life {
            Life::Running(running) => {
                let has_all = running.replica.state().next() == self.end();
                let is_served = node.pending.is_empty() && running.logins.is_settled();
                has_all && node.has_joined() && is_served && !running.is_cut_off
            }
            Life::Crashed => false,
            Life::Stopped => true,
        })
    }

    fn compare(&mut self) {
        self.report.add(What::Line, self.oracle.lines.len());
        self.report.add(What::Accepted, self.oracle.accepted);
        self.report.add(What::EndedInvite, self.oracle.ended);
        let mut texts = Vec::new();
        for node in &self.nodes {
            let Some(running) = node.running() else { continue };
            assert_eq!(node.at, self.oracle.lines.len(), "everybody has everything");
            assert_eq!(node.lines.len(), node.at, "and nothing else");
            assert_eq!(node.group, self.oracle.group, "the room's group");
            assert_eq!(group_of(running.replica.state()), self.oracle.group, "the stream's group");
            let settings = running.replica.state().settings();
            assert_eq!(settings.title.as_ref().map(ToString::to_string), self.oracle.title);
            assert_eq!(settings.announce == Announce::On, self.oracle.announce);
            let mut text = String::new();
            running.replica.state().write(&mut text);
            texts.push(text);
        }
        assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "the states are the same");
        self.compare_tickets();
        self.compare_logins();
        self.compare_presence();
    }
}

pub(super) fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

/// One of some hashes.
pub(super) fn hash(number: usize) -> PasswordHash {
    let hash = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    PasswordHash::parse(&format!("$argon2id$v=19$m={},t=1,p=1$c2FsdHNhbHQ${hash}", 64 + number))
        .expect("a hash")
}

pub(super) fn brief(body: &Bytes) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(120)]);
    text.trim_end().replace('\n', " | ")
}

fn brief_heard(heard: &Heard) -> String {
    match heard {
        Heard::Live { seq, .. } => format!("{seq} live"),
        Heard::Fetched { seq, .. } => format!("{seq} fetched"),
        other => format!("{other:?}"),
    }
}
