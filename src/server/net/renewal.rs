//! The certificate is read again: by a thread, when the admin asks for it, and daily.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use log::{error, info};
use mio::Waker;
use rustls::ServerConfig;

use crate::room::Now;
use crate::server::files::Problem;
use crate::server::net::certificate::{Certificate, Source};
use crate::server::threads::worker::Worker;

/// Why a certificate is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// By SIGHUP.
    ByAdmin,
    /// It is time.
    ByTime,
}

fn read_again(source: &Source, asked: Asked) -> Result<Certificate, Problem> {
    match source {
        // A new one is made only when the admin asks for it: clients know the old one.
        Source::SelfSigned(path) if asked == Asked::ByTime && path.symlink_metadata().is_err() => {
            Err(Problem::of(path, "does not exist; a start or SIGHUP makes a new one"))
        }
        source => Certificate::load(source),
    }
}

/// The loop's side of the thread that reads the certificate.
#[derive(Debug)]
pub(in crate::server) struct Renewal {
    source: Source,
    worker: Worker<Asked, (Asked, Result<Certificate, Problem>)>,
    served: Certificate,
    /// When [`Renewal::look`] is next wanted.
    pub(in crate::server) next_look: Duration,
}

impl Renewal {
    /// Starts the thread. `current` is what is served now.
    pub(in crate::server) fn start(
        source: Source,
        current: &Certificate,
        waker: Arc<Waker>,
    ) -> io::Result<Renewal> {
        let from = source.clone();
        let worker = Worker::spawn("certificate", 1, waker, move |jobs, answers| {
            jobs.iter().try_for_each(|asked| answers.send((asked, read_again(&from, asked))))
        })?;
        Ok(Renewal { source, worker, served: current.clone(), next_look: current.validity.look_after() })
    }

    /// Has it read. If the queue is full it will be read anyway.
    pub(in crate::server) fn ask(&self) {
        let _ = self.worker.try_send(Asked::ByAdmin);
    }

    /// Has it read if it is time: it may have been renewed, or expire soon. Returns the configuration to serve from now on,
    /// if a certificate was read.
    pub(in crate::server) fn look(&mut self, now: Now) -> Option<Arc<ServerConfig>> {
        if now.mono >= self.next_look {
            self.next_look = now.mono + self.served.validity.look_after();
            let _ = self.worker.try_send(Asked::ByTime);
        }
        let (asked, read) = self.worker.try_recv()?;
        match read {
            Ok(certificate) => {
                let fingerprint = certificate.fingerprint;
                if fingerprint != self.served.fingerprint {
                    info!("TLS: new connections get the new certificate, SHA-256 {fingerprint}");
                } else if asked == Asked::ByAdmin {
                    info!("TLS: the certificate is the same, SHA-256 {fingerprint}");
                }
                certificate.log_dates_at(&self.source, now.wall);
                let config = Arc::clone(&certificate.config);
                self.served = certificate;
                Some(config)
            }
            Err(problem) => {
                error!("TLS keeps the old certificate: {problem}");
                self.served.log_dates_at(&self.source, now.wall);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use log::Level;
    use mio::{Poll, Token};
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;
    use crate::protocol::Time;
    use crate::server::net::certificate::SELF_SIGNED;

    /// The clocks this many days after the year began in which the certificate was made.
    fn on_day(day: u64) -> Now {
        let passed = Duration::from_secs(day * 24 * 60 * 60 + 1);
        let start = Time::parse("2026-01-01T00:00:00.000Z").expect("a time").unix_ms();
        let passed_ms = u64::try_from(passed.as_millis()).expect("some months");
        Now { wall: Time::from_unix_ms(start + passed_ms), mono: passed }
    }

    /// One of 90 days is looked at daily, and what the log says becomes worse.
    #[test]
    fn a_certificate_is_looked_at_daily() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(SELF_SIGNED);
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 4, 1));
        let made = params.self_signed(&key).expect("a certificate");
        std::fs::write(&path, made.pem() + &key.serialize_pem()).expect("written");

        let source = Source::SelfSigned(path);
        let first = Certificate::load(&source).expect("a pair");
        let poll = Poll::new().expect("epoll");
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).expect("an eventfd"));
        let mut renewal = Renewal::start(source, &first, waker).expect("a thread");
        assert_eq!(first.complaint(on_day(0).wall), None);
        let mut levels = Vec::new();
        for day in 1..=91 {
            let deadline = Instant::now() + Duration::from_secs(30);
            while renewal.look(on_day(day)).is_none() {
                assert!(Instant::now() < deadline, "nobody looks on day {day}");
                thread::yield_now();
            }
            levels.push(renewal.served.complaint(on_day(day).wall).map(|(level, _)| level));
        }
        let expected = [(None, 68), (Some(Level::Warn), 14), (Some(Level::Error), 9)];
        assert_eq!(levels, expected.map(|(level, days)| vec![level; days]).concat());
    }
}
