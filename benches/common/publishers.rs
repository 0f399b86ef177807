//! Members who talk all the time: each keeps a number of messages in flight, and sends the next when one is answered.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::talker::Talker;
use super::transcript::{PUBLISHERS_MAX, write_text};
use super::{PATIENCE, fail};

/// So many talk where nothing else is said.
pub(crate) const PUBLISHERS: usize = 4;
/// Messages of one publisher that are said and not yet answered.
const IN_FLIGHT: u64 = 64;

#[derive(Debug)]
pub(crate) struct Publishers {
    talkers: Vec<Talker>,
    /// Messages said, by each.
    said: [u64; PUBLISHERS_MAX],
    /// The numbers their messages of this run were answered with.
    numbers: [Vec<u64>; PUBLISHERS_MAX],
    /// And when they were said.
    said_at: [Vec<Instant>; PUBLISHERS_MAX],
    in_flight: u64,
    /// Scratch.
    lines: Vec<u8>,
}

impl Publishers {
    /// The usual number of them. Their counting begins at 0, as a new crowd expects.
    pub(crate) fn enter(address: SocketAddr, crowd: &Crowd) -> io::Result<Publishers> {
        Publishers::enter_some(&[address], crowd, PUBLISHERS)
    }

    /// So many of them, [`PUBLISHERS_MAX`] at most, at these addresses in turns.
    pub(crate) fn enter_some(
        addresses: &[SocketAddr],
        crowd: &Crowd,
        publishers: usize,
    ) -> io::Result<Publishers> {
        let talkers: Vec<Talker> = addresses
            .iter()
            .cycle()
            .take(publishers)
            .map(|address| Talker::enter(*address))
            .collect::<io::Result<_>>()?;
        talkers.iter().try_for_each(|talker| crowd.watch(talker))?;
        Ok(Publishers {
            talkers,
            said: [0; PUBLISHERS_MAX],
            numbers: Default::default(),
            said_at: Default::default(),
            in_flight: 0,
            lines: Vec::new(),
        })
    }

    /// All talk for so long. Returns the last number, when all is answered.
    pub(crate) fn flood(&mut self, crowd: &mut Crowd, time: Duration) -> io::Result<u64> {
        self.start_run();
        (0..self.talkers.len()).try_for_each(|publisher| self.say(publisher, IN_FLIGHT))?;
        self.until_answered(crowd, time)
    }

    /// One says one message. Returns its number, when it is answered.
    pub(crate) fn say_one(&mut self, crowd: &mut Crowd) -> io::Result<u64> {
        self.start_run();
        self.say(0, 1)?;
        self.until_answered(crowd, Duration::ZERO)
    }

    fn start_run(&mut self) {
        (self.numbers, self.said_at) = Default::default();
    }

    /// Within `time` each answer brings a new message.
    fn until_answered(&mut self, crowd: &mut Crowd, time: Duration) -> io::Result<u64> {
        let start = Instant::now();
        while self.in_flight > 0 {
            crowd.turn()?;
            let again = start.elapsed() < time;
            (0..self.talkers.len()).try_for_each(|publisher| self.hear(publisher, again))?;
            if start.elapsed() > time + PATIENCE {
                return fail(format!("{} messages are not answered", self.in_flight));
            }
        }
        Ok(self.numbers.iter().flatten().copied().max().expect("something was said"))
    }

    fn say(&mut self, publisher: usize, messages: u64) -> io::Result<()> {
        self.lines.clear();
        let said = self.said[publisher];
        for count in said..said + messages {
            self.lines.extend_from_slice(b"MSG ");
            write_text(&mut self.lines, publisher, count);
            self.lines.push(b'\n');
        }
        self.said[publisher] += messages;
        self.in_flight += messages;
        let now = Instant::now();
        self.said_at[publisher].extend((0..messages).map(|_| now));
        self.talkers[publisher].say(&self.lines)
    }

    fn hear(&mut self, publisher: usize, again: bool) -> io::Result<()> {
        let numbers = &mut self.numbers[publisher];
        let before = numbers.len();
        self.talkers[publisher].hear(|line| {
            let number = line.strip_prefix("OK MSG ").and_then(|rest| rest.split(' ').next()?.parse().ok());
            match number {
                Some(number) => numbers.push(number),
                None => return fail(format!("a message was answered by {line:?}")),
            }
            Ok(())
        })?;
        let answered = (numbers.len() - before) as u64;
        self.in_flight -= answered;
        if again && answered > 0 { self.say(publisher, answered) } else { Ok(()) }
    }

    /// Reads that brought answers: about as many writes of the server were for the publishers.
    pub(crate) fn reads(&self) -> u64 {
        self.talkers.iter().map(|talker| talker.reads).sum()
    }

    /// Of each message of this run, in the order of their numbers, when it was said.
    pub(crate) fn said_at(&self) -> Vec<Instant> {
        let both = self.numbers.iter().zip(&self.said_at);
        let mut said: Vec<(u64, Instant)> = both
            .flat_map(|(numbers, said_at)| numbers.iter().copied().zip(said_at.iter().copied()))
            .collect();
        said.sort_unstable_by_key(|&(number, _)| number);
        said.into_iter().map(|(_, at)| at).collect()
    }

    /// Each answer told the number under which the crowd got just that message.
    pub(crate) fn check(&self, crowd: &Crowd) -> io::Result<()> {
        if *crowd.transcript.numbers() == self.numbers {
            Ok(())
        } else {
            fail("an answer told another number than the event has")
        }
    }
}
