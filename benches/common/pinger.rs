//! A client that only sends PING, while others are being served.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::fail;
use super::talker::Talker;

/// From an answer to the next question, unless it is to be less: a thousand questions a second are no load of their
/// own.
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Pinger {
    pub(crate) talker: Talker,
    pub(crate) pause: Duration,
    /// What it asks, and how the answer begins.
    question: &'static str,
    answer: &'static str,
    /// When the question was put that is open.
    asked: Option<Instant>,
    next: Instant,
    /// Seconds each answer took.
    pub(crate) waits: Vec<f64>,
}

impl Pinger {
    pub(crate) fn enter(address: SocketAddr) -> io::Result<Pinger> {
        Pinger::asking(address, "PING\n", "OK PING")
    }

    /// One that asks something else in the same way.
    pub(crate) fn asking(
        address: SocketAddr,
        question: &'static str,
        answer: &'static str,
    ) -> io::Result<Pinger> {
        let talker = Talker::enter(address)?;
        let (pause, next) = (PAUSE, Instant::now());
        Ok(Pinger { talker, pause, question, answer, asked: None, next, waits: Vec::new() })
    }

    /// Resets the counts. An answer that came while nobody was reading does not count.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        while self.asked.is_some() {
            self.turn()?;
        }
        self.waits.clear();
        Ok(())
    }

    /// How long it has nothing to do, unless an answer comes.
    pub(crate) fn rest(&self) -> Option<Duration> {
        self.asked.is_none().then(|| self.next.saturating_duration_since(Instant::now()))
    }

    /// Records the answer if it has come, asks again if it is time.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        let now = Instant::now();
        match self.asked {
            Some(asked) => {
                let mut answered = false;
                let (question, answer) = (self.question.trim_end(), self.answer);
                self.talker.hear(|line| {
                    answered = true;
                    if line.starts_with(answer) {
                        Ok(())
                    } else {
                        fail(format!("{question} was answered by {line:?}"))
                    }
                })?;
                if answered {
                    self.waits.push(now.duration_since(asked).as_secs_f64());
                    (self.asked, self.next) = (None, now + self.pause);
                }
            }
            None if now >= self.next => {
                self.talker.say(self.question.as_bytes())?;
                self.asked = Some(now);
            }
            None => {}
        }
        Ok(())
    }
}
