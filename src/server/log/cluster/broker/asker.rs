//! A connection for whoever waits: questions and their answers, one at a time.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};

use super::access::Access;
use super::address::Addresses;
use super::broken::{Broken, Why};
use super::dialer::{Dialed, Dialer};
use super::link::{Heard, Link};
use crate::server::log::cluster::nats::{Message, Sid, Subject};

const LINK: Token = Token(0);
const WAKER: Token = Token(1);
/// The subscription for answers; an owner's own begin after it.
const ANSWERS: Sid = Sid(1);
/// Those of [`Asker::echo`].
const ECHO: Sid = Sid(0);

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// Nobody is there who would answer: there is no such stream, or it has no leader now.
    NoResponders,
    /// This login may not ask: the broker's words.
    Forbidden(String),
    /// Nothing in this time.
    Late(Duration),
    /// The connection is broken.
    Broken(Broken),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoAnswer::NoResponders => f.write_str("nobody answers"),
            NoAnswer::Forbidden(words) => f.write_str(words),
            NoAnswer::Late(wait) => write!(f, "no answer within {} s", wait.as_secs()),
            NoAnswer::Broken(broken) => write!(f, "{broken}"),
        }
    }
}

/// See the module. Nothing but its calls reads the connection, so the broker gives it up if there are none for minutes.
#[derive(Debug)]
pub struct Asker {
    poll: Poll,
    events: Events,
    link: Link,
    /// Where answers go; each question has a word of its own after it.
    inbox: String,
    questions: u64,
    /// Messages of other subscriptions, and of questions whose time was over.
    others: VecDeque<Message>,
}

impl Asker {
    /// Connects to the first of the brokers that lets us in, trying them in turn for so long; why not to the last one,
    /// or to the one with which a person has to do something.
    pub fn connect(brokers: &Addresses, access: &Arc<Access>, wait: Duration) -> Result<Asker, Broken> {
        let broken = |why| Broken { broker: brokers.as_slice()[0].clone(), why };
        let poll = Poll::new().map_err(|why| broken(Why::Failed(why)))?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(|why| broken(Why::Failed(why)))?;
        let begin = Instant::now();
        let mut dialer = Dialer::new(brokers, Arc::clone(access), Arc::new(waker), begin);
        let (mut poll, mut events) = (poll, Events::with_capacity(16));
        let mut last = None;
        while begin.elapsed() < wait {
            match dialer.poll(Instant::now()) {
                Dialed::Link(mut link) => match up(&mut poll, &mut events, &mut link, begin + wait) {
                    Ok(()) => return Ok(Asker::new(poll, events, *link)),
                    Err(why) => {
                        dialer.lost(Instant::now());
                        // An attempt that our own time cut short says less than one before it.
                        if last.is_none() || !matches!(why.why, Why::Slow { .. }) {
                            last = Some(why);
                        }
                    }
                },
                Dialed::Failed(why) => last = Some(why),
                Dialed::Wait(until) => {
                    let rest = until.map(|until| until.saturating_duration_since(Instant::now()));
                    wait_for(&mut poll, &mut events, rest.unwrap_or_default().min(wait))
                        .map_err(|why| broken(Why::Failed(why)))?;
                }
            }
            if let Some(why) = last.take_if(|last| last.why.needs_a_person()) {
                return Err(why);
            }
        }
        Err(last.unwrap_or_else(|| broken(Why::Slow { greeted: false })))
    }

    fn new(poll: Poll, events: Events, mut link: Link) -> Asker {
        let inbox = format!("_INBOX.{:016x}", fastrand::u64(..));
        link.subscribe(&Subject::word(format!("{inbox}.>")), ANSWERS);
        Asker { poll, events, link, inbox, questions: 0, others: VecDeque::new() }
    }

    /// The connection, for what needs no answer. What is written is sent with the next call of this type.
    pub fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Asks, and waits for one answer.
    pub fn ask(&mut self, subject: &str, body: &[u8], wait: Duration) -> Result<Message, NoAnswer> {
        self.ask_with(subject, &[], body, wait)
    }

    /// Asks with headers.
    pub fn ask_with(
        &mut self,
        subject: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        wait: Duration,
    ) -> Result<Message, NoAnswer> {
        let mut answer = None;
        self.question(subject, headers, body, wait, |message| {
            answer = Some(message);
            true
        })?;
        answer.filter(|message| message.status() != Some(503)).ok_or(NoAnswer::NoResponders)
    }

    /// Asks all who hear it, and collects answers until `is_last`, or until the time is over.
    pub fn ask_all(
        &mut self,
        subject: &str,
        body: &[u8],
        wait: Duration,
        mut is_last: impl FnMut(&Message) -> bool,
    ) -> Result<Vec<Message>, NoAnswer> {
        let mut answers = Vec::new();
        let ended = self.question(subject, &[], body, wait, |message| {
            let last = message.status() == Some(503) || is_last(&message);
            answers.push(message);
            last
        });
        match ended {
            Ok(()) | Err(NoAnswer::Late(_)) => {
                answers.retain(|message| message.status() != Some(503));
                Ok(answers)
            }
            Err(why) => Err(why),
        }
    }

    /// Whether what this login publishes to a subject comes back to it: it may publish and subscribe there.
    pub fn echo(&mut self, subject: &str, wait: Duration) -> Result<(), NoAnswer> {
        let deadline = Instant::now() + wait;
        let subject = Subject::word(subject.to_owned());
        self.link.subscribe(&subject, ECHO);
        self.link.publish(&subject, None, b"");
        loop {
            let heard = next(&mut self.poll, &mut self.events, &mut self.link, deadline);
            match heard.map_err(NoAnswer::Broken)? {
                Some(Heard::Message(message)) if message.subject == subject => {
                    self.link.unsubscribe(ECHO);
                    return Ok(());
                }
                Some(Heard::Forbidden(words)) if names(&words, &subject) => {
                    return Err(NoAnswer::Forbidden(words));
                }
                Some(_) => {}
                None => return Err(NoAnswer::Late(wait)),
            }
        }
    }

    /// The next message of a subscription that the owner has made, unless the time is over first.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Message>, Broken> {
        if let Some(message) = self.others.pop_front() {
            return Ok(Some(message));
        }
        let deadline = Instant::now() + wait;
        loop {
            match next(&mut self.poll, &mut self.events, &mut self.link, deadline)? {
                Some(Heard::Message(message)) => return Ok(Some(message)),
                Some(Heard::Up | Heard::Forbidden(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Waits until the broker has taken all but so many bytes. False: not in this time.
    pub fn drain(&mut self, most: usize, wait: Duration) -> Result<bool, Broken> {
        let deadline = Instant::now() + wait;
        loop {
            self.link.flush()?;
            let now = Instant::now();
            if self.link.unsent() <= most || now >= deadline {
                return Ok(self.link.unsent() <= most);
            }
            let waited = wait_for(&mut self.poll, &mut self.events, deadline - now);
            waited.map_err(|why| Broken { broker: self.link.broker().clone(), why: Why::Failed(why) })?;
            for event in self.events.iter().filter(|event| event.token() == LINK) {
                self.link.ready(event);
            }
        }
    }

    fn question(
        &mut self,
        subject: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        wait: Duration,
        mut takes: impl FnMut(Message) -> bool,
    ) -> Result<(), NoAnswer> {
        let deadline = Instant::now() + wait;
        self.questions += 1;
        let (subject, reply) =
            (Subject::word(subject.to_owned()), Subject::word(format!("{}.{}", self.inbox, self.questions)));
        if headers.is_empty() {
            self.link.publish(&subject, Some(&reply), body);
        } else {
            self.link.publish_with(&subject, Some(&reply), headers, body);
        }
        let mut refused = None;
        loop {
            let heard = next(&mut self.poll, &mut self.events, &mut self.link, deadline);
            match heard.map_err(NoAnswer::Broken)? {
                Some(Heard::Message(message)) if message.subject == reply => {
                    if takes(message) {
                        return Ok(());
                    }
                }
                Some(Heard::Message(message)) if message.sid != ANSWERS => self.others.push_back(message),
                Some(Heard::Forbidden(words)) if names(&words, &subject) => {
                    return Err(NoAnswer::Forbidden(words));
                }
                // Of the inbox, or of what the broker makes of the subject: perhaps no answer can come.
                Some(Heard::Forbidden(words)) => refused = Some(words),
                Some(_) => {}
                None => return Err(refused.map_or(NoAnswer::Late(wait), NoAnswer::Forbidden)),
            }
        }
    }
}

/// Whether it is this subject that the broker speaks of.
fn names(words: &str, subject: &Subject) -> bool {
    words.contains(&format!("\"{subject}\""))
}

/// Waits until a link that was just opened is up.
fn up(poll: &mut Poll, events: &mut Events, link: &mut Link, deadline: Instant) -> Result<(), Broken> {
    let both = Interest::READABLE | Interest::WRITABLE;
    if let Err(why) = poll.registry().register(link, LINK, both) {
        return Err(Broken { broker: link.broker().clone(), why: Why::Failed(why) });
    }
    match next(poll, events, link, deadline)? {
        Some(_) => Ok(()),
        None => {
            Err(Broken { broker: link.broker().clone(), why: Why::Slow { greeted: link.info().is_some() } })
        }
    }
}

/// The next that comes of a link, unless the time is over first.
fn next(
    poll: &mut Poll,
    events: &mut Events,
    link: &mut Link,
    deadline: Instant,
) -> Result<Option<Heard>, Broken> {
    loop {
        let now = Instant::now();
        if let Some(heard) = link.next(now)? {
            return Ok(Some(heard));
        }
        if now >= deadline {
            return Ok(None);
        }
        let until = deadline.min(link.next_deadline());
        let waited = wait_for(poll, events, until.saturating_duration_since(now));
        waited.map_err(|why| Broken { broker: link.broker().clone(), why: Why::Failed(why) })?;
        for event in events.iter().filter(|event| event.token() == LINK) {
            link.ready(event);
        }
    }
}

fn wait_for(poll: &mut Poll, events: &mut Events, wait: Duration) -> io::Result<()> {
    match poll.poll(events, Some(wait)) {
        Err(why) if why.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        polled => polled,
    }
}
