//! What goes wrong, and how often in this seed.

use std::time::Duration;

use chat_room::server::log::cluster::{Heard, NodeName};

use super::node::{Life, Node, group_of};
use super::report::What;
use super::rng::Rng;
use super::world::{Event, World};

/// Chances in a hundred: some faults are off in a seed, the others at any rate.
pub(super) struct Swarm {
    pub(super) nodes: usize,
    pub(super) steps: usize,
    pub(super) text_max: usize,
    pub(super) line_max: usize,
    pub(super) floods: usize,
    pub(super) has_long_silence: bool,
    pub(super) publish_lost: usize,
    pub(super) publish_late: usize,
    pub(super) publish_twice: usize,
    pub(super) reorder: usize,
    pub(super) ack_lost: usize,
    pub(super) ack_wrong: usize,
    pub(super) live_lost: usize,
    pub(super) here_lost: usize,
    pub(super) live_late: usize,
    pub(super) live_twice: usize,
    pub(super) fetch_never: usize,
    pub(super) fetch_failed: usize,
    pub(super) fetch_late: usize,
    pub(super) fetch_part: usize,
    pub(super) fetch_hole: usize,
    pub(super) fetch_stale: usize,
    pub(super) clock_back: usize,
    pub(super) alters: usize,
    /// Of a hundred steps, so many are a fault of this kind.
    cuts: usize,
    crashes: usize,
    fences: usize,
    joins: usize,
    leaders: usize,
}

impl Swarm {
    pub(super) fn of(rng: &mut Rng) -> Swarm {
        let mut sometimes = |most: usize| if rng.percent(50) { 0 } else { rng.below(most) };
        let [publish_lost, publish_late, publish_twice] = [40, 30, 40].map(&mut sometimes);
        let [reorder, ack_lost, ack_wrong] = [60, 90, 40].map(&mut sometimes);
        let [live_lost, live_late, live_twice] = [60, 40, 40].map(&mut sometimes);
        let here_lost = sometimes(60);
        let [fetch_never, fetch_failed, fetch_late] = [60, 50, 40].map(&mut sometimes);
        let [fetch_part, fetch_hole, fetch_stale] = [20, 4, 60].map(&mut sometimes);
        let [cuts, crashes, fences] = [12, 8, 12].map(&mut sometimes);
        let [joins, leaders, clock_back] = [4, 6, 40].map(&mut sometimes);
        let alters = if rng.percent(85) { 0 } else { 40 };
        let is_long = rng.percent(3);
        let text_max = if is_long { 3500 } else { *rng.pick(&[1, 20]) };
        Swarm {
            nodes: 1 + rng.below(5),
            steps: 30 + rng.below(90),
            text_max,
            line_max: if text_max == 20 { *rng.pick(&[20, 4096]) } else { 4096 },
            floods: if is_long { 20 } else { 1 },
            has_long_silence: rng.percent(1),
            publish_lost,
            publish_late,
            publish_twice,
            reorder,
            ack_lost,
            ack_wrong,
            live_lost,
            here_lost,
            live_late,
            live_twice,
            fetch_never,
            fetch_failed,
            fetch_late,
            fetch_part,
            fetch_hole,
            fetch_stale,
            clock_back,
            alters,
            cuts,
            crashes,
            fences,
            joins,
            leaders,
        }
    }
}

impl World {
    /// One thing that can happen.
    pub(super) fn anything(&mut self) {
        let node = self.rng.below(self.nodes.len());
        let Swarm { cuts, crashes, fences, joins, leaders, .. } = self.swarm;
        if self.rng.percent(cuts) {
            self.cut(node);
        } else if self.rng.percent(crashes) {
            self.crash(node);
        } else if self.rng.percent(fences) {
            let other = self.rng.below(self.nodes.len());
            self.propose_fence(node, other);
        } else if self.rng.percent(joins) {
            self.somebody_joins(node);
        } else if self.rng.percent(leaders) {
            self.change_leader();
        } else if self.rng.percent(10) {
            self.write_note(node);
        } else if self.rng.percent(15) {
            self.propose_change(node);
        } else if self.rng.percent(30) {
            self.log_in(node);
        } else if self.rng.percent(12) {
            self.moves_place(node);
        } else if self.rng.percent(25) {
            let who = self.any_mail();
            let is_there = self.nodes[node].running().is_some_and(|running| running.here.has(who));
            if is_there && self.rng.percent(70) { self.leave(node, who) } else { self.come(node, who) }
        } else {
            self.propose_some(node);
        }
    }

    /// A new node, which reads the stream from its first message on.
    pub(super) fn join(&mut self, name: usize) {
        let name = NodeName::parse(&format!("n{name}")).expect("a name");
        self.nodes.push(Node::new(name));
        self.later(Duration::ZERO, Event::Start { node: self.nodes.len() - 1 });
    }

    fn somebody_joins(&mut self, model: usize) {
        let name = self.nodes.len();
        if name >= 7 {
            return;
        }
        if self.rng.percent(25) {
            // Somebody has copied a machine.
            let name = self.nodes[model].name.clone();
            self.report.count(What::Namesake);
            self.doubled.insert(name.clone());
            self.nodes.push(Node::new(name));
            return self.later(Duration::ZERO, Event::Start { node: self.nodes.len() - 1 });
        }
        self.join(name);
        if self.dropped > 0 || self.rng.percent(40) {
            self.copy(name);
        } else {
            self.report.count(What::Joined);
        }
    }

    /// Whether it runs, and the stream still has what comes next.
    pub(super) fn may_be_copied(&self, node: &Node) -> bool {
        let next = node.running().map(|running| running.replica.state().next());
        next.is_some_and(|next| next.0 >= self.first + self.dropped as u64)
    }

    /// A node gets the history and the state of another one that runs. If none does, it does not start again.
    pub(super) fn copy(&mut self, index: usize) {
        let models = self.nodes.iter().filter(|node| self.may_be_copied(node));
        let Some(model) = models.min_by_key(|node| node.is_altered) else { return };
        let running = model.running().expect("it runs");
        let mut text = String::new();
        running.replica.state().write(&mut text);
        let (lines, group) = (model.lines[..model.at].to_vec(), group_of(running.replica.state()));
        let is_altered = model.is_altered;
        let node = &mut self.nodes[index];
        (node.at, node.lines, node.group) = (lines.len(), lines, group);
        node.note = Some((text, node.at));
        node.is_altered = is_altered;
        node.life = Life::Crashed;
        node.link.conn = None;
        self.report.count(What::Copied);
        self.later(Duration::from_millis(50), Event::Start { node: index });
    }

    pub(super) fn write_note(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if let Some(running) = node.running() {
            let mut text = String::new();
            running.replica.state().write(&mut text);
            node.note = Some((text, node.at));
        }
    }

    /// A node is killed, and comes back after a while. The end of its history may be torn off, but not what its note has.
    pub(super) fn crash(&mut self, index: usize) {
        if self.nodes[index].running().is_none() {
            return;
        }
        self.trace(|world| format!("{} crashes", world.nodes[index].name));
        self.report.count(What::Crash);
        self.orphan(index);
        let kept = self.nodes[index].note.as_ref().map_or(0, |(_, at)| *at);
        let torn = kept + self.rng.below(self.nodes[index].lines.len() - kept + 1);
        if torn < self.nodes[index].lines.len() {
            self.report.count(What::Torn);
        }
        let node = &mut self.nodes[index];
        node.lines.truncate(torn);
        node.life = Life::Crashed;
        node.link.conn = None;
        if self.dropped == 0 && self.rng.percent(10) {
            self.nodes[index].note = None;
        }
        if self.chance(self.swarm.alters) {
            self.alter(index);
        }
        let delay = self.ms(10, 4000);
        self.later(delay, Event::Start { node: index });
    }

    /// A node loses its broker, or its broker the quorum, or that comes back.
    fn cut(&mut self, index: usize) {
        let end = self.stream.len();
        let link = &mut self.nodes[index].link;
        if link.publish_cut || link.read_cut {
            (link.publish_cut, link.read_cut, link.frozen) = (false, false, None);
            return self.trace(|world| format!("{} is reached again", world.nodes[index].name));
        }
        let (what, publish_cut, read_cut) = match self.rng.below(5) {
            0 => (What::CutPublish, true, false),
            1 => (What::CutRead, false, true),
            2 | 3 => (What::CutBoth, true, true),
            _ => {
                if self.nodes[index].link.conn.take().is_some() {
                    self.report.count(What::Down);
                    self.hear(index, Heard::Down);
                }
                let delay = self.ms(1, 8000);
                return self.later(delay, Event::Up { node: index });
            }
        };
        self.trace(|world| format!("{}: {what:?}", world.nodes[index].name));
        self.report.count(what);
        let link = &mut self.nodes[index].link;
        (link.publish_cut, link.read_cut, link.frozen) = (publish_cut, read_cut, read_cut.then_some(end));
    }

    /// Another leader tells old messages again, with a clock of its own; or the stream drops its first messages.
    fn change_leader(&mut self) {
        if self.rng.percent(20) {
            // What nobody has any more would be lost for good.
            let next = |node: &Node| node.running().map_or(0, |running| running.replica.state().next().0);
            let (most, index) =
                self.nodes.iter().zip(0..).map(|(node, index)| (next(node), index)).max().expect("a node");
            let most = usize::try_from(most.saturating_sub(self.first)).expect("a few");
            if most > self.dropped {
                self.write_note(index);
                self.dropped += 1 + self.rng.below(most - self.dropped);
                self.report.count(What::Trimmed);
                self.trace(|world| format!("the stream begins with {}", world.first + world.dropped as u64));
            }
            return;
        }
        self.report.count(What::Leader);
        let from = self.dropped + self.rng.below(self.stream.len() - self.dropped + 1);
        for at in from..self.stream.len().min(from + 20) {
            for node in 0..self.nodes.len() {
                self.tell(node, at);
            }
        }
        if self.rng.percent(50) {
            self.ahead = self.ms(0, 200_000);
            if self.ahead > Duration::from_secs(60) {
                self.report.count(What::ClockAhead);
            }
        }
    }
}
