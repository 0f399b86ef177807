//! Members who log in, and the gate that lets them in: what the nodes ask each other for that is lost or comes late, and the nodes
//! that are asked are cut off, crash or are fenced meanwhile. What a member has said where they had been let in before comes
//! within the last event that their next login names, or never; so they say again what had no answer and is not there. A node
//! that is alone promises no such thing: who has something without an answer goes on to another node, and the others stay.

use std::collections::BTreeSet;
use std::time::Duration;

use chat_room::protocol::{Device, LastIs};
use chat_room::server::log::cluster::{Answer, Gate, GateAct, NodeName, Question};

use super::node::{Node, Running, TicketId};
use super::report::What;
use super::world::{Event, World, mail};

/// A login, by its place in the world's list.
pub(super) type LoginId = usize;

pub(super) struct Login {
    who: &'static str,
    device: Device,
    /// Their ADDED line at that time.
    added: Option<u64>,
    /// All earlier tickets are from before it.
    before: TicketId,
    /// How many lines its answer names, if that is certain.
    last: Option<usize>,
}

/// What a node has of it.
pub(super) struct Logins {
    pub(super) gate: Gate<LoginId>,
    /// Who is in, since the last fence of this node and the last time that it was cut off.
    let_in: BTreeSet<&'static str>,
    waiting: usize,
}

impl Logins {
    pub(super) fn of(name: &NodeName) -> Logins {
        Logins { gate: Gate::new(name.clone()), let_in: BTreeSet::new(), waiting: 0 }
    }

    pub(super) fn has_let_in(&self, who: &str) -> bool {
        self.let_in.contains(who)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.waiting == 0
    }

    /// All connections have ended.
    pub(super) fn end(&mut self) {
        self.gate.close();
        self.let_in.clear();
        self.waiting = 0;
    }
}

impl World {
    /// Some members log in at a node, at once.
    pub(super) fn log_in(&mut self, index: usize) {
        let before = self.tickets.len();
        for _ in 0..=self.rng.below(3) {
            let (who, device) = (self.any_mail(), self.any_device());
            let login = self.logins.len();
            let new_device = self.new_device(index, who, &device);
            let added = self.nodes[index].group.get(who).map(|member| member.added);
            let is_served = self.nodes[index].has_joined();
            let Some(running) =
                self.nodes[index].running_mut().filter(|running| is_served && !running.is_cut_off)
            else {
                return;
            };
            running.logins.gate.wait(mail(who), login, new_device);
            running.logins.waiting += 1;
            self.logins.push(Login { who, device, added, before, last: None });
            self.report.count(What::Login);
            self.trace(|world| format!("{who} logs in at {}: login {login}", world.nodes[index].name));
        }
        self.drain(index);
    }

    /// Does what a node's gate wants. Returns whether its replica has to do something, too.
    pub(super) fn at_gate(&mut self, index: usize) -> bool {
        let now = self.now;
        let mut has_probed = false;
        let Some(running) = self.nodes[index].running_mut() else { return false };
        let Running { replica, logins, .. } = running;
        logins.gate.turn(now, replica);
        while let Some(act) = self.nodes[index].running_mut().and_then(|running| running.logins.gate.poll()) {
            match act {
                GateAct::Ask(name, question) => self.ask(index, &name, &question),
                GateAct::Probe => {
                    let replica = &mut self.nodes[index].running_mut().expect("it acts").replica;
                    let before = replica.under_way();
                    replica.probe(now);
                    self.report.count(What::Probe);
                    has_probed |= self.nodes[index].running().expect("it acts").replica.under_way() > before;
                }
                GateAct::Fence(name, start) => {
                    self.report.count(What::GateFence);
                    self.trace(|world| format!("{} ends {name} {start}", world.nodes[index].name));
                    self.end_start(index, name, start);
                }
                GateAct::Open(logins, last_is) => {
                    for login in logins {
                        self.let_in(index, login, last_is);
                    }
                }
            }
        }
        has_probed
    }

    fn ask(&mut self, index: usize, name: &NodeName, question: &Question) {
        self.report.count(What::Question);
        let is_there = |node: &Node| node.name == *name && node.has_joined() && node.link.conn.is_some();
        let mut has_reached = false;
        for node in 0..self.nodes.len() {
            if is_there(&self.nodes[node]) && node != index {
                has_reached = true;
                let question = question.clone();
                self.past_stream(index, node, |conn| Event::Question { node, conn, from: index, question });
            }
        }
        if !has_reached {
            let name = name.clone();
            self.past_stream(index, index, |conn| Event::Absent { node: index, conn, name });
        }
    }

    pub(super) fn is_questioned(&mut self, index: usize, conn: u64, from: usize, question: &Question) {
        let name = self.nodes[index].name.clone();
        let is_served = self.nodes[index].has_joined() && self.nodes[index].link.conn == Some(conn);
        let Some(running) = self.nodes[index].running_mut().filter(|_| is_served) else { return };
        let answer = Answer::of(question.id, &question.mails, &running.replica);
        let told = self.tells_of_devices(index, question);
        self.trace(|_| format!("{name} answers {:?} {told:?}", answer.text()));
        self.past_stream(index, from, |conn| Event::Answer { node: from, conn, name, answer, told });
        self.drain(index);
    }

    pub(super) fn is_answered(&mut self, index: usize, conn: u64, name: &NodeName, answer: Option<Answer>) {
        let now = self.now;
        if self.nodes[index].link.conn == Some(conn)
            && let Some(running) = self.nodes[index].running_mut()
        {
            match answer {
                Some(answer) => running.logins.gate.answered(name, answer),
                None => running.logins.gate.absent(now, name),
            }
            self.drain(index);
        }
    }

    fn let_in(&mut self, index: usize, login: LoginId, last_is: LastIs) {
        let node = &self.nodes[index];
        let start = node.last_start.expect("it has joined").0;
        // It may not know yet. Nothing that is said there counts, and the connection ends when it does.
        let is_over = self.oracle.has_ended(node.name.as_str(), start);
        let (who, last) = (self.logins[login].who, node.at);
        let name = node.name.clone();
        self.trace(|_| format!("{name} lets {who} in: login {login}, {last} lines{last_is}"));
        let running = self.nodes[index].running_mut().expect("it acts");
        running.logins.waiting -= 1;
        if is_over {
            self.report.count(What::LoginOver);
        }
        if last_is == LastIs::Uncertain {
            self.report.count(What::LetInAlone);
            if !self.unanswered(index, who, self.logins[login].before).is_empty() {
                self.report.count(What::WentOn);
                return;
            }
        }
        let running = self.nodes[index].running_mut().expect("it acts");
        running.logins.let_in.insert(who);
        // What the member may read begins with the line by which they became the member who they are, on every node.
        let node = &self.nodes[index];
        let first = node.group.get(who).map(|member| member.added);
        assert_eq!(first, self.oracle.membership(who, self.oracle.base + node.at as u64), "{who} at {name}");
        // A member who was added meanwhile is not the one whose password was right.
        if first.is_some() && first == self.logins[login].added {
            let device = self.logins[login].device.clone();
            self.device_enters(index, who, &device, last_is);
        }
        if last_is == LastIs::Certain {
            self.logins[login].last = Some(last);
            self.later(Duration::ZERO, Event::Again { node: index, login });
        }
        self.report.count(What::LetIn);
    }

    /// What this member has said before that ticket, has no answer for, and does not see at this node.
    fn unanswered(&self, index: usize, who: &str, before: TicketId) -> Vec<TicketId> {
        let lines = &self.oracle.lines[..self.nodes[index].at];
        let said = lines.iter().filter_map(|line| line.text.trim_end().rsplit_once(' '));
        let said: BTreeSet<&str> = said.map(|(_, text)| text).collect();
        self.open_of(who, before).filter(|(_, text)| !said.contains(text)).map(|(ticket, _)| ticket).collect()
    }

    /// The answer to a login has said what is certain.
    pub(super) fn says_again(&mut self, index: usize, login: LoginId) {
        let Login { who, before, .. } = self.logins[login];
        if self.nodes[index].running().is_some_and(|running| running.logins.has_let_in(who)) {
            let again = self.unanswered(index, who, before);
            self.report.add(What::SaidAgainAtLogin, again.len());
            self.say_again(index, &again);
        }
    }

    /// What a member had said before a login is within what its answer names, or was never said.
    pub(super) fn compare_logins(&self) {
        let said = self.said_by_who_was_let_in();
        for (id, login) in self.logins.iter().enumerate() {
            let Some(last) = login.last else { continue };
            let before = said.iter().filter(|(ticket, who, _)| *ticket < login.before && *who == login.who);
            for (ticket, who, at) in before {
                assert!(*at < last, "login {id} of {who} named {last} lines, and ticket {ticket} came later");
            }
        }
    }
}
