//! How a node starts: it compares its own history with the stream, appends what it has missed, and joins. It serves only
//! after its JOIN has come back: then it has all that was committed before.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{info, warn};

use crate::limits::{BROKERS_READY_WAIT, CLUSTER_START_WAIT};
use crate::protocol::{Mail, Seq};
use crate::room::Standing;
use crate::server::files::Problem;
use crate::server::log::cluster::asked::FromNode;
use crate::server::log::cluster::broker::{Access, Addresses, Asker};
use crate::server::log::cluster::ids::{NodeName, Start, StreamSeq};
use crate::server::log::cluster::members::StateMember;
use crate::server::log::cluster::node::Node;
use crate::server::log::cluster::origin::{History as HistoryOf, OTHER_HISTORY, genesis, is_of, too_short};
use crate::server::log::cluster::prove::{self, Own, Proof, Tolerance, Unfit};
use crate::server::log::cluster::state::State;
use crate::server::log::local;
use crate::server::log::local::{APPLIED, Continuing, LEFT, Opened, Settings, Whose, read_small};
use crate::server::wall_clock;

/// How a node reaches its group.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The node.
    pub name: NodeName,
    /// The brokers.
    pub brokers: Addresses,
    /// How they are reached.
    pub access: Arc<Access>,
    /// What is good enough.
    pub tolerance: Tolerance,
}

impl Reach {
    /// A connection for questions.
    pub fn asker(&self) -> Result<Asker, Problem> {
        let asker = Asker::connect(&self.brokers, &self.access, CLUSTER_START_WAIT);
        asker.map_err(|broken| Problem(broken.to_string()))
    }

    /// Asks the brokers what they and the stream are, and refuses those that do not keep what a group is promised. `state` is
    /// what this node has of the stream.
    pub fn prove(&self, state: Option<&State>) -> Result<Proof, Vec<Problem>> {
        let mut asker = self.asker().map_err(|problem| vec![problem])?;
        let told = |unfit: &Unfit| Problem(unfit.to_string());
        let evidence = prove::ask(&mut asker, BROKERS_READY_WAIT).map_err(|unfit| vec![told(&unfit)])?;
        let own = state.map(|state| Own { created: state.created(), next: state.next().0 });
        let proved = prove::prove(&evidence, own, self.tolerance);
        if let (Some(state), Err(wrong)) = (state, &proved)
            && let [Unfit::OtherStream { .. }] = wrong[..]
            && let Ok(other) = prove::prove(&evidence, None, self.tolerance)
        {
            let genesis = genesis(&mut asker, &other).map_err(|problem| vec![problem])?;
            // The group's own again, made of the history of one of its nodes.
            if genesis.is_some_and(|genesis| Some(genesis.transcript) == state.transcript()) {
                return Ok(other);
            }
        }
        proved.map_err(|all| all.iter().map(told).collect())
    }

    /// Whether a history without a note of this stream is the one from which it continues.
    pub fn fits(&self, stream: &Proof, history: HistoryOf<'_>) -> Result<(), Problem> {
        // Without a GENESIS nothing can be said before the stream is read.
        genesis(&mut self.asker()?, stream)?.map_or(Ok(()), |genesis| history.fits(&genesis))
    }
}

/// Joins the group. Afterwards the folder's history has all that was committed before, and can be opened.
pub fn join(reach: &Reach, folder: &Path, settings: &Settings) -> Result<Node, Problem> {
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
    let own_id = local::id(folder)?;
    let opened = local::open_as(folder, settings, Whose::ANodes)?;
    let state = match recorded.filter(|state| state.created() == stream.created) {
        Some(state) => {
            compare(&state, &stream, opened.last, folder)?;
            state
        }
        None => {
            reach.fits(
                &stream,
                HistoryOf { folder, id: own_id, last: opened.last, files: &opened.segments },
            )?;
            State::new(&stream.created, StreamSeq(stream.first))
        }
    };
    // Greater than the start of any earlier process, unless a clock was ahead: then the stream tells.
    let floor = Start(wall_clock().unix_ms());
    let node = Node::new(&reach.name, &reach.brokers, Arc::clone(&reach.access), state, floor)
        .map_err(|error| Problem(format!("the node cannot wait for the brokers: {error}")))?;
    catch_up(node, own_id, opened, folder)
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

/// Whether the note, the stream and the history fit each other.
fn compare(state: &State, stream: &Proof, last: Seq, folder: &Path) -> Result<(), Problem> {
    if state.next().0 < stream.first {
        let (next, first) = (state.next(), stream.first);
        let what = format!(
            "continues with message {next} of the stream, which begins with {first} now: {OTHER_HISTORY}"
        );
        return Err(Problem::of(folder, what));
    }
    if state.last() > last {
        let recorded = state.last();
        let what = format!(
            "ends with event {last}, and its file {APPLIED} speaks of event {recorded}: {OTHER_HISTORY}"
        );
        return Err(Problem::of(folder, what));
    }
    Ok(())
}

/// Reads the stream until the own JOIN has come back.
fn catch_up(mut node: Node, own_id: Option<u32>, opened: Opened, folder: &Path) -> Result<Node, Problem> {
    let own_last = opened.last;
    let mut history = History { folder, opened: Some(opened), continuing: None };
    let (mut told, mut progress, mut has_joined) = (Vec::new(), Instant::now(), false);
    while !has_joined {
        node.turn(Duration::from_secs(1), &mut told)
            .map_err(|error| Problem(format!("the poll of the connection to the brokers failed: {error}")))?;
        for told in told.drain(..) {
            progress = Instant::now();
            match told {
                FromNode::Applied(applied, _) if !applied.lines.is_empty() => {
                    history.after(Seq(applied.first.0 - 1))?.take(&applied.lines)?;
                }
                FromNode::Joined => has_joined = true,
                FromNode::Stop(why) => return Err(Problem(why)),
                _ => {}
            }
        }
        if progress.elapsed() > CLUSTER_START_WAIT && !has_joined {
            let why = node.complaint().unwrap_or("they commit nothing; is there a quorum of them?");
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
    is_of(transcript, own_id, own_last, folder)?;
    let (event, text) = node.note();
    let continuing = history.after(event)?;
    if !continuing.is_compared() {
        return Err(Problem::of(
            folder,
            format!("has events after {event}, which the group has not: {OTHER_HISTORY}"),
        ));
    }
    local::adopt(folder, transcript, key.expose())?;
    if let Some(continuing) = history.continuing {
        continuing.close(APPLIED, &text)?;
    }
    info!("the history has event {event} now, {} of its events are new", event.0.saturating_sub(own_last.0));
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
            let last = opened.last;
            if event > last {
                return Err(too_short(last, event, self.folder));
            }
            self.continuing = Some(Continuing::after(opened, event)?);
        }
        Ok(self.continuing.as_mut().expect("it was made before, or now"))
    }
}

/// The members of the group.
pub fn standings(state: &State) -> BTreeMap<Mail, Standing> {
    let standing = |(mail, member): (&Mail, &StateMember)| {
        (mail.clone(), Standing { hash: member.hash.clone(), role: member.role })
    };
    state.members().map(standing).collect()
}
