//! Which part of the history a member may read: all that is kept, or from their own ADDED line on.

use std::str::FromStr;

use crate::protocol::{Mail, Seq};
use crate::room::Room;

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

impl Room {
    /// The oldest line that this member may read; the next line if there is none. Everything that shows a member a part of the
    /// transcript begins here.
    pub(in crate::room) fn first_for(&self, mail: &Mail) -> Seq {
        let kept = self.transcript.first();
        let own = match self.config.past {
            PastShown::Own => self.group.get(mail).and_then(|member| member.added).unwrap_or(Seq(u64::MAX)),
            PastShown::All => Seq(0),
        };
        kept.max(own)
    }
}
