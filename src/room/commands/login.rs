//! LOGIN, RESUME and TOKEN.

use crate::protocol::{Bye, Code, LastIs, LoginOk, Mail, Seq, Subscription, Verb, err, ok};
use crate::room::commands::change::hash;
use crate::room::commands::history::locate;
use crate::room::commands::proof::PASSWORD_IN_DOUBT;
use crate::room::{
    Answer, CheckFor, CheckJob, Config, ConnId, Effect, Ending, Feeds, Fit, Group, LocateFor, LocateJob,
    NewPassword, Refused, RefusedFor, Seat, TokenJob,
};

/// The disk does not take the member's ADDED line, and its number is not known.
const UNSTORED: &str = "your addition to the group could not be stored yet, try again soon";
const TOO_MANY_CONNECTIONS: &str = "this member has too many connections, and none of them is this device's";
const TOO_MANY_DEVICES: &str = "too many devices of this member are connected, use the name of one of them";

/// A password or a token was checked, and its connection has waited for that.
pub(crate) fn checked(
    job: CheckJob,
    fit: Fit,
    last_is: LastIs,
    config: &Config,
    group: &mut Group,
    feeds: &mut Feeds,
) -> Option<Effect> {
    let verb = job.verb();
    let CheckJob { conn: id, mail, purpose, .. } = job;
    let entered = match (purpose, fit) {
        (CheckFor::Passwd(new), Fit::Yes(version)) => {
            return hash(id, NewPassword::Passwd(mail, version), new).give(id, feeds);
        }
        (CheckFor::Login(subscription), Fit::Yes(_)) => {
            enter(id, &mail, subscription, config.connections_per_member_max, group, feeds)
        }
        (_, Fit::No) => Err(match verb {
            Verb::Passwd => (Code::BadLogin, "the old password is wrong", RefusedFor::Password),
            Verb::Resume => {
                let sentence = "this token is not valid for this mail, or no longer";
                (Code::BadLogin, sentence, RefusedFor::Token)
            }
            _ => (Code::BadLogin, "no member has this mail and secret", RefusedFor::Password),
        }),
        (_, Fit::Unknown(why)) => Err((Code::Busy, why, RefusedFor::Busy)),
        (_, Fit::NotYetStored | Fit::NotStored) => Err((Code::Storage, UNSTORED, RefusedFor::Storage)),
    };
    match entered {
        Ok(seat) => welcome(id, verb, seat, last_is, config, group, feeds),
        Err((code, sentence, why)) => {
            feeds.reply(id, err(verb, code, sentence));
            if code == Code::BadLogin {
                feeds.count_wrong(id, group);
            }
            (verb != Verb::Passwd).then_some(Effect::Refused(id, Some(mail), why))
        }
    }
}

/// Makes the connection this member's. At the limit, the connection of the same device that has been silent longest is replaced:
/// its network may have failed unnoticed.
fn enter(
    id: ConnId,
    mail: &Mail,
    subscription: Subscription,
    connections_max: usize,
    group: &mut Group,
    feeds: &mut Feeds,
) -> Result<Seat, (Code, &'static str, RefusedFor)> {
    let device = match subscription {
        Subscription::Feed(device) => Some(device),
        Subscription::Feedless => None,
    };
    let full = |sentence| (Code::Full, sentence, RefusedFor::Full);
    let member = group.get(mail).ok_or(full(TOO_MANY_CONNECTIONS))?;
    let place = device.as_ref().map(|device| member.devices.index(device));
    if member.connections().len() >= connections_max {
        let peer = |id: &ConnId| feeds.peers.get(*id).expect("a member's connections are open");
        let device = |id: &ConnId| peer(id).session.seat().map(|seat| seat.device);
        let is_same = |id: &ConnId| place != Some(None) && device(id) == Some(place.flatten());
        let heard = |id: &ConnId| (peer(id).heard, id.serial);
        let stale = member.connections().filter(is_same).min_by_key(heard);
        feeds.end(stale.ok_or(full(TOO_MANY_CONNECTIONS))?, Ending::AtLineEnd, Some(Bye::Replaced), group);
    }
    let seat = group.enter(mail, id, device, feeds.now.wall).ok_or(full(TOO_MANY_DEVICES))?;
    if place == Some(None) {
        feeds.peers.new_devices.push(id);
    }
    Ok(seat)
}

/// The answer to a login, and the feed that begins after it.
fn welcome(
    id: ConnId,
    verb: Verb,
    seat: Seat,
    last_is: LastIs,
    config: &Config,
    group: &Group,
    feeds: &mut Feeds,
) -> Option<Effect> {
    let member = group.get(&seat.mail).expect("it was entered");
    let delivered = seat.device.map(|device| member.devices.delivered(device));
    let (last, first) =
        (feeds.transcript.last(), group.first_for(&seat.mail, config.past, &feeds.transcript));
    let seen = delivered.map_or(last, |delivered| delivered.max(Seq(first.0 - 1)).min(last));
    let login = LoginOk {
        mail: seat.mail.clone(),
        role: member.role,
        last,
        missed: last.0 - seen.0,
        first,
        transcript: format!("{:08x}", config.transcript_id),
        last_is,
    };
    feeds.reply(id, ok(verb, login));
    feeds.peers.admit(id, seat);
    delivered?;
    locate(LocateJob { conn: id, seq: seen.next(), purpose: LocateFor::Feed }, group, feeds).give(id, feeds)
}

/// TOKEN.
pub(crate) fn token(id: ConnId, mail: Mail, group: &Group, feeds: &Feeds) -> Result<Answer, Refused> {
    let member = group.get(&mail).expect("a session's member is in the group");
    let Some(hash) = member.token_hash().filter(|_| !member.is_in_doubt).cloned() else {
        return Err((Code::Busy, PASSWORD_IN_DOUBT.to_owned()));
    };
    let Some(added) = member.added.filter(|_| member.is_stored(feeds.transcript.last())) else {
        return Err((Code::Storage, UNSTORED.to_owned()));
    };
    Ok(Answer::Await(Effect::Issue(TokenJob { conn: id, mail, hash, added })))
}
