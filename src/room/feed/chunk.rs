//! What the shell should send to a connection next.

use crate::room::ids::BlockNo;
use crate::room::transcript::blocks::Missing;

/// What to send next.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Nothing at present.
    Nothing,
    /// Nothing until this block of the files is in memory.
    Blocked(BlockNo),
    /// Nothing ever again: everything was sent.
    Finished,
    /// What comes next is no longer kept.
    Lagged,
}

impl Chunk<'_> {
    pub(in crate::room) fn missing(what: Missing) -> Self {
        match what {
            Missing::Block(block) => Chunk::Blocked(block),
            Missing::Forgotten => Chunk::Lagged,
        }
    }
}
