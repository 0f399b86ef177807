//! SKIP, and the blocks of the files for which connections wait.

use crate::protocol::{Verb, ok};
use crate::room::ids::{BlockNo, ConnId};
use crate::room::interface::Effect;
use crate::room::peers::Peers;
use crate::room::session::Waiting;
use crate::room::transcript::blocks::Block;
use crate::room::transcript::window::Transcript;

/// SKIP: the cursor goes to the transcript's end, once it is known where the line that is being sent ends.
pub(in crate::room) fn skip(
    id: ConnId,
    transcript: &mut Transcript,
    peers: &mut Peers,
    effects: &mut Vec<Effect>,
) {
    let Some(peer) = peers.get_mut(id) else { return };
    if peer.outbox.is_lagging(transcript) && !peer.outbox.leap(transcript) {
        // The line that is being sent was dropped: no block has its end.
        return peers.broken.push(id);
    }
    match peer.outbox.skip(transcript) {
        Ok(count) => peers.reply(id, ok(Verb::Skip, count), transcript),
        Err(block) => {
            peers.wait(id, Waiting::Worker);
            peers.skipping.push(id);
            wait_for_block(id, block, transcript, effects);
        }
    }
}

/// A connection waits for this block of the files.
pub(in crate::room) fn wait_for_block(
    id: ConnId,
    number: BlockNo,
    transcript: &mut Transcript,
    effects: &mut Vec<Effect>,
) {
    transcript.want(number, id);
    effects.extend(transcript.ask_blocks().map(Effect::Block));
}

/// A block was read, or could not be: connections that wait for it can be served, or have to be closed, because not even the
/// end of their line can be sent. Retries the SKIPs that waited for a block.
pub(in crate::room) fn block_answered(
    number: BlockNo,
    block: Option<Block>,
    transcript: &mut Transcript,
    peers: &mut Peers,
    effects: &mut Vec<Effect>,
) {
    let are_served = if block.is_some() { &mut peers.unblocked } else { &mut peers.broken };
    are_served.extend(transcript.block_answered(number, block));
    for id in std::mem::take(&mut peers.skipping) {
        if peers.answer_is_awaited(id) {
            skip(id, transcript, peers, effects);
            peers.list(id);
        }
    }
    effects.extend(transcript.ask_blocks().map(Effect::Block));
}
