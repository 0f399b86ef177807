//! Sockets, TLS and certificates.

use std::time::Duration;

/// The kernel's send buffer per connection. Linux doubles it for its own bookkeeping.
pub const SEND_BUFFER: usize = 128 << 10;
/// Connections the kernel completes before we accept them: as many as it takes, which `net.core.somaxconn` says (4096 since
/// Linux 5.4). Whoever raises that wants it to count. Old kernels keep 16 bits of it.
pub const BACKLOG: i32 = 65535;
/// Connections at most, whatever the limit of descriptors: where there is none, a container often has 2^30 of them,
/// and the tables are made for all that may come.
pub const CONNECTIONS_MAX: usize = 1 << 20;
/// Descriptors for which the kernel makes room before the first connection, 8 bytes each.
pub const DESCRIPTORS_AHEAD: usize = 1 << 16;
/// Descriptors kept free of connections: standard streams, poll, waker, signals, listener, files, and the strangers
/// who are put out in a turn.
pub const DESCRIPTOR_RESERVE: usize = 64;
/// TCP keepalive: the shortest silence after which a peer's kernel is probed. With the longest times an idle peer that
/// vanished is noticed after 4 min + 8 × 20 s.
pub const KEEPALIVE_IDLE_MIN: Duration = Duration::from_secs(120);
/// The longest: each connection has a time of its own in between, so that the probes of 20,000 who fell silent together are
/// 160 a second. But the kernel's timers are as coarse as they are long, beyond 131 seconds 16 (with 250 ticks a second,
/// kernel/time/timer.c): then 2,600 leave at once, and of those a loopback interface drops 1,600.
pub const KEEPALIVE_IDLE_MAX: Duration = Duration::from_secs(240);
/// Between keepalive probes, at least.
pub const KEEPALIVE_INTERVAL_MIN: Duration = Duration::from_secs(10);
/// And at most: probes that were dropped together are repeated apart, by timers that are fine enough for it. With up to 40
/// seconds some were in step with the first probes of others, which go before them: 32 of 19,000 were lost.
pub const KEEPALIVE_INTERVAL_MAX: Duration = Duration::from_secs(20);
/// Unanswered probes until the connection is given up: some may be dropped, so many in a row are not.
pub const KEEPALIVE_RETRIES: u32 = 8;
/// Bytes a peer may send before its handshake is done. A hello with everything in it has two or three thousand,
/// rustls would take 64 KiB.
pub const TLS_HANDSHAKE_MAX: usize = 16 << 10;
/// Plaintext encrypted at a time, one record. A peer that does not read costs as much.
pub const TLS_RECORD_MAX: usize = 16 << 10;
/// Records sent with TLS 1.2 until the connection ends: half of what AES-GCM allows with one key (RFC 8446 section
/// 5.5). TLS 1.3 changes keys in between.
pub const TLS12_RECORDS_MAX: u32 = 1 << 23;
/// Places that a transport remembers on the way from bytes acknowledged back to bytes of lines, per connection.
pub const TRANSPORT_CHECKPOINTS_MAX: usize = 16;
/// A certificate with its chain, or a key, as PEM: some KiB each.
pub const PEM_FILE_MAX: u64 = 1 << 20;
/// So long before a certificate ends it is told: who renews it by a program does so earlier, and has failed.
pub const CERTIFICATE_ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Or this part of its life, if that is less: there are certificates for six days.
pub const CERTIFICATE_ENDS_DIVISOR: u64 = 3;
/// A certificate is looked at so often in its life: four times in the part in which it is told that it ends.
pub const CERTIFICATE_LOOKS: u32 = 12;
/// At least so often: it may have been renewed without a word, and a warning once a day is read.
pub const CERTIFICATE_LOOK_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// And not more often: a look is two files and some milliseconds.
pub const CERTIFICATE_LOOK_MIN: Duration = Duration::from_secs(1);
