//! Which part of the history a member may read: all that is kept, or from their own ADDED line on.

use std::str::FromStr;

use crate::protocol::{Mail, Seq};
use crate::room::group::Group;
use crate::room::transcript::window::Transcript;

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

/// The oldest line that this member may read; the next line if there is none. Everything that shows a member a part of the
/// transcript begins here.
pub(in crate::room) fn first_for(
    mail: &Mail,
    past: PastShown,
    transcript: &Transcript,
    group: &Group,
) -> Seq {
    let own = match past {
        PastShown::Own => group.get(mail).and_then(|member| member.added).unwrap_or(Seq(u64::MAX)),
        PastShown::All => Seq(0),
    };
    transcript.first().max(own)
}
