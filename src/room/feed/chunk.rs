//! What a connection is to be sent next, as the shell sees it.

use crate::room::ids::BlockNo;
use crate::room::transcript::blocks::Missing;

/// What to send next.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// Nothing at present.
    Nothing,
    /// Nothing before this block of the files is here.
    Blocked(BlockNo),
    /// Nothing ever again: all was said.
    Finished,
    /// What comes next is forgotten.
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
