//! On a node of a cluster: how far devices have come on other nodes, and who is there, and what of this node has to be told
//! there. Whoever comes from another node goes on where they were.

use crate::limits::MEMBERS_PER_TURN;
use crate::room::{Delivered, Input};
use crate::server::log::Log;
use crate::server::log::cluster::{Cluster, Sharing, write_expected};
use crate::server::turn::{Hub, Work, acks};

/// Takes over what other nodes have told, answers what they ask, and tells all places, some members in each turn, if another node
/// asks for them.
pub(in crate::server) fn exchange(hub: &mut Hub, log: &mut Log) -> Work {
    take_over(hub, log);
    let Some(cluster) = log.cluster() else { return Work::Done };
    answer(hub, cluster);
    let mut work = exchange_presence(hub, cluster);
    let own = &mut cluster.aside.places;
    if let Sharing::After(after, number) = &own.sharing {
        let (after, number) = (after.clone(), *number);
        let mut last = None;
        for (mail, places) in hub.room.places_from(after.as_ref()).take(MEMBERS_PER_TURN) {
            places.for_each(|place| own.tell(&place));
            last = Some(mail.clone());
        }
        own.sharing = match last {
            Some(_) => Sharing::After(last, number),
            None => Sharing::Done(number),
        };
        work = Work::Remains;
    }
    work
}

/// Takes over what other nodes have told, and has that recorded which is news.
pub(in crate::server) fn take_over(hub: &mut Hub, log: &mut Log) {
    let (told, expected) =
        log.cluster().map(|cluster| cluster.aside.places.take_elsewhere()).unwrap_or_default();
    if !told.is_empty() {
        hub.tell(Input::Places(told));
    }
    if !expected.is_empty() {
        hub.tell(Input::Expected(expected));
    }
    let moved = hub.room.take_moved_elsewhere();
    if !moved.is_empty()
        && let Some(files) = &mut log.files
    {
        files.record_places(&moved);
    }
}

/// Other nodes are about to let members in: they are told how far these members' devices have come here, as their kernels say at
/// this moment.
fn answer(hub: &mut Hub, cluster: &mut Cluster) {
    for mut asker in std::mem::take(&mut cluster.aside.questions.asked) {
        let mut lines = Vec::new();
        asker.mails().for_each(|mail| acks::query_all_of(mail, hub));
        expect(hub, asker.take_new_devices());
        for mail in asker.mails() {
            hub.room.expected_of(mail).for_each(|place| write_expected(&place, &mut lines));
            hub.room.places_of(mail).for_each(|place| place.write(&mut lines));
        }
        cluster.aside.questions.answers.push((asker, lines));
    }
    if !cluster.aside.questions.answers.is_empty() {
        cluster.hand_over();
    }
}

/// These devices are new on another node, which begins them where the member's furthest device is on any node.
fn expect(hub: &mut Hub, mut places: Vec<Delivered>) {
    for place in &mut places {
        let here = hub.room.place_of_new(&place.mail, &place.device, place.time);
        place.seq = here.map_or(place.seq, |here| here.seq.max(place.seq));
    }
    if !places.is_empty() {
        hub.tell(Input::Expected(places));
    }
}

/// Takes over who has come to other nodes or left them, some members in each turn, and tells who has here.
fn exchange_presence(hub: &mut Hub, cluster: &mut Cluster) -> Work {
    let connected = hub.room.take_connected();
    if !connected.is_empty() {
        cluster.aside.here.tell(connected);
        cluster.hand_over();
    }
    let (elsewhere, has_more) = cluster.aside.here.take_elsewhere(MEMBERS_PER_TURN);
    if !elsewhere.is_empty() {
        hub.tell(Input::Elsewhere(elsewhere));
    }
    Work::remains_if(has_more)
}
