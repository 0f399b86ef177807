//! TCP keepalive, with different times for each connection. After a message to all, all connections fall silent at once: with
//! the same times, all probes would leave at the same moment. A loopback interface takes 1,000 packets at once
//! (`net.core.netdev_max_backlog`) and drops the rest; the repeats would stay in step, and thousands of live peers would
//! be given up, most of them without being told.

use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::limits::{KEEPALIVE_IDLE_MAX, KEEPALIVE_IDLE_MIN, KEEPALIVE_INTERVAL_MAX, KEEPALIVE_INTERVAL_MIN};

/// How long the connection with this serial number may be silent before it is probed, and the time between two probes.
/// However many connections there are, and whichever of them have gone, both times of the others are spread evenly, and so
/// are the pairs: the fractions of the multiples of a suitable irrational number are.
fn times(serial: u64) -> (Duration, Duration) {
    // 2^64 divided by the plastic number, and by its square.
    let (idle, interval) =
        (serial.wrapping_mul(0xC13F_A9A9_02A6_328F), serial.wrapping_mul(0x91E1_0DA5_C79E_7B1D));
    let idle = between(KEEPALIVE_IDLE_MIN, KEEPALIVE_IDLE_MAX, idle);
    (idle, between(KEEPALIVE_INTERVAL_MIN, KEEPALIVE_INTERVAL_MAX, interval))
}

/// A time in whole seconds, which is what the kernel takes; `share`, of 2^64, says where between the two.
fn between(min: Duration, max: Duration, share: u64) -> Duration {
    let steps = u128::from(max.as_secs() - min.as_secs() + 1);
    let step = (u128::from(share) * steps) >> 64;
    min + Duration::from_secs(u64::try_from(step).expect("less than the steps"))
}

/// Sets the times of an accepted socket. If that fails it keeps those of its listener.
pub(in crate::server) fn set_times(socket: &impl AsFd, serial: u64) {
    let (idle, interval) = times(serial);
    let times = TcpKeepalive::new().with_time(idle).with_interval(interval);
    let _ = SockRef::from(socket).set_tcp_keepalive(&times);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest number of these connections that have the same value.
    fn most<T: Ord>(serials: impl Iterator<Item = u64>, of: impl Fn((Duration, Duration)) -> T) -> usize {
        let mut counts = std::collections::BTreeMap::<T, usize>::new();
        for serial in serials {
            *counts.entry(of(times(serial))).or_default() += 1;
        }
        counts.into_values().max().unwrap_or_default()
    }

    #[test]
    fn both_times_are_spread_evenly() {
        let idle = |(idle, _)| idle;
        let interval = |(_, interval)| interval;
        let both = |both| both;
        // There are 121 idle times and 11 intervals.
        for (from, step) in [(0, 1), (1_000_000, 1), (7, 2), (0, 3), (5, 1000)] {
            let serials = || (0..20_000).map(|n| from + n * step);
            assert!(most(serials(), idle) <= 20_000 / 121 * 3 / 2, "{from} {step}");
            assert!(most(serials(), interval) <= 20_000 / 11 * 3 / 2, "{from} {step}");
            assert!(most(serials(), both) <= 20_000 / (121 * 11) * 3, "{from} {step}");
        }
    }

    #[test]
    fn all_times_are_within_their_bounds() {
        for share in [0, 1, u64::MAX / 2, u64::MAX] {
            let idle = between(KEEPALIVE_IDLE_MIN, KEEPALIVE_IDLE_MAX, share);
            assert!((KEEPALIVE_IDLE_MIN..=KEEPALIVE_IDLE_MAX).contains(&idle));
        }
        assert_eq!(between(KEEPALIVE_IDLE_MIN, KEEPALIVE_IDLE_MAX, u64::MAX), KEEPALIVE_IDLE_MAX);
    }
}
