//! The thread: HTTP/1.1 for `/metrics` and `/healthz`, one request a connection.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use log::debug;
use mio::Waker;

use crate::limits::{ACCEPT_PAUSE, METRICS_ANSWER, METRICS_PEER};
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

/// Serves for good: the end of the process ends it.
pub(super) fn run(listener: &TcpListener, asker: &Asker) {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                if let Err(error) = serve(stream, asker) {
                    debug!("metrics: {error}: from={peer}");
                }
            }
            // No descriptor is free, for example.
            Err(error) => {
                debug!("metrics: {error}");
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

fn serve(mut stream: TcpStream, asker: &Asker) -> io::Result<()> {
    let request = read(&mut stream)?;
    stream.set_write_timeout(Some(METRICS_PEER))?;
    stream.write_all(&answer(request, asker))?;
    stream.shutdown(Shutdown::Write)
}

/// Reads the head of a request, from a peer that has little time for it.
fn read(stream: &mut TcpStream) -> io::Result<Result<Request, Malformed>> {
    let deadline = Instant::now() + METRICS_PEER;
    let (mut head, mut buf) = (Head::default(), [0; 1024]);
    loop {
        if let Some(request) = head.next_request() {
            return Ok(request);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buf)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => head.feed(&buf[..n]),
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
