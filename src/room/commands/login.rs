//! LOGIN, RESUME and TOKEN.

use crate::limits::TRIES_MAX;
use crate::protocol::{Bye, Code, LoginOk, Mail, Seq, Subscription, Verb, err, ok};
use crate::room::commands::answer::Answer;
use crate::room::commands::change::old_password_fits;
use crate::room::commands::history::locate;
use crate::room::commands::past::first_for;
use crate::room::commands::proof::{self, Fit, PASSWORD_IN_DOUBT};
use crate::room::commands::refused::Refused;
use crate::room::config::Config;
use crate::room::group::Group;
use crate::room::ids::{ConnId, Now};
use crate::room::interface::{Effect, RefusedFor};
use crate::room::jobs::{CheckFor, CheckJob, LocateFor, LocateJob, Proof, TokenJob};
use crate::room::peers::Peers;
use crate::room::session::{Ending, Seat, Session};
use crate::room::transcript::window::Transcript;

/// The disk does not take the member's ADDED line, and its number is not known.
const UNSTORED: &str = "your addition to the group could not be stored yet, try again soon";
const TOO_MANY_CONNECTIONS: &str = "this member has too many connections, and none of them is this device's";
const TOO_MANY_DEVICES: &str = "too many devices of this member are connected, use the name of one of them";

/// LOGIN, RESUME. The time to log in does not run while the server checks.
pub(in crate::room) fn login(
    now: Now,
    id: ConnId,
    mail: Mail,
    subscription: Subscription,
    proof: Proof,
    group: &Group,
    peers: &mut Peers,
) -> Answer {
    peers.stop_countdown(now, id);
    proof::ask(id, mail, proof, CheckFor::Login(subscription), group)
}

/// A password or a token was checked, and its connection has waited for that.
pub(in crate::room) fn checked(
    now: Now,
    job: CheckJob,
    fit: Fit,
    config: &Config,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) -> Option<Effect> {
    let verb = job.verb();
    let CheckJob { conn: id, mail, purpose, .. } = job;
    let subscription = match purpose {
        CheckFor::Login(subscription) => subscription,
        CheckFor::Passwd(new) => {
            let answer = match fit {
                Fit::Yes(version) => old_password_fits(id, mail, version, new),
                Fit::Unknown(why) => Answer::Lines(err(verb, Code::Busy, why)),
                Fit::NotYetStored | Fit::NotStored => unreachable!("who is in waits for no line"),
                Fit::No => {
                    wrong(id, verb, "the old password is another", transcript, group, peers);
                    Answer::Given
                }
            };
            return answer.give(id, transcript, peers);
        }
    };
    let seat = match fit {
        Fit::Yes(_) => {
            let max = config.connections_per_member_max;
            if make_place(&mail, &subscription, max, transcript, group, peers) {
                take_seat(now, id, &mail, subscription, group, peers)
            } else {
                Err((Code::Full, TOO_MANY_CONNECTIONS, RefusedFor::Full))
            }
        }
        Fit::Unknown(why) => Err((Code::Busy, why, RefusedFor::Busy)),
        Fit::NotYetStored | Fit::NotStored => Err((Code::Storage, UNSTORED, RefusedFor::Storage)),
        Fit::No => {
            let (sentence, why) = if verb == Verb::Resume {
                ("this token is not valid for this mail, or no longer", RefusedFor::Token)
            } else {
                ("no member has this mail and secret", RefusedFor::Password)
            };
            wrong(id, verb, sentence, transcript, group, peers);
            return Some(Effect::Refused(id, Some(mail), why));
        }
    };
    match seat {
        Ok(seat) => welcome(id, verb, seat, config, transcript, group, peers),
        Err((code, sentence, why)) => {
            peers.reply(id, err(verb, code, sentence), transcript);
            Some(Effect::Refused(id, Some(mail), why))
        }
    }
}

/// The answer to a wrong password or token, one of a few that a connection may try.
fn wrong(
    id: ConnId,
    verb: Verb,
    sentence: &str,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) {
    peers.reply(id, err(verb, Code::BadLogin, sentence), transcript);
    let peer = peers.get_mut(id).expect("an answer was awaited");
    peer.tries += 1;
    if peer.tries >= TRIES_MAX {
        peers.end(id, Ending::AtEnd, Some(Bye::BadLogin), transcript, group);
    }
}

/// Whether this member may have one more connection. At the limit, the connection of the same device that has
/// been silent longest is replaced: its network may have failed unnoticed.
fn make_place(
    mail: &Mail,
    subscription: &Subscription,
    max: usize,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) -> bool {
    let Some(member) = group.get(mail) else { return false };
    if member.connections().len() < max {
        return true;
    }
    let place = match subscription {
        Subscription::Feed(device) => member.devices.index(device).map(Some),
        Subscription::Feedless => Some(None),
    };
    let of_device = |id: &ConnId| match &peers.get(*id).map(|peer| &peer.session) {
        Some(Session::Member(seat)) => Some(seat.device) == place,
        _ => false,
    };
    let heard = |id: &ConnId| peers.get(*id).map(|peer| (peer.heard, peer.serial));
    let stale = member.connections().filter(of_device).min_by_key(heard);
    if let Some(stale) = stale {
        peers.end(stale, Ending::AtLineEnd, Some(Bye::Replaced), transcript, group);
    }
    stale.is_some()
}

/// The connection is this member's from now on.
fn take_seat(
    now: Now,
    id: ConnId,
    mail: &Mail,
    subscription: Subscription,
    group: &mut Group,
    peers: &mut Peers,
) -> Result<Seat, (Code, &'static str, RefusedFor)> {
    let device = match subscription {
        Subscription::Feed(device) => Some(device),
        Subscription::Feedless => None,
    };
    let is_new = device.as_ref().is_some_and(|device| group.delivered(mail, device).is_none());
    let Ok(seat) = group.enter(mail, id, device, now.wall) else {
        return Err((Code::Full, TOO_MANY_DEVICES, RefusedFor::Full));
    };
    if is_new {
        peers.new_devices.push(id);
    }
    Ok(seat)
}

/// The answer to a login, and the feed that begins after it.
fn welcome(
    id: ConnId,
    verb: Verb,
    seat: Seat,
    config: &Config,
    transcript: &Transcript,
    group: &Group,
    peers: &mut Peers,
) -> Option<Effect> {
    let member = group.get(&seat.mail).expect("it was entered");
    let delivered = seat.device.map(|device| member.devices.delivered(device));
    let (last, first) = (transcript.last(), first_for(&seat.mail, config.past, transcript, group));
    let seen = delivered.map_or(last, |delivered| delivered.max(Seq(first.0 - 1)).min(last));
    let login = LoginOk {
        mail: seat.mail.clone(),
        role: member.role,
        last,
        missed: last.0 - seen.0,
        first,
        transcript: format!("{:08x}", config.transcript_id),
    };
    peers.reply(id, ok(verb, login), transcript);
    peers.admit(id, seat);
    delivered?;
    let job = LocateJob { conn: id, seq: seen.next(), purpose: LocateFor::Feed };
    locate(job, transcript, group, peers).give(id, transcript, peers)
}

/// TOKEN.
pub(in crate::room) fn token(
    id: ConnId,
    mail: Mail,
    transcript: &Transcript,
    group: &Group,
) -> Result<Answer, Refused> {
    let member = group.get(&mail).expect("a session's member is in the group");
    let Some(hash) = member.token_hash().filter(|_| !member.is_in_doubt).cloned() else {
        return Err((Code::Busy, PASSWORD_IN_DOUBT.to_owned()));
    };
    let Some(added) = member.added.filter(|_| member.is_stored(transcript.last())) else {
        return Err((Code::Storage, UNSTORED.to_owned()));
    };
    Ok(Answer::Await(Effect::Issue(TokenJob { conn: id, mail, hash, added })))
}
