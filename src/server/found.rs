//! How a group comes to be one of many nodes: its stream is made of the members file, or of what a server has that had
//! the group for itself, or of a node's history when the brokers have lost the stream.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::limits::STREAM_GAP;
use crate::options::ClusterOptions;
use crate::protocol::{Mail, Seq, Time};
use crate::room::{Change, GroupSettings, KnownGroup, MembersFile, Record, Secret, Standing};
use crate::server::auth::passwords;
use crate::server::counted::counted;
use crate::server::files::Problem;
use crate::server::keys::random_key;
use crate::server::log::cluster::make::{self, Plan};
use crate::server::log::cluster::{
    Command, Genesis, Named, Start, State, Sum, TokenKey, batches, last_note, sum_of,
};
use crate::server::log::local;
use crate::server::log::local::{MEMBERS_SEEN, MembersSnapshot, Opened, Settings};
use crate::server::members::file;
use crate::server::members::file::Seen;
use crate::server::node::{named, reach};

/// The files of a server.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The members file.
    pub members: &'a Path,
    /// The folder of the history.
    pub history: &'a Path,
}

/// Makes the group's stream, with the members of this file and no event. Returns a sentence about it.
pub fn make_new(cluster: &ClusterOptions, members: &Path, line_max: usize) -> Result<String, Problem> {
    let group = hashed(members, file::read_at_start(members)?)?;
    let random = |error: io::Error| Problem(format!("no random bytes for a key: {error}"));
    let key = random_key().map_err(random)?;
    let genesis = Genesis {
        transcript: getrandom::u32().map_err(io::Error::from).map_err(random)?,
        token_key: TokenKey::new(key),
        line_max,
        last: Seq(0),
        time: Time::default(),
        sum: Sum::default(),
        members: group.len() as u64,
    };
    let members = group.into_iter().map(|(mail, standing)| (mail, standing, Seq(0)));
    let made = make_stream(cluster, Plan::default(), genesis, GroupSettings::default(), members)?;
    Ok(format!("made: {made}; start its nodes with --cluster"))
}

/// Whether the brokers would take the group's stream, as far as they say so before. A problem if it is there already.
pub fn can_be_made(cluster: &ClusterOptions) -> Result<(), Problem> {
    let reach = reach(cluster)?;
    let checked = make::check(&mut reach.asker()?, Plan::default(), reach.tolerance);
    checked.map_err(|error| Problem(error.to_string()))
}

/// Makes the group's stream, which continues this history, with the members of this file. The server must not run. After
/// that the folder is one of a node that has not started yet. Returns a sentence about it.
pub fn bring_in(
    cluster: &ClusterOptions,
    place: Place<'_>,
    line_max: usize,
    settings: &Settings,
) -> Result<String, Problem> {
    let file = file::read_at_start(place.members)?;
    // Before anything is changed here: if the stream is there, this is a node's folder, and should stay one.
    can_be_made(cluster)?;
    // Also a node's: the stream that would bring what is missing again is gone, or is another group's. So the numbers of what
    // the original has gone on with are given to other events.
    let mut opened = local::open(place.history, settings)?;
    let made = bring_in_opened(cluster, place, line_max, file, &opened);
    opened.storage.close()?;
    made
}

fn bring_in_opened(
    cluster: &ClusterOptions,
    place: Place<'_>,
    line_max: usize,
    file: MembersFile,
    opened: &Opened,
) -> Result<String, Problem> {
    let Place { members, history } = place;
    let note = last_note(history)?;
    let (added, settings) = known(opened, note.as_ref(), &file, place)?;
    let key = local::key(history)?;
    let group = hashed(members, file)?;
    let genesis = Genesis {
        transcript: opened.id,
        token_key: TokenKey::new(key),
        line_max: note.as_ref().and_then(State::line_max).map_or(line_max, |note| note.max(line_max)),
        last: opened.tail.last,
        time: opened.last_time,
        sum: sum_of(&opened.segments, opened.tail.last)?,
        members: group.len() as u64,
    };
    let first = note.map_or(1, |state| state.next().0.saturating_add(STREAM_GAP));
    let of_group = group.iter().map(|(mail, standing)| (mail.clone(), standing.clone(), added[mail]));
    let made = make_stream(cluster, Plan { first, ..Plan::default() }, genesis, settings, of_group)?;
    // The file agrees with the group. What is edited from here on is an edit.
    Seen::agreed(&history.join(MEMBERS_SEEN), group)?;
    local::forget_stream(history)?;
    let last = opened.tail.last;
    Ok(format!(
        "made: {made}, which continues after event {last}; start this node with --cluster, then the others: they get {} \
         from it",
        history.display()
    ))
}

/// The numbers of the members' ADDED lines, and what they have agreed on. Refused if a start would announce that the file was edited: the stream has
/// no place for that before its first message.
fn known(
    opened: &Opened,
    note: Option<&State>,
    file: &MembersFile,
    place: Place<'_>,
) -> Result<(BTreeMap<Mail, Seq>, GroupSettings), Problem> {
    let note = note.filter(|state| state.is_founded() && state.last() <= opened.tail.last);
    let note = note.map(|state| MembersSnapshot { seq: state.last(), group: state.known() });
    let KnownGroup { members: known, settings, .. } =
        opened.group(note.as_ref(), file.members().map(|(mail, _)| mail));
    let is_known = |mail: &Mail, record: &Record| {
        let known = known.get(mail).filter(|known| known.added <= opened.tail.last);
        let known = known.filter(|known| known.name == record.name);
        known.is_some_and(|known| known.role.is_none_or(|role| role == record.role))
    };
    let unknown = file.members().filter(|(mail, record)| !is_known(mail, record)).map(|(mail, _)| mail);
    let gone = known.keys().filter(|mail| file.get(mail).is_none());
    let different: Vec<Mail> = unknown.chain(gone).cloned().collect();
    if different.is_empty() {
        return Ok((known.into_iter().map(|(mail, known)| (mail, known.added)).collect(), settings));
    }
    let (named, history) = (named(&different), place.history.display());
    let what = format!(
        "differs from {history} about {named}: start the server once without --cluster, which announces that, \
         or put the file right"
    );
    Err(Problem::of(place.members, what))
}

/// The members with their hashes. Typed passwords are hashed first, in the file, too: only hashes leave the machine, and a
/// node's file says the same.
fn hashed(path: &Path, file: MembersFile) -> Result<BTreeMap<Mail, Standing>, Problem> {
    let (mut group, mut changes) = (BTreeMap::new(), Vec::new());
    for (mail, Record { secret, role, name }) in file.members() {
        let hash = match secret {
            Secret::Hash(hash) => hash.clone(),
            Secret::Typed(password) => {
                let hash = passwords::hash_now(password)
                    .map_err(|error| Problem(format!("the password of {mail} cannot be hashed: {error}")))?;
                let expected = Some(secret.clone());
                changes.push(Change::SetPassword { mail: mail.clone(), hash: hash.clone(), expected });
                hash
            }
        };
        group.insert(mail.clone(), Standing { hash, role: *role, name: name.clone() });
    }
    if !changes.is_empty() {
        file::change_now(path, file, &changes)?;
    }
    Ok(group)
}

/// Makes the stream, and returns what it is.
fn make_stream(
    cluster: &ClusterOptions,
    plan: Plan,
    genesis: Genesis,
    settings: GroupSettings,
    members: impl Iterator<Item = (Mail, Standing, Seq)>,
) -> Result<String, Problem> {
    let count = genesis.members;
    let mut commands = vec![Command::Genesis(genesis)];
    // Where there is nothing to say, programs of before TITLE and ANNOUNCE understand all of it.
    if settings != GroupSettings::default() {
        commands.push(Command::Settings(settings));
    }
    let member = |(mail, Standing { hash, role, name }, added)| {
        let named = name.map(Named::of);
        Command::Member { mail, role, hash, added, named }
    };
    commands.extend(members.map(member));
    let reach = reach(cluster)?;
    let batches = batches(&reach.name, Start::FOUNDING, commands);
    let proof = make::make(&mut reach.asker()?, plan, &batches, reach.tolerance)
        .map_err(|error| Problem(error.to_string()))?;
    Ok(format!("a group of {}, kept by {}", counted(count, "member"), proof.replicas.join(", ")))
}
