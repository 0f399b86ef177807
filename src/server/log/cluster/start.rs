//! How a node starts: it compares its own history with the stream, appends what it has missed, and joins. It serves only
//! after its JOIN has come back: then it has all that was committed before.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{info, warn};

use crate::limits::{CLUSTER_START_WAIT, STARTS_OF_A_PROCESS};
use crate::protocol::{Mail, Seq};
use crate::room::Standing;
use crate::server::counted::counted;
use crate::server::files::Problem;
use crate::server::log::cluster::asked::FromNode;
use crate::server::log::cluster::copies::{self, Copies, Lacking, fetch};
use crate::server::log::cluster::ids::{Start, StreamSeq};
use crate::server::log::cluster::members::StateMember;
use crate::server::log::cluster::node::Node;
use crate::server::log::cluster::origin::{History as HistoryOf, OTHER_HISTORY, is_of, too_short};
use crate::server::log::cluster::prove::Proof;
use crate::server::log::cluster::reach::Reach;
use crate::server::log::cluster::state::State;
use crate::server::log::local;
use crate::server::log::local::{
    APPLIED, Continuing, Incoming, LEFT, Opened, Settings, SharedSegments, Whose, read_small,
};
use crate::server::wall_clock;

/// Joins the group, unless `fits` refuses it: that is asked before anybody hears of this node. Afterwards the folder's history
/// has all that was committed before, and can be opened.
pub fn join(
    reach: &Reach,
    folder: &Path,
    settings: &Settings,
    fits: &mut dyn FnMut(&State) -> Result<(), Problem>,
    tell: &mut dyn FnMut(&str),
) -> Result<Node, Problem> {
    let recorded = recorded(folder)?;
    let stream = reach.prove(recorded.as_ref()).map_err(|all| {
        let all: Vec<String> = all.into_iter().map(|problem| problem.0).collect();
        Problem(all.join("\n"))
    })?;
    for unfit in &stream.tolerated {
        warn!("{unfit}");
    }
    if !stream.silent.is_empty() {
        warn!("these brokers do not answer, so it is not known how they sync: {}", stream.silent.join(", "));
    }
    // Before it is opened: without events it gets a new id then.
    let mut own_id = local::id(folder)?;
    let mut opened = local::open_as(folder, settings, Whose::ANodes)?;
    let recorded = recorded.filter(|state| state.created() == stream.created);
    let genesis = reach.genesis(&stream, recorded.as_ref())?;
    let history = HistoryOf { folder, id: own_id, last: opened.tail.last, files: &opened.segments };
    let state = match history.lacks(&stream, recorded.as_ref(), genesis.as_ref())? {
        Some(what) => {
            let genesis = genesis.as_ref().filter(|_| recorded.is_none());
            let lacking = Lacking { what, stream: &stream, genesis, own_id };
            let state = fetch(reach, folder, opened, &lacking, tell)?;
            own_id = local::id(folder)?;
            opened = local::open_as(folder, settings, Whose::ANodes)?;
            state
        }
        None => {
            Incoming::discard(folder)?;
            recorded.unwrap_or_else(|| State::new(&stream.created, StreamSeq(stream.first)))
        }
    };
    let floor = next_start(folder, Start(wall_clock().unix_ms()))?;
    let node = Node::new(&reach.name, &reach.brokers, Arc::clone(&reach.access), state, floor)
        .map_err(|error| Problem(format!("the node cannot wait for the brokers: {error}")))?;
    let node = catch_up(node, own_id, opened, folder, &stream, fits)?;
    // It is greater than the floor if the folder did not know of an earlier one, and the stream did.
    let start = node.state().node(&reach.name).map_or(floor, |known| known.start);
    next_start(folder, start)?;
    Ok(node)
}

/// A start that is greater than all that this node has had, also if nothing of them is stored yet and the clock was set back;
/// and those that follow it in this process are this process's, too.
fn next_start(folder: &Path, least: Start) -> Result<Start, Problem> {
    let start = least.0.max(local::next_start(folder)?);
    local::keep_next_start(folder, start + STARTS_OF_A_PROCESS)?;
    Ok(Start(start))
}

/// From now on other nodes get what they lack of these files. The node has joined.
pub(in crate::server::log) fn give_copies(
    node: &Node,
    reach: Reach,
    files: SharedSegments,
) -> io::Result<Copies> {
    let state = node.state();
    let (transcript, created) = (state.transcript().unwrap_or_default(), state.created().to_owned());
    let (figures, notes) = (node.figures(), node.notes());
    copies::spawn(copies::Source { reach, transcript, created, figures, notes }, files)
}

/// How far an earlier process has applied the stream. Refused if this node has left its group since.
pub fn recorded(folder: &Path) -> Result<Option<State>, Problem> {
    if read_small(folder, LEFT)?.is_some() {
        let what = "this node has left its group, when it was started without --cluster, and may have events and members \
                    of its own since: move the history and the members file away, and it joins again";
        return Err(Problem::of(&folder.join(LEFT), what));
    }
    let Some(text) = read_small(folder, APPLIED)? else { return Ok(None) };
    State::parse(&text).map(Some).map_err(|error| {
        let advice = "remove it, and the stream is read from its beginning";
        Problem::of(&folder.join(APPLIED), format!("is damaged, {error}; {advice}"))
    })
}

/// Reads the stream to its end, and joins if this node is one of the group: until the own JOIN has come back.
fn catch_up(
    mut node: Node,
    own_id: Option<u32>,
    opened: Opened,
    folder: &Path,
    stream: &Proof,
    fits: &mut dyn FnMut(&State) -> Result<(), Problem>,
) -> Result<Node, Problem> {
    let own_last = opened.tail.last;
    let mut history = History { folder, opened: Some(opened), continuing: None };
    let (mut told, mut progress) = (Vec::new(), Instant::now());
    let (mut asks_to_join, mut has_joined) = (false, false);
    while !has_joined {
        node.turn(Duration::from_secs(1), &mut told)
            .map_err(|error| Problem(format!("the poll of the connection to the brokers failed: {error}")))?;
        let mut is_at_end = false;
        for told in told.drain(..) {
            match told {
                FromNode::Applied(applied, _) => {
                    // What others say is no sign that this node will join.
                    progress = if asks_to_join { progress } else { Instant::now() };
                    if !applied.lines.is_empty() {
                        history.after(Seq(applied.first.0 - 1))?.take(&applied.lines)?;
                    }
                }
                FromNode::CaughtUp => is_at_end = true,
                FromNode::Joined => has_joined = true,
                FromNode::Stop(why) => return Err(Problem(why)),
                _ => {}
            }
        }
        // One replica has said that it is the end, and may have been behind: then it says so again.
        let state = node.state();
        if is_at_end && state.next().0 > stream.last {
            state.transcript().map_or(Ok(()), |group| is_of(group, own_id, own_last, folder))?;
            history.is_compared(state.last())?;
            fits(state)?;
            node.join();
            (asks_to_join, progress) = (true, Instant::now());
        }
        if progress.elapsed() > CLUSTER_START_WAIT && !has_joined {
            let why = node.complaint().unwrap_or(
                "the brokers do not commit what it sends; most of them have to run and reach each other",
            );
            return Err(Problem(format!(
                "this node could not join its group within {} s: {why}",
                CLUSTER_START_WAIT.as_secs()
            )));
        }
    }
    let state = node.state();
    let (Some(transcript), Some(key)) = (state.transcript(), state.token_key()) else {
        return Err(Problem("the stream has no group; --make-cluster makes one".to_owned()));
    };
    let (event, text) = node.note();
    history.is_compared(event)?;
    local::adopt(folder, transcript, key.expose())?;
    if let Some(continuing) = history.continuing {
        continuing.close(APPLIED, &text)?;
    }
    let new = counted(event.0.saturating_sub(own_last.0), "new event");
    info!("the history has event {event} now, with {new}");
    Ok(node)
}

/// The history while the stream is read. Which event comes first is only known when it comes.
struct History<'a> {
    folder: &'a Path,
    opened: Option<Opened>,
    continuing: Option<Continuing>,
}

impl History<'_> {
    /// The history, ready for the lines after this event.
    fn after(&mut self, event: Seq) -> Result<&mut Continuing, Problem> {
        if let Some(opened) = self.opened.take() {
            let last = opened.tail.last;
            if event > last {
                let what = too_short(last, event);
                return Err(Problem::of(self.folder, format!("{what}: {OTHER_HISTORY}")));
            }
            self.continuing = Some(Continuing::after(opened, event)?);
        }
        Ok(self.continuing.as_mut().expect("it was made before, or now"))
    }

    /// Whether all its events are the group's, of which this is the last.
    fn is_compared(&mut self, event: Seq) -> Result<(), Problem> {
        if self.after(event)?.is_compared() {
            return Ok(());
        }
        let what = format!("has events after {event}, which the group has not: {OTHER_HISTORY}");
        Err(Problem::of(self.folder, what))
    }
}

/// The members of the group.
pub fn standings(state: &State) -> BTreeMap<Mail, Standing> {
    let standing = |(mail, member): (&Mail, &StateMember)| {
        (mail.clone(), Standing { hash: member.hash.clone(), role: member.role, name: member.name() })
    };
    state.members().map(standing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_greater_than_all_before_whatever_the_clock_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let starts = |clock: u64| next_start(folder.path(), Start(clock)).map(|start| start.0);
        let many = STARTS_OF_A_PROCESS;
        assert_eq!(starts(1_000_000).expect("written"), 1_000_000);
        assert_eq!(starts(500).expect("written"), 1_000_000 + many, "the clock was set back");
        assert_eq!(starts(1_000_000).expect("written"), 1_000_000 + 2 * many);
        assert_eq!(starts(9_000_000).expect("written"), 9_000_000);
        std::fs::write(folder.path().join("starts"), "x").expect("written");
        let why = starts(1).expect_err("it is damaged").0;
        assert!(why.ends_with("make sure that the machine's clock is right, and remove it"), "{why}");
    }
}
