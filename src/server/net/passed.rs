//! Listening sockets that a service manager passes on (`sd_listen_fds(3)`): it keeps them while the server restarts, so that
//! whoever connects meanwhile waits instead of being refused.

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

/// Those that no option has taken yet.
#[derive(Debug, Default)]
pub struct Passed(Vec<(SocketAddr, TcpListener)>);

impl Passed {
    /// What this process was started with. To be called once, before there are other threads, because it takes them out of the
    /// environment. What is no socket of TCP stays as it is.
    pub fn from_environment() -> Passed {
        let mut sockets = ListenFd::from_env();
        let all = (0..sockets.len()).filter_map(|at| {
            let socket = sockets.take_tcp_listener(at).ok()??;
            Some((socket.local_addr().ok()?, socket))
        });
        Passed(all.collect())
    }

    /// The one that listens at this address.
    pub(super) fn take(&mut self, addr: SocketAddr) -> Option<TcpListener> {
        let at = self.0.iter().position(|(other, _)| *other == addr)?;
        Some(self.0.swap_remove(at).1)
    }

    /// The addresses of the others.
    pub(super) fn left(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|(addr, _)| *addr)
    }
}
