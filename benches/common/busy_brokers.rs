//! Brokers that have as much to do as with a node under load, while there is none: what a node's side of a bench loses to the
//! brokers' work on the same machine, the other side loses, too.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::bare_client::BareClient;
use super::fail;

/// Batches that are published at once if the brokers were slower than asked: as many as a node has under way.
const AT_ONCE: usize = 8;

/// What a node had the brokers do.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// A batch of the usual size.
    pub(crate) batch: Vec<u8>,
    /// From one to the next.
    pub(crate) every: Duration,
}

/// A thread that has the brokers do it.
pub(crate) struct BusyBrokers {
    stops: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

impl BusyBrokers {
    pub(crate) fn start(mut client: BareClient, work: Work) -> BusyBrokers {
        let stops = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stops);
        let thread = thread::spawn(move || {
            let (start, mut published) = (Instant::now(), 0u32);
            while !stopped.load(Ordering::Relaxed) {
                let mut due = 0;
                while due < AT_ONCE && start.elapsed() >= work.every * published {
                    (due, published) = (due + 1, published + 1);
                }
                if due > 0 {
                    client.publish(&vec![work.batch.clone(); due])?;
                } else {
                    thread::sleep((work.every * published).saturating_sub(start.elapsed()));
                }
            }
            Ok(())
        });
        BusyBrokers { stops, thread }
    }

    pub(crate) fn stop(self) -> io::Result<()> {
        self.stops.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| fail("the thread that keeps the brokers busy has panicked"))
    }
}
