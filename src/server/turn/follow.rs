//! On a node of a cluster: tells the room what the group has decided, step by step in the stream's order, and has members.txt
//! follow.

use crate::protocol::{Mail, Role};
use crate::room::{Effect, Input, MembersNews, Record, Room, Standing};
use crate::server::log::Log;
use crate::server::log::cluster::{Cluster, Decided, GroupChange, Step};
use crate::server::members::Members;
use crate::server::turn::{Hub, edits, hashes, joins, places};

/// Whether the group has decided anything.
pub(in crate::server) fn follow(hub: &mut Hub, log: &mut Log, members: &mut Members) -> bool {
    let mut has_decided = false;
    while let Some(step) = log.cluster().and_then(Cluster::next_step) {
        has_decided = true;
        match step {
            Step::Committed(committed) => hub.tell(Input::Committed(committed)),
            Step::Refused(ticket, why) => hub.tell(Input::Refused(vec![ticket], why)),
            Step::CutOff => hub.tell(Input::CutOff),
            Step::Settled(jobs, last_is) => {
                // Other nodes have told how far these members' devices have come there.
                places::take_over(hub, log);
                for job in jobs {
                    hashes::settled(job, last_is, hub);
                }
            }
            Step::Rejoined => hub.tell(Input::Rejoined),
            Step::Fenced => {
                hub.tell(Input::CutOff);
                if log.cluster().is_some_and(Cluster::begin_anew) {
                    hub.tell(Input::Rejoined);
                }
            }
            Step::Unchanged(ticket, change, answer) => {
                joins::members_news(MembersNews::answer(ticket, change, answer), hub);
            }
            Step::Changed { by, change, asked } => {
                let quiet = match &change {
                    GroupChange::Added { role, .. } | GroupChange::QuietRole { role, .. } => Some(*role),
                    _ => None,
                };
                let (mail, standing) = standing_after(change, &hub.room);
                match asked {
                    Some((ticket, change)) => {
                        joins::members_news(MembersNews::answer(ticket, change, Ok(())), hub);
                    }
                    None => {
                        hub.tell(Input::Decided(by, (mail.clone(), standing.clone().map(Record::from))));
                    }
                }
                if let Some(role) = quiet {
                    hub.tell(Input::QuietRole(mail.clone(), role));
                }
                propose(log, &mut hub.room);
                let standing = match (standing, quiet) {
                    (Some(standing), Some(role)) => Some(Standing { role, ..standing }),
                    (standing, _) => standing,
                };
                members.follow(mail, standing);
            }
            Step::Edited(mail, decided) => {
                let Some(edits) = members.edits() else { continue };
                match decided {
                    Decided::Yes | Decided::Refused(_) => {
                        edits.decided(&mail);
                        if let Decided::Refused(why) = decided {
                            edits::log_refused(&mail, why);
                        }
                        // What the group has refused is taken back in the file.
                        let standing = hub.room.standing(&mail);
                        members.follow(mail, standing);
                    }
                    Decided::Lost => edits.lost(&mail),
                }
            }
        }
    }
    has_decided
}

/// The room proposes the line of a change: it has its number already, and the next step.
fn propose(log: &mut Log, room: &mut Room) {
    let mut proposed = Vec::new();
    room.poll_proposals(&mut proposed);
    for effect in proposed {
        if let Effect::Propose(batch) = effect {
            log.propose(batch);
        }
    }
}

/// A member, and the standing after this change, but for a role that has no line.
fn standing_after(change: GroupChange, room: &Room) -> (Mail, Option<Standing>) {
    match change {
        GroupChange::Added { mail, hash, .. } => {
            (mail, Some(Standing { hash, role: Role::Member, name: None }))
        }
        GroupChange::Removed { mail } => (mail, None),
        GroupChange::Password { mail, hash } => {
            let standing = room.standing(&mail).map(|standing| Standing { hash, ..standing });
            (mail, standing)
        }
        GroupChange::Named { mail, name } => {
            let standing = room.standing(&mail).map(|standing| Standing { name, ..standing });
            (mail, standing)
        }
        GroupChange::QuietRole { mail, .. } => {
            let standing = room.standing(&mail);
            (mail, standing)
        }
        GroupChange::Role { mail, role } => {
            let standing = room.standing(&mail).map(|standing| Standing { role, ..standing });
            (mail, standing)
        }
    }
}
