//! The settings that a room is made with.

use std::time::Duration;

use crate::protocol::words;
use crate::room::Rate;

/// The room's settings.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Event bytes to keep; at least four times what a turn may append.
    pub window: usize,
    /// A command line with its end.
    pub line_max: usize,
    /// From connecting to being logged in.
    pub login_timeout: Duration,
    /// The transcript's id.
    pub transcript_id: u32,
    /// How many lines a member may send; `None`: any number.
    pub rate: Option<Rate>,
    /// Connections of one member.
    pub connections_per_member_max: usize,
    /// What members may read from before they were added.
    pub past: PastShown,
}

words! {
    /// How much of the history members may read.
    #[derive(Default)]
    pub PastShown {
        /// From the member's own ADDED line on.
        #[default]
        Own = "own",
        /// All.
        All = "all",
    }
}
