//! Which broker is next, and when.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Instant;

use mio::Waker;

use super::access::Access;
use super::address::{Address, Addresses};
use super::broken::{Broken, Why};
use super::link::Link;
use crate::limits::{BROKER_RESOLVE_WAIT, BROKER_RETRY_FIRST, BROKER_RETRY_LONGEST, BROKER_SILENCE};

/// What comes of dialing.
#[derive(Debug)]
pub enum Dialed {
    /// A connection, which is only beginning. Register it, and tell what becomes of it: [`Dialer::up`],
    /// [`Dialer::lost`].
    Link(Box<Link>),
    /// This did not work; the next one is tried.
    Failed(Broken),
    /// Nothing until then, or until the waker says so. `None`: there is a connection.
    Wait(Option<Instant>),
}

type Answer = io::Result<Vec<SocketAddr>>;

#[derive(Debug)]
struct Broker {
    address: Address,
    /// Of the last look-up that succeeded, for the time in which names cannot be looked up.
    known: Vec<SocketAddr>,
    /// A look-up under way; it may outlast our patience.
    lookup: Option<Receiver<Answer>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing before this.
    Waiting { until: Instant },
    /// The name is being looked up.
    Resolving { since: Instant },
    /// A link was handed out, and is up since then.
    Open { up: Option<Instant> },
}

/// Opens one connection after the other: to each broker in turn, from the first on, to each of its addresses. After a
/// round in which all have failed it waits, up to twice as long after each further one. Names are looked up by a thread
/// each, because a resolver that is cut off takes half a minute.
#[derive(Debug)]
pub struct Dialer {
    brokers: Vec<Broker>,
    access: Arc<Access>,
    waker: Arc<Waker>,
    /// The broker whose turn it is, and those of its addresses that are still to be tried.
    at: usize,
    addresses: VecDeque<SocketAddr>,
    /// Brokers that have failed since the last connection that lasted.
    failures: usize,
    state: State,
}

impl Dialer {
    /// `waker` wakes the owner's poll when a name was looked up.
    pub fn new(brokers: &Addresses, access: Arc<Access>, waker: Arc<Waker>, now: Instant) -> Dialer {
        let broker = |address: &Address| Broker { address: address.clone(), known: Vec::new(), lookup: None };
        Dialer {
            brokers: brokers.as_slice().iter().map(broker).collect(),
            access,
            waker,
            at: 0,
            addresses: VecDeque::new(),
            failures: 0,
            state: State::Waiting { until: now },
        }
    }

    /// The next step. To be called again at once unless it says to wait.
    pub fn poll(&mut self, now: Instant) -> Dialed {
        match self.state {
            State::Open { .. } => Dialed::Wait(None),
            State::Waiting { until } if now < until => Dialed::Wait(Some(until)),
            State::Waiting { .. } if !self.addresses.is_empty() => self.open(now),
            State::Waiting { .. } => self.resolve(now),
            State::Resolving { since } => self.resolved(since, now),
        }
    }

    fn open(&mut self, now: Instant) -> Dialed {
        let peer = self.addresses.pop_front().expect("the caller has looked");
        let address = self.brokers[self.at].address.clone();
        match Link::open(address, peer, Arc::clone(&self.access), now) {
            Ok(link) => {
                self.state = State::Open { up: None };
                Dialed::Link(Box::new(link))
            }
            Err(broken) => {
                self.failed(now);
                Dialed::Failed(broken)
            }
        }
    }

    fn resolve(&mut self, now: Instant) -> Dialed {
        let broker = &mut self.brokers[self.at];
        if let Some(address) = broker.address.literal() {
            self.addresses.push_back(address);
            return self.open(now);
        }
        if broker.lookup.is_none() {
            let (answer, lookup) = channel();
            let (host, port) = (broker.address.host.clone(), broker.address.port);
            let waker = Arc::clone(&self.waker);
            let ask = move || {
                let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
                // Nobody may be waiting for it any more.
                if answer.send(found).is_ok() {
                    let _ = waker.wake();
                }
            };
            match std::thread::Builder::new().name("resolver".to_owned()).spawn(ask) {
                Ok(_) => broker.lookup = Some(lookup),
                Err(why) => return self.unknown(why, now),
            }
        }
        self.state = State::Resolving { since: now };
        self.resolved(now, now)
    }

    fn resolved(&mut self, since: Instant, now: Instant) -> Dialed {
        let broker = &mut self.brokers[self.at];
        let lookup = broker.lookup.as_ref().expect("this is the state in which there is one");
        let why = match lookup.try_recv() {
            Ok(Ok(found)) if !found.is_empty() => {
                broker.lookup = None;
                broker.known.clone_from(&found);
                self.addresses = found.into();
                return self.open(now);
            }
            Ok(Ok(_)) => io::Error::new(io::ErrorKind::NotFound, "it has no address"),
            Ok(Err(why)) => why,
            Err(TryRecvError::Disconnected) => io::Error::other("the look-up has failed"),
            Err(TryRecvError::Empty) => {
                let deadline = since + BROKER_RESOLVE_WAIT;
                if now < deadline {
                    return Dialed::Wait(Some(deadline));
                }
                return self.unknown(io::ErrorKind::TimedOut.into(), now);
            }
        };
        broker.lookup = None;
        self.unknown(why, now)
    }

    /// The name cannot be looked up now: its last addresses may do.
    fn unknown(&mut self, why: io::Error, now: Instant) -> Dialed {
        let broker = &self.brokers[self.at];
        if !broker.known.is_empty() {
            self.addresses = broker.known.clone().into();
            return self.open(now);
        }
        let address = broker.address.clone();
        self.failed(now);
        Dialed::Failed(Broken { broker: address, why: Why::Unknown(why) })
    }

    /// The link that was handed out is up.
    pub fn up(&mut self, now: Instant) {
        self.state = State::Open { up: Some(now) };
    }

    /// The link that was handed out is broken: on to the next.
    pub fn lost(&mut self, now: Instant) {
        if let State::Open { up: Some(up) } = self.state {
            // Another of its addresses is the same broker. One that lets us in only to end the connection counts as
            // failed.
            self.addresses.clear();
            if now.saturating_duration_since(up) >= BROKER_SILENCE {
                self.failures = 0;
            }
        }
        self.failed(now);
    }

    fn failed(&mut self, now: Instant) {
        self.state = State::Waiting { until: now };
        if !self.addresses.is_empty() {
            return;
        }
        self.at = (self.at + 1) % self.brokers.len();
        self.failures += 1;
        let (rounds, rest) = (self.failures / self.brokers.len(), self.failures % self.brokers.len());
        if rest == 0 {
            let doubled =
                BROKER_RETRY_FIRST * 2_u32.saturating_pow(u32::try_from(rounds - 1).unwrap_or(u32::MAX));
            // Up to half shorter, so that nodes that lost the same brokers do not come back all at once.
            let wait = doubled.min(BROKER_RETRY_LONGEST).mul_f32(1.0 - fastrand::f32() / 2.0);
            self.state = State::Waiting { until: now + wait };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Poll, Token};

    use super::super::{Login, Plaintext, trust};
    use super::*;

    /// Dials brokers where nobody listens; the clock is the test's.
    struct Stage {
        dialer: Dialer,
        now: Instant,
        _poll: Poll,
    }

    impl Stage {
        fn new(brokers: &str) -> Stage {
            let (poll, now) = (Poll::new().expect("a poll"), Instant::now());
            let waker = Arc::new(Waker::new(poll.registry(), Token(0)).expect("a waker"));
            let access = Access {
                login: Login::Anonymous,
                tls: trust(None).expect("no file"),
                plaintext: Plaintext::OnLoopback,
                name: "n1".to_owned(),
            };
            let brokers = brokers.parse().expect("addresses");
            Stage { dialer: Dialer::new(&brokers, Arc::new(access), waker, now), now, _poll: poll }
        }

        /// The port of the next connection, and how long it was waited for.
        fn next(&mut self) -> (u16, Duration) {
            let begin = self.now;
            loop {
                match self.dialer.poll(self.now) {
                    Dialed::Link(link) => return (link.broker().port, self.now - begin),
                    Dialed::Failed(why) => panic!("{why}"),
                    Dialed::Wait(until) => self.now = until.expect("there is no connection"),
                }
            }
        }

        /// The same, which is lost at once.
        fn fails(&mut self) -> (u16, Duration) {
            let next = self.next();
            self.dialer.lost(self.now);
            next
        }
    }

    #[test]
    fn one_after_the_other_and_longer_waits_after_each_round() {
        let mut stage = Stage::new("nats://127.0.0.1:1,nats://127.0.0.1:2,nats://127.0.0.1:3");
        let mut longest = BROKER_RETRY_FIRST;
        for round in 0..8 {
            for port in 1..=3 {
                let (tried, wait) = stage.fails();
                assert_eq!(tried, port);
                if port > 1 || round == 0 {
                    assert_eq!(wait, Duration::ZERO);
                } else {
                    assert!((longest / 2..=longest).contains(&wait), "{round}: {wait:?}");
                    longest = (longest * 2).min(BROKER_RETRY_LONGEST);
                }
            }
        }
        // A connection that lasts ends that.
        assert_eq!(stage.next().0, 1);
        stage.dialer.up(stage.now);
        assert!(matches!(stage.dialer.poll(stage.now), Dialed::Wait(None)));
        stage.now += BROKER_SILENCE;
        stage.dialer.lost(stage.now);
        assert_eq!([stage.fails(), stage.fails()], [(2, Duration::ZERO), (3, Duration::ZERO)]);
    }

    /// A broker that lets us in only to end the connection is not asked again and again without a pause.
    #[test]
    fn a_connection_that_does_not_last_has_failed() {
        let mut stage = Stage::new("nats://127.0.0.1:1");
        let mut waits = Vec::new();
        for _ in 0..8 {
            waits.push(stage.next().1);
            stage.dialer.up(stage.now);
            stage.dialer.lost(stage.now);
        }
        assert!(waits[7] >= BROKER_RETRY_LONGEST / 2, "{waits:?}");
    }

    #[test]
    fn a_name_keeps_its_addresses_while_it_cannot_be_looked_up() {
        let mut stage = Stage::new("nats://one.invalid:7");
        let (answer, lookup) = channel();
        stage.dialer.brokers[0].lookup = Some(lookup);
        let wait = stage.dialer.poll(stage.now);
        assert!(matches!(wait, Dialed::Wait(Some(until)) if until == stage.now + BROKER_RESOLVE_WAIT));
        let two = [SocketAddr::from(([127, 0, 0, 1], 7)), SocketAddr::from(([127, 0, 0, 2], 7))];
        answer.send(Ok(two.to_vec())).expect("it waits");
        assert_eq!([stage.fails(), stage.fails()], [(7, Duration::ZERO), (7, Duration::ZERO)]);
        assert!(stage.dialer.addresses.is_empty());

        // Its patience ends; the look-up goes on, and the addresses of the last one are tried.
        let (_answer, lookup) = channel();
        stage.dialer.brokers[0].lookup = Some(lookup);
        let (_, wait) = stage.fails();
        assert!(wait >= BROKER_RESOLVE_WAIT, "{wait:?}");
        assert_eq!(stage.dialer.addresses.len(), 1);
        assert!(stage.dialer.brokers[0].lookup.is_some(), "no second one is begun meanwhile");
    }
}
