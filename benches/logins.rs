//! Getting in while others make it hard: whether a stranger and a wrong password take as long; how soon a member is
//! in while fifty addresses guess; what five thousand silent connections do to those inside; how soon all are back
//! after a crash. One part: `cargo bench --bench logins -- flood`.

#![expect(clippy::print_stdout, reason = "a bench prints a table")]

mod common;

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, phc};
use common::pinger::Pinger;
use common::run::real;
use common::table::{Spread, Table, percentile};
use common::talker::Talker;
use common::target::{HASH, History, PASSWORD, Target};
use common::transcript::MAIL;
use common::{PATIENCE, Plan, fail};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// Addresses that guess, and what each has open at a time: together as many as the queue takes.
const GUESSERS: u8 = 50;
const GUESSES_EACH: usize = 20;
/// Between two bytes of a silent connection.
const SILENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "how many", "result"]);
        let parts: [(&str, Part); 4] =
            [("timing", timing), ("flood", flood), ("silent", silent), ("return", return_of_all)];
        for (name, part) in parts {
            if plan.wants(name) {
                part(plan, &mut table)?;
            }
        }
        table.print("logins", plan);
        Ok(())
    })
}

type Part = fn(&Plan, &mut Table) -> io::Result<()>;

/// A stranger to the server, or a member to be.
struct Guest(BufReader<TcpStream>);

impl Guest {
    /// Connects from this address of loopback. The greeting is still to come.
    fn from(address: Ipv4Addr, server: SocketAddr) -> io::Result<Guest> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // A reset at the end instead of a minute in TIME_WAIT, for which there are not enough ports.
        socket.set_linger(Some(Duration::ZERO))?;
        socket.bind(&SocketAddr::from((address, 0)).into())?;
        socket.connect(&server.into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Guest(BufReader::with_capacity(256, stream)))
    }

    fn say(&self, line: &str) -> io::Result<()> {
        self.0.get_ref().write_all(line.as_bytes())
    }

    /// The next line; empty at the end.
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line)
    }

    fn expect(&mut self, begin: &str) -> io::Result<()> {
        let line = self.line()?;
        if line.starts_with(begin) { Ok(()) } else { fail(format!("{line:?} instead of {begin}")) }
    }

    /// Seconds until a line is answered like this.
    fn answered(&mut self, line: &str, begin: &str) -> io::Result<f64> {
        let start = Instant::now();
        self.say(line)?;
        self.expect(begin)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// One of very many addresses.
fn nth_address(n: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x7f01_0000 + u32::try_from(n).expect("few"))
}

fn expensive_hash() -> io::Result<String> {
    let hash: phc::PasswordHash =
        Argon2::default().hash_password(PASSWORD.as_bytes()).map_err(io::Error::other)?;
    Ok(hash.to_string())
}

fn server(
    plan: &Plan,
    expensive: usize,
    cheap: usize,
    options: &[&str],
) -> io::Result<(Rc<TempDir>, Target)> {
    let (folder, hash) = (Rc::new(TempDir::new()?), expensive_hash()?);
    let admin = [format!("{MAIL} {HASH} admin\n")].into_iter();
    let members = admin
        .chain((0..expensive).map(|n| format!("expensive{n}@b.c {hash}\n")))
        .chain((0..cheap).map(|n| format!("cheap{n}@b.c {HASH}\n")))
        .collect::<String>();
    let target = Target::server_of(&folder, &members, plan.cores, History::On, options)?;
    Ok((folder, target))
}

/// Each try from an address of its own, so that none waits for one before.
fn timing(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let (_folder, server) = server(plan, 1, 0, &[])?;
    let tries = plan.number(10, 1000);
    let (mut strangers, mut wrong) = (Vec::new(), Vec::new());
    for n in 0..2 * tries {
        let mut guest = Guest::from(nth_address(n), server.address)?;
        guest.expect("HELLO ")?;
        // Strangers, wrong, wrong, strangers: whatever drifts hits both.
        let (who, seconds) = if n % 4 == 0 || n % 4 == 3 {
            (format!("stranger{n}"), &mut strangers)
        } else {
            ("expensive0".to_owned(), &mut wrong)
        };
        seconds.push(guest.answered(&format!("LOGIN {who}@b.c wrong-password\n"), "ERR LOGIN bad-login ")?);
    }
    let medians = [Spread::of(strangers.iter().copied()).median, Spread::of(wrong.iter().copied()).median];
    table.row([
        "bad-login: medians of strangers / of wrong passwords".to_owned(),
        format!("{tries} tries each"),
        format!(
            "{:.3} ms / {:.3} ms, {:.3} ms apart",
            medians[0] * 1e3,
            medians[1] * 1e3,
            (medians[0] - medians[1]).abs() * 1e3
        ),
    ]);
    Ok(())
}

/// Guesses without end: as soon as one connection has had its three tries, the next one.
fn guess(host: u8, server: SocketAddr, done: &AtomicBool) {
    let address = Ipv4Addr::new(127, 0, 1, host);
    while !done.load(Ordering::Relaxed) {
        let guests: Vec<Guest> =
            (0..GUESSES_EACH).filter_map(|_| Guest::from(address, server).ok()).collect();
        for guest in &guests {
            let _ = guest.say(&"LOGIN expensive0@b.c a-wrong-guess\n".repeat(3));
        }
        for mut guest in guests {
            let _ = guest.0.get_ref().set_read_timeout(Some(Duration::from_millis(200)));
            let mut line = String::new();
            while !done.load(Ordering::Relaxed) {
                match guest.0.read_line(&mut line) {
                    Ok(0) => break,
                    Ok(_) => line.clear(),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => break,
                }
            }
        }
    }
}

fn flood(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let tries = plan.number(2, 10);
    let (_folder, server) = server(plan, tries + 2, 0, &[])?;
    let member =
        |n: usize| Guest::from(Ipv4Addr::new(127, 0, 2, u8::try_from(n).expect("few")), server.address);
    let mut known = member(250)?;
    known.expect("HELLO ")?;
    known.answered(&format!("LOGIN expensive1@b.c/- {PASSWORD}\n"), "OK LOGIN ")?;
    known.say("TOKEN\n")?;
    let token = known.line()?.trim_end().trim_start_matches("OK TOKEN ").to_owned();

    let done = Arc::new(AtomicBool::new(false));
    let guessers: Vec<_> = (1..=GUESSERS)
        .map(|host| {
            let (done, address) = (Arc::clone(&done), server.address);
            thread::spawn(move || guess(host, address, &done))
        })
        .collect();
    // Until the queue is long and the addresses are slow.
    let mut admin = Talker::enter(server.address)?;
    let start = Instant::now();
    let long = if plan.smoke { 1 } else { 500 };
    while admin.stat("password-queue")? < long {
        if start.elapsed() > PATIENCE {
            return fail("the queue is never long");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let mut seconds = [Vec::new(), Vec::new(), Vec::new()];
    let mut queue = Vec::new();
    for n in 0..tries {
        let lines = [
            format!("RESUME expensive1@b.c/- {token}\n"),
            format!("LOGIN expensive1@b.c/- {PASSWORD}\n"),
            format!("LOGIN expensive{}@b.c/- {PASSWORD}\n", n + 2),
        ];
        for (line, seconds) in lines.iter().zip(&mut seconds) {
            let start = Instant::now();
            let mut guest = member(n + 1)?;
            guest.expect("HELLO ")?;
            guest.say(line)?;
            guest.expect("OK ")?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        queue.push(real(admin.stat("password-queue")?));
    }
    done.store(true, Ordering::Relaxed);
    for guesser in guessers {
        guesser.join().expect("a guesser does not panic");
    }
    for (how, seconds) in ["a token", "a password known already", "a password not known"].iter().zip(seconds)
    {
        table.row([
            format!("{GUESSERS} addresses guess: in with {how}, s"),
            format!("{tries} logins, {} waiting", Spread::of(queue.iter().copied()).show(1.0, 0)),
            Spread::of(seconds).show(1.0, 3),
        ]);
    }
    Ok(())
}

/// Pings for so long, while each silent connection sends a byte every five seconds. Seconds of the 99th percentile.
fn ping(pinger: &mut Pinger, silent: &mut [TcpStream], time: Duration) -> io::Result<f64> {
    pinger.begin()?;
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < time {
        pinger.turn()?;
        let due = real(silent.len() as u64) * start.elapsed().as_secs_f64() / SILENCE.as_secs_f64();
        while real(sent as u64) < due {
            let next = sent % silent.len();
            silent[next].write_all(b"L")?;
            sent += 1;
        }
    }
    Ok(percentile(&mut pinger.waits, 99))
}

fn connect_all(count: usize, server: SocketAddr) -> io::Result<Vec<TcpStream>> {
    let connect = |n| Ok(Guest::from(nth_address(n % 4), server)?.0.into_inner());
    (0..count).map(connect).collect()
}

fn silent(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let count = plan.number(50, 5000);
    let (_folder, server) = server(plan, 0, 0, &["--login-timeout", "20"])?;
    let mut pinger = Pinger::enter(server.address)?;
    let (mut quiet, mut loaded, mut entered) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if plan.smoke { 2 } else { 10 } {
        quiet.push(ping(&mut pinger, &mut [], 2 * plan.burst())?);
        let mut crowd = connect_all(count, server.address)?;
        server.settle()?;
        loaded.push(ping(&mut pinger, &mut crowd, 2 * plan.burst())?);
        let start = Instant::now();
        Talker::enter(server.address)?;
        entered.push(start.elapsed().as_secs_f64());
        drop(crowd);
        server.settle()?;
    }
    let pairs = loaded.iter().zip(&quiet).map(|(loaded, quiet)| loaded / quiet);
    table.row([
        "silent connections: PING p99 quiet, µs / beside them / ratio".to_owned(),
        format!("{count}, {} pairs", quiet.len()),
        format!(
            "{} / {} / {}",
            Spread::of(quiet.iter().copied()).show(1e-6, 0),
            Spread::of(loaded.iter().copied()).show(1e-6, 0),
            Spread::of(pairs).show(1.0, 2)
        ),
    ]);
    table.row([
        "beside them: a member is in, ms".to_owned(),
        format!("{} logins", entered.len()),
        Spread::of(entered).show(1e-3, 1),
    ]);
    if !plan.smoke {
        let start = Instant::now();
        let mut crowd = connect_all(count, server.address)?;
        ping(&mut pinger, &mut crowd, Duration::from_secs(15))?;
        let mut cut = 0;
        for stream in &mut crowd {
            let mut said = String::new();
            let _ = stream.read_to_string(&mut said);
            cut += usize::from(said.contains("BYE login-timeout "));
        }
        table.row([
            "cut at the deadline of 20 s".to_owned(),
            count.to_string(),
            format!("{cut}, the last after {:.1} s", start.elapsed().as_secs_f64()),
        ]);
    }
    Ok(())
}

/// The server is killed while all are connected; then all come back at once.
fn return_of_all(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let (cheap, expensive) = if plan.smoke { (50, 5) } else { (19_000.min(plan.connections_max - 500), 300) };
    let (folder, first) = server(plan, expensive, cheap, &[])?;
    let mut guests = Vec::new();
    let mut tokens = Vec::new();
    for n in 0..cheap {
        let mut guest = Guest::from(nth_address(n % 4), first.address)?;
        guest.expect("HELLO ")?;
        guest.say(&format!("LOGIN cheap{n}@b.c {PASSWORD}\nTOKEN\n"))?;
        guest.expect("OK LOGIN ")?;
        tokens.push(guest.line()?.trim_end().trim_start_matches("OK TOKEN ").to_owned());
        guests.push(guest);
    }
    // As kill -9 does.
    drop(first);
    drop(guests);
    let members = std::fs::read_to_string(folder.path().join("members.txt"))?;
    let second = Target::server_of(&folder, &members, plan.cores, History::On, &[])?;
    let lines = |n: usize| match tokens.get(n) {
        Some(token) => format!("RESUME cheap{n}@b.c {token}\n"),
        None => format!("LOGIN expensive{}@b.c {PASSWORD}\n", n - cheap),
    };
    for (what, range) in [("tokens", 0..cheap), ("passwords not known", cheap..cheap + expensive)] {
        let start = Instant::now();
        let mut guests = Vec::new();
        for n in range.clone() {
            let guest = Guest::from(nth_address(n % 4), second.address)?;
            guest.say(&lines(n))?;
            guests.push(guest);
        }
        for guest in &mut guests {
            guest.expect("HELLO ")?;
            guest.expect("OK ")?;
        }
        table.row([
            format!("killed and started anew: all are back with {what}"),
            range.len().to_string(),
            format!("{:.2} s", start.elapsed().as_secs_f64()),
        ]);
    }
    Ok(())
}
