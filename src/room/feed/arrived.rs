//! Acknowledgements, and how they move a device's place.

use crate::room::group::Group;
use crate::room::ids::{ConnId, Now};
use crate::room::peers::Peers;
use crate::room::session::{Session, seconds};
use crate::room::transcript::window::Transcript;

/// The peer's kernel has acknowledged `total` of all bytes sent.
pub(in crate::room) fn acknowledged(
    now: Now,
    id: ConnId,
    total: u64,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) {
    let Some(peer) = peers.get_mut(id) else { return };
    let before = peer.outbox.outstanding();
    let arrived = peer.outbox.acknowledged(transcript, total);
    if peer.outbox.outstanding() < before {
        peer.heard = seconds(now);
    }
    if let Some(seq) = arrived
        && let Session::Member(seat) | Session::Leaving(Some(seat)) = &peer.session
    {
        group.arrived(seat, seq, now.wall);
    }
}

/// Whether acknowledgements of this connection move a device's place.
pub(in crate::room) fn moves_a_place(id: ConnId, group: &Group, peers: &Peers) -> bool {
    match peers.get(id).map(|peer| &peer.session) {
        Some(Session::Member(seat) | Session::Leaving(Some(seat))) => group.has_place(seat),
        _ => false,
    }
}
