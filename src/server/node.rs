//! How a server becomes a node of a cluster: it joins the group, and then its history and its members.txt are the group's.

use std::path::Path;
use std::sync::Arc;

use crate::options::ClusterOptions;
use crate::protocol::Mail;
use crate::room::{MembersFile, Record, differences};
use crate::server::files::Problem;
use crate::server::log::cluster::broker::{Access, Login, trust};
use crate::server::log::cluster::{Node, Reach, State, join, standings};
use crate::server::log::local;
use crate::server::log::local::{MEMBERS_SEEN, Opened, Settings, Whose};
use crate::server::members::file;
use crate::server::members::file::Seen;

/// Members named in a sentence.
const NAMED: usize = 3;

/// A node that has joined.
#[derive(Debug)]
pub struct Joined {
    pub(super) node: Node,
    pub(super) reach: Reach,
    pub(super) opened: Opened,
    pub(super) seen: Seen,
}

impl Joined {
    /// A command line with its end, on all nodes of the group.
    pub fn line_max(&self) -> Option<usize> {
        self.node.state().line_max()
    }
}

/// How these options reach the brokers.
pub fn reach(cluster: &ClusterOptions) -> Result<Reach, Problem> {
    let login = match &cluster.credentials {
        Some(path) => Login::read(path)?,
        None => Login::Anonymous,
    };
    let tls = trust(cluster.ca.as_deref())?;
    let (name, plaintext) = (cluster.node.to_string(), cluster.plaintext);
    let access = Arc::new(Access { login, tls, plaintext, name });
    let (name, brokers) = (cluster.node.clone(), cluster.brokers.clone());
    Ok(Reach { name, brokers, access, tolerance: cluster.tolerance })
}

/// Joins the group. `tell` is told now and then how far that has come, if it takes long.
pub fn enter(
    cluster: &ClusterOptions,
    members: &Path,
    history: &Path,
    settings: &Settings,
    tell: &mut dyn FnMut(&str),
) -> Result<Joined, Problem> {
    // A mistake in it is found before anybody hears of this node.
    let file = file::read_if_there(members)?;
    let reach = reach(cluster)?;
    let path = history.join(MEMBERS_SEEN);
    let mut before = None;
    let mut fits = |state: &State| -> Result<(), Problem> {
        before = file.as_ref().map(|file| seen(state, file, members, &path)).transpose()?;
        Ok(())
    };
    let node = join(&reach, history, settings, &mut fits, tell)?;
    let seen = match before {
        Some(seen) => seen,
        None => {
            let group = standings(node.state());
            file::create_view(members, &group)?;
            Seen::agreed(&path, group)?
        }
    };
    Ok(Joined { node, reach, opened: local::open_as(history, settings, Whose::ANodes)?, seen })
}

/// What members.txt said when it last followed the group. If it never has, it has to say the same.
fn seen(state: &State, file: &MembersFile, members: &Path, path: &Path) -> Result<Seen, Problem> {
    if let Some(seen) = Seen::read(path, file)? {
        return Ok(seen);
    }
    let group = standings(state);
    let records: Vec<_> = group.iter().map(|(mail, member)| (mail, Record::from(member.clone()))).collect();
    let different = differences(file.members(), records.iter().map(|(mail, record)| (*mail, record)));
    if different.is_empty() {
        return Seen::agreed(path, group);
    }
    let named = named(&different);
    Err(Problem::of(
        members,
        format!(
            "differs from the group about {named}; move the file away, and this node writes it from the group"
        ),
    ))
}

/// Some of these members, for a sentence.
pub(super) fn named(mails: &[Mail]) -> String {
    let named: Vec<&str> = mails.iter().take(NAMED).map(Mail::as_str).collect();
    let more = if mails.len() > NAMED { " and others" } else { "" };
    format!("{}{more}", named.join(", "))
}
