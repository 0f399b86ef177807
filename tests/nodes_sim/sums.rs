//! Nodes whose lines are not those of the stream: a note was altered on the disk. Which of them have to stop is counted here from
//! the stream's messages.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_room::limits::{CLAIMS_WAIT, SUM_EVERY};
use chat_room::protocol::Seq;
use chat_room::server::log::cluster::{Act, NodeName, Sum};

use super::node::{Life, TicketId};
use super::report::What;
use super::world::{Event, World};

/// How long an election, lost messages and a batch that is sent again delay what nodes say when everything works.
const SLACK: Duration = Duration::from_secs(10);

impl World {
    /// The note of a node that does not run is altered, unless nobody else has the right one.
    pub(super) fn alter(&mut self, index: usize) {
        let is_right = |other: usize| {
            other != index
                && !self.nodes[other].is_altered
                && !matches!(self.nodes[other].life, Life::Stopped)
        };
        if !(0..self.nodes.len()).any(is_right) {
            return;
        }
        let with = format!("{}", Sum::default().after(format!("{}", self.rng.below(2)).as_bytes()));
        let node = &mut self.nodes[index];
        let Some((text, at)) = node.note.clone() else { return };
        let lines: Vec<&str> = text.lines().collect();
        let Some(last) = lines.iter().rposition(|line| line.starts_with("sum ")) else { return };
        let (event, _) = lines[last].rsplit_once(' ').expect("a sum");
        let changed = format!("{event} {with}");
        let lines: Vec<&str> =
            (0..).zip(lines).map(|(at, line)| if at == last { &changed } else { line }).collect();
        node.note = Some((format!("{}\n", lines.join("\n")), at));
        node.is_altered = true;
        self.report.count(What::Altered);
        self.trace(|world| format!("{} is altered", world.nodes[index].name));
    }

    /// Some nodes are stopped and altered, and come back.
    pub(super) fn alter_some(&mut self) {
        for index in 0..self.nodes.len() {
            if self.swarm.alters > 0 && self.nodes[index].running().is_some() && self.rng.percent(40) {
                self.write_note(index);
                self.crash(index);
                self.alter(index);
            }
        }
    }

    /// How many say what this node says of an event, itself among them, and how many say anything, as far as it has heard since
    /// its start. `None`: what it has is not known any more.
    fn votes(&self, index: usize, event: Seq) -> Option<(usize, usize)> {
        let node = &self.nodes[index];
        let running = node.running().expect("it acts");
        let state = running.replica.state();
        let ours = state.sums().find(|(seq, _)| *seq == event).map(|(_, sum)| sum.to_string())?;
        let name = node.name.as_str();
        let end = usize::try_from(state.next().0 - self.first).expect("a few");
        let (mut start, mut said): (u64, BTreeMap<&str, &str>) = (0, BTreeMap::new());
        let counted = (0..end).filter(|at| self.oracle.outcomes[*at].is_some());
        for at in counted {
            let mut lines = std::str::from_utf8(&self.stream[at].body).expect("it is text").lines();
            let head: Vec<&str> = lines.next().expect("a head").split(' ').collect();
            if head[1] == name {
                start = head[2].parse().expect("a start");
            }
            let is_begin = head[1] == name && head[3] == "1" && head[2].parse() == Ok(running.first_start.0);
            for line in lines {
                let words: Vec<&str> = line.split(' ').collect();
                if is_begin || words[0] == "FENCE" && words[1] == name && words[2].parse() == Ok(start) {
                    said.clear();
                } else if words[0] == "SUM" && words[1].parse() == Ok(event.0) && head[1] != name {
                    said.insert(head[1], words[2]);
                }
            }
        }
        let with = said.values().filter(|sum| **sum == ours).count();
        Some((1 + with, 1 + said.len()))
    }

    pub(super) fn goes_on(&mut self, index: usize, act: &Act<TicketId>) {
        let Act::Differs { node, event } = act else { return };
        self.trace(|world| format!("{}: {node} differs", world.nodes[index].name));
        if let Some((with, said)) = self.votes(index, *event) {
            assert!(2 * with > said, "{with} of {said} say so");
        }
        self.report.count(What::Differs);
    }

    /// A node has stopped because of what others say, or is about to.
    pub(super) fn stops_for_sums(&mut self, index: usize, other: &NodeName, event: Seq) {
        if let Some((with, said)) = self.votes(index, event) {
            assert!(2 * with <= said, "{with} of {said} say so, and {other} does not");
        }
        let is_altered = self.nodes[index].is_altered;
        self.report.count(if is_altered { What::AlteredStopped } else { What::RightStopped });
        self.orphan(index);
        self.nodes[index].life = Life::Stopped;
        if !self.is_judged {
            self.repair(index);
        }
    }

    /// Somebody has looked which files are right: a node that has others gets those of a right one.
    fn repair(&mut self, index: usize) {
        self.later(Duration::from_millis(500), Event::Repair { node: index });
    }

    pub(super) fn is_repaired(&mut self, index: usize) {
        if self.nodes[index].is_altered {
            // Until a right one can be copied, it waits.
            if !self.nodes.iter().any(|node| !node.is_altered && self.may_be_copied(node)) {
                return self.repair(index);
            }
            return self.copy(index);
        }
        self.nodes[index].life = Life::Crashed;
        self.nodes[index].link.conn = None;
        self.later(Duration::from_millis(50), Event::Start { node: index });
    }

    /// Everything works, and everybody has said what they have: those with a majority go on, all others have stopped. Then they
    /// are repaired.
    pub(super) fn judge_sums(&mut self) {
        let running = |world: &World| -> Vec<(usize, Sum)> {
            let nodes = world.nodes.iter().enumerate();
            nodes.filter_map(|(index, node)| Some((index, node.running()?.replica.state().sum()))).collect()
        };
        // Where one has just stopped, others may be about to, one after the other: they do, and come back.
        for _ in 0..self.nodes.len() {
            if self.nodes.iter().all(|node| node.running().is_some()) {
                break;
            }
            self.pass(SLACK);
        }
        let before = running(self);
        if !before.iter().any(|(index, _)| self.nodes[*index].is_altered) {
            return;
        }
        self.is_judged = true;
        self.pass(SUM_EVERY + CLAIMS_WAIT + SLACK);
        let count = |sum: Sum| before.iter().filter(|(_, theirs)| *theirs == sum).count();
        let right: Vec<usize> = before
            .iter()
            .filter(|(_, sum)| 2 * count(*sum) > before.len())
            .map(|(index, _)| *index)
            .collect();
        // One that was still on its way has said nothing.
        let was_there = |index: &usize| before.iter().any(|(there, _)| there == index);
        let after: Vec<usize> = running(self).into_iter().map(|(index, _)| index).filter(was_there).collect();
        assert_eq!(after, right, "those with a majority go on, all others have stopped");
        self.report.count(if right.is_empty() { What::NobodyKnows } else { What::JudgedSums });
        self.is_judged = false;
        for (index, _) in before {
            let node = &mut self.nodes[index];
            if node.is_altered || matches!(node.life, Life::Stopped) {
                node.life = Life::Stopped;
                self.orphan(index);
                self.repair(index);
            }
        }
    }
}
