//! Whether what came from another node can be trusted: against the state, the stream's GENESIS and this node's own files.

use crate::protocol::Seq;
use crate::server::files::Problem;
use crate::server::log::cluster::command::Genesis;
use crate::server::log::cluster::ids::Sum;
use crate::server::log::cluster::origin::sum_of;
use crate::server::log::cluster::state::State;
use crate::server::log::local::{Pieces, SharedSegments};

/// What is wrong with lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Differs {
    /// The last of them.
    pub(super) event: Seq,
}

/// Compares the state's sums with the lines: each is that of the one before and the lines between them. What `files` do not
/// have is not compared.
pub(super) fn sums(state: &State, files: &SharedSegments) -> Result<Result<(), Differs>, Problem> {
    let mut pieces = Pieces::of(files.clone());
    let mut before: Option<(Seq, Sum)> = None;
    for (event, sum) in state.sums() {
        if let Some((after, sum_before)) = before
            && let Some(lines) = pieces.lines(after, event)?
            && sum_before.after(&lines) != sum
        {
            return Ok(Err(Differs { event }));
        }
        before = Some((event, sum));
    }
    Ok(Ok(()))
}

/// Compares the lines with what the stream continues from. What is not kept on both sides is not compared.
pub(super) fn origin(genesis: &Genesis, files: &SharedSegments) -> Result<Result<(), Differs>, Problem> {
    let Genesis { last: event, sum, .. } = genesis;
    let own = sum_of(files, *event)?;
    let are_known = [own, *sum].iter().all(|sum| *sum != Sum::default());
    Ok(if are_known && own != *sum { Err(Differs { event: *event }) } else { Ok(()) })
}
