//! Refused logins, one line each in the log. Programs such as fail2ban parse these lines, so their form must not
//! change. So that a flood cannot fill the disk, only so many a second are logged.

use log::info;

use crate::limits::REFUSALS_LOGGED;
use crate::protocol::Mail;
use crate::room::{Now, RefusedFor};

#[derive(Debug, Default)]
pub(in crate::server) struct Refusals {
    pub(in crate::server) total: u64,
    /// The current second since the start, and how many were logged in it.
    second: u64,
    logged: u32,
    /// Not logged since the log last said how many.
    unlogged: u64,
}

impl Refusals {
    /// Logs a refused login, or only counts it. `mail` is the one that was claimed, if any.
    pub(in crate::server) fn log(&mut self, now: Now, from: &str, mail: Option<&Mail>, why: RefusedFor) {
        let Some(unlogged) = self.count(now.mono.as_secs()) else { return };
        if unlogged > 0 {
            info!("logins refused: {unlogged} more, too many to list");
        }
        info!("login refused: mail={} from={from} why={why}", mail.map_or("-", Mail::as_str));
    }

    /// Counts one more, in this second. Returns how many were not logged before it; `None`: nor is this one, there are too
    /// many in this second.
    fn count(&mut self, second: u64) -> Option<u64> {
        self.total += 1;
        if self.second != second {
            (self.second, self.logged) = (second, 0);
        }
        if self.logged >= REFUSALS_LOGGED {
            self.unlogged += 1;
            return None;
        }
        self.logged += 1;
        Some(std::mem::take(&mut self.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted() {
        let mut refusals = Refusals::default();
        for _ in 0..REFUSALS_LOGGED {
            assert_eq!(refusals.count(7), Some(0));
        }
        assert_eq!(refusals.count(7), None);
        assert_eq!(refusals.count(7), None);
        assert_eq!(refusals.count(8), Some(2));
        assert_eq!(refusals.count(8), Some(0));
        assert_eq!(refusals.total, u64::from(REFUSALS_LOGGED) + 4);
    }
}
