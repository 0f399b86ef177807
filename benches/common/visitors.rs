//! Connections that come all at once, log in, and leave: on one epoll, counted and not compared.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Socket, Type};

use super::crowd::KNOCKING;
use super::target::{HASH, PASSWORD};
use super::transcript::MAIL;
use super::{PATIENCE, SEND_BUFFER, fail};

const EVENTS: usize = 256;
/// No turn waits longer, so that whoever calls it can look at other things.
const NAP: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// Each has some connections, as people have some devices.
pub(crate) const MEMBERS: usize = 1000;

fn member(nth: usize) -> String {
    format!("m{}@b.c", nth % MEMBERS)
}

/// members.txt: an admin, and these.
pub(crate) fn the_visitors() -> String {
    let members = (0..MEMBERS).map(|nth| format!("{} {HASH}\n", member(nth)));
    [format!("{MAIL} {HASH} admin\n")].into_iter().chain(members).collect()
}

/// How far a visitor has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The login is not sent yet.
    Coming,
    /// The login is not answered yet.
    Asking,
    Inside,
    /// It has its last words.
    Told,
    Gone,
}

#[derive(Debug)]
struct Visitor {
    socket: Option<OwnedFd>,
    stage: Stage,
    /// Since the login, or the last whole read.
    heard: Vec<u8>,
}

/// How a visitor leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// As a program does that ends.
    Closing,
    /// As one that ends with something unread.
    Resetting,
}

/// See the module.
pub(crate) struct Visitors {
    epoll: OwnedFd,
    address: SocketAddr,
    all: Vec<Visitor>,
    events: Vec<epoll::Event>,
    /// Connections that were reset, or ended, before their login was answered. They have come again.
    pub(crate) turned_away: usize,
    asked: usize,
    inside: usize,
    /// How many were told BYE shutdown, and when the last was.
    pub(crate) told: usize,
    pub(crate) last_told: Option<Instant>,
    gone: usize,
}

impl Visitors {
    pub(crate) fn new(address: SocketAddr) -> io::Result<Visitors> {
        Ok(Visitors {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            address,
            all: Vec::new(),
            events: Vec::with_capacity(EVENTS),
            turned_away: 0,
            asked: 0,
            inside: 0,
            told: 0,
            last_told: None,
            gone: 0,
        })
    }

    /// So many more begin to come.
    pub(crate) fn come(&mut self, count: usize) -> io::Result<()> {
        let first = self.all.len();
        for nth in first..first + count {
            self.all.push(Visitor { socket: None, stage: Stage::Gone, heard: Vec::new() });
            self.begin(nth)?;
        }
        Ok(())
    }

    /// So many come, some at a time.
    pub(crate) fn enter(&mut self, count: usize) -> io::Result<()> {
        while self.all.len() < count {
            self.come(KNOCKING.min(count - self.all.len()))?;
            self.until_inside()?;
        }
        Ok(())
    }

    /// Connects one. As soon as the kernels have shaken hands, it says its login.
    fn begin(&mut self, nth: usize) -> io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(SEND_BUFFER)?;
        // A reset at the end instead of a minute in TIME_WAIT, for which there are not enough ports.
        socket.set_linger(Some(Duration::ZERO))?;
        // Four addresses: with most ports of one in use, connecting would mean searching for a free one.
        let host = u8::try_from(1 + nth % 4).expect("1 to 4");
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0)).into())?;
        socket.set_nonblocking(true)?;
        match socket.connect(&self.address.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        let socket = OwnedFd::from(socket);
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(nth as u64), epoll::EventFlags::OUT)?;
        self.all[nth] = Visitor { socket: Some(socket), stage: Stage::Coming, heard: Vec::new() };
        Ok(())
    }

    /// Serves those with news, or waits a little.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&NAP))?;
        for event in std::mem::take(&mut self.events) {
            self.serve(usize::try_from(event.data.u64()).expect("an index was put in"))?;
        }
        self.events = Vec::with_capacity(EVENTS);
        Ok(())
    }

    fn serve(&mut self, nth: usize) -> io::Result<()> {
        let visitor = &mut self.all[nth];
        let Some(socket) = &visitor.socket else { return Ok(()) };
        if visitor.stage == Stage::Coming {
            let login = format!("LOGIN {} {PASSWORD}\n", member(nth));
            return match send(socket, login.as_bytes(), SendFlags::NOSIGNAL) {
                Ok(_) => {
                    visitor.stage = Stage::Asking;
                    self.asked += 1;
                    let data = epoll::EventData::new_u64(nth as u64);
                    Ok(epoll::modify(&self.epoll, socket, data, epoll::EventFlags::IN)?)
                }
                Err(Errno::AGAIN) => Ok(()),
                Err(_) => self.again(nth),
            };
        }
        let mut bite = [0; 4096];
        match recv(socket, &mut bite, RecvFlags::empty()) {
            Ok((0, _)) | Err(Errno::CONNRESET) => return self.ended(nth),
            Ok((length, _)) => visitor.heard.extend_from_slice(&bite[..length]),
            Err(Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let has = |what: &[u8]| memchr::memmem::find(&visitor.heard, what).is_some();
        match visitor.stage {
            Stage::Asking if has(b"\nOK LOGIN ") => {
                visitor.stage = Stage::Inside;
                self.inside += 1;
            }
            Stage::Inside if has(b"BYE shutdown ") => {
                visitor.stage = Stage::Told;
                self.told += 1;
                self.last_told = Some(Instant::now());
            }
            _ => {}
        }
        if visitor.heard.ends_with(b"\n") && visitor.stage != Stage::Asking {
            visitor.heard = Vec::new();
        }
        Ok(())
    }

    fn ended(&mut self, nth: usize) -> io::Result<()> {
        let visitor = &mut self.all[nth];
        match visitor.stage {
            Stage::Coming | Stage::Asking => self.again(nth),
            Stage::Inside | Stage::Told => {
                (visitor.socket, visitor.stage) = (None, Stage::Gone);
                self.gone += 1;
                Ok(())
            }
            Stage::Gone => Ok(()),
        }
    }

    fn again(&mut self, nth: usize) -> io::Result<()> {
        self.turned_away += 1;
        if self.all[nth].stage == Stage::Asking {
            self.asked -= 1;
        }
        self.all[nth].socket = None;
        self.begin(nth)
    }

    /// Until the kernels have what all of them say, or no more of them get so far.
    pub(crate) fn until_asked(&mut self, at_most: Duration) -> io::Result<()> {
        let start = Instant::now();
        while self.asked < self.all.len() && start.elapsed() < at_most {
            self.turn()?;
        }
        Ok(())
    }

    pub(crate) fn until_inside(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while self.inside < self.all.len() {
            self.turn()?;
            if start.elapsed() > PATIENCE {
                return fail(format!("{} of {} were let in", self.inside, self.all.len()));
            }
        }
        Ok(())
    }

    /// Whether all connections have ended.
    pub(crate) fn are_gone(&self) -> bool {
        self.gone == self.all.len()
    }

    /// The first so many leave, at once.
    pub(crate) fn leave(&mut self, count: usize, how: Leaving) -> io::Result<()> {
        for visitor in &mut self.all[..count] {
            let Some(socket) = visitor.socket.take() else { return fail("a visitor had left already") };
            if how == Leaving::Closing {
                socket2::SockRef::from(&socket).set_linger(None)?;
            }
            visitor.stage = Stage::Gone;
            self.gone += 1;
        }
        Ok(())
    }
}
