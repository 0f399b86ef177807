//! What a stream continues from, and whether a history fits that: a node that has no note of this stream is asked before it
//! joins.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use serde_json::json;

use crate::limits::{BROKER_ANSWER_WAIT, BROKER_ASK_AGAIN, BROKERS_READY_WAIT};
use crate::protocol::Seq;
use crate::server::files::Problem;
use crate::server::log::cluster::batch::Batch;
use crate::server::log::cluster::broker::{Asker, NoAnswer};
use crate::server::log::cluster::command::{Command, Genesis};
use crate::server::log::cluster::compare::{self, Differs};
use crate::server::log::cluster::prove::{DIRECT_GET, PERMISSIONS, Proof};
use crate::server::log::cluster::state::State;
use crate::server::log::local::{APPLIED, LEFT, SharedSegments, read_small};

/// What to do when the history cannot be continued.
pub(in crate::server::log::cluster) const OTHER_HISTORY: &str =
    "move the history and the members file away, and this node gets those of the group";

/// A message of the stream. Asks for so long until there is an answer, because a replica may not have it yet.
pub(super) fn message(asker: &mut Asker, number: u64) -> Result<Bytes, String> {
    let question = json!({ "seq": number }).to_string();
    let begin = Instant::now();
    loop {
        let why = match asker.ask(DIRECT_GET, question.as_bytes(), BROKER_ANSWER_WAIT) {
            Ok(answer) if answer.status() == Some(404) => "it cannot be read".to_owned(),
            Ok(answer) => return Ok(answer.payload),
            Err(NoAnswer::Forbidden(words)) => return Err(format!("{words}; {PERMISSIONS}")),
            Err(why) => why.to_string(),
        };
        if begin.elapsed() >= BROKERS_READY_WAIT {
            return Err(why);
        }
        std::thread::sleep(BROKER_ASK_AGAIN);
    }
}

/// The stream's GENESIS; `None` if the stream no longer has it.
pub(super) fn genesis(asker: &mut Asker, stream: &Proof) -> Result<Option<Genesis>, Problem> {
    if stream.last < stream.first {
        return Ok(None);
    }
    let number = stream.first;
    let body = message(asker, number)
        .map_err(|why| Problem(format!("message {number} of the stream cannot be read: {why}")))?;
    // What it is if it is something else is told when it is applied.
    let commands = Batch::parse(&body).map(|batch| batch.commands).unwrap_or_default();
    Ok(commands.into_iter().next().and_then(|first| match first {
        Command::Genesis(genesis) => Some(genesis),
        _ => None,
    }))
}

/// A history that is to be compared.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// The transcript's id, before it was opened.
    pub id: Option<u32>,
    /// The last event.
    pub last: Seq,
    /// The files.
    pub files: &'a SharedSegments,
}

impl History<'_> {
    /// What it lacks that is in the stream no more: a sentence, without its end. Refused if it is another one.
    pub(super) fn lacks(
        self,
        stream: &Proof,
        recorded: Option<&State>,
        genesis: Option<&Genesis>,
    ) -> Result<Option<String>, Problem> {
        let (first, last) = (stream.first, self.last);
        if let Some(state) = recorded {
            state.transcript().map_or(Ok(()), |group| is_of(group, self.id, self.last, self.folder))?;
            self.is_unaltered(state)?;
            genesis.map_or(Ok(()), |genesis| self.has_origin(genesis))?;
        }
        Ok(match (recorded, genesis) {
            (Some(state), _) if state.next().0 < first => {
                let next = state.next();
                Some(format!("continues with message {next} of the stream, which begins with {first} now"))
            }
            (Some(state), _) if state.last() > last => {
                let recorded = state.last();
                Some(format!("ends with event {last}, and its file {APPLIED} speaks of event {recorded}"))
            }
            (None, Some(genesis)) => self.fits(genesis)?,
            (None, None) if first > 1 => {
                Some(format!("ends with event {last}, and the stream begins with message {first} now"))
            }
            (Some(_), _) | (None, None) => None,
        })
    }

    /// Whether its last lines are those that this node has applied, as far as its note has their sums.
    fn is_unaltered(self, state: &State) -> Result<(), Problem> {
        compare::sums(state, self.files)?.map_err(|Differs { event }| {
            let what = format!(
                "its events up to {event} are not those that this node has applied, so a file was changed, by hand or by \
                 its disk: put back what it said, or {OTHER_HISTORY}"
            );
            Problem::of(self.folder, what)
        })
    }

    /// Whether it is the one from which the stream continues, or is longer. A sentence if it ends earlier.
    fn fits(self, genesis: &Genesis) -> Result<Option<String>, Problem> {
        let Genesis { transcript, last, .. } = genesis;
        is_of(*transcript, self.id, self.last, self.folder)?;
        if self.last < *last {
            return Ok(Some(too_short(self.last, *last)));
        }
        self.has_origin(genesis).map(|()| None)
    }

    /// Whether it has what the stream continues from. What is not kept on both sides is not compared.
    fn has_origin(self, genesis: &Genesis) -> Result<(), Problem> {
        compare::origin(genesis, self.files)?.map_err(|Differs { event }| {
            let what = format!(
                "its events up to {event} are not those from which the stream continues: {OTHER_HISTORY}"
            );
            Problem::of(self.folder, what)
        })
    }
}

/// Whether a history that has events is of the group's transcript.
pub(super) fn is_of(
    transcript: u32,
    own_id: Option<u32>,
    own_last: Seq,
    folder: &Path,
) -> Result<(), Problem> {
    match own_id.filter(|own_id| own_last > Seq(0) && *own_id != transcript) {
        None => Ok(()),
        Some(own_id) => Err(Problem::of(
            folder,
            format!(
                "has transcript {own_id:08x}, and the group's is {transcript:08x}: name another --history"
            ),
        )),
    }
}

pub(super) fn too_short(own: Seq, last: Seq) -> String {
    format!("ends with event {own}, and the stream continues after event {last}")
}

/// What this folder's server has recorded of a stream when it was a node last, whether it has left its group since or not.
pub fn last_note(folder: &Path) -> Result<Option<State>, Problem> {
    for name in [APPLIED, LEFT] {
        if let Some(text) = read_small(folder, name)? {
            let damaged = |error| Problem::of(&folder.join(name), format!("is damaged, {error}; remove it"));
            return State::parse(&text).map(Some).map_err(damaged);
        }
    }
    Ok(None)
}
