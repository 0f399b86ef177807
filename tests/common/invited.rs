//! Who is invited, and comes.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::common::peer::Peer;
use crate::common::server::Server;

pub(crate) const BAD: &str = "ERR JOIN bad-invite …";

/// The word of an invitation that this admin makes.
#[track_caller]
pub(crate) fn invite(server: &Server, by: &str, whom: &str) -> String {
    Peer::member(server.addr(), &format!("{by}@x/-")).word_of(&format!("INVITE {whom}@x"))
}

/// Tries a word from an address of its own, so that no wrong one delays another. The answer is still to come.
#[track_caller]
pub(crate) fn joining(server: &Server, whom: &str, word: &str) -> Peer {
    static TRIES: AtomicU8 = AtomicU8::new(1);
    let from = TRIES.fetch_add(1, Ordering::Relaxed);
    let mut peer = Peer::connect_from(server.addr(), [127, 0, 7, from]);
    peer.expect("HELLO …");
    peer.say(&format!("JOIN {whom}@x {word} {whom}-secret"));
    peer
}
