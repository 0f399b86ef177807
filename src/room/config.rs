//! The settings that a room is made with.

use std::str::FromStr;
use std::time::Duration;

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

/// How much of the history members may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PastShown {
    /// From the member's own ADDED line on.
    #[default]
    Own,
    /// All.
    All,
}

impl FromStr for PastShown {
    type Err = ();

    fn from_str(word: &str) -> Result<PastShown, ()> {
        match word {
            "own" => Ok(PastShown::Own),
            "all" => Ok(PastShown::All),
            _ => Err(()),
        }
    }
}
