//! `--metrics-listen`: what Prometheus and other monitors are told, over HTTP.
//!
//! A thread of its own answers one request after the other, and asks the loop for its figures. So a loop that stands still is
//! told as such. A monitor that is slow keeps nobody waiting: an answer begins when all of its request is there, and is taken by
//! the kernel at once.

pub mod figure;
mod serve;
mod snapshot;
mod text;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use mio::Waker;

pub(in crate::server) use crate::server::ops::metrics::snapshot::{Histograms, Snapshot};

use crate::server::net::listen;
use crate::server::net::passed::Passed;
use crate::server::ops::metrics::serve::Asker;

/// The loop's side.
#[derive(Debug)]
pub(in crate::server) struct Metrics {
    /// Where the thread listens.
    pub(in crate::server) addr: SocketAddr,
    questions: Receiver<SyncSender<Snapshot>>,
}

impl Metrics {
    /// Listens, with a socket that was passed on where there is one.
    pub(in crate::server) fn listen(addr: SocketAddr, passed: &mut Passed) -> io::Result<TcpListener> {
        listen::listen_aside(addr, passed)
            .map_err(|why| io::Error::new(why.kind(), format!("--metrics-listen {addr}: {why}")))
    }

    /// Starts the thread.
    pub(in crate::server) fn start(listener: TcpListener, waker: Arc<Waker>) -> io::Result<Metrics> {
        let addr = listener.local_addr()?;
        let (ask, questions) = sync_channel(1);
        let asker = Asker { ask, waker };
        thread::Builder::new().name("metrics".to_owned()).spawn(move || serve::run(&listener, &asker))?;
        Ok(Metrics { addr, questions })
    }

    /// Answers the thread if it has asked.
    pub(in crate::server) fn answer(&self, snapshot: impl FnOnce() -> Snapshot) {
        if let Ok(answer) = self.questions.try_recv() {
            // If it waits no longer, nobody does.
            let _ = answer.try_send(snapshot());
        }
    }
}
