//! Who was not let in, one line each in the log. Programs read these lines, to keep out who guesses: they stay as
//! they are. Who floods shall not fill the disk with them, so there are at most some of them a second.

use std::fmt;

use log::info;

use crate::limits::REFUSALS_LOGGED;
use crate::protocol::Mail;
use crate::room::{Now, RefusedFor};

/// How many there were.
#[derive(Debug, Default)]
pub(in crate::server) struct Refusals {
    total: u64,
    /// The second since the start that is counted, and how many were logged in it.
    second: u64,
    logged: u32,
    /// Not logged since that was said last.
    untold: u64,
}

/// What becomes of one.
#[derive(Debug, PartialEq, Eq)]
enum Telling {
    /// It is told.
    Told,
    /// It is told, and before it how many were not.
    AfterUntold(u64),
    /// It is only counted.
    Counted,
}

impl Refusals {
    /// All since the start.
    pub(in crate::server) fn total(&self) -> u64 {
        self.total
    }

    /// Somebody from there was not let in. The mail is what was claimed, if anything.
    pub(in crate::server) fn log(
        &mut self,
        now: Now,
        from: &dyn fmt::Display,
        mail: Option<&Mail>,
        why: RefusedFor,
    ) {
        match self.note(now.mono.as_secs()) {
            Telling::Counted => return,
            Telling::AfterUntold(untold) => {
                info!("logins refused: {untold} more, too many to list");
            }
            Telling::Told => {}
        }
        info!("login refused: mail={} from={from} why={why}", mail.map_or("-", Mail::as_str));
    }

    /// One more, in this second.
    fn note(&mut self, second: u64) -> Telling {
        self.total += 1;
        if self.second != second {
            (self.second, self.logged) = (second, 0);
        }
        if self.logged >= REFUSALS_LOGGED {
            self.untold += 1;
            return Telling::Counted;
        }
        self.logged += 1;
        match std::mem::take(&mut self.untold) {
            0 => Telling::Told,
            untold => Telling::AfterUntold(untold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted() {
        let mut refusals = Refusals::default();
        for _ in 0..REFUSALS_LOGGED {
            assert_eq!(refusals.note(7), Telling::Told);
        }
        assert_eq!(refusals.note(7), Telling::Counted);
        assert_eq!(refusals.note(7), Telling::Counted);
        assert_eq!(refusals.note(8), Telling::AfterUntold(2));
        assert_eq!(refusals.note(8), Telling::Told);
        assert_eq!(refusals.total(), u64::from(REFUSALS_LOGGED) + 4);
    }
}
