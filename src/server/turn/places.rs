//! On a node of a cluster: how far devices have come on other nodes, and who is there, and what of this node has to be told
//! there. Whoever comes from another node goes on where they were.

use crate::limits::MEMBERS_PER_TURN;
use crate::room::Input;
use crate::server::log::Log;
use crate::server::log::cluster::{Cluster, Sharing};
use crate::server::log::local::Delivered;
use crate::server::turn::{Hub, Work};

/// Takes over what other nodes have told, and tells all places, some members in each turn, if another node asks for them.
pub(in crate::server) fn exchange(hub: &mut Hub, log: &mut Log) -> Work {
    let Some(cluster) = log.cluster() else { return Work::Done };
    let mut work = exchange_presence(hub, cluster);
    let own = &mut cluster.aside.places;
    let told = own.take_elsewhere();
    if let Sharing::After(after) = std::mem::take(&mut own.sharing) {
        let mut last = None;
        for (mail, places) in hub.room.places_from(after.as_ref()).take(MEMBERS_PER_TURN) {
            let places = places.map(|(device, seq, time)| Delivered {
                mail: mail.clone(),
                device: device.clone(),
                seq,
                time,
            });
            places.for_each(|place| own.tell(&place));
            last = Some(mail.clone());
        }
        if last.is_some() {
            own.sharing = Sharing::After(last);
            work = Work::Remains;
        }
    }
    if !told.is_empty() {
        if let Some(files) = &mut log.files {
            files.record_places(&told);
        }
        let places = told.into_iter().map(|place| (place.mail, place.device, place.seq, place.time));
        hub.tell(Input::Places(places.collect()));
    }
    work
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
