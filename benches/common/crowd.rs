//! The receivers: thousands of connections on one epoll, read in large pieces. Every byte is checked unless they only
//! count.
//!
//! Longer than 350 lines: the crowd is one loop, and each part of it touches the same state.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::dial::dial;
use super::frames::{self, Frames};
use super::large_group::member;
use super::latecomer::{Latecomer, Pace, Received};
use super::pinger::Pinger;
use super::returners::{BITE, Returners};
use super::secure::{Secure, Visitors};
use super::target::PASSWORD;
use super::transcript::{MAIL, Transcript};
use super::{PATIENCE, fail};

/// Connections between connecting and `OK LOGIN` at a time: enough to keep both sides busy, fewer than any backlog.
pub(crate) const KNOCKING: usize = 128;
/// Receivers read before the talkers get their turn: a fraction of a millisecond.
const EVENTS: usize = 32;
/// No poll waits longer, so that talkers without a watch are read, too.
const NAP: Duration = Duration::from_millis(10);
/// Descriptors that only wake the crowd up.
const WATCHED: u64 = u64::MAX;

#[derive(Debug)]
struct Receiver {
    socket: OwnedFd,
    /// How far it has the transcript of this run.
    at: usize,
    /// What it has read before `OK LOGIN`; then `None`.
    entrance: Option<Vec<u8>>,
    /// Its lines come in frames.
    frames: Option<Frames>,
    /// Its bytes are ciphertext.
    secure: Option<Box<Secure>>,
}

/// Bytes of the run that one receiver has read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) at: Instant,
}

/// How far the receivers go in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// They wait for the greeting.
    Hello,
    /// They log in.
    Login,
    /// They log in, each as another member of a large group.
    EachAsMember,
    /// They log in through a WebSocket. All of these compare what they get.
    WebSocket,
}

/// Who compares what it gets, byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compares {
    Everybody,
    /// Of so many one. The others only count their bytes, and leave their core to others.
    OneOf(usize),
}

/// All receivers of a run.
pub(crate) struct Crowd {
    epoll: OwnedFd,
    receivers: Vec<Receiver>,
    pub(crate) transcript: Transcript,
    pub(crate) compares: Compares,
    /// The number `OK LOGIN` told, the same to all.
    last: Option<u64>,
    inside: usize,
    /// Bytes of this run, of all receivers together.
    received: usize,
    /// Reads of this run.
    pub(crate) reads: u64,
    /// Each of these reads, if they are being recorded.
    arrivals: Option<Vec<Arrival>>,
    /// Those that do not read at present.
    stopped: Vec<usize>,
    entrance: Entrance,
    /// Gets its turn between those of the receivers.
    pub(crate) pinger: Option<Pinger>,
    /// The same: devices that come one by one, each when the one before has all it missed and is gone.
    latecomer: Option<Latecomer>,
    /// Those that are still to come, with memory for what they will get, and what those got that are gone.
    away: Vec<(String, Vec<u8>)>,
    caught_up: Vec<Received>,
    pace: Pace,
    /// And devices that come all at once.
    pub(crate) returners: Option<Returners>,
    address: SocketAddr,
    /// They come with TLS.
    visitors: Option<Visitors>,
    events: Vec<epoll::Event>,
    bite: Vec<u8>,
    decrypted: Vec<u8>,
}

impl Crowd {
    /// Connects and logs in `size` receivers, several at a time.
    pub(crate) fn enter(address: SocketAddr, size: usize) -> io::Result<Crowd> {
        Crowd::go_in(&[address], size, Entrance::Login)
    }

    /// Connects `size` receivers, to these addresses in turns, and takes them so far.
    pub(crate) fn go_in(addresses: &[SocketAddr], size: usize, entrance: Entrance) -> io::Result<Crowd> {
        Crowd::come(addresses, size, entrance, None)
    }

    /// The same, with TLS if they are visitors. All of these compare what they get.
    pub(crate) fn come(
        addresses: &[SocketAddr],
        size: usize,
        entrance: Entrance,
        visitors: Option<Visitors>,
    ) -> io::Result<Crowd> {
        let mut crowd = Crowd {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            receivers: Vec::with_capacity(size),
            transcript: Transcript::new(0),
            compares: Compares::Everybody,
            last: None,
            inside: 0,
            received: 0,
            reads: 0,
            arrivals: None,
            stopped: Vec::new(),
            entrance,
            pinger: None,
            latecomer: None,
            away: Vec::new(),
            caught_up: Vec::new(),
            pace: Pace::AsItComes,
            returners: None,
            address: addresses[0],
            visitors,
            events: Vec::with_capacity(EVENTS),
            bite: vec![0; BITE],
            decrypted: Vec::new(),
        };
        let start = Instant::now();
        while crowd.inside < size {
            while crowd.receivers.len() < size && crowd.receivers.len() - crowd.inside < KNOCKING {
                crowd.knock(addresses[crowd.receivers.len() % addresses.len()])?;
            }
            crowd.turn()?;
            if start.elapsed() > PATIENCE {
                return fail(format!("{} of {size} receivers were let in", crowd.inside));
            }
        }
        crowd.transcript = Transcript::new(crowd.last.unwrap_or_default());
        Ok(crowd)
    }

    fn knock(&mut self, address: SocketAddr) -> io::Result<()> {
        let index = self.receivers.len();
        let socket = dial(index, address)?;
        let who = if self.entrance == Entrance::EachAsMember { member(index + 1) } else { MAIL.to_owned() };
        let login = format!("LOGIN {who} {PASSWORD}\n");
        let (says, frames) = match self.entrance {
            Entrance::Hello => (Vec::new(), None),
            Entrance::Login | Entrance::EachAsMember => (login.into_bytes(), None),
            Entrance::WebSocket => {
                ([frames::WISH.as_bytes(), &frames::frame(&login)].concat(), Some(Frames::default()))
            }
        };
        let secure = match &self.visitors {
            Some(visitors) => Some(Box::new(Secure::greet(visitors, &socket, says)?)),
            None if says.is_empty() => None,
            None => {
                send(&socket, &says, SendFlags::NOSIGNAL)?;
                None
            }
        };
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        self.receivers.push(Receiver { socket, at: 0, entrance: Some(Vec::new()), frames, secure });
        Ok(())
    }

    pub(crate) fn size(&self) -> usize {
        self.receivers.len()
    }

    /// Those who read.
    pub(crate) fn readers(&self) -> usize {
        self.receivers.len() - self.stopped.len()
    }

    /// From now on so many of the receivers do not read. All must have had everything.
    pub(crate) fn stop(&mut self, count: usize) -> io::Result<()> {
        for number in 0..count {
            let index = number * self.receivers.len() / count;
            epoll::delete(&self.epoll, &self.receivers[index].socket)?;
            self.stopped.push(index);
        }
        Ok(())
    }

    /// They read again.
    pub(crate) fn go_on(&mut self) -> io::Result<()> {
        for index in self.stopped.drain(..) {
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&self.epoll, &self.receivers[index].socket, data, epoll::EventFlags::IN)?;
        }
        Ok(())
    }

    /// Records each read from now on.
    pub(crate) fn record_arrivals(&mut self) {
        self.arrivals = Some(Vec::new());
    }

    /// Ends recording and returns the reads.
    pub(crate) fn arrivals(&mut self) -> Vec<Arrival> {
        self.arrivals.take().unwrap_or_default()
    }

    /// Wakes up for this one too. Its owner reads it, after each turn.
    pub(crate) fn watch(&self, talker: &impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, talker, epoll::EventData::new_u64(WATCHED), epoll::EventFlags::IN)?)
    }

    /// Has another talk to the target all the time.
    pub(crate) fn invite(&mut self, pinger: Pinger) -> io::Result<()> {
        self.watch(&pinger.talker)?;
        self.pinger = Some(pinger);
        Ok(())
    }

    /// Reads those who come back, too.
    pub(crate) fn welcome(&mut self, returners: Returners) -> io::Result<()> {
        self.watch(&returners)?;
        self.returners = Some(returners);
        Ok(())
    }

    /// Those who were welcomed.
    pub(crate) fn returners(&mut self) -> io::Result<&mut Returners> {
        self.returners.as_mut().map_or_else(|| fail("nobody was welcomed"), Ok)
    }

    /// Has these devices catch up one after the other, each with memory for what it will get.
    pub(crate) fn call_back(
        &mut self,
        devices: impl DoubleEndedIterator<Item = (String, Vec<u8>)>,
        pace: Pace,
    ) -> io::Result<()> {
        self.pace = pace;
        self.away.extend(devices.rev());
        self.next_latecomer()
    }

    /// What they got, when all are gone.
    pub(crate) fn caught_up(&mut self) -> Option<Vec<Received>> {
        self.latecomer.is_none().then(|| std::mem::take(&mut self.caught_up))
    }

    pub(crate) fn has_latecomer(&self) -> bool {
        self.latecomer.is_some()
    }

    fn next_latecomer(&mut self) -> io::Result<()> {
        self.caught_up.extend(self.latecomer.take().map(|latecomer| latecomer.received));
        if let Some((device, memory)) = self.away.pop() {
            let mut latecomer = Latecomer::enter(self.address, &device, self.pace, None)?;
            latecomer.received.heard = memory;
            if matches!(self.pace, Pace::AsItComes) {
                self.watch(&latecomer)?;
            }
            self.latecomer = Some(latecomer);
        }
        Ok(())
    }

    /// Resets the counts. All receivers must have had all of the run before.
    pub(crate) fn start_run(&mut self) {
        self.transcript.start_run();
        self.receivers.iter_mut().for_each(|receiver| receiver.at = 0);
        (self.received, self.reads) = (0, 0);
    }

    /// Reads some receivers that have something, or waits a little.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        let nap = self.pinger.as_ref().and_then(Pinger::rest).map_or(NAP, |rest| rest.min(NAP));
        let nap = Timespec::try_from(nap).map_err(io::Error::other)?;
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&nap))?;
        for event in 0..self.events.len() {
            let data = self.events[event].data.u64();
            if data != WATCHED {
                self.read(usize::try_from(data).expect("an index was put in"))?;
            }
        }
        self.events.clear();
        self.pinger.as_mut().map_or(Ok(()), Pinger::turn)?;
        self.returners.as_mut().map_or(Ok(()), Returners::turn)?;
        if let Some(latecomer) = &mut self.latecomer {
            latecomer.turn()?;
            if latecomer.received.to_last.is_some() {
                self.next_latecomer()?;
            }
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> io::Result<()> {
        let receiver = &mut self.receivers[index];
        let only_counts = receiver.entrance.is_none()
            && receiver.frames.is_none()
            && receiver.secure.is_none()
            && matches!(self.compares, Compares::OneOf(each) if !index.is_multiple_of(each));
        // tcp(7): with MSG_TRUNC the bytes are discarded, not copied.
        let flags = if only_counts { RecvFlags::TRUNC } else { RecvFlags::empty() };
        let bytes = if let Some(secure) = &mut receiver.secure {
            self.decrypted.clear();
            secure.read(&receiver.socket, &mut self.bite, &mut self.decrypted)?;
            if self.decrypted.is_empty() {
                return Ok(());
            }
            &self.decrypted[..]
        } else {
            let (_, length) = recv(&receiver.socket, &mut self.bite[..], flags)?;
            if length == 0 {
                return fail("the connection of a receiver ended");
            }
            &self.bite[..length]
        };
        match &mut receiver.entrance {
            None => {
                let from = receiver.at;
                if let Some(frames) = &mut receiver.frames {
                    frames.take(bytes, |payload| {
                        self.transcript.take(receiver.at, payload)?;
                        receiver.at += payload.len();
                        Ok(())
                    })?;
                } else {
                    if !only_counts {
                        self.transcript.take(from, bytes)?;
                    }
                    receiver.at += bytes.len();
                }
                if let Some(arrivals) = &mut self.arrivals {
                    arrivals.push(Arrival { from, to: receiver.at, at: Instant::now() });
                }
                self.received += receiver.at - from;
                self.reads += 1;
            }
            Some(heard) => {
                heard.extend_from_slice(bytes);
                let told = match self.entrance {
                    Entrance::Hello => heard.ends_with(b"\n").then_some(0),
                    Entrance::Login | Entrance::EachAsMember => last_told(heard)?,
                    Entrance::WebSocket => match Frames::said(heard)? {
                        Some(said) => last_told(&said)?,
                        None => None,
                    },
                };
                if let Some(last) = told {
                    if self.last.is_some_and(|known| known != last) {
                        return fail(format!("a receiver was told last={last}, another {:?}", self.last));
                    }
                    self.last = Some(last);
                    self.inside += 1;
                    receiver.entrance = None;
                }
            }
        }
        Ok(())
    }

    /// Reads on until all who read have everything up to number `last`, and nothing beyond it.
    pub(crate) fn until_all_have(&mut self, last: u64) -> io::Result<()> {
        let start = Instant::now();
        while self.transcript.last() < last || self.received < self.readers() * self.transcript.len() {
            self.turn()?;
            if start.elapsed() > PATIENCE {
                let (lines, all) = (self.transcript.last(), self.readers() * self.transcript.len());
                return fail(format!(
                    "number {lines} of {last} has come, and {} of {all} bytes to all receivers",
                    self.received
                ));
            }
        }
        if self.transcript.last() == last { Ok(()) } else { fail("more lines came than were said") }
    }
}

/// The number in `OK LOGIN … last=<seq> missed=0`, once the line is whole. It must be the last line.
fn last_told(heard: &[u8]) -> io::Result<Option<u64>> {
    let said = str::from_utf8(heard).map_err(io::Error::other)?;
    let Some(line) = said.lines().find(|line| !line.starts_with("HELLO ")) else { return Ok(None) };
    if !said.ends_with('\n') {
        return Ok(None);
    }
    let field = |name: &str| line.split(' ').find_map(|w| w.strip_prefix(name)?.parse::<u64>().ok());
    match field("last=") {
        Some(last) if line.starts_with("OK LOGIN") && field("missed=").unwrap_or(0) == 0 => Ok(Some(last)),
        _ => fail(format!("a login was answered by {said:?}")),
    }
}
