use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use mio::{Poll, Token as MioToken, Waker};

use crate::limits::GUESS_DELAY_MIN;
use crate::protocol::framing::Line;
use crate::protocol::{Mail, Password, Role, Time};
use crate::room::{Change, CheckJob, ConnId, Effect, MembersNews, PasswordHash, Record, Roster, Secret};
use crate::server::auth::admission::Source;
use crate::server::auth::passwords::hash_now;
use crate::server::auth::tokens::Tokens;
use crate::server::turn::hashes::*;
use crate::server::turn::tests::config;

fn now() -> Now {
    Now { wall: Time::default(), mono: Duration::ZERO }
}

fn password(text: &str) -> Password {
    Password::parse(text.as_bytes()).expect("a password")
}

fn mail() -> Mail {
    Mail::parse(b"ann@x").expect("a mail")
}

fn source() -> Source {
    Source::of(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// A room with one member, and the thread.
struct Pair {
    room: Room,
    passwords: Passwords,
    effects: Vec<Effect>,
    came: u32,
    poll: Poll,
}

impl Pair {
    fn new(secret: Secret) -> Pair {
        let roster = Roster::from([(mail(), Record { secret, role: Role::Admin, name: None })]);
        let poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), MioToken(0)).expect("a waker"));
        let tokens = Tokens::ephemeral().expect("random bytes");
        let passwords = Passwords::start(tokens, waker).expect("a thread");
        let mut effects = Vec::new();
        let room = Room::new(config(), roster, &mut effects);
        Pair { room, passwords, effects, came: 0, poll }
    }

    /// The job of a login on a new connection.
    fn login(&mut self, given: &str) -> CheckJob {
        let id = ConnId { slot: self.came, serial: self.came.into() };
        self.came += 1;
        self.room.handle(now(), Input::Connected(id, now().mono), &mut self.effects);
        let line = format!("LOGIN ann@x/- {given}");
        let taken = self.room.takes(id, Line::Whole(line.as_bytes())).expect("it waits for nothing");
        self.room.handle(now(), Input::Line(taken), &mut self.effects);
        match self.effects.pop() {
            Some(Effect::Check(job)) => job,
            other => panic!("a login is checked: {other:?}"),
        }
    }

    fn ask(&mut self, given: &str) -> Option<Verdict> {
        let job = self.login(given);
        let (room, passwords) = (&self.room, &mut self.passwords);
        let answer = passwords.check(job, source(), now(), |id| room.is_waiting(id));
        let answers = hand_over(now(), passwords, room, &mut CACHED_PER_TURN.clone());
        assert!(answers.is_empty(), "the cache was asked a moment ago");
        match answer? {
            Input::Checked(_, verdict) => Some(verdict),
            other => panic!("no answer to a check: {other:?}"),
        }
    }

    /// Waits for answers of the thread.
    fn collect(&mut self) -> Vec<Input<'static>> {
        let (mut inputs, mut events) = (Vec::new(), mio::Events::with_capacity(8));
        loop {
            self.passwords.collect(now(), &mut inputs);
            if !inputs.is_empty() {
                return inputs;
            }
            self.poll.poll(&mut events, Some(Duration::from_secs(60))).expect("a poll");
        }
    }

    /// Keeps the thread busy until there are so many verdicts.
    fn verdicts(&mut self, count: usize) -> Vec<Verdict> {
        let mut inputs = Vec::new();
        while inputs.len() < count {
            inputs.extend(hand_over(now(), &mut self.passwords, &self.room, &mut CACHED_PER_TURN.clone()));
            if inputs.len() < count {
                inputs.extend(self.collect());
            }
        }
        verdicts(inputs)
    }
}

fn verdicts(inputs: Vec<Input<'static>>) -> Vec<Verdict> {
    let verdict = |input| match input {
        Input::Checked(_, verdict) => verdict,
        other => panic!("no answer to a check: {other:?}"),
    };
    inputs.into_iter().map(verdict).collect()
}

#[test]
fn a_login_is_checked_against_the_password_of_the_moment_of_its_turn() {
    let mut pair = Pair::new(Secret::Typed(password("typed-by-hand")));
    let typed = pair.effects.pop().expect("a hash is asked for");
    // The first two are handed to the thread.
    for _ in 0..10 {
        assert_eq!(pair.ask("typed-by-hand"), None);
    }
    let (Effect::Hash(job), room, effects) = (typed, &mut pair.room, &mut pair.effects) else {
        panic!("a typed password is hashed")
    };
    let hash = hash_now(&job.password).expect("a hash");
    room.handle(now(), Input::Hashed(job, Some(hash.clone())), effects);
    let Some(Effect::Save(ticket, change)) = effects.pop() else { panic!("the file is to get the hash") };
    assert!(matches!(&change, Change::SetPassword { .. }));
    let news = MembersNews::answer(ticket, change, Ok(()));
    room.handle(now(), Input::Members(news), effects);
    // One of the first two is answered, so the thread can take another.
    let mut answers = verdicts(pair.collect());
    let Some(Task::Check(job, origin)) = next(now(), &mut pair.passwords, &pair.room) else {
        panic!("eight logins wait")
    };
    assert!(matches!(&job.against, Some((Secret::Hash(valid), _)) if *valid == hash));
    // One of the others is hashed, and the rest are answered from the cache.
    assert!(pair.passwords.enqueue(Task::Check(job, origin), now(), |_| true).is_none());
    answers.extend(pair.verdicts(10 - answers.len()));
    assert_eq!(answers, [Verdict::Match; 10]);
    assert_eq!(pair.ask("typed-by-hand"), Some(Verdict::Match));
}

#[test]
fn a_verified_password_is_known_in_both_its_forms() {
    let (composed, typed) = ("gehe1m-\u{fc}", "gehe1m-u\u{308}");
    let mut pair = Pair::new(Secret::Hash(hash_now(&password(composed)).expect("a hash")));
    assert_eq!(pair.ask(typed), None);
    assert_eq!(pair.verdicts(1), [Verdict::Match]);
    assert_eq!((pair.ask(composed), pair.ask(typed)), (Some(Verdict::Match), Some(Verdict::Match)));

    // A hash made elsewhere from the form that was typed: only that form fits, from the cache, too.
    let params = argon2::Params::new(8, 1, 1, None).expect("a cost");
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let made = argon2::password_hash::PasswordHasher::hash_password_with_salt(
        &argon2,
        typed.as_bytes(),
        b"saltsalt",
    );
    let made: argon2::password_hash::phc::PasswordHash = made.expect("a hash");
    let made = PasswordHash::parse(&made.to_string()).expect("within what we pay");
    let mut pair = Pair::new(Secret::Hash(made));
    assert_eq!(pair.ask(typed), None);
    assert_eq!(pair.verdicts(1), [Verdict::Match]);
    assert_eq!((pair.ask(typed), pair.ask(composed)), (Some(Verdict::Match), None));
    assert_eq!(pair.verdicts(1), [Verdict::NoMatch]);
    // One wrong password is one guess, however many forms it has.
    assert_eq!(pair.ask("gehe1m-o\u{308}"), None);
    assert_eq!(pair.passwords.next_deadline(), Some(GUESS_DELAY_MIN));
}
