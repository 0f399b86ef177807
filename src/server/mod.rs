//! Everything that waits or fails: mio, files, threads. The server is one loop on one thread; ARCHITECTURE.md has the
//! phases of its turn, which `Server::turn` calls. Their order is the design: nothing is written or freed while reading,
//! so the lines of a turn leave in one write per peer, and no event can name a slot that has been reused.
//!
//! Longer than 350 lines: the start and the turn are each to be read in one piece.

pub mod auth;
mod clocks;
mod counted;
mod figures;
mod files;
pub mod found;
mod group;
mod histogram;
mod keys;
pub mod log;
pub mod members;
pub mod net;
pub mod node;
pub mod ops;
mod over;
mod quoted;
mod thinned;
pub mod threads;
mod turn;

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use ::log::{debug, info};
use signal_hook::consts::signal::SIGHUP;

pub use crate::server::group::Group;
pub use crate::server::turn::stop::Outcome;

use crate::options::{ConnectionsMax, Options};
use crate::room::{Config, Effect, Input};
use crate::server::auth::admission::{Admission, Places};
use crate::server::auth::passwords::Passwords;
use crate::server::auth::queue::Task;
use crate::server::auth::tokens::Tokens;
use crate::server::log::Log;
use crate::server::members::Members;
pub use crate::server::net::Speech;
use crate::server::net::passed::Passed;
use crate::server::net::{Certificate, Connections, Net, listen};
use crate::server::ops::Ops;
use crate::server::ops::logging::Logging;
use crate::server::ops::metrics::Metrics;
use crate::server::turn::acks::Receipts;
use crate::server::turn::close::Closing;
use crate::server::turn::hashes::CACHED_PER_TURN;
use crate::server::turn::stop::{Stage, Stopping};
use crate::server::turn::write::Delivery;
use crate::server::turn::{
    Hub, Work, accept, acks, close, edits, follow, handshake, hashes, joins, places, read, rewrite, write,
};
use clocks::{Clocks, as_time, wall_clock};
use counted::counted;

/// The wings, the hub between them, and what the phases of the turn remember until the next one.
#[expect(missing_debug_implementations, reason = "its state is what STATS tells")]
pub struct Server {
    clocks: Clocks,
    net: Net,
    passwords: Passwords,
    log: Log,
    members: Members,
    ops: Ops,
    hub: Hub,
    delivery: Delivery,
    receipts: Receipts,
    closing: Closing,
    stopping: Stopping,
}

impl Server {
    /// Listens, and starts the threads. `certificate` is the one to serve TLS with, if TLS is served; `passed` are sockets that
    /// listen already.
    pub fn start(
        options: &Options,
        group: Group,
        tokens: Tokens,
        certificate: Option<&Certificate>,
        mut passed: Passed,
        logging: Logging,
    ) -> io::Result<Server> {
        let clocks = Clocks::start();
        let possible = listen::connections_possible();
        let ConnectionsMax { in_all, before_login, per_address, per_member, login_timeout } =
            options.connections;
        let connections_max = in_all.unwrap_or(possible).min(possible);
        // First: the log is told of the passed sockets that the other options leave.
        let monitors = options.listen.metrics;
        let monitors = monitors.map(|addr| Metrics::listen(addr, &mut passed)).transpose()?;
        let (net, waker) = Net::start(options, certificate, passed)?;
        let passwords = Passwords::start(tokens, Arc::clone(&waker))?;
        let admission = Admission::new(Places { all: connections_max, before_login, per_address });
        let (now, mut effects) = (clocks.read(), Vec::new());
        let config = Config {
            window: options.window,
            line_max: options.line_max,
            login_timeout,
            transcript_id: getrandom::u32()?,
            rate: options.rate,
            connections_per_member_max: per_member,
            past: options.past,
        };
        let (mut room, log, members) = group.start(config, &options.members, now, &waker, &mut effects)?;
        info!("members: {}, room for {}", room.members(), counted(connections_max, "connection"));
        room.reserve(connections_max);
        listen::reserve_descriptors(connections_max);
        let conns = Connections::new(connections_max, options.line_max, login_timeout);
        let ops = Ops::start(logging, monitors, &waker)?;
        Ok(Server {
            clocks,
            net,
            passwords,
            log,
            members,
            ops,
            hub: Hub::new(now, conns, admission, room, effects),
            delivery: Delivery::default(),
            receipts: Receipts::default(),
            closing: Closing::default(),
            stopping: Stopping::default(),
        })
    }

    /// The addresses it listens at, and what is spoken at each. If the options ask for port 0, the kernel has chosen one.
    pub fn local_addrs(&self) -> io::Result<Vec<(SocketAddr, Speech)>> {
        self.net.listeners.local_addrs()
    }

    /// Where monitors are answered.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.ops.metrics.as_ref().map(|metrics| metrics.addr)
    }

    /// Serves until a signal says to stop. Fails only if polling fails.
    pub fn run(mut self) -> io::Result<Outcome> {
        self.ops.notify.say_ready();
        let mut timeout = Some(Duration::ZERO);
        loop {
            self.net.wait(timeout)?;
            match self.turn() {
                ControlFlow::Continue(next) => timeout = next,
                ControlFlow::Break(outcome) => return Ok(outcome),
            }
        }
    }

    /// Another turn follows as soon as something happens, or after the time returned.
    fn turn(&mut self) -> ControlFlow<Outcome, Option<Duration>> {
        self.hub.begin_turn(self.clocks.read());
        let mut work = Work::Done;
        for signal in self.net.record_readiness(&mut self.hub.conns) {
            self.handle_signal(signal);
            work = Work::Remains;
        }
        work |= handshake::advance(&mut self.hub);
        work |= accept::accept(&mut self.net, &mut self.hub);
        self.collect();
        work |= read::read(&mut self.hub, self.stopping.stage);
        work |= self.think();
        let Server { hub, log, delivery, receipts, closing, .. } = self;
        acks::hold_new_devices(hub, log, receipts);
        work |= write::write(hub, log, delivery, closing);
        work |= acks::query_due(hub, log, receipts);
        work |= rewrite::rewrite(hub, log, &mut receipts.rewriting);
        work |= places::exchange(hub, log);
        work |= read::wake_late(hub);
        self.notify_status();
        let Server { hub, net, log, members, closing, stopping, .. } = self;
        work |= close::close(hub, &mut net.listeners, closing);
        work |= stopping.advance(hub, members, log)?;
        if cfg!(debug_assertions) {
            self.hub.check();
        }
        // Writing may ask for a block of the files. The next turn carries that out, at once.
        work |= Work::remains_if(!self.hub.effects.is_empty());
        self.ops.turns.turn_ended(self.hub.now.mono);
        ControlFlow::Continue(match work {
            Work::Remains => Some(Duration::ZERO),
            Work::Done => self.timeout(),
        })
    }

    fn handle_signal(&mut self, signal: i32) {
        if signal == SIGHUP {
            // The line below is the first of the new log file.
            self.ops.logging.reopen();
            info!("SIGHUP: reading {} and reopening the log", self.members.path.display());
            self.members.reload();
            self.net.listeners.ask_renewal();
        } else {
            info!("signal {signal}: stopping");
            self.stopping.begin(self.hub.now, &mut self.net.listeners, &self.ops.notify);
        }
    }

    /// Collects the threads' answers.
    fn collect(&mut self) {
        let now = self.hub.now;
        let Server { hub, passwords, log, members, ops, delivery, stopping, .. } = &*self;
        figures::tell_monitor(hub, passwords, log, members, ops, &delivery.took, stopping.stage);
        let mut inputs = Vec::new();
        // Edits before passwords: an edit that was told before somebody wants to join counts.
        self.members.collect(&mut inputs);
        self.passwords.collect(now, &mut inputs);
        self.net.listeners.renew(now);
        for input in inputs {
            self.tell(input);
        }
        self.collect_log();
        self.follow();
        let is_lost = self.log.cluster().is_some_and(|cluster| cluster.has_stopped());
        if is_lost && self.stop_now(Outcome::GroupLost) {
            self.hub.tell(Input::CutOff);
        }
    }

    fn collect_log(&mut self) {
        let mut inputs = Vec::new();
        self.log.collect(self.hub.now, &mut inputs);
        for input in inputs {
            if matches!(input, Input::LogFailed) {
                self.stop_now(Outcome::StorageFailed);
            }
            self.tell(input);
        }
    }

    fn stop_now(&mut self, outcome: Outcome) -> bool {
        self.stopping.stop_now(outcome, &mut self.hub, &mut self.net.listeners, &self.ops.notify)
    }

    /// On a node of a cluster: tells the room what the group has decided, and asks the group for what was edited. Returns whether
    /// that is anything.
    fn follow(&mut self) -> bool {
        let Server { hub, passwords, log, members, .. } = self;
        let has_decided = follow::follow(hub, log, members);
        let has_asked = edits::ask(members, log, &hub.room);
        let changed = hub.room.take_changed();
        passwords.forget(&changed);
        members::log_changed(&changed);
        if let Some(answer) = edits::hash_next(hub, members, passwords) {
            self.tell(answer);
        }
        has_decided || has_asked
    }

    /// Hands the room the answer to an effect, or other news.
    fn tell(&mut self, input: Input<'static>) {
        match input {
            Input::Checked(job, verdict) => hashes::verdict(job, verdict, &mut self.hub),
            Input::Settled(job, last_is) => hashes::settled(job, last_is, &mut self.hub),
            Input::Joining(job, hash, _) => joins::hashed(job, hash, &self.passwords, &mut self.hub),
            Input::Members(news) => joins::members_news(news, &mut self.hub),
            Input::Hashed(job, hash) => match self.members.edits() {
                // The room of a node knows of no typed passwords.
                Some(edits) if job.purpose.conn().is_none() => {
                    edits.hashed(self.hub.now.mono, &job.password, hash);
                }
                _ => self.hub.tell(Input::Hashed(job, hash)),
            },
            input => self.hub.tell(input),
        }
    }

    /// Lets the room act on time, and carries out what it wants.
    fn think(&mut self) -> Work {
        let now = self.hub.now;
        if self.hub.room.next_deadline().is_some_and(|at| at <= now.mono) {
            self.hub.tell(Input::Tick);
        }
        let mut from_cache = CACHED_PER_TURN;
        let mut may_look = true;
        loop {
            let Hub { room, effects, .. } = &mut self.hub;
            room.poll_proposals(effects);
            let effects = std::mem::take(effects);
            let answers = hashes::hand_over(now, &mut self.passwords, room, &mut from_cache);
            if effects.is_empty() && answers.is_empty() {
                match self.log.store_next(now) {
                    Some(committed) => self.tell(committed),
                    None if self.follow() => {}
                    // A thread that commits comes before the loop where they share a core. What is written without a sync is
                    // written by now, and need not wait until a slice of the pass is.
                    None if std::mem::take(&mut may_look) && self.log.is_storing() => self.collect_log(),
                    None => return Work::remains_if(from_cache == 0),
                }
            }
            for effect in effects {
                if let Some(input) = self.carry_out(effect) {
                    self.tell(input);
                }
            }
            for answer in answers {
                self.tell(answer);
            }
        }
    }

    /// Carries out an effect. Some are answered at once.
    fn carry_out(&mut self, effect: Effect) -> Option<Input<'static>> {
        let Server { net, passwords, log, members, hub, ops, .. } = self;
        let now = hub.now;
        let is_waiting = |id| hub.room.is_waiting(id);
        match effect {
            Effect::Check(job) => return hashes::ask(job, passwords, hub),
            Effect::Settle(job) => return hashes::settle(job, hub, log),
            Effect::Join(job) => return joins::ask(job, passwords, hub),
            Effect::Invite(job) => return Some(joins::invite(job, passwords, net.listeners.page(), now)),
            Effect::Issue(job) => return Some(passwords.issue(job, now.wall)),
            Effect::Hash(job) => return passwords.enqueue(Task::Hash(job), now, is_waiting),
            Effect::Save(ticket, change) => match log.cluster() {
                Some(cluster) => cluster.save(ticket, change),
                None => return members.save(ticket, change),
            },
            Effect::Propose(batch) => log.propose(batch),
            Effect::Locate(job) => return log.locate(job),
            Effect::Find(job) => log.find(job),
            Effect::Block(number) => return log.read_block(number),
            Effect::Refused(id, mail, why) => joins::refused(id, mail.as_ref(), why, passwords, hub),
            Effect::Measure(id) => {
                debug!("STATS asked by {id:?}");
                let longest_turn = ops.turns.longest_for(id, now.mono);
                let figures = figures::figures(longest_turn, hub, passwords, log, members, ops);
                return Some(Input::Measured(id, hub.conns.handshakes.len(), figures));
            }
        }
        None
    }

    /// Tells the service manager that the loop is alive, and the server's status.
    fn notify_status(&mut self) {
        let notify = &mut self.ops.notify;
        if notify.tick(self.hub.now.mono) && self.stopping.stage == Stage::Serving {
            notify.say_status(figures::status(&self.hub, &self.members));
        }
    }

    /// How long the next poll may wait.
    fn timeout(&self) -> Option<Duration> {
        let Server { net: Net { listeners, .. }, hub: Hub { conns, room, .. }, .. } = self;
        let deadlines = [
            room.next_deadline(),
            self.log.next_deadline(),
            self.delivery.held_until,
            self.closing.next_deadline(),
            listeners.paused_until,
            conns.handshakes.next_deadline(),
            self.passwords.next_deadline(),
            (!conns.is_empty()).then_some(self.receipts.next_round),
            self.stopping.next_deadline(),
            self.ops.notify.next_deadline(),
            listeners.next_look(),
            self.members.retry_at(),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        // A poll waits whole milliseconds. One more, so that the deadline has passed when it returns.
        Some(next.saturating_sub(self.clocks.read().mono) + Duration::from_millis(1))
    }
}
