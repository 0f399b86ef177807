//! How far a node has come, and whom it reaches.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Reads the stream to its end.
    Replaying,
    /// Has sent its first JOIN, and nothing else before that is back.
    Joining,
    Joined,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Up,
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Quorum,
    Nobody,
}
