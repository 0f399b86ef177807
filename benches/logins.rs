//! Logins under attack: whether an unknown mail and a wrong password take the same time; how soon a member is logged in
//! while fifty addresses guess; what members notice of five thousand silent connections; how soon all are back after a
//! crash. One part: `cargo bench --bench logins -- flood`.
//!
//! Longer than 350 lines: its four measurements share their setup and one table.

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
use common::outsiders::{self, QUESTIONS, connect, connect_all, decoys, drip, nth_address};
use common::pinger::Pinger;
use common::run::real;
use common::table::{Spread, Table};
use common::talker::Talker;
use common::target::{HASH, History, PASSWORD, Target};
use common::transcript::MAIL;
use common::{PATIENCE, Plan, fail};
use tempfile::TempDir;

/// Addresses that guess, and how many guesses each has open at a time: together as many as the queue takes.
const GUESSERS: u8 = 50;
const GUESSES_EACH: usize = 20;
/// A login whose answer does not come within this time was lost: three thousand guesses may be before it, and each takes 20
/// milliseconds, or on a busy host three times as long.
const QUEUE_PATIENCE: Duration = Duration::from_secs(240);
/// Between two bytes of a silent connection.
const SILENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    common::main(|plan| {
        let mut table = Table::new(&["what", "how many", "result", "aim"]);
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

/// A connection before its login, or after it.
struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects from this address of loopback. The greeting is still to come.
    fn from(address: Ipv4Addr, server: SocketAddr) -> io::Result<Client> {
        let stream = connect(address, server)?;
        Ok(Client(BufReader::with_capacity(256, stream)))
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
    // Of the cost that the server itself gives: those of the tests' cost are here to be many.
    let admin = [format!("{MAIL} {hash} admin\n")].into_iter();
    let members = admin
        .chain((0..expensive).map(|n| format!("expensive{n}@b.c {hash}\n")))
        .chain((0..cheap).map(|n| format!("cheap{n}@b.c {HASH}\n")))
        .collect::<String>();
    let target = Target::server_of(&folder, &members, plan.cores, History::On, options)?;
    Ok((folder, target))
}

/// Each attempt comes from another address, so that none waits because of one before.
fn timing(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let (_folder, server) = server(plan, 1, 0, &[])?;
    let tries = plan.number(10, 1000);
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for n in 0..2 * tries {
        let mut client = Client::from(nth_address(n), server.address)?;
        client.expect("HELLO ")?;
        // Unknown, wrong, wrong, unknown: a drift affects both alike.
        let (who, seconds) = if n % 4 == 0 || n % 4 == 3 {
            (format!("unknown{n}"), &mut unknown)
        } else {
            ("expensive0".to_owned(), &mut wrong)
        };
        seconds.push(client.answered(&format!("LOGIN {who}@b.c wrong-password\n"), "ERR LOGIN bad-login ")?);
    }
    let medians = [Spread::of(unknown.iter().copied()).median, Spread::of(wrong.iter().copied()).median];
    table.row([
        "bad-login: medians for mails that are no member's / for wrong passwords".to_owned(),
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

/// Guesses endlessly, with a connection from each of these addresses: as soon as all have had their three attempts,
/// with new ones.
fn guess(addresses: &[Ipv4Addr], server: SocketAddr, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let clients: Vec<Client> =
            addresses.iter().filter_map(|&address| Client::from(address, server).ok()).collect();
        for client in &clients {
            let _ = client.say(&"LOGIN expensive0@b.c a-wrong-guess\n".repeat(3));
        }
        for mut client in clients {
            let _ = client.0.get_ref().set_read_timeout(Some(Duration::from_millis(200)));
            let mut line = String::new();
            while !done.load(Ordering::Relaxed) {
                match client.0.read_line(&mut line) {
                    Ok(0) => break,
                    Ok(_) => line.clear(),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => break,
                }
            }
        }
    }
}

/// Threads that guess.
struct Guessers {
    done: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Guessers {
    /// Starts guessing from these addresses in each of [`GUESSERS`] threads. Returns when many guesses wait.
    fn start(
        plan: &Plan,
        server: SocketAddr,
        admin: &mut Talker,
        addresses: impl Fn(u8) -> Vec<Ipv4Addr>,
    ) -> io::Result<Guessers> {
        let done = Arc::new(AtomicBool::new(false));
        let threads = (1..=GUESSERS).map(|nth| {
            let (done, addresses) = (Arc::clone(&done), addresses(nth));
            thread::spawn(move || guess(&addresses, server, &done))
        });
        let guessers = Guessers { threads: threads.collect(), done };
        let start = Instant::now();
        let long = if plan.smoke { 1 } else { 500 };
        while admin.stat("password-queue")? < long {
            if start.elapsed() > PATIENCE {
                return fail("the queue is never long");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(guessers)
    }

    fn stop(self) {
        self.done.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a guesser does not panic");
        }
    }
}

/// Seconds until a login succeeds. If the answer is that there are too many, it tries again, as the client does.
fn enter(address: Ipv4Addr, server: SocketAddr, line: &str) -> io::Result<f64> {
    let start = Instant::now();
    let mut client = Client::from(address, server)?;
    client.0.get_ref().set_read_timeout(Some(QUEUE_PATIENCE))?;
    client.expect("HELLO ")?;
    loop {
        client.say(line)?;
        let answer = client.line()?;
        if answer.starts_with("OK ") {
            return Ok(start.elapsed().as_secs_f64());
        }
        if !answer.starts_with("ERR LOGIN busy ") {
            return fail(format!("a member's login was answered by {answer:?}"));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// An address from which fifty guess, and one from which nobody does.
fn guessing(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, host)
}

fn elsewhere(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 2, u8::try_from(n).expect("few"))
}

fn flood(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let tries = plan.number(2, 10);
    let (_folder, server) = server(plan, 3 * tries + 2, 0, &[])?;
    let address = server.address;
    let login = |n: usize| format!("LOGIN expensive{n}@b.c/- {PASSWORD}\n");
    let mut known = Client::from(elsewhere(250), address)?;
    known.expect("HELLO ")?;
    known.answered(&login(1), "OK LOGIN ")?;
    known.say("TOKEN\n")?;
    let token = known.line()?.trim_end().trim_start_matches("OK TOKEN ").to_owned();
    let mut admin = Talker::enter(address)?;

    let guessers = Guessers::start(plan, address, &mut admin, |nth| vec![guessing(nth); GUESSES_EACH])?;
    let mut seconds = [Vec::new(), Vec::new(), Vec::new()];
    let mut queue = Vec::new();
    for n in 0..tries {
        let lines = [format!("RESUME expensive1@b.c/- {token}\n"), login(1), login(n + 2)];
        for (line, seconds) in lines.iter().zip(&mut seconds) {
            seconds.push(enter(elsewhere(n + 1), address, line)?);
        }
        queue.push(real(admin.stat("password-queue")?));
    }
    let mut tell = |who: &str, how: &str, queue: &[f64], seconds: &[f64]| {
        table.row([
            format!("{who} guess: in with {how}, s"),
            format!("{tries} logins, {} waiting", Spread::of(queue.iter().copied()).show(1.0, 0)),
            Spread::of(seconds.iter().copied()).show(1.0, 3),
        ]);
    };
    let who = format!("{GUESSERS} addresses");
    for (how, seconds) in ["a token", "a password known already", "a password not known"].iter().zip(&seconds)
    {
        tell(&who, how, &queue, seconds);
    }
    // At the same time, each from another guesser's address, where they wait for about as long as they ever do.
    let at_theirs: Vec<_> = (0..tries)
        .map(|n| {
            let (from, line) = (guessing(u8::try_from(n).expect("few") + 1), login(tries + n + 2));
            thread::spawn(move || enter(from, address, &line))
        })
        .collect();
    let at_theirs = at_theirs.into_iter().map(|thread| thread.join().expect("it does not panic"));
    let at_theirs = at_theirs.collect::<io::Result<Vec<f64>>>()?;
    guessers.stop();
    tell(&who, "a password not known, from one of them", &queue, &at_theirs);

    // From more addresses than the queue has places: at first none is known as a guesser's.
    let each = plan.number(4, 40);
    let nth = |thread: u8| (0..each).map(|n| nth_address(usize::from(thread) * each + n)).collect();
    let guessers = Guessers::start(plan, address, &mut admin, nth)?;
    let (mut seconds, mut queue) = (Vec::new(), Vec::new());
    for n in 0..tries {
        seconds.push(enter(elsewhere(n + 1), address, &login(2 * tries + n + 2))?);
        queue.push(real(admin.stat("password-queue")?));
    }
    guessers.stop();
    tell(&format!("{} addresses", usize::from(GUESSERS) * each), "a password not known", &queue, &seconds);
    Ok(())
}

/// The phases of a round, each compared with the first.
const PHASES: [&str; 4] =
    ["quiet", "as many bytes to somebody else", "beside them", "while they are cut at the deadline"];

/// Seconds until a member whose password is cached is logged in.
fn how_soon_in(server: SocketAddr) -> io::Result<f64> {
    let start = Instant::now();
    Talker::enter(server)?;
    Ok(start.elapsed().as_secs_f64())
}

fn silent(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let count = plan.number(50, 5000);
    let deadline = Duration::from_secs(if plan.smoke { 1 } else { 6 });
    let options = ["--login-timeout", &deadline.as_secs().to_string()];
    let (_folder, server) = server(plan, 0, 0, &options)?;
    let address = server.address;
    let mut inside = outsiders::inside(address)?;
    let a_while = plan.burst() * 3 / 4;
    // By question and phase: pairs of seconds, quiet and not.
    let mut pairs: [[Vec<(f64, f64)>; 4]; 2] = Default::default();
    let (mut entered, mut entered_at_cut, mut cut) = (Vec::new(), Vec::new(), 0);
    let rounds = if plan.smoke || plan.once { 2 } else { 10 };
    for round in 0..rounds {
        let ask = |inside: &mut Pinger, silent: &mut [TcpStream], until: Instant| {
            let a_second = real(silent.len() as u64) / SILENCE.as_secs_f64();
            outsiders::ask(inside, until, a_second, |done| {
                drip(silent, b"L", done);
                Ok(())
            })
        };
        let both = |inside: &mut [Pinger], silent: &mut [TcpStream]| -> io::Result<Vec<f64>> {
            inside.iter_mut().map(|inside| ask(inside, silent, Instant::now() + a_while)).collect()
        };
        let first = both(&mut inside, &mut [])?;
        let quiet = both(&mut inside, &mut [])?;
        let (mut ours, theirs): (Vec<TcpStream>, Vec<TcpStream>) = decoys(count)?.into_iter().unzip();
        let decoy = both(&mut inside, &mut ours)?;
        drop((ours, theirs));

        let began = Instant::now();
        let mut crowd = connect_all(count, address)?;
        let connected = Instant::now();
        server.settle()?;
        let beside = both(&mut inside, &mut crowd)?;
        entered.push(how_soon_in(address)?);
        // Time is short while they are cut: one question each time.
        let which = round % 2;
        ask(&mut inside[which], &mut crowd, began + deadline)?;
        let middle = began + deadline + (connected - began) / 2;
        let member = thread::spawn(move || {
            thread::sleep(middle.saturating_duration_since(Instant::now()));
            how_soon_in(address)
        });
        let at_cut = ask(&mut inside[which], &mut crowd, connected + deadline)?;
        entered_at_cut.push(member.join().expect("it does not panic")?);
        for (phase, seconds) in [quiet, decoy, beside].iter().enumerate() {
            for (which, first) in first.iter().enumerate() {
                pairs[which][phase].push((*first, seconds[which]));
            }
        }
        pairs[which][3].push((first[which], at_cut));
        for stream in &mut crowd {
            let mut said = String::new();
            let _ = stream.read_to_string(&mut said);
            cut += usize::from(said.contains("BYE login-timeout "));
        }
        drop(crowd);
        server.settle()?;
    }
    for ((what, ..), phases) in QUESTIONS.into_iter().zip(&pairs) {
        for (name, pairs) in PHASES.into_iter().zip(phases) {
            let what = format!("silent connections: {what} p99 quiet, µs / {name} / ratio");
            let is_aimed_at = what.starts_with("silent connections: MSG") && name == PHASES[3];
            let aim = if is_aimed_at { "at most 2" } else { "" };
            outsiders::row(table, &what, &format!("{count}, {} pairs", pairs.len()), pairs, Some(aim));
        }
    }
    for (when, entered) in [("beside them", entered), ("while they are cut", entered_at_cut)] {
        table.row([
            format!("{when}: a member is in, ms"),
            format!("{} logins", entered.len()),
            Spread::of(entered).show(1e-3, 1),
        ]);
    }
    table.row([
        format!("cut at the deadline of {} s", deadline.as_secs()),
        format!("{} of {}", cut, count * rounds),
        "each got BYE login-timeout".to_owned(),
    ]);
    if cut == count * rounds { Ok(()) } else { fail(format!("{cut} of {} were cut", count * rounds)) }
}

/// The server is killed while all are connected; then all come back at once.
fn return_of_all(plan: &Plan, table: &mut Table) -> io::Result<()> {
    let (cheap, expensive) = if plan.smoke { (50, 5) } else { (19_000.min(plan.connections_max - 500), 300) };
    let (folder, first) = server(plan, expensive, cheap, &[])?;
    let mut clients = Vec::new();
    let mut tokens = Vec::new();
    for n in 0..cheap {
        let mut client = Client::from(nth_address(n % 4), first.address)?;
        client.expect("HELLO ")?;
        client.say(&format!("LOGIN cheap{n}@b.c {PASSWORD}\nTOKEN\n"))?;
        client.expect("OK LOGIN ")?;
        tokens.push(client.line()?.trim_end().trim_start_matches("OK TOKEN ").to_owned());
        clients.push(client);
    }
    // As kill -9 does.
    drop(first);
    drop(clients);
    let members = std::fs::read_to_string(folder.path().join("members.txt"))?;
    let second = Target::server_of(&folder, &members, plan.cores, History::On, &[])?;
    let lines = |n: usize| match tokens.get(n) {
        Some(token) => format!("RESUME cheap{n}@b.c {token}\n"),
        None => format!("LOGIN expensive{}@b.c {PASSWORD}\n", n - cheap),
    };
    for (what, range) in [("tokens", 0..cheap), ("passwords not known", cheap..cheap + expensive)] {
        let start = Instant::now();
        let mut clients = Vec::new();
        for n in range.clone() {
            let client = Client::from(nth_address(n % 4), second.address)?;
            client.say(&lines(n))?;
            clients.push(client);
        }
        for client in &mut clients {
            client.expect("HELLO ")?;
            client.expect("OK ")?;
        }
        table.row([
            format!("killed and started anew: all are back with {what}"),
            range.len().to_string(),
            format!("{:.2} s", start.elapsed().as_secs_f64()),
        ]);
    }
    Ok(())
}
