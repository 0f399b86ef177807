//! The thread: HTTP/1.1 for `/metrics` and `/healthz`, one request a connection.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use log::debug;
use mio::Waker;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use crate::limits::{ACCEPT_PAUSE, METRICS_ANSWER, METRICS_PEER, METRICS_PEERS, METRICS_SEND_BUFFER};
use crate::server::net::web::answer;
use crate::server::net::web::http::date;
use crate::server::net::web::request::{Head, Malformed, Method, Request};
use crate::server::ops::metrics::snapshot::Snapshot;
use crate::server::ops::metrics::text;

/// Asks the loop.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) ask: SyncSender<SyncSender<Snapshot>>,
    pub(super) waker: Arc<Waker>,
}

impl Asker {
    /// What the loop tells; `None`: it does not answer in time.
    fn snapshot(&self) -> Option<Snapshot> {
        let (answer, answered) = sync_channel(1);
        // A question that the loop has not taken is as good as this one, but its answer would go nowhere.
        self.ask.try_send(answer).ok()?;
        self.waker.wake().ok()?;
        answered.recv_timeout(METRICS_ANSWER).ok()
    }
}

/// A connection whose request has not come in full.
struct Waiting {
    stream: TcpStream,
    peer: SocketAddr,
    head: Head,
    until: Instant,
}

/// Serves for good: the end of the process ends it.
pub(super) fn run(listener: &TcpListener, asker: &Asker) {
    let mut waiting: Vec<Waiting> = Vec::new();
    loop {
        wait(listener, &waiting);
        if let Err(error) = accept(listener, &mut waiting) {
            // No descriptor is free, for example.
            debug!("metrics: {error}");
            thread::sleep(ACCEPT_PAUSE);
        }
        waiting.retain_mut(|one| {
            let Err(error) = one.serve(asker) else { return false };
            let goes_on = error.kind() == ErrorKind::WouldBlock && Instant::now() < one.until;
            if !goes_on {
                debug!("metrics: {error}: from={}", one.peer);
            }
            goes_on
        });
    }
}

/// Until somebody connects or sends, or has had its time.
fn wait(listener: &TcpListener, waiting: &[Waiting]) {
    let left = waiting.iter().map(|one| one.until.saturating_duration_since(Instant::now())).min();
    let left = left.map(|left| Timespec::try_from(left).expect("it is some seconds"));
    let mut fds = vec![PollFd::new(listener, PollFlags::IN)];
    fds.extend(waiting.iter().map(|one| PollFd::new(&one.stream, PollFlags::IN)));
    // Whom it is for is found out by trying.
    let _ = poll(&mut fds, left.as_ref());
}

/// Takes one that has connected: the others are served before the next comes. If there are too many, the oldest goes, which
/// has been silent longest.
fn accept(listener: &TcpListener, waiting: &mut Vec<Waiting>) -> io::Result<()> {
    let (stream, peer) = match listener.accept() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
        accepted => accepted?,
    };
    stream.set_nonblocking(true)?;
    SockRef::from(&stream).set_send_buffer_size(METRICS_SEND_BUFFER)?;
    if waiting.len() == METRICS_PEERS {
        waiting.remove(0);
    }
    waiting.push(Waiting { stream, peer, head: Head::default(), until: Instant::now() + METRICS_PEER });
    Ok(())
}

impl Waiting {
    /// Answers if the request is complete; what would wait is an error.
    fn serve(&mut self, asker: &Asker) -> io::Result<()> {
        let mut buf = [0; 1024];
        loop {
            if let Some(request) = self.head.next_request() {
                // What does not fit is not sent: nothing may follow half an answer.
                self.stream.write_all(&answer(request, asker)).map_err(io::Error::other)?;
                return self.stream.shutdown(Shutdown::Write);
            }
            match self.stream.read(&mut buf)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => self.head.feed(&buf[..n]),
            }
        }
    }
}

fn answer(request: Result<Request, Malformed>, asker: &Asker) -> Vec<u8> {
    let request = match request {
        Ok(request) => request,
        Err(why) => return answer::refuse(why, &date()).head,
    };
    let plain = "text/plain; charset=utf-8";
    let (status, media_type, body) = match (request.path.as_str(), request.method) {
        (_, Method::Other) => ("405 Method Not Allowed\r\nAllow: GET, HEAD", plain, "only GET\n".to_owned()),
        ("/metrics", _) => match asker.snapshot() {
            Some(snapshot) => ("200 OK", text::MEDIA_TYPE, text::render(&snapshot)),
            None => ("503 Service Unavailable", plain, STANDS_STILL.to_owned()),
        },
        ("/healthz", _) => match asker.snapshot() {
            Some(Snapshot { wrong, .. }) if wrong.is_empty() => ("200 OK", plain, "ok\n".to_owned()),
            Some(Snapshot { wrong, .. }) => ("503 Service Unavailable", plain, wrong.join("\n") + "\n"),
            None => ("503 Service Unavailable", plain, STANDS_STILL.to_owned()),
        },
        _ => ("404 Not Found", plain, "here are /metrics and /healthz\n".to_owned()),
    };
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if request.method == Method::Get {
        answer.push_str(&body);
    }
    answer.into_bytes()
}

const STANDS_STILL: &str = "the loop does not answer: it stands still\n";
