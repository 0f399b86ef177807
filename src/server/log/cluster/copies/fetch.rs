//! A node that starts gets what it lacks from another one: the files, then the state with which it goes on in the stream.
//! Nothing of its own is touched before all of that is here and checked.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use log::{info, warn};

use super::offers::{Need, Unfit};
use super::talk::{Lost, Talk};
use super::text::Offer;
use crate::limits::{BROKER_ASK_AGAIN, COPY_ATTEMPTS, COPY_OFFERS_WAIT, COPY_PATIENCE, COPY_PROGRESS};
use crate::protocol::Seq;
use crate::server::counted::counted;
use crate::server::files::Problem;
use crate::server::log::cluster::broker::Broken;
use crate::server::log::cluster::command::Genesis;
use crate::server::log::cluster::ids::{NodeName, StreamSeq};
use crate::server::log::cluster::origin::{OTHER_HISTORY, is_of};
use crate::server::log::cluster::prove::Proof;
use crate::server::log::cluster::reach::Reach;
use crate::server::log::cluster::state::State;
use crate::server::log::local::{Adopted, Incoming, MembersSnapshot, Opened, Pieces};

/// What a node lacks.
#[derive(Debug)]
pub(in crate::server::log::cluster) struct Lacking<'a> {
    /// A sentence of it, without its end.
    pub(in crate::server::log::cluster) what: String,
    pub(in crate::server::log::cluster) stream: &'a Proof,
    /// What the stream continues from, if it still says so.
    pub(in crate::server::log::cluster) genesis: Option<&'a Genesis>,
    /// The transcript's id before the history was opened.
    pub(in crate::server::log::cluster) own_id: Option<u32>,
}

/// Gets it. Afterwards the history has all events of the state that is returned, and the lock is free.
pub(in crate::server::log::cluster) fn fetch(
    reach: &Reach,
    folder: &Path,
    opened: Opened,
    lacking: &Lacking<'_>,
    tell: &mut dyn FnMut(&str),
) -> Result<State, Problem> {
    info!("{}: {}; it gets the rest from another node", folder.display(), lacking.what);
    let own = Pieces::of(opened.segments.clone());
    let next = opened.tail.last.next();
    let base = own.last_file().map(|(first, len, is_whole)| Base { first, len, next, is_whole });
    let begins = base.map(|base| [base.first, next]);
    let mut fetching = Fetching {
        reach,
        folder,
        lacking,
        talk: connect(reach)?,
        base,
        own,
        incoming: Incoming::open(folder, begins)?,
        failed: BTreeMap::new(),
        progress: Progress { came: 0, last: Instant::now(), told: Instant::now(), tell },
    };
    let state = fetching.run(&opened)?;
    let (came, incoming) = (fetching.progress.came, fetching.incoming);
    let (id, key) = (state.transcript(), state.token_key());
    let (id, key) = id.zip(key).expect("a state without a group is refused");
    let (mut text, members) = (String::new(), MembersSnapshot { seq: state.last(), group: state.known() });
    state.write(&mut text);
    incoming.adopt(opened, &Adopted { id, key: key.expose(), members, applied: text.as_bytes() })?;
    let came = counted(came, "byte");
    info!("{}: {came} came from other nodes; all of it is checked", folder.display());
    Ok(state)
}

fn connect(reach: &Reach) -> Result<Talk, Problem> {
    Talk::connect(reach).map_err(|broken| Problem(broken.to_string()))
}

/// The last file of this node's own that has an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    pub(super) first: Seq,
    pub(super) len: u64,
    /// The event after its last one.
    pub(super) next: Seq,
    /// Another file follows, which has none yet.
    pub(super) is_whole: bool,
}

pub(super) struct Fetching<'a> {
    pub(super) reach: &'a Reach,
    pub(super) folder: &'a Path,
    pub(super) lacking: &'a Lacking<'a>,
    pub(super) talk: Talk,
    pub(super) own: Pieces,
    pub(super) base: Option<Base>,
    pub(super) incoming: Incoming,
    /// Nodes from which something could not be had, and how often, since each has given a whole file.
    pub(super) failed: BTreeMap<NodeName, u32>,
    pub(super) progress: Progress<'a>,
}

/// How much has come, and when.
pub(super) struct Progress<'a> {
    /// Bytes of files.
    came: u64,
    last: Instant,
    told: Instant,
    tell: &'a mut dyn FnMut(&str),
}

impl Progress<'_> {
    /// Something has come.
    pub(super) fn alive(&mut self) {
        self.last = Instant::now();
    }

    /// Bytes of files have come, and so many are left.
    pub(super) fn came(&mut self, node: &NodeName, bytes: usize, left: u64) {
        self.alive();
        self.came += bytes as u64;
        if self.told.elapsed() >= COPY_PROGRESS {
            let (came, left) = (self.came >> 20, left.div_ceil(1 << 20));
            self.tell(&format!("{came} MiB of the history have come, {left} MiB are left, from node {node}"));
        }
    }

    /// Tells in the log, and whoever waits for the start.
    pub(super) fn tell(&mut self, sentence: &str) {
        self.told = Instant::now();
        info!("{sentence}");
        (self.tell)(sentence);
    }

    /// How many bytes of files have come.
    pub(super) fn bytes(&self) -> u64 {
        self.came
    }

    /// Whether nothing has come for too long.
    pub(super) fn is_over(&self) -> bool {
        self.last.elapsed() >= COPY_PATIENCE
    }
}

impl Fetching<'_> {
    fn run(&mut self, opened: &Opened) -> Result<State, Problem> {
        let mut why = "no other node that has it answers; start one that does".to_owned();
        loop {
            let lost = match self.choose(opened, &why)? {
                Ok(offers) => match self.copy_from(&offers) {
                    Ok(state) => return Ok(state),
                    Err(Lost::Problem(problem)) => return Err(problem),
                    Err(Lost::Node(lost)) => {
                        let failed = self.failed.entry(offers[0].node.clone()).or_default();
                        *failed += 1;
                        if *failed >= COPY_ATTEMPTS {
                            return Err(self.refused(&lost));
                        }
                        lost
                    }
                    Err(Lost::Broker(broken)) => self.connect_again(&broken)?,
                },
                Err(broken) => self.connect_again(&broken)?,
            };
            warn!("the history does not come any more: {lost}");
            why = lost;
            self.have_patience(&why)?;
        }
    }

    fn connect_again(&mut self, broken: &Broken) -> Result<String, Problem> {
        self.talk = connect(self.reach)?;
        Ok(broken.to_string())
    }

    pub(super) fn refused(&self, why: &str) -> Problem {
        Problem::of(self.folder, format!("{}, and {why}", self.lacking.what))
    }

    /// Refuses if nothing has come for too long.
    fn have_patience(&self, why: &str) -> Result<(), Problem> {
        if self.progress.is_over() { Err(self.refused(why)) } else { Ok(()) }
    }

    /// Asks which node has it, until one does. All that have offered, the best first.
    fn choose(&mut self, opened: &Opened, why: &str) -> Result<Result<Vec<Offer>, Broken>, Problem> {
        loop {
            let mut offers = match self.talk.offers(COPY_OFFERS_WAIT) {
                Ok(offers) => offers,
                Err(broken) => return Ok(Err(broken)),
            };
            let Lacking { stream, own_id, .. } = self.lacking;
            // What came from a node is continued with that of another one; what is here has to be in it.
            let begin = self.incoming.last().map(|last| last.first).or(self.base.map(|base| base.first));
            let need = Need {
                created: &stream.created,
                transcript: own_id.filter(|_| self.base.is_some()),
                stream_first: StreamSeq(stream.first),
                here: begin.map(|begin| (begin, opened.tail.last)),
            };
            let unfit = match need.choose(&offers, &self.failed) {
                Ok(best) => {
                    let best = best.node.clone();
                    offers.retain(|offer| offer.created == stream.created);
                    offers.sort_by_key(|offer| offer.node != best);
                    return Ok(Ok(offers));
                }
                Err(unfit) => unfit,
            };
            if matches!(unfit, Unfit::Gone(_)) && self.base.is_none() {
                warn!("what had come from another node is not kept any more; all is copied again");
                self.incoming.clear()?;
                continue;
            }
            self.have_patience(&match unfit {
                Unfit::Nobody => why.to_owned(),
                Unfit::OtherTranscript(id) => {
                    is_of(id, *own_id, opened.tail.last, self.folder)?;
                    why.to_owned()
                }
                Unfit::Shorter(last) => format!(
                    "the other nodes have no event after {last}: {OTHER_HISTORY}"
                ),
                Unfit::Gone(first) => format!(
                    "the other nodes keep none before event {first}: move the history and the members file away, and it \
                     begins there"
                ),
            })?;
            std::thread::sleep(BROKER_ASK_AGAIN);
        }
    }
}
