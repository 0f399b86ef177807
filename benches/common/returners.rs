//! Devices that were away and all come back at once. What they missed is the same for all, every byte of it compared;
//! what is said meanwhile comes after it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Socket, Type};

use super::latecomer::told_in;
use super::target::PASSWORD;
use super::transcript::Transcript;
use super::{SEND_BUFFER, fail};

/// Read at once: several batches, and still within the core's own cache.
pub(crate) const BITE: usize = 128 << 10;

/// Read before the others have their turn: a fraction of a millisecond.
const READS: usize = 4;
const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

#[derive(Debug)]
struct Device {
    socket: OwnedFd,
    /// What it has read before `OK LOGIN`; then `None`.
    entrance: Option<Vec<u8>>,
    /// How far it has the transcript.
    at: usize,
}

/// All who come back.
pub(crate) struct Returners {
    epoll: OwnedFd,
    devices: Vec<Device>,
    /// From number 1 on.
    transcript: Transcript,
    /// Events that each missed, and their bytes.
    missed: u64,
    missed_bytes: usize,
    asked: Instant,
    /// Those who have all they missed.
    done: usize,
    /// Seconds from the login until the first device had all it missed, and until the last had.
    pub(crate) first_done: Option<f64>,
    pub(crate) all_done: Option<f64>,
    events: Vec<epoll::Event>,
    bite: Vec<u8>,
}

impl Returners {
    /// Connects them; nobody logs in yet. Each misses all from number 1 to `missed`, in so many bytes.
    pub(crate) fn connect(
        address: SocketAddr,
        devices: usize,
        missed: u64,
        missed_bytes: usize,
    ) -> io::Result<Returners> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connected = Vec::with_capacity(devices);
        for index in 0..devices {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_recv_buffer_size(SEND_BUFFER)?;
            socket.set_linger(Some(std::time::Duration::ZERO))?;
            socket.connect(&address.into())?;
            socket.set_nonblocking(true)?;
            let socket = OwnedFd::from(socket);
            epoll::add(&epoll, &socket, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
            connected.push(Device { socket, entrance: Some(Vec::new()), at: 0 });
        }
        Ok(Returners {
            epoll,
            devices: connected,
            transcript: Transcript::new(0),
            missed,
            missed_bytes,
            asked: Instant::now(),
            done: 0,
            first_done: None,
            all_done: None,
            events: Vec::with_capacity(READS),
            bite: vec![0; BITE],
        })
    }

    /// All log in, each under its name.
    pub(crate) fn log_in(&mut self, names: &[String]) -> io::Result<()> {
        self.asked = Instant::now();
        for (device, name) in self.devices.iter().zip(names) {
            send(&device.socket, format!("LOGIN {name} {PASSWORD}\n").as_bytes(), SendFlags::NOSIGNAL)?;
        }
        Ok(())
    }

    /// Reads some that have something, without waiting.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&NOW))?;
        for event in 0..self.events.len() {
            let data = self.events[event].data.u64();
            self.read(usize::try_from(data).expect("an index was put in"))?;
        }
        self.events.clear();
        Ok(())
    }

    fn read(&mut self, index: usize) -> io::Result<()> {
        let device = &mut self.devices[index];
        let length = match recv(&device.socket, &mut self.bite[..], RecvFlags::empty()) {
            Ok((0, _)) => return fail("a device that came back was cut"),
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let before = device.at;
        match &mut device.entrance {
            None => {
                self.transcript.take(device.at, &self.bite[..length])?;
                device.at += length;
            }
            Some(heard) => {
                heard.extend_from_slice(&self.bite[..length]);
                if let Some(told) = told_in(heard)? {
                    if told.missed != told.last || told.missed < self.missed {
                        return fail(format!("a device that missed all was told {told:?}"));
                    }
                    self.transcript.take(0, &heard[told.end..])?;
                    device.at = heard.len() - told.end;
                    device.entrance = None;
                }
            }
        }
        if before < self.missed_bytes && device.at >= self.missed_bytes {
            self.done += 1;
            let now = self.asked.elapsed().as_secs_f64();
            self.first_done.get_or_insert(now);
            if self.done == self.devices.len() {
                self.all_done = Some(now);
            }
        }
        Ok(())
    }

    /// Whether all have everything up to this number, and nothing beyond it.
    pub(crate) fn have(&self, last: u64) -> bool {
        self.transcript.last() == last && self.devices.iter().all(|device| device.at == self.transcript.len())
    }
}

impl AsFd for Returners {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
