//! SKIP, and the blocks of the files for which connections wait.

use crate::protocol::{Verb, ok};
use crate::room::{Block, BlockNo, ConnId, Feeds, Waiting};

/// SKIP: the cursor goes to the transcript's end, once it is known where the line that is being sent ends.
pub(crate) fn skip(id: ConnId, feeds: &mut Feeds) {
    let Some(peer) = feeds.peers.get_mut(id) else { return };
    if peer.outbox.is_lagging(&feeds.transcript) && !peer.outbox.leap(&feeds.transcript) {
        // The line that is being sent was dropped: no block has its end.
        return feeds.peers.broken.push(id);
    }
    match peer.outbox.skip(&feeds.transcript) {
        Ok(count) => feeds.reply(id, ok(Verb::Skip, count)),
        Err(block) => {
            feeds.peers.wait(id, Waiting::Worker);
            feeds.peers.skipping.push(id);
            feeds.transcript.blocks.want(block, id);
        }
    }
}

/// A block was read, or could not be: connections that wait for it can be served, or have to be closed, because not even the
/// end of their line can be sent. Retries the SKIPs that waited for a block.
pub(crate) fn block_answered(number: BlockNo, block: Option<Block>, feeds: &mut Feeds) {
    let peers = &mut feeds.peers;
    let are_served = if block.is_some() { &mut peers.unblocked } else { &mut peers.broken };
    are_served.extend(feeds.transcript.blocks.answered(number, block));
    for id in std::mem::take(&mut peers.skipping) {
        if feeds.peers.answer_is_awaited(id) {
            skip(id, feeds);
            feeds.peers.list(id);
        }
    }
}
