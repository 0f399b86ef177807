//! Everything that waits or fails: mio, files, threads. The server is one loop on one thread, and a turn of it
//! is: wait · accept · collect · read · think · write · sweep. The order is the design: nothing is written
//! or freed while reading, so a turn's lines leave in one write per peer, and no event can name a slot that
//! was used again.

pub mod auth;
mod clocks;
mod files;
mod keys;
pub mod log;
pub mod members;
pub mod net;
pub mod ops;
pub mod threads;
mod turn;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::log::{debug, info, warn};
use mio::{Events, Interest, Poll, Token, Waker};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;
use slab::Slab;

pub use crate::server::turn::stop::Outcome;

use crate::limits::READ_PER_TURN;
use crate::options::Options;
use crate::room::{
    AppendResult, CheckJob, Config, ConnId, Effect, Input, MembersFile, Now, Room, StepBack, Verdict,
};
use crate::server::auth::admission::Admission;
use crate::server::auth::passwords::Passwords;
use crate::server::auth::tokens::Tokens;
use crate::server::log::local::Opened;
use crate::server::log::store;
use crate::server::log::store::Store;
use crate::server::members::Members;
use crate::server::net::certificate::{Certificate, Renewal};
use crate::server::net::conn::Conn;
use crate::server::net::listen;
use crate::server::ops::logging::Logging;
use crate::server::ops::metrics::Figures;
use crate::server::ops::refusals::Refusals;
use crate::server::ops::systemd::Notify;
use crate::server::turn::accept::{Accepting, Listener};
use crate::server::turn::acks::Receipts;
use crate::server::turn::close::Closing;
use crate::server::turn::events::{LISTENERS, SIGNALS, WAKER};
use crate::server::turn::stop::Stage;
use crate::server::turn::write::Delivery;
use clocks::{as_time, read_clocks, wall_clock};

/// Readiness changes taken from the kernel in one turn.
const EVENTS_PER_TURN: usize = 1024;

/// See the module.
#[expect(missing_debug_implementations, reason = "its state is what STATS tells")]
pub struct Server {
    poll: Poll,
    events: Events,
    signals: Signals,
    /// None while stopping: who comes then is refused at once, and may try elsewhere or later.
    listeners: Vec<Listener>,
    /// `None`: no listener has TLS.
    renewal: Option<Renewal>,
    accepting: Accepting,
    admission: Admission,
    options: Options,
    room: Room,
    effects: Vec<Effect>,
    conns: Slab<Conn>,
    next_serial: u64,
    /// Connections with something to be read, or with lines that wait.
    ready: VecDeque<ConnId>,
    /// Those of them whose TLS is not set up yet.
    handshaking: VecDeque<ConnId>,
    delivery: Delivery,
    closing: Closing,
    passwords: Passwords,
    members: Members,
    store: Store,
    receipts: Receipts,
    refusals: Refusals,
    logging: Logging,
    figures: Figures,
    notify: Notify,
    stage: Stage,
    /// How it will have ended, once it has.
    outcome: Outcome,
    started: Instant,
    now: Now,
    /// Something was left to do when this turn's bounds were reached: the next turn does not wait.
    unfinished: bool,
    /// One buffer for all reading; empty between two reads.
    scratch: Box<[u8]>,
}

impl Server {
    /// Listens, and starts the threads. `file` is what the members file says now, `opened` the history, if
    /// there is one, `certificate` what TLS is served with, if it is.
    pub fn start(
        options: Options,
        file: MembersFile,
        opened: Option<Opened>,
        tokens: Tokens,
        certificate: Option<&Certificate>,
        logging: Logging,
    ) -> io::Result<Server> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        let possible = listen::connections_possible();
        let mut listeners = Vec::new();
        let mut renewal = None;
        if let (Some(tls), Some(certificate)) = (&options.tls, certificate) {
            listeners.push(Listener::open(tls.listen, Some(Arc::clone(&certificate.config)))?);
            renewal = Some(Renewal::start(tls.source.clone(), certificate, Arc::clone(&waker))?);
        }
        if let Some(addr) = options.listen {
            listeners.push(Listener::open(addr, None)?);
        }
        for (listener, token) in listeners.iter_mut().zip(LISTENERS) {
            poll.registry().register(&mut listener.socket, token, Interest::READABLE)?;
        }

        let transcript_id = match &opened {
            Some(opened) => opened.id,
            None => {
                let mut random = [0; 4];
                getrandom::fill(&mut random)?;
                u32::from_le_bytes(random)
            }
        };
        let config = Config {
            window: options.window,
            line_max: options.line_max,
            login_timeout: options.login_timeout,
            transcript_id,
            rate: options.rate,
            connections_per_member_max: options.connections_per_member_max,
            past: options.past,
        };
        let started = Instant::now();
        let mut effects = Vec::new();
        let roster = file.roster();
        let members = Members::start(&options.members, file, Arc::clone(&waker))?;
        let passwords = Passwords::start(tokens, Arc::clone(&waker))?;
        let now = read_clocks(started);
        let (mut room, store) = match opened {
            Some(opened) => {
                let (recall, store) = store::start(opened, &roster, &waker)?;
                (Room::restore(config, &roster, recall, now, &mut effects), store)
            }
            None => (Room::new(config, roster, &mut effects), Store::Memory),
        };
        let connections_max = options.connections_max.unwrap_or(possible).min(possible);
        info!("members: {}, room for {connections_max} connections", room.members());
        room.reserve(connections_max);
        listen::reserve_descriptors(connections_max);
        Ok(Server {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN),
            signals,
            listeners,
            renewal,
            accepting: Accepting::new(connections_max, &options),
            admission: Admission::default(),
            options,
            room,
            effects,
            conns: Slab::with_capacity(connections_max),
            next_serial: 0,
            ready: VecDeque::new(),
            handshaking: VecDeque::new(),
            delivery: Delivery::default(),
            closing: Closing::default(),
            passwords,
            members,
            store,
            receipts: Receipts::default(),
            refusals: Refusals::default(),
            logging,
            figures: Figures::default(),
            notify: Notify::from_environment(),
            stage: Stage::Serving,
            outcome: Outcome::Clean,
            started,
            now,
            unfinished: true,
            scratch: vec![0; READ_PER_TURN].into_boxed_slice(),
        })
    }

    /// Where it listens, and whether with TLS: the port is the kernel's choice if the options said 0.
    pub fn local_addrs(&self) -> io::Result<Vec<(SocketAddr, bool)>> {
        self.listeners
            .iter()
            .map(|listener| Ok((listener.socket.local_addr()?, listener.tls.is_some())))
            .collect()
    }

    /// Serves until a signal says to stop. An error: the poll itself failed.
    pub fn run(mut self) -> io::Result<Outcome> {
        self.notify_ready();
        loop {
            let timeout = self.timeout();
            if let Err(error) = self.poll.poll(&mut self.events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error);
            }
            if let Some(outcome) = self.turn() {
                return Ok(outcome);
            }
        }
    }

    fn turn(&mut self) -> Option<Outcome> {
        self.now = read_clocks(self.started);
        self.unfinished = false;
        self.room.begin_turn(self.now);

        self.note_readiness();
        self.accept();
        self.collect();
        self.read();
        self.think();
        self.log_step_back();
        self.note_new_devices();
        self.write();
        self.look_at_receipts();
        self.look_at_stalled();
        self.notify_beat();
        let outcome = self.sweep();
        // What writing has asked for, a block of the files, is carried out by the next turn: now.
        self.unfinished |= !self.effects.is_empty();

        self.figures.note_turn();
        outcome
    }

    /// Notes what is ready; acts on nothing yet but signals.
    fn note_readiness(&mut self) {
        let mut signalled = false;
        for event in &self.events {
            match event.token() {
                WAKER => {}
                SIGNALS => signalled = true,
                token if LISTENERS.contains(&token) => {
                    let at = LISTENERS.iter().position(|listener| *listener == token);
                    if let Some(listener) = at.and_then(|at| self.listeners.get_mut(at)) {
                        listener.ready = true;
                    }
                }
                Token(slot) => {
                    let Some(conn) = self.conns.get_mut(slot) else { continue };
                    if event.is_read_closed() || event.is_error() || event.is_priority() {
                        conn.socket.short_tells_nothing = true;
                    }
                    // Who has hung up is told of all that happens to it, and the last of that reads as an end.
                    if event.is_readable() || conn.socket.short_tells_nothing || conn.has_hung_up() {
                        conn.socket.readable = true;
                        if !std::mem::replace(&mut conn.in_ready, true) {
                            self.ready.push_back(conn.id);
                        }
                    }
                    if event.is_writable() && !std::mem::replace(&mut conn.socket.writable, true) {
                        self.delivery.resume(conn);
                    }
                }
            }
        }
        if signalled {
            let signals: Vec<i32> = self.signals.pending().collect();
            for signal in signals {
                self.heed(signal);
            }
        }
    }

    fn heed(&mut self, signal: i32) {
        if signal == SIGHUP {
            // This line is the first of the new file.
            self.logging.reopen();
            info!("SIGHUP: reading {} and reopening the log", self.options.members.display());
            self.members.reload();
            if let Some(renewal) = &self.renewal {
                renewal.ask();
            }
        } else {
            info!("signal {signal}: stopping");
            self.begin_stopping();
        }
    }

    /// Collects what the threads have done.
    fn collect(&mut self) {
        let mut inputs = Vec::new();
        self.unfinished |= self.passwords.collect(self.now, &self.room, &mut inputs);
        self.members.collect(&mut inputs);
        self.store.collect(&mut inputs);
        if let Some(renewal) = &mut self.renewal {
            renewal.look(self.now.mono);
        }
        if let Some(config) = self.renewal.as_mut().and_then(Renewal::collect) {
            let with_tls = self.listeners.iter_mut().filter_map(|listener| listener.tls.as_mut());
            with_tls.for_each(|tls| *tls = Arc::clone(&config));
        }
        for input in inputs {
            if matches!(input, Input::Appended(AppendResult::Fatal)) {
                self.stop_at_once();
            }
            self.tell(input);
        }
        let changed = self.room.take_changed();
        self.passwords.forget(&changed);
        members::log_changed(&changed);
    }

    /// Tells the room what came of something it wanted.
    fn tell(&mut self, input: Input<'static>) {
        let Input::Checked(job, verdict) = &input else {
            return self.room.handle(self.now, input, &mut self.effects);
        };
        let id = job.conn;
        self.note_checked(job, *verdict);
        self.room.handle(self.now, input, &mut self.effects);
        if self.room.is_stranger(id) && !self.room.is_waiting(id) {
            self.admission.mark_evictable(id);
        }
    }

    /// A password or a token was checked, as the room is about to be told.
    fn note_checked(&mut self, job: &CheckJob, verdict: Verdict) {
        debug!("{} {:?}: {verdict:?}", job.mail, job.conn);
        if verdict == Verdict::Match {
            self.look_at_member(&job.mail);
        }
        let Some(conn) = self.conns.get_mut(job.conn.slot as usize).filter(|conn| conn.id == job.conn) else {
            return;
        };
        conn.trusted |= verdict == Verdict::Match;
    }

    /// Lets the room act on time, and carries out what it wants.
    fn think(&mut self) {
        if self.room.next_deadline().is_some_and(|at| at <= self.now.mono) {
            self.room.handle(self.now, Input::Tick, &mut self.effects);
        }
        loop {
            self.room.poll_append(&mut self.effects);
            if self.effects.is_empty() {
                return;
            }
            for effect in std::mem::take(&mut self.effects) {
                if let Some(input) = self.carry_out(effect) {
                    self.tell(input);
                }
            }
        }
    }

    /// Tells the log of a clock that was wrong, or is.
    fn log_step_back(&mut self) {
        if let Some(StepBack { from, to }) = self.room.take_step_back() {
            warn!(
                "the last event is from {from}, but the clock says {to}: it was wrong then, or is now; \
                 the times of events step back, their numbers never"
            );
        }
    }

    /// How long the next poll may wait.
    fn timeout(&self) -> Option<Duration> {
        if self.unfinished {
            return Some(Duration::ZERO);
        }
        let deadlines = [
            self.room.next_deadline(),
            self.delivery.held_until(),
            self.closing.next_deadline(),
            self.accepting.resume_at(),
            self.passwords.next_deadline(),
            (!self.conns.is_empty()).then_some(self.receipts.next_look()),
            self.stage.deadline(),
            self.notify.next_beat(),
            self.renewal.as_ref().map(Renewal::next_look),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        let now = read_clocks(self.started).mono;
        // A poll counts whole milliseconds: one more, so that the deadline has passed when it returns.
        Some(next.saturating_sub(now) + Duration::from_millis(1))
    }
}
