//! Sockets and what lies between them and lines: listening, a connection's remembered readiness, its transport, and what the kernel
//! tells of it.

pub mod certificate;
mod checkpoints;
pub(super) mod conn;
pub(super) mod keepalive;
pub(super) mod listen;
pub(super) mod socket;
pub mod tcp_info;
mod tls;
pub(super) mod transport;
pub(super) mod validity;
