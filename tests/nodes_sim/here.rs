//! Who is at which node: members come and leave, also while what they have said is not settled; what the nodes tell each
//! other of that is lost, or comes late; and in the end every node knows what is so.

use std::collections::BTreeMap;

use bytes::Bytes;
use chat_room::protocol::Device;
use chat_room::server::log::cluster::{Attendance, Devices, Life, NodeName, Out, Start};

use super::devices::Told;
use super::report::What;
use super::world::{Event, World, mail};

/// How far a device has come at a node.
pub(super) struct Place {
    from: NodeName,
    start: Start,
    number: u64,
    seq: u64,
    of_all: Told,
}

/// What a node has of it.
pub(super) struct Here {
    pub(super) attendance: Attendance,
    /// Who is connected to this node.
    connected: BTreeMap<&'static str, Devices>,
    /// Who is at the others, as far as its room has heard.
    elsewhere: BTreeMap<String, Devices>,
    /// How far a device has come at each other node.
    places: BTreeMap<NodeName, u64>,
}

impl Here {
    pub(super) fn of(name: &NodeName) -> Here {
        Here {
            attendance: Attendance::of(name),
            connected: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    pub(super) fn has(&self, who: &str) -> bool {
        self.connected.contains_key(who)
    }
}

impl World {
    /// A member comes to a node, with some devices or without a feed.
    pub(super) fn come(&mut self, index: usize, who: &'static str) {
        let phone = Device::parse_named("phone").expect("a name");
        let devices: Devices = match self.rng.below(4) {
            0 => vec![],
            1 => vec![Device::Default, phone],
            2 => vec![phone],
            _ => vec![Device::Default],
        };
        self.connects(index, who, Some(devices));
    }

    pub(super) fn leave(&mut self, index: usize, who: &'static str) {
        self.connects(index, who, None);
    }

    fn connects(&mut self, index: usize, who: &'static str, devices: Option<Devices>) {
        self.trace(|world| format!("{who} at {} has {devices:?}", world.nodes[index].name));
        let Some(running) = self.nodes[index].running_mut().filter(|running| running.has_begun) else {
            return;
        };
        match &devices {
            Some(devices) => drop(running.here.connected.insert(who, devices.clone())),
            None => drop(running.here.connected.remove(who)),
        }
        let is_unsettled = devices.is_none() && running.replica.has_undecided_of(&mail(who));
        running.here.attendance.members(vec![(mail(who), devices)], &running.replica);
        if is_unsettled {
            self.report.count(What::LeftUnsettled);
        }
        self.here(index);
    }

    /// A node is cut off: it sends its members to another one.
    pub(super) fn send_away(&mut self, index: usize) {
        let connected = self.nodes[index].running().map(|running| running.here.connected.clone());
        connected.into_iter().flatten().for_each(|(who, _)| self.leave(index, who));
    }

    /// Does what a node's part in this wants done.
    pub(super) fn here(&mut self, index: usize) {
        let (now, is_up) = (self.now, self.nodes[index].link.conn.is_some());
        let Some(running) = self.nodes[index].running_mut() else { return };
        for out in running.here.attendance.turn(now, &mut running.replica, is_up) {
            match out {
                Out::Tell(message) if is_up => {
                    self.trace(|world| format!("{} tells {}", world.nodes[index].name, text(&message)));
                    let (message, from) = (Bytes::from(message), self.nodes[index].name.clone());
                    for node in 0..self.nodes.len() {
                        let (message, from) = (message.clone(), from.clone());
                        self.past_stream(index, node, |conn| Event::Here { node, conn, from, message });
                    }
                }
                Out::Ask(name) => {
                    self.report.count(What::Asked);
                    for node in 0..self.nodes.len() {
                        if self.nodes[node].name == name {
                            self.past_stream(index, node, |conn| Event::Asked { node, conn });
                        }
                    }
                }
                Out::AskPlaces(name, up_to) => {
                    self.report.count(What::AskedPlaces);
                    for node in 0..self.nodes.len() {
                        if self.nodes[node].name == name {
                            self.past_stream(index, node, |conn| Event::AskedPlaces { node, conn, up_to });
                        }
                    }
                }
                Out::TellPlaces(number) => {
                    let delay = self.ms(0, 30);
                    let life = self.nodes[index].lives;
                    self.later(delay, Event::TellPlaces { node: index, life, number });
                }
                Out::Tell(_) => panic!("without a broker nothing is told"),
                Out::Elsewhere(changes) => {
                    let elsewhere = &mut self.nodes[index].running_mut().expect("it runs").here.elsewhere;
                    for (mail, devices) in changes {
                        match devices.as_slice() {
                            [] => drop(elsewhere.remove(mail.as_str())),
                            _ => drop(elsewhere.insert(mail.to_string(), devices)),
                        }
                    }
                }
            }
        }
    }

    /// A message goes from one node to another, if both have a broker that reaches the other's.
    pub(super) fn past_stream(&mut self, from: usize, to: usize, event: impl FnOnce(u64) -> Event) {
        let (sender, link) = (&self.nodes[from].link, &self.nodes[to].link);
        let (Some(conn), Some(_)) = (link.conn, sender.conn) else { return };
        if sender.publish_cut || link.read_cut || self.chance(self.swarm.here_lost) {
            return self.report.count(What::HereLost);
        }
        let mut delay = self.ms(0, 6);
        if self.chance(self.swarm.live_late) {
            delay += self.ms(5, 3000);
        }
        self.later(delay, event(conn));
    }

    pub(super) fn hear_of(&mut self, index: usize, conn: u64, from: &NodeName, message: &[u8]) {
        let now = self.now;
        if self.nodes[index].link.conn == Some(conn)
            && let Some(running) = self.nodes[index].running_mut()
        {
            running.here.attendance.heard(now, from, message);
            self.here(index);
        }
    }

    pub(super) fn is_asked(&mut self, index: usize, conn: u64) {
        if self.nodes[index].link.conn == Some(conn)
            && let Some(running) = self.nodes[index].running_mut()
        {
            running.here.attendance.asked();
            self.here(index);
        }
    }

    /// A device has come further at this node.
    pub(super) fn moves_place(&mut self, index: usize) {
        self.nodes[index].place += 1;
        self.tell_place(index);
    }

    /// Tells the others how far it has come.
    pub(super) fn tell_place(&mut self, index: usize) {
        let place = self.nodes[index].place;
        let of_all = self.tells_of_all_devices(index);
        let Some(running) = self.nodes[index].running_mut() else { return };
        let Some((start, number)) = running.here.attendance.tell_places() else { return };
        let from = self.nodes[index].name.clone();
        for node in 0..self.nodes.len() {
            let told = Place { from: from.clone(), start, number, seq: place, of_all: of_all.clone() };
            self.past_stream(index, node, |conn| Event::Place { node, conn, told });
        }
    }

    pub(super) fn hears_place(&mut self, index: usize, conn: u64, told: Place) {
        let Place { from, start, number, seq: place, of_all } = told;
        if self.nodes[index].link.conn == Some(conn)
            && let Some(running) = self.nodes[index].running_mut().filter(|running| running.has_begun)
        {
            running.here.attendance.heard_places(&from, start, number);
            let known = running.here.places.entry(from).or_default();
            *known = place.max(*known);
            self.hears_of_devices(index, of_all);
        }
    }

    pub(super) fn is_asked_places(&mut self, index: usize, conn: u64, up_to: u64) {
        if self.nodes[index].link.conn == Some(conn)
            && let Some(running) = self.nodes[index].running_mut()
        {
            running.here.attendance.asked_places(up_to);
            self.here(index);
        }
    }

    /// A node tells all places.
    pub(super) fn tells_places(&mut self, index: usize, life: u64, number: u64) {
        if self.nodes[index].lives == life && self.nodes[index].running().is_some() {
            self.tell_place(index);
            let running = self.nodes[index].running_mut().expect("it runs");
            running.here.attendance.all_places_told(number);
            self.here(index);
        }
    }

    /// After a quiet time each node knows who is at the others.
    pub(super) fn compare_presence(&self) {
        // Two lives of a node with one start cannot be told apart: nobody knows which of them told what.
        if self.nodes.iter().any(|node| node.has_doubtful_start) {
            return;
        }
        for node in &self.nodes {
            let Some(running) = node.running() else { continue };
            let others = self.nodes.iter().filter(|other| other.name != node.name);
            let others: Vec<_> = others.filter_map(|other| Some((&other.name, other.running()?))).collect();
            let mut right: BTreeMap<String, Devices> = BTreeMap::new();
            for (who, devices) in others.iter().flat_map(|(_, other)| &other.here.connected) {
                let all = right.entry((*who).to_owned()).or_default();
                all.extend(devices.iter().cloned());
                all.sort_unstable();
                all.dedup();
            }
            right.retain(|_, devices| !devices.is_empty());
            assert_eq!(running.here.elsewhere, right, "{} knows who is at the others", node.name);
            let alone = self.nodes.iter().filter(|other| !self.doubled.contains(&other.name));
            for other in alone.filter(|other| other.name != node.name && other.running().is_some()) {
                let known = running.here.places.get(&other.name).copied().unwrap_or(0);
                assert_eq!(
                    known, other.place,
                    "how far a device has come at {}, as {} knows",
                    other.name, node.name
                );
            }
            let presence = running.here.attendance.presence();
            for (name, other) in others {
                let known = presence.nodes().find(|(known, ..)| *known == name);
                let start = other.replica.start().expect("it has joined");
                assert_eq!(known, Some((name, start, Life::Live)), "{} hears it", node.name);
                for who in super::clients::MAILS {
                    let is_there = presence.may_have(name, &mail(who));
                    assert_eq!(is_there, other.here.has(who), "{who} at {name}, as {} knows it", node.name);
                }
            }
        }
    }
}

fn text(message: &[u8]) -> String {
    String::from_utf8_lossy(message).trim_end().replace('\n', " | ")
}
