//! Everything that waits or fails: mio, files, threads. The server is one loop on one thread; ARCHITECTURE.md has the
//! phases of its turn, which `Server::turn` calls. Their order is the design: nothing is written or freed while reading,
//! so the lines of a turn leave in one write per peer, and no event can name a slot that has been reused.

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

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::log::{debug, info, warn};
use signal_hook::consts::signal::SIGHUP;

pub use crate::server::turn::stop::Outcome;

use crate::options::Options;
use crate::room::{Config, Effect, Input, MembersFile, Now, Room, StepBack};
use crate::server::auth::Auth;
use crate::server::auth::admission::{Admission, Places};
use crate::server::auth::passwords::Passwords;
use crate::server::auth::tokens::Tokens;
use crate::server::log::Log;
use crate::server::log::local::Opened;
use crate::server::members::Members;
use crate::server::net::certificate::Certificate;
use crate::server::net::{Net, listen};
use crate::server::ops::logging::Logging;
use crate::server::ops::{Ops, systemd};
use crate::server::turn::acks::Receipts;
use crate::server::turn::close::Closing;
use crate::server::turn::hashes::CACHED_PER_TURN;
use crate::server::turn::stop::{Step, Stopping};
use crate::server::turn::write::Delivery;
use crate::server::turn::{Work, accept, acks, close, handshake, hashes, read, rewrite, verdict, write};
use clocks::{Clocks, as_time, wall_clock};

/// The wings, the room between them, and what the phases of the turn remember until the next one.
#[expect(missing_debug_implementations, reason = "its state is what STATS tells")]
pub struct Server {
    clocks: Clocks,
    net: Net,
    auth: Auth,
    log: Log,
    members: Members,
    ops: Ops,
    room: Room,
    /// What the room wants done.
    effects: Vec<Effect>,
    delivery: Delivery,
    receipts: Receipts,
    closing: Closing,
    stopping: Stopping,
}

/// What happens after a turn.
enum Next {
    /// Another turn, as soon as something happens, or after this time.
    Turn(Option<Duration>),
    /// The server has ended.
    Over(Outcome),
}

impl Server {
    /// Listens, and starts the threads. `file` is the members file as it is now, `opened` the history if there is
    /// one, and `certificate` the one to serve TLS with, if TLS is served.
    pub fn start(
        options: &Options,
        file: MembersFile,
        opened: Option<Opened>,
        tokens: Tokens,
        certificate: Option<&Certificate>,
        logging: Logging,
    ) -> io::Result<Server> {
        let clocks = Clocks::start();
        let possible = listen::connections_possible();
        let connections_max = options.connections.in_all.unwrap_or(possible).min(possible);
        let (net, waker) = Net::start(options, certificate, connections_max)?;

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
            connections_per_member_max: options.connections.per_member,
            past: options.past,
        };
        let roster = file.roster();
        let members = Members::start(&options.members, file, Arc::clone(&waker))?;
        let passwords = Passwords::start(tokens, Arc::clone(&waker))?;
        let admission = Admission::new(Places {
            all: connections_max,
            before_login: options.connections.before_login,
            per_address: options.connections.per_address,
        });
        let mut effects = Vec::new();
        let (mut room, log) = match opened {
            Some(opened) => {
                let (restored, log) = Log::start(opened, &roster, &waker)?;
                (Room::restore(config, &roster, restored, clocks.read(), &mut effects), log)
            }
            None => (Room::new(config, roster, &mut effects), Log::in_memory()),
        };
        info!("members: {}, room for {connections_max} connections", room.members());
        room.reserve(connections_max);
        listen::reserve_descriptors(connections_max);
        Ok(Server {
            clocks,
            net,
            auth: Auth { passwords, admission },
            log,
            members,
            ops: Ops::start(logging),
            room,
            effects,
            delivery: Delivery::default(),
            receipts: Receipts::default(),
            closing: Closing::default(),
            stopping: Stopping::default(),
        })
    }

    /// The addresses it listens at, and whether each has TLS. If the options ask for port 0, the kernel has chosen one.
    pub fn local_addrs(&self) -> io::Result<Vec<(SocketAddr, bool)>> {
        self.net.listeners.local_addrs()
    }

    /// Serves until a signal says to stop. Fails only if polling fails.
    pub fn run(mut self) -> io::Result<Outcome> {
        self.ops.notify.say_ready();
        let mut timeout = Some(Duration::ZERO);
        loop {
            self.net.poller.wait(timeout)?;
            match self.turn() {
                Next::Turn(next) => timeout = next,
                Next::Over(outcome) => return Ok(outcome),
            }
        }
    }

    fn turn(&mut self) -> Next {
        let now = self.clocks.read();
        self.room.begin_turn(now);

        let mut work = Work::Done;
        for signal in self.net.record_readiness() {
            self.handle_signal(now, signal);
            work = Work::Remains;
        }
        let Server { net, auth, ops, room, effects, .. } = self;
        work |= handshake::advance(now, &mut net.conns, &mut ops.refusals);
        work |= accept::accept(now, net, &mut auth.admission, &mut ops.refusals, room);
        handshake::announce(now, &mut net.conns, room, effects);
        self.collect(now);
        let Server { net, room, effects, stopping, .. } = self;
        work |= read::read(now, stopping.stage(), &mut net.conns, room, effects);
        work |= self.think(now);
        self.log_step_back();
        let Server { net, log, room, effects, delivery, receipts, closing, .. } = self;
        let conns = &mut net.conns;
        acks::hold_new_devices(conns, room, log, receipts);
        work |= write::write(now, conns, room, log, effects, delivery, closing);
        work |= acks::query_due(now, conns, room, log, receipts);
        work |= rewrite::rewrite(now, room, log, &mut receipts.rewriting);
        work |= read::wake_late(conns, room);
        self.notify_status(now);
        let Server { net, auth, log, members, room, effects, closing, stopping, .. } = self;
        work |= close::close(now, net, &mut auth.admission, room, effects, closing);
        match stopping.advance(now, &mut net.conns, room, effects, members, log) {
            Step::Same => {}
            Step::Next => work = Work::Remains,
            Step::Over(outcome) => return Next::Over(outcome),
        }
        if cfg!(debug_assertions) {
            self.net.conns.check();
        }
        // Writing may ask for a block of the files. The next turn carries that out, at once.
        work |= Work::remains_if(!self.effects.is_empty());

        self.ops.turns.turn_ended();
        Next::Turn(match work {
            Work::Remains => Some(Duration::ZERO),
            Work::Done => self.timeout(),
        })
    }

    fn handle_signal(&mut self, now: Now, signal: i32) {
        if signal == SIGHUP {
            // The line below is the first of the new log file.
            self.ops.logging.reopen();
            info!("SIGHUP: reading {} and reopening the log", self.members.path().display());
            self.members.reload();
            self.net.listeners.ask_renewal();
        } else {
            info!("signal {signal}: stopping");
            self.stopping.begin(now, &mut self.net.listeners, &self.ops.notify);
        }
    }

    /// Collects the threads' answers.
    fn collect(&mut self, now: Now) {
        let mut inputs = Vec::new();
        self.auth.passwords.collect(now, &mut inputs);
        self.members.collect(&mut inputs);
        self.log.collect(now, &mut inputs);
        self.net.listeners.renew(now.mono);
        for input in inputs {
            if matches!(input, Input::LogFailed) {
                self.stopping.stop_now(now, &mut self.net, &self.ops.notify);
            }
            self.tell(now, input);
        }
        let changed = self.room.take_changed();
        self.auth.passwords.forget(&changed);
        members::log_changed(&changed);
    }

    /// Hands the room the answer to an effect, or other news.
    fn tell(&mut self, now: Now, input: Input<'static>) {
        let Server { net, auth, room, effects, .. } = self;
        if let Input::Checked(job, verdict) = input {
            return verdict::apply(now, job, verdict, &mut net.conns, &mut auth.admission, room, effects);
        }
        room.handle(now, input, effects);
    }

    /// Lets the room act on time, and carries out what it wants.
    fn think(&mut self, now: Now) -> Work {
        if self.room.next_deadline().is_some_and(|at| at <= now.mono) {
            self.room.handle(now, Input::Tick, &mut self.effects);
        }
        let mut from_cache = CACHED_PER_TURN;
        loop {
            self.room.poll_proposals(&mut self.effects);
            let effects = std::mem::take(&mut self.effects);
            let answers = hashes::hand_over(now, &mut self.auth.passwords, &self.room, &mut from_cache);
            if effects.is_empty() && answers.is_empty() {
                match self.log.store_next(now) {
                    Some(committed) => self.tell(now, committed),
                    None => return Work::remains_if(from_cache == 0),
                }
            }
            for effect in effects {
                if let Some(input) = self.carry_out(now, effect) {
                    self.tell(now, input);
                }
            }
            for answer in answers {
                self.tell(now, answer);
            }
        }
    }

    /// Carries out an effect. Some are answered at once.
    fn carry_out(&mut self, now: Now, effect: Effect) -> Option<Input<'static>> {
        let Server { net, auth, log, members, ops, room, .. } = self;
        match effect {
            Effect::Check(job) => auth.check(job, now, |id| room.is_waiting(id)),
            Effect::Issue(job) => Some(auth.passwords.issue(job, now.wall)),
            Effect::Hash(job) => auth.passwords.hash(job, now, |id| room.is_waiting(id)),
            Effect::Save(ticket, change) => members.save(ticket, change),
            Effect::Propose(batch) => {
                log.propose(batch);
                None
            }
            Effect::Locate(job) => log.locate(job),
            Effect::Block(number) => log.read_block(number),
            Effect::Refused(id, mail, why) => {
                if let Some(conn) = net.conns.get(id) {
                    ops.refusals.log(now, &conn.socket.origin(), mail.as_ref(), why);
                }
                None
            }
            Effect::Measure(id) => {
                let figures = ops.measure(now, &net.conns, &auth.passwords, log, members);
                debug!("STATS asked by {id:?}");
                Some(Input::Measured(id, net.conns.handshaking(), figures))
            }
        }
    }

    /// Logs that the clock was wrong, or is.
    fn log_step_back(&mut self) {
        if let Some(StepBack { from, to }) = self.log.take_step_back() {
            warn!(
                "the last event is from {from}, but the clock says {to}: it was wrong then, or is now; \
                 the times of events step back, their numbers never"
            );
        }
    }

    /// Tells the service manager that the loop is alive, and the server's status.
    fn notify_status(&mut self, now: Now) {
        if self.ops.notify.tick(now.mono) && self.stopping.stage().is_reading() {
            let (logged_in, in_group) = (self.room.logged_in(), self.room.members());
            let status = systemd::status(self.net.conns.len(), logged_in, in_group, &self.members);
            self.ops.notify.say_status(status);
        }
    }

    /// How long the next poll may wait.
    fn timeout(&self) -> Option<Duration> {
        let Net { listeners, conns, .. } = &self.net;
        let deadlines = [
            self.room.next_deadline(),
            self.log.next_deadline(),
            self.delivery.held_until(),
            self.closing.next_deadline(),
            listeners.paused_until(),
            conns.handshake_deadline(),
            self.auth.passwords.next_deadline(),
            (!conns.is_empty()).then_some(self.receipts.next_round()),
            self.stopping.stage().deadline(),
            self.ops.notify.next_deadline(),
            listeners.next_look(),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        // A poll waits whole milliseconds. One more, so that the deadline has passed when it returns.
        Some(next.saturating_sub(self.clocks.read().mono) + Duration::from_millis(1))
    }
}
