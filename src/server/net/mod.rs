//! Sockets and what lies between them and lines: listening, a connection's remembered readiness, TLS, and what the kernel
//! tells of it.

pub mod certificate;
pub(super) mod conn;
pub(super) mod keepalive;
pub(super) mod listen;
pub(super) mod socket;
pub mod tcp_info;
pub(super) mod tls;
pub(super) mod validity;
