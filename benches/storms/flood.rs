//! Twenty who never log in send HELP and PING as fast as they are taken: what that leaves of the loop, and what a member
//! notices.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::process::setpriority_process;
use tempfile::TempDir;

use crate::common::Plan;
use crate::common::dial::dial;
use crate::common::machine::first_thread_seconds;
use crate::common::outsiders;
use crate::common::table::{Spread, Table, percentile};
use crate::common::talker::Talker;
use crate::common::target::{History, Target};

const OUTSIDERS: usize = 20;
/// Rounds of quiet and not, in each alternation.
const ROUNDS: usize = 3;

/// From an answer to a member's next PING.
const PAUSE: Duration = Duration::from_millis(1);

/// How long one of them stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stay {
    ForEver,
    /// As long as it is answered at once: then it comes again.
    ForABurst,
}

/// What one of them says, again and again, or until it comes again.
fn words(stay: Stay) -> Vec<u8> {
    match stay {
        Stay::ForEver => b"HELP\nPING\n".repeat(200),
        Stay::ForABurst => [&b"HELP\nPING\n".repeat(49)[..], b"QUIT\n"].concat(),
    }
}

pub(crate) fn flood(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let folder = Rc::new(TempDir::new()?);
    let members = crate::common::target::the_members();
    let options = ["--rate", "10", "--burst", "100"];
    let server = Target::server_of(&folder, &members, plan.cores, History::On, &options)?;
    for (stay, what) in [(Stay::ForEver, "stay"), (Stay::ForABurst, "come again after each burst")] {
        let (mut pairs, mut shares) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS * plan.alternations() {
            let mut member = Talker::enter(server.address)?;
            let mut p99 = || p99(&mut member, plan.burst());
            let quiet = p99()?;
            let outsiders = Outsiders::start(server.address, stay);
            let (start, before) = (Instant::now(), first_thread_seconds(server.pid())?);
            let beside = p99()?;
            shares.push((first_thread_seconds(server.pid())? - before) / start.elapsed().as_secs_f64());
            outsiders.stop()?;
            server.settle()?;
            pairs.push((quiet, beside));
        }
        table.row([
            format!("HELP and PING without a login, {OUTSIDERS} who {what}: the loop's part of a core, %"),
            format!("{} times {} ms", pairs.len(), plan.burst().as_millis()),
            Spread::of(shares).show(0.01, 1),
            "at most 20".to_owned(),
        ]);
        let what = "the same: PING p99 of a member quiet, µs / beside them / ratio";
        outsiders::row(table, what, &format!("{} pairs", pairs.len()), &pairs, Some("at most 1.2"));
    }
    Ok(())
}

/// A member sends PING again and again, and sleeps while it waits: the others share its core.
fn p99(member: &mut Talker, long: Duration) -> io::Result<f64> {
    let (start, mut waits) = (Instant::now(), Vec::new());
    while start.elapsed() < long {
        let asked = Instant::now();
        member.ask("PING\n")?;
        waits.push(asked.elapsed().as_secs_f64());
        thread::sleep(PAUSE);
    }
    Ok(percentile(&mut waits, 99))
}

/// A thread with all of them. It yields to the member who shares its core.
struct Outsiders {
    done: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

impl Outsiders {
    fn start(server: SocketAddr, stay: Stay) -> Outsiders {
        let done = Arc::new(AtomicBool::new(false));
        let is_done = Arc::clone(&done);
        let thread = thread::spawn(move || {
            // On Linux each thread has a nice value of its own, see sched(7).
            setpriority_process(None, 19)?;
            say_all(server, stay, &is_done)
        });
        Outsiders { done, thread }
    }

    fn stop(self) -> io::Result<()> {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().expect("it does not panic")
    }
}

fn say_all(server: SocketAddr, stay: Stay, done: &AtomicBool) -> io::Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let words = words(stay);
    let enter = |nth: usize| -> io::Result<(OwnedFd, usize)> {
        let socket = dial(nth, server)?;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT;
        epoll::add(&epoll, &socket, epoll::EventData::new_u64(nth as u64), flags)?;
        Ok((socket, 0))
    };
    let mut outsiders = (0..OUTSIDERS).map(enter).collect::<io::Result<Vec<_>>>()?;
    let (mut events, mut bite) = (Vec::with_capacity(OUTSIDERS), vec![0; 64 << 10]);
    while !done.load(Ordering::Relaxed) {
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&Timespec { tv_sec: 0, tv_nsec: 10_000_000 }))?;
        for event in events.drain(..) {
            let (data, flags) = (event.data, event.flags);
            let nth = usize::try_from(data.u64()).expect("an index was put in");
            let (socket, said) = &mut outsiders[nth];
            if flags.contains(epoll::EventFlags::OUT) {
                match send(&*socket, &words[*said..], SendFlags::NOSIGNAL) {
                    Ok(sent) => *said += sent,
                    Err(Errno::AGAIN | Errno::CONNRESET | Errno::PIPE) => {}
                    Err(error) => return Err(error.into()),
                }
                if *said == words.len() {
                    match stay {
                        Stay::ForEver => *said = 0,
                        Stay::ForABurst => {
                            epoll::modify(&epoll, &*socket, data, epoll::EventFlags::IN)?;
                        }
                    }
                }
            }
            if flags.contains(epoll::EventFlags::IN) {
                match recv(&*socket, &mut bite[..], RecvFlags::empty()) {
                    Ok((0, _)) | Err(Errno::CONNRESET) => outsiders[nth] = enter(nth)?,
                    Ok(_) | Err(Errno::AGAIN) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    Ok(())
}
