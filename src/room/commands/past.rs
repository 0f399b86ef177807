//! Which part of what was said a member may read: all of it that is kept, or what was said since they came.

use std::str::FromStr;

use crate::protocol::{Mail, Seq};
use crate::room::Room;

/// How much of it.
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
    /// The oldest line that this member may read, or the next line if there is none. Whatever shows a member
    /// something of the transcript asks here where it may begin.
    pub(in crate::room) fn first_for(&self, mail: &Mail) -> Seq {
        let kept = self.transcript.first();
        let own = match self.config.past {
            PastShown::Own => self.group.get(mail).and_then(|member| member.added).unwrap_or(Seq(u64::MAX)),
            PastShown::All => Seq(0),
        };
        kept.max(own)
    }
}
