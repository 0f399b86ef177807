//! Sockets, TLS and certificates.

use std::time::Duration;

/// The kernel's send buffer per connection. Linux doubles it for its own bookkeeping.
pub const SEND_BUFFER: usize = 128 << 10;
/// Connections that the kernel completes before we accept them: as many as `net.core.somaxconn` allows (4096 since
/// Linux 5.4), so that raising it has an effect. Old kernels keep only 16 bits of this number.
pub const BACKLOG: i32 = 65535;
/// Connections, whatever the limit of descriptors: containers often have a limit of 2^30, and tables are made for all
/// connections that are possible.
pub const CONNECTIONS_MAX: usize = 1 << 20;
/// Descriptors for which the kernel allocates its table before the first connection, 8 bytes each.
pub const DESCRIPTORS_AHEAD: usize = 1 << 16;
/// Descriptors not used for connections: standard streams, poll, waker, signals, listeners, monitors, files, and
/// connections evicted in the same turn.
pub const DESCRIPTOR_RESERVE: usize = 64;
/// TCP keepalive: the shortest silence after which a peer's kernel is probed. With the longest times an idle peer that
/// has vanished is noticed after 4 min + 8 × 20 s.
pub const KEEPALIVE_IDLE_MIN: Duration = Duration::from_secs(120);
/// The longest. Each connection has its own time between the two, so that for 20,000 peers that fell silent together
/// 160 probes a second are sent. But the longer a kernel timer, the coarser: beyond 131 seconds it has steps of 16
/// (with 250 ticks a second, kernel/time/timer.c). Then 2,600 probes leave at once, and a loopback interface drops
/// 1,600 of them.
pub const KEEPALIVE_IDLE_MAX: Duration = Duration::from_secs(240);
/// The shortest time between probes.
pub const KEEPALIVE_INTERVAL_MIN: Duration = Duration::from_secs(10);
/// The longest. Timers this short are fine enough to repeat, one by one, probes that were dropped together. With up to
/// 40 seconds some were in step with the first probes of other connections, and 32 of 19,000 were lost.
pub const KEEPALIVE_INTERVAL_MAX: Duration = Duration::from_secs(20);
/// Unanswered probes after which a connection is closed: a few may be dropped, but not so many in a row.
pub const KEEPALIVE_RETRIES: u32 = 8;
/// Bytes that a peer may send before its handshake is complete. A hello with every extension has two or three thousand;
/// rustls would take 64 KiB.
pub const TLS_HANDSHAKE_MAX: u32 = 16 << 10;
/// Plaintext of one record. A peer that does not read costs as much memory.
pub const TLS_RECORD_MAX: usize = 16 << 10;
/// What a record has more than its plaintext: with TLS 1.2 and AES-GCM a head, a nonce and a tag (RFC 5288); with TLS 1.3 seven
/// bytes less (RFC 8446 section 5.2).
pub const TLS_RECORD_OVERHEAD: usize = 5 + 8 + 16;
/// Bytes kept of a record that has not come as a whole: RFC 5246 section 6.2.3 allows 2¹⁴ + 2048, and a head.
pub const TLS_INCOMPLETE_MAX: usize = (16 << 10) + 2048 + 5;
/// Records sent with TLS 1.2 before the connection is closed: half of what AES-GCM allows with one key (RFC 8446
/// section 5.5). TLS 1.3 changes keys.
pub const TLS12_RECORDS_MAX: u32 = 1 << 23;
/// Checkpoints per connection between bytes on the wire and bytes of lines.
pub const TRANSPORT_CHECKPOINTS_MAX: usize = 16;
/// A certificate with its chain, or a key, as PEM: some KiB each.
pub const PEM_FILE_MAX: u64 = 1 << 20;
/// How long before a certificate expires the log warns. Programs renew earlier, one of 90 days 30 before, so they have
/// failed by then.
pub const CERTIFICATE_ENDS_SOON: Duration = Duration::from_secs(21 * 24 * 60 * 60);
/// Or this part of its lifetime, if that is less: certificates for 45 days are renewed 15 before, those for six days 3.
pub const CERTIFICATE_ENDS_DIVISOR: u64 = 4;
/// This part of that time is left when it becomes an error: 7 days.
pub const CERTIFICATE_URGENT_DIVISOR: u64 = 3;
/// How often a certificate is checked in its lifetime: four times in the part in which the log warns.
pub const CERTIFICATE_LOOKS: u32 = 16;
/// The longest time between checks: it may have been renewed without a signal, and a warning once a day is read.
pub const CERTIFICATE_LOOK_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The shortest time between checks: each reads two files and takes some milliseconds.
pub const CERTIFICATE_LOOK_MIN: Duration = Duration::from_secs(1);
