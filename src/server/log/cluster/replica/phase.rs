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

/// When a node joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joins {
    /// When it has read the stream to its end.
    AtEnd,
    /// When it is told to, after that.
    WhenTold,
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
