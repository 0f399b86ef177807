//! What a peer's kernel has acknowledged, and whether that kernel still answers: `TCP_INFO`, which neither std,
//! mio, socket2 nor rustix has a call for.
//!
//! **Acknowledged** is `tcpi_bytes_acked`, not what was written less `SIOCOUTQ`. Measured on accepted sockets
//! (Linux 6.18; `tests/tcp_info.rs`):
//!
//! | state | `bytes_acked` | written less `SIOCOUTQ` |
//! | --- | --- | --- |
//! | fresh (a connecting socket counts its SYN: one more) | 0 | 0 |
//! | open; the peer's buffer full; closed after all was read | right | right |
//! | RST, by unread input or by writing to one who is gone | right | right |
//! | RST or `ETIMEDOUT` with bytes outstanding, its error taken, shut down | right, unmoved | right, unmoved |
//! | our FIN queued behind outstanding bytes | right | one too few |
//! | our FIN acknowledged | one too many, capped at what was written | right |
//! | accepted by TCP Fast Open, handshake unfinished | right | **all**, and none of it is |
//!
//! The last row would lose lines, and an admin can turn it on for all listeners (`net.ipv4.tcp_fastopen`).
//! `SIOCOUTQ` is cheaper, but only by half: 190 ns against 400, of which 115 are any system call's.
//!
//! **Answering** is the time since a segment came. Bytes outstanding on a pulled cable, against a peer
//! whose program reads nothing while its kernel answers every window probe; after 290 s:
//!
//! | | answers | cable pulled | pulled with a full window | own interface down |
//! | --- | --- | --- | --- | --- |
//! | `last_ack_recv`, s | 70, at most 120 | 291 | 293 | 292 |
//! | `retransmits` | 0 | 10 | 0 | 0 |
//! | `probes` (unanswered) | 0, for a moment 1 | 0 | 6 | 10 |
//! | `backoff` | 10 | 10 | 10 | 10 |
//! | `unacked` segments | 0 | 1 | 0 | 0 |
//! | `last_data_sent`, s | 292 | 74 (repeating counts) | 296 | 78 |
//!
//! Only the first row distinguishes dead peers from live ones in every column. The time between probes and repeats grows
//! to 120 s (`TCP_RTO_MAX`), so a live peer may be silent as long as that; the kernel itself gives up at `tcp_retries2`,
//! here after 940 s. Silence counts only while bytes are outstanding, and only from the time since they are: a peer that
//! was sent nothing has nothing to answer.

use std::io;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Duration;

use libc::{IPPROTO_TCP, TCP_INFO, socklen_t, tcp_info};

/// A `tcpi_state`; libc has no names for them (the kernel's `tcp_states.h`).
const TCP_CLOSE: u8 = 7;

/// What the kernel knows of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    bytes_acked: u64,
    /// It is over: both sides have ended and know it, or it was reset or given up.
    pub is_closed: bool,
    /// Time since anything came from the peer's kernel, data or an acknowledgement.
    pub last_heard: Duration,
}

impl TcpInfo {
    /// How many of the `written` bytes the peer's kernel has acknowledged. Never more, and never less than
    /// before, not even after a reset. With TLS, `written` counts what went into the socket.
    pub fn acknowledged(&self, written: u64) -> u64 {
        self.bytes_acked.min(written)
    }
}

/// Asks about a connection that was accepted, in whatever state it is.
#[expect(unsafe_code, reason = "no safe call reads TCP_INFO")]
pub fn info(socket: &impl AsFd) -> io::Result<TcpInfo> {
    let mut raw = MaybeUninit::<tcp_info>::zeroed();
    let mut len = socklen_t::try_from(size_of::<tcp_info>()).expect("some 250 bytes");
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and the kernel writes at most `len`
    // bytes to `raw`, which has as many.
    let result = unsafe {
        let fd = socket.as_fd().as_raw_fd();
        libc::getsockopt(fd, IPPROTO_TCP, TCP_INFO, raw.as_mut_ptr().cast(), &raw mut len)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    if (len as usize) < offset_of!(tcp_info, tcpi_bytes_acked) + size_of::<u64>() {
        // Linux before 4.1.
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: all fields are integers, for which the zeros are valid as well as what the kernel wrote.
    let raw = unsafe { raw.assume_init() };
    Ok(TcpInfo {
        bytes_acked: raw.tcpi_bytes_acked,
        is_closed: raw.tcpi_state == TCP_CLOSE,
        last_heard: Duration::from_millis(raw.tcpi_last_ack_recv.min(raw.tcpi_last_data_recv).into()),
    })
}

/// Whether a peer seems alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Nothing is outstanding, or there is still time.
    Alive,
    /// Bytes are outstanding, and its kernel answers nothing at all.
    Silent,
    /// Its kernel answers, but takes no new byte.
    Stuck,
}

/// How long a peer may be silent or stuck.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// With bytes outstanding and no answer at all. More than twice 120 seconds, so that one probe may be lost.
    pub silent: Duration,
    /// With bytes outstanding and no new byte acknowledged.
    pub stuck: Duration,
}

/// Judges a peer by occasional looks. Pure: the clock and the figures come from outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    acknowledged: u64,
    /// The time of the first look that found the same bytes outstanding as the last look.
    since: Option<Duration>,
}

impl Watch {
    /// A look at the time `now`, when `written` bytes had been written. Looks may be rare: a peer has its full time from
    /// the first look that finds something outstanding.
    pub fn look(&mut self, now: Duration, written: u64, info: &TcpInfo, patience: Patience) -> Liveness {
        let acknowledged = info.acknowledged(written);
        let progress = acknowledged > self.acknowledged;
        self.acknowledged = acknowledged;
        if acknowledged == written {
            self.since = None;
            return Liveness::Alive;
        }
        let since = match self.since {
            Some(since) if !progress => since,
            _ => *self.since.insert(now),
        };
        let stuck = now.saturating_sub(since);
        if stuck.min(info.last_heard) >= patience.silent {
            Liveness::Silent
        } else if stuck >= patience.stuck {
            Liveness::Stuck
        } else {
            Liveness::Alive
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    const PATIENCE: Patience = Patience { silent: secs(300), stuck: secs(3600) };

    /// Looks at a peer that was sent 100 bytes: when, bytes acknowledged, seconds since it was heard.
    fn verdicts<const N: usize>(looks: [(u64, u64, u64); N]) -> [Liveness; N] {
        let mut watch = Watch::default();
        looks.map(|(now, bytes_acked, heard)| {
            watch.look(
                secs(now),
                100,
                &TcpInfo { bytes_acked, is_closed: false, last_heard: secs(heard) },
                PATIENCE,
            )
        })
    }

    use Liveness::{Alive, Silent, Stuck};

    #[test]
    fn silence_with_bytes_outstanding_is_death_after_five_minutes() {
        let looks = [(10, 40, 0), (20, 40, 10), (309, 40, 299), (310, 40, 300)];
        assert_eq!(verdicts(looks), [Alive, Alive, Alive, Silent]);
    }

    #[test]
    fn silence_without_bytes_outstanding_is_peace() {
        // 101: our FIN counts as one.
        assert_eq!(verdicts([(0, 100, 0), (9000, 100, 9000), (9001, 101, 9001)]), [Alive; 3]);
    }

    #[test]
    fn who_was_idle_has_five_minutes_from_the_first_byte_outstanding() {
        let mut watch = Watch::default();
        let info = TcpInfo { bytes_acked: 50, is_closed: false, last_heard: secs(9000) };
        assert_eq!(watch.look(secs(1), 50, &info, PATIENCE), Alive);
        for (now, verdict) in [(9001, Alive), (9300, Alive), (9301, Silent)] {
            assert_eq!(watch.look(secs(now), 60, &info, PATIENCE), verdict, "{now}");
        }
    }

    #[test]
    fn bytes_taken_between_rare_looks_begin_a_new_time() {
        let looks = [(0, 40, 0), (3600, 41, 3000), (3899, 41, 3299), (3900, 41, 3300)];
        assert_eq!(verdicts(looks), [Alive, Alive, Alive, Silent]);
    }

    #[test]
    fn a_kernel_that_answers_window_probes_has_an_hour() {
        let looks = [(0, 40, 0), (301, 40, 120), (3599, 40, 60), (3600, 40, 0)];
        assert_eq!(verdicts(looks), [Alive, Alive, Alive, Stuck]);
    }

    #[test]
    fn a_byte_an_hour_is_enough() {
        assert_eq!(verdicts([(0, 40, 0), (3599, 41, 0), (7198, 42, 119)]), [Alive; 3]);
    }

    #[test]
    fn a_clock_that_steps_back_kills_nobody() {
        assert_eq!(verdicts([(9000, 40, 9000), (10, 40, 9000)]), [Alive; 2]);
    }
}
