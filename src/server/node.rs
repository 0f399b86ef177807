//! How a server becomes a node of a cluster: it joins the group, and then its history and its members.txt are the group's.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::options::ClusterOptions;
use crate::protocol::{Mail, Seq, Time};
use crate::room::{MembersFile, Record, Secret, differences};
use crate::server::auth::passwords;
use crate::server::files::Problem;
use crate::server::log::cluster::broker::{Access, Login, trust};
use crate::server::log::cluster::make::{self, Plan};
use crate::server::log::cluster::{
    Command, Genesis, Node, Reach, Start, Sum, TokenKey, batches, join, standings,
};
use crate::server::log::local;
use crate::server::log::local::{MEMBERS_SEEN, Opened, Settings};
use crate::server::members::file;
use crate::server::members::file::Seen;

/// Members named in a sentence.
const NAMED: usize = 3;

/// A node that has joined.
#[derive(Debug)]
pub struct Joined {
    pub(super) node: Node,
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

/// Makes the group's stream, with the members of this file and no event. Returns a sentence about it.
pub fn found(cluster: &ClusterOptions, members: &Path, line_max: usize) -> Result<String, Problem> {
    let file = file::read_at_start(members)?;
    let reach = reach(cluster)?;
    let random = |error: getrandom::Error| Problem(format!("no random bytes for a key: {error}"));
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut()).map_err(random)?;
    let mut commands = vec![Command::Genesis(Genesis {
        transcript: getrandom::u32().map_err(random)?,
        token_key: TokenKey::new(key),
        line_max,
        last: Seq(0),
        time: Time::default(),
        sum: Sum::default(),
        members: file.members().count() as u64,
    })];
    for (mail, Record { secret, role }) in file.members() {
        let hash = match secret {
            Secret::Hash(hash) => hash.clone(),
            // Only hashes leave the machine.
            Secret::Typed(password) => passwords::hash_now(password)
                .map_err(|error| Problem(format!("the password of {mail} cannot be hashed: {error}")))?,
        };
        commands.push(Command::Member { mail: mail.clone(), role: *role, hash, added: Seq(0) });
    }
    let batches = batches(&reach.name, Start(1), commands);
    let proof = make::make(&mut reach.asker()?, Plan::default(), &batches, reach.tolerance)
        .map_err(|error| Problem(error.to_string()))?;
    let (count, kept) = (file.members().count(), proof.replicas.join(", "));
    Ok(format!("made: a group of {count} members, kept by {kept}; start its nodes with --cluster"))
}

/// Joins the group.
pub fn enter(
    cluster: &ClusterOptions,
    members: &Path,
    history: &Path,
    settings: &Settings,
) -> Result<Joined, Problem> {
    // A mistake in it is found before anybody hears of this node.
    let file = file::read_if_there(members)?;
    let node = join(&reach(cluster)?, history, settings)?;
    let seen = seen(&node, file.as_ref(), members, &history.join(MEMBERS_SEEN))?;
    Ok(Joined { node, opened: local::open(history, settings)?, seen })
}

/// What members.txt said when it last followed the group. If it never has, it has to say the same.
fn seen(node: &Node, file: Option<&MembersFile>, members: &Path, path: &Path) -> Result<Seen, Problem> {
    let group = standings(node.state());
    let Some(file) = file else {
        file::create_view(members, &group)?;
        return Seen::agreed(path, group);
    };
    if let Some(seen) = Seen::read(path, file)? {
        return Ok(seen);
    }
    let records: Vec<_> = group.iter().map(|(mail, member)| (mail, Record::from(member.clone()))).collect();
    let different = differences(file.members(), records.iter().map(|(mail, record)| (*mail, record)));
    if different.is_empty() {
        return Seen::agreed(path, group);
    }
    let named: Vec<&str> = different.iter().take(NAMED).map(Mail::as_str).collect();
    let more = if different.len() > NAMED { " and others" } else { "" };
    Err(Problem::of(
        members,
        format!(
            "does not say what the group does about {}{more}; move the file away, and this node writes it from the group",
            named.join(", ")
        ),
    ))
}
