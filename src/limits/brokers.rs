//! The brokers of a group on many nodes, and the connection to one of them.

/// A control line of a broker. The longest is INFO, which lists the addresses of all brokers: some KiB.
pub const NATS_LINE_MAX: usize = 64 << 10;
/// A message of a broker with its headers: what a broker by default lets anybody publish (`max_payload`).
pub const NATS_MESSAGE_MAX: usize = 1 << 20;
