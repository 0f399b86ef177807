//! A node's copy of what another one has: the files from where its own end, one after the other, then the state.

use std::cmp::Ordering;
use std::path::Path;

use log::warn;

use super::fetch::{Base, Fetching, Lacking};
use super::serve::sum;
use super::talk::{Came, Item, Lost};
use super::text::{Answer, Offer, Question};
use crate::limits::{BROKER_ASK_AGAIN, COPY_SUM_WAIT};
use crate::protocol::Seq;
use crate::server::counted::numbered;
use crate::server::files::Problem;
use crate::server::log::cluster::compare::{self, Differs};
use crate::server::log::cluster::ids::{NodeName, StreamSeq, Sum};
use crate::server::log::cluster::origin::OTHER_HISTORY;
use crate::server::log::cluster::state::State;
use crate::server::log::local::Pieces;

impl Fetching<'_> {
    /// Copies from the first of these nodes.
    pub(super) fn copy_from(&mut self, offers: &[Offer]) -> Result<State, Lost> {
        let Offer { node, first, last, .. } = &offers[0];
        self.progress.tell(&format!(
            "copying the history from node {node}, which has {}",
            numbered("event", first, last)
        ));
        self.compare_what_is_here(node)?;
        let mut at = match (self.incoming.last(), self.base) {
            (Some(last), _) => last.first,
            (None, Some(base)) => base.first,
            (None, None) => {
                if first.0 > 1 {
                    warn!(
                        "node {node} keeps no event before {first}: that is where the history of this one begins"
                    );
                }
                *first
            }
        };
        let mut least = StreamSeq(self.lacking.stream.first);
        loop {
            at = self.files(node, at)?;
            let state = self.state(node, least)?;
            while self.next().unwrap_or(at).0 <= state.last().0 {
                if self.progress.is_over() {
                    return Err(Lost::Node(format!("node {node} does not give event {}", state.last())));
                }
                std::thread::sleep(BROKER_ASK_AGAIN);
                at = self.files(node, at)?;
            }
            if let Err(lost) = self.check(node, &state) {
                self.incoming.clear()?;
                return Err(lost);
            }
            self.compare(offers)?;
            // It may have taken long.
            let stream = self.reach.prove(Some(&state)).map_err(|all| {
                let all: Vec<String> = all.into_iter().map(|problem| problem.0).collect();
                Problem(all.join("\n"))
            })?;
            if state.next().0 >= stream.first {
                return Ok(state);
            }
            least = StreamSeq(stream.first);
        }
    }

    /// The event after the last one that is here.
    fn next(&self) -> Option<Seq> {
        self.incoming.last().map(|last| last.next).or(self.base.map(|base| base.next))
    }

    /// Whether a node has what is here already.
    fn compare_what_is_here(&mut self, node: &NodeName) -> Result<(), Lost> {
        if let Some(Base { first, len, .. }) = self.base {
            let own = sum(&mut self.own, first, len)?;
            let theirs = self.sum(node, first, len)?;
            if own != theirs {
                return Err(Lost::Problem(other_history(self.folder, node, first)));
            }
        }
        if let Some(last) = self.incoming.last() {
            let mut incoming = self.incoming.segments().map(Pieces::of);
            let own = match &mut incoming {
                Some(pieces) => sum(pieces, last.first, last.len)?,
                None => None,
            };
            if own != self.sum(node, last.first, last.len)? {
                self.incoming.forget_last()?;
            }
        }
        Ok(())
    }

    /// What a node says of the first bytes of a file.
    fn sum(&mut self, node: &NodeName, first: Seq, len: u64) -> Result<Option<Sum>, Lost> {
        match self.talk.ask_for(node, Question::Sum { first, len }, COPY_SUM_WAIT)? {
            Some(Answer::Sum { first: of, len: up_to, sum }) if (of, up_to) == (first, len) => {
                self.progress.alive();
                Ok(Some(sum))
            }
            Some(Answer::Nothing) => Ok(None),
            _ => Err(Lost::Node(format!("node {node} does not answer"))),
        }
    }

    /// Copies files from this one on, up to the end of what the node has. Returns the last one.
    fn files(&mut self, node: &NodeName, mut first: Seq) -> Result<Seq, Lost> {
        loop {
            let before = self.progress.bytes();
            let is_whole = self.file(node, first)?;
            if self.incoming.last().is_some_and(|last| last.first == first)
                && let Err(what) = self.incoming.verify()?
            {
                return Err(Lost::Node(format!("node {node} has a file that is damaged, in {what}")));
            }
            match self.next() {
                Some(next) if is_whole && next > first => {
                    if self.progress.bytes() > before {
                        self.failed.remove(node);
                    }
                    first = next;
                }
                Some(_) if is_whole => return Err(Lost::Node(format!("node {node} has an empty file"))),
                _ => return Ok(first),
            }
        }
    }

    /// Copies what is missing of a file. Returns whether another one follows.
    fn file(&mut self, node: &NodeName, first: Seq) -> Result<bool, Lost> {
        let here = self.incoming.last().filter(|last| last.first == first);
        let base = self.base.filter(|base| here.is_none() && base.first == first);
        let from = here.map(|here| here.len).or(base.map(|base| base.len)).unwrap_or(0);
        if here.is_none() && base.is_none() {
            self.incoming.begin(first)?;
        }
        let (mut is_whole, mut left) = (false, 0);
        let mut has_begun = base.is_none();
        let (incoming, progress, folder) = (&mut self.incoming, &mut self.progress, self.folder);
        self.talk.blocks(node, Item::File(first), from, |came| {
            match came {
                Came::Head(whole, rest) => (is_whole, left) = (whole, rest),
                Came::Bytes(bytes) => {
                    if let Some(Base { first, len, next, is_whole }) = base.filter(|_| !has_begun) {
                        if is_whole {
                            return Err(other_history(folder, node, first));
                        }
                        incoming.begin_with_own(first, len, next)?;
                        has_begun = true;
                    }
                    incoming.append(&bytes)?;
                    progress.came(node, bytes.len(), left);
                }
            }
            Ok(())
        })?;
        Ok(is_whole)
    }

    /// The state of a node.
    fn state(&mut self, node: &NodeName, least: StreamSeq) -> Result<State, Lost> {
        let mut text = Vec::new();
        let progress = &mut self.progress;
        self.talk.blocks(node, Item::Note(least), 0, |came| {
            if let Came::Bytes(bytes) = came {
                text.extend_from_slice(&bytes);
                progress.alive();
            }
            Ok(())
        })?;
        let state = State::parse(&text)
            .map_err(|error| Lost::Node(format!("what node {node} says of the group is damaged, {error}")))?;
        let Lacking { stream, own_id, .. } = self.lacking;
        let is_ours = state.is_founded()
            && state.created() == stream.created
            && own_id.is_none_or(|id| self.base.is_none() || Some(id) == state.transcript());
        if is_ours { Ok(state) } else { Err(Lost::Node(format!("node {node} is of another group"))) }
    }

    /// Whether the lines that have come are those of the state and of the stream.
    fn check(&self, node: &NodeName, state: &State) -> Result<(), Lost> {
        let differ = |differs: Differs| {
            let event = differs.event;
            Lost::Node(format!("the events of node {node} up to {event} are not those of the group"))
        };
        let incoming = self.incoming.segments();
        let own = self.own.segments().clone();
        for files in [Some(own), incoming].into_iter().flatten() {
            compare::sums(state, &files)?.map_err(differ)?;
            if let Some(genesis) = self.lacking.genesis {
                compare::origin(genesis, &files)?.map_err(differ)?;
            }
        }
        Ok(())
    }

    /// Has another node say what the files add up to; if that says something else, all of them. The first of these nodes is the
    /// one that has given them.
    fn compare(&mut self, offers: &[Offer]) -> Result<(), Lost> {
        let Some(mut pieces) = self.incoming.segments().map(Pieces::of) else { return Ok(()) };
        let others = offers.iter().skip(1).map(|offer| offer.node.clone());
        let mut others: Vec<NodeName> = others.filter(|node| !self.failed.contains_key(node)).collect();
        for file in self.incoming.files().to_vec() {
            let own = sum(&mut pieces, file.first, file.len)?;
            let mut differing = Vec::new();
            let mut agreeing = 1;
            for node in others.clone() {
                match self.sum(&node, file.first, file.len) {
                    Ok(Some(sum)) if Some(sum) == own => agreeing += 1,
                    Ok(Some(_)) => differing.push(node),
                    // It does not keep that, or not yet.
                    Ok(None) => {}
                    // A silent one is not waited for again.
                    Err(Lost::Node(_)) => others.retain(|other| *other != node),
                    Err(lost) => return Err(lost),
                }
                if differing.is_empty() && agreeing > 1 {
                    break;
                }
            }
            if let Some(other) = differing.first() {
                self.disagreement(&offers[0].node, other, file.first, agreeing.cmp(&differing.len()))?;
            }
        }
        Ok(())
    }

    /// Another node has something else in a file. `ordering` is of those that have the same and those that do not.
    fn disagreement(
        &mut self,
        node: &NodeName,
        other: &NodeName,
        first: Seq,
        ordering: Ordering,
    ) -> Result<(), Lost> {
        let what =
            format!("the file that begins with event {first} is not the same on nodes {node} and {other}");
        match ordering {
            Ordering::Greater => {
                warn!("{what}; most of them have that of {node}");
                Ok(())
            }
            Ordering::Less => {
                self.incoming.clear()?;
                Err(Lost::Node(format!("{what}; most of them have that of {other}")))
            }
            Ordering::Equal => {
                self.incoming.clear()?;
                let refused = self.refused(&format!("{what}: compare the files of history/ on all nodes"));
                Err(Lost::Problem(refused))
            }
        }
    }
}

fn other_history(folder: &Path, node: &NodeName, first: Seq) -> Problem {
    let what =
        format!("the file that begins with event {first} is not what node {node} has there: {OTHER_HISTORY}");
    Problem::of(folder, what)
}
