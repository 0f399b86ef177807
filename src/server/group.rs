//! The group that a server starts with, and its room, log and members file.

use std::io;
use std::path::Path;
use std::sync::Arc;

use mio::Waker;

use crate::room::{Config, Effect, MembersFile, Now, Room, Roster};
use crate::server::log::Log;
use crate::server::log::cluster::standings;
use crate::server::log::local::Opened;
use crate::server::members::Members;
use crate::server::node::Joined;

/// Who decides who is in it.
#[derive(Debug)]
pub enum Group {
    /// The members file, as it is now; the history, if there is one.
    Alone(MembersFile, Option<Box<Opened>>),
    /// All nodes of a cluster, which this one has joined.
    Shared(Box<Joined>),
}

impl Group {
    /// Starts the threads of its files. `transcript_id` of the settings is replaced by that of the history, if there is one.
    pub(super) fn start(
        self,
        config: Config,
        path: &Path,
        now: Now,
        waker: &Arc<Waker>,
        effects: &mut Vec<Effect>,
    ) -> io::Result<(Room, Log, Members)> {
        match self {
            Group::Alone(file, None) => {
                let room = Room::new(config, file.roster(), effects);
                let members = Members::start(path, file, Arc::clone(waker))?;
                Ok((room, Log::in_memory(waker)?, members))
            }
            Group::Alone(file, Some(opened)) => {
                let (config, roster) = (Config { transcript_id: opened.id, ..config }, file.roster());
                let members = Members::start(path, file, Arc::clone(waker))?;
                let (restored, log) = Log::start(*opened, &roster, waker)?;
                Ok((Room::restore(config, &roster, restored, now, effects), log, members))
            }
            Group::Shared(joined) => {
                let Joined { node, reach, opened, seen } = *joined;
                let (config, group) =
                    (Config { transcript_id: opened.id, ..config }, standings(node.state()));
                let members = Members::start_view(path, seen, &group, Arc::clone(waker))?;
                let roster: Roster = group.into_iter().map(|(mail, member)| (mail, member.into())).collect();
                let (restored, log) = Log::start_node(opened, node, reach, &roster, waker)?;
                let mut room = Room::restore(config, &roster, restored, now, effects);
                room.tell_other_nodes();
                Ok((room, log, members))
            }
        }
    }
}
