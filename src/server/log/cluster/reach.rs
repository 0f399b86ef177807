//! How a node reaches its group, and what it asks the brokers before anything else.

use std::sync::Arc;

use crate::limits::{BROKERS_READY_WAIT, CLUSTER_START_WAIT};
use crate::server::files::Problem;
use crate::server::log::cluster::broker::{Access, Addresses, Asker};
use crate::server::log::cluster::command::Genesis;
use crate::server::log::cluster::ids::NodeName;
use crate::server::log::cluster::origin::{History, genesis};
use crate::server::log::cluster::prove::{self, Own, Proof, Tolerance, Unfit};
use crate::server::log::cluster::state::State;

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
        let own = state.map(|state| Own { created: state.created(), next: state.next().0 });
        let evidence = prove::ask(&mut asker, own, BROKERS_READY_WAIT).map_err(|unfit| vec![told(&unfit)])?;
        prove::ask_beside(&mut asker).map_err(|unfit| vec![told(&unfit)])?;
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

    /// What this history lacks that is in the stream no more: a sentence about it, without its end.
    pub fn lacks(
        &self,
        stream: &Proof,
        recorded: Option<&State>,
        history: History<'_>,
    ) -> Result<Option<String>, Problem> {
        let recorded = recorded.filter(|state| state.created() == stream.created);
        let genesis = self.genesis(stream, recorded)?;
        history.lacks(stream, recorded, genesis.as_ref())
    }

    /// What the stream continues from, if the stream still says so. A node that has a note can do without.
    pub(super) fn genesis(
        &self,
        stream: &Proof,
        recorded: Option<&State>,
    ) -> Result<Option<Genesis>, Problem> {
        let genesis = genesis(&mut self.asker()?, stream);
        if recorded.is_some() { Ok(genesis.unwrap_or_default()) } else { genesis }
    }
}
