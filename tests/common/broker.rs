//! Brokers for tests and benches: nats-server with JetStream, one or three of them, with the logins and permissions of a real group.
//! They have a folder of their own, can be killed, frozen and restarted one by one, and end with the test, even if that
//! is killed.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::common::disk::skip;
use crate::common::running::Running;

/// How long three brokers may take until they have agreed on a leader, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// Which program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// One that a group can use: what tests/get-nats-server.sh fetched, or else the one on PATH if it is new enough.
    Usable,
    /// Debian 12's, which is too old.
    Debian,
}

/// What the brokers' clients find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    /// TLS from the first byte.
    TlsFirst,
    /// INFO in plain text, then TLS.
    TlsAfterInfo,
}

/// When a broker syncs what it acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    Always,
    /// The default: every two minutes.
    Lazy,
}

/// How the brokers are. `Setup::default()` is what a group needs: three of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) program: Program,
    /// 1 or 3.
    pub(crate) brokers: usize,
    pub(crate) transport: Transport,
    pub(crate) sync: Sync,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { program: Program::Usable, brokers: 3, transport: Transport::Plain, sync: Sync::Always }
    }
}

/// Whose credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// A node of the group: what it needs, and nothing else.
    Node,
    /// Of a node, but it may publish nothing to the stream.
    Mute,
    /// It may not ask what the stream is.
    Blind,
    /// It may not read the stream.
    Unlettered,
    /// It gets no answers.
    Deaf,
    /// It may not hear who is at the other nodes.
    Apart,
    /// It may not answer them.
    Curt,
    /// Who makes the stream: everything in the group's account.
    Keeper,
    /// Of the system's account, where it may ask how each broker is configured.
    System,
}

impl Login {
    /// User and password.
    pub(crate) fn pair(self) -> (&'static str, &'static str) {
        match self {
            Login::Node => ("node", "node-secret"),
            Login::Mute => ("mute", "mute-secret"),
            Login::Blind => ("blind", "blind-secret"),
            Login::Unlettered => ("unlettered", "unlettered-secret"),
            Login::Deaf => ("deaf", "deaf-secret"),
            Login::Apart => ("apart", "apart-secret"),
            Login::Curt => ("curt", "curt-secret"),
            Login::Keeper => ("keeper", "keeper-secret"),
            Login::System => ("sys", "sys-secret"),
        }
    }
}

/// The brokers of one test.
pub(crate) struct Brokers {
    setup: Setup,
    program: PathBuf,
    folder: TempDir,
    all: Vec<Broker>,
}

struct Broker {
    client: SocketAddr,
    monitor: SocketAddr,
    route: SocketAddr,
    running: Option<Running>,
}

impl Brokers {
    /// Starts them and waits until JetStream is ready on each. Nothing, and it says so: the program is not there.
    pub(crate) fn start(setup: Setup) -> Option<Brokers> {
        Brokers::start_through(setup, |_, _, route| route)
    }

    /// As [`Brokers::start`]; `route` says at which address the first broker finds the second one, which listens at this
    /// address.
    pub(crate) fn start_through(
        setup: Setup,
        mut route: impl FnMut(usize, usize, SocketAddr) -> SocketAddr,
    ) -> Option<Brokers> {
        let program = find(setup.program)?;
        assert!(matches!(setup.brokers, 1 | 3), "one broker, or three");
        // Somebody else may take a port in the moment until the broker has it.
        for _ in 0..5 {
            let mut brokers = Brokers::with_ports(setup, &program, &mut route);
            (0..setup.brokers).for_each(|at| brokers.spawn(at));
            if brokers.until_ready_or_ended() {
                return Some(brokers);
            }
        }
        panic!("the brokers find no ports");
    }

    fn with_ports(
        setup: Setup,
        program: &Path,
        route: &mut dyn FnMut(usize, usize, SocketAddr) -> SocketAddr,
    ) -> Brokers {
        let mut ports = free_ports(3 * setup.brokers).into_iter();
        let mut next = || SocketAddr::from(([127, 0, 0, 1], ports.next().expect("as many as are needed")));
        let broker = |_| Broker { client: next(), monitor: next(), route: next(), running: None };
        let all = (0..setup.brokers).map(broker).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let made = Brokers { setup, program: program.to_owned(), folder, all };
        if setup.transport != Transport::Plain {
            make_certificates(made.folder.path(), "127.0.0.1", 2020..2120);
        }
        let nodes = [
            Login::Node,
            Login::Mute,
            Login::Blind,
            Login::Unlettered,
            Login::Deaf,
            Login::Apart,
            Login::Curt,
        ];
        for login in nodes.into_iter().chain([Login::Keeper, Login::System]) {
            let (user, password) = login.pair();
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            let mut file = options.open(made.credentials(login)).expect("a file");
            writeln!(file, "user {user}\npassword {password}").expect("a file");
        }
        for at in 0..setup.brokers {
            let others = (0..setup.brokers).filter(|other| *other != at);
            let routes: Vec<SocketAddr> =
                others.map(|other| route(at, other, made.all[other].route)).collect();
            fs::write(made.path(at, "conf"), made.configuration(at, &routes)).expect("a file");
        }
        made
    }

    /// `routes` are the addresses of the others.
    fn configuration(&self, at: usize, routes: &[SocketAddr]) -> String {
        let Broker { client, monitor, route, .. } = &self.all[at];
        let general = format!("server_name: n{at}\nlisten: {client}\nhttp: {monitor}\n");
        let store = self.path(at, "store");
        let sync = if self.setup.sync == Sync::Always { "sync_interval: always" } else { "" };
        let jetstream = format!(
            "jetstream {{\n  store_dir: \"{}\"\n  max_file_store: 4G\n  {sync}\n}}\n",
            store.display()
        );
        let routes = routes.iter().map(|route| format!("\"nats://route:r@{route}\""));
        let routes = routes.collect::<Vec<_>>().join(", ");
        let cluster = format!(
            "cluster {{\n  name: room\n  listen: {route}\n  authorization {{ user: route, password: r }}\n  \
             no_advertise: true\n  routes: [{routes}]\n}}\n"
        );
        let cluster = if self.len() > 1 { cluster } else { String::new() };
        let [cert, key] = ["broker.pem", "broker.key"].map(|name| self.folder.path().join(name));
        let tls = |first| {
            format!(
                "tls {{\n  cert_file: \"{}\"\n  key_file: \"{}\"\n{first}}}\n",
                cert.display(),
                key.display()
            )
        };
        let tls = match self.setup.transport {
            Transport::Plain => String::new(),
            Transport::TlsFirst => tls("  handshake_first: true\n"),
            Transport::TlsAfterInfo => tls(""),
        };
        [&general, &jetstream, &cluster, &tls, ACCOUNTS].concat()
    }

    fn spawn(&mut self, at: usize) {
        let log = OpenOptions::new().append(true).create(true).open(self.path(at, "log")).expect("a file");
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.path(at, "conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.all[at].running = Some(Running::spawn(&mut command));
    }

    /// Waits until JetStream is ready on each that runs.
    pub(crate) fn until_ready(&mut self) {
        assert!(self.until_ready_or_ended(), "a broker has ended");
    }

    /// False: one has ended, because somebody has its port.
    fn until_ready_or_ended(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        for at in 0..self.all.len() {
            loop {
                let log = self.log(at);
                let Broker { monitor, running, .. } = &mut self.all[at];
                let Some(running) = running else { break };
                if running.has_ended() {
                    assert!(log.contains("address already in use"), "a broker has ended:\n{log}");
                    return false;
                }
                if is_healthy(*monitor) {
                    break;
                }
                assert!(Instant::now() < deadline, "a broker does not get ready:\n{log}");
                sleep(Duration::from_millis(50));
            }
        }
        true
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Where one listens for clients; it stays there when it is restarted.
    pub(crate) fn addr(&self, at: usize) -> SocketAddr {
        self.all[at].client
    }

    /// Its address as `--cluster` takes it.
    pub(crate) fn url(&self, at: usize) -> String {
        let scheme = if self.setup.transport == Transport::TlsFirst { "tls" } else { "nats" };
        format!("{scheme}://{}", self.addr(at))
    }

    /// All of them, as `--cluster` takes them.
    pub(crate) fn urls(&self) -> String {
        (0..self.len()).map(|at| self.url(at)).collect::<Vec<_>>().join(",")
    }

    /// The file with a login, as `--cluster-credentials` takes it.
    pub(crate) fn credentials(&self, login: Login) -> PathBuf {
        self.folder.path().join(login.pair().0)
    }

    /// The authority that signed their certificates.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The folder of all of it; gone with the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, at: usize, what: &str) -> PathBuf {
        self.folder.path().join(format!("n{at}.{what}"))
    }

    /// What one has logged, in all its runs.
    pub(crate) fn log(&self, at: usize) -> String {
        fs::read_to_string(self.path(at, "log")).unwrap_or_default()
    }

    /// The one that leads this stream of the group's account, if there is a leader.
    pub(crate) fn leader(&self, stream: &str) -> Option<usize> {
        (0..self.len()).find(|&at| {
            let running = self.all[at].running.is_some();
            let streams = "/jsz?acc=ROOM&streams=1";
            running && get(self.all[at].monitor, streams).is_some_and(|answer| leads(&answer, stream, at))
        })
    }

    /// kill -9, and gone. Nothing if it does not run.
    pub(crate) fn kill(&mut self, at: usize) {
        self.all[at].running = None;
    }

    /// kill -9, and its disk is lost.
    pub(crate) fn wipe(&mut self, at: usize) {
        self.kill(at);
        fs::remove_dir_all(self.path(at, "store")).expect("a folder");
    }

    /// SIGTERM, and ended by itself. Nothing if it does not run.
    pub(crate) fn stop(&mut self, at: usize) {
        if let Some(mut running) = self.all[at].running.take() {
            running.signal(Signal::TERM);
            let deadline = Instant::now() + PATIENCE;
            while !running.has_ended() && Instant::now() < deadline {
                sleep(Duration::from_millis(10));
            }
        }
    }

    /// The processes of those that run.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.all.iter().filter_map(|broker| Some(broker.running.as_ref()?.pid())).collect()
    }

    /// Whether it was started and not killed or stopped since.
    pub(crate) fn runs(&self, at: usize) -> bool {
        self.all[at].running.is_some()
    }

    /// Starts one that was killed, with the files that it left. It is ready after [`Brokers::until_ready`].
    pub(crate) fn restart(&mut self, at: usize) {
        assert!(self.all[at].running.is_none(), "it was killed");
        self.spawn(at);
    }

    /// Stops one without its knowledge, as a machine that stands still.
    pub(crate) fn freeze(&self, at: usize) {
        self.signal(at, Signal::STOP);
    }

    /// Undoes [`Brokers::freeze`].
    pub(crate) fn thaw(&self, at: usize) {
        self.signal(at, Signal::CONT);
    }

    fn signal(&self, at: usize, signal: Signal) {
        self.all[at].running.as_ref().expect("it runs").signal(signal);
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        (0..self.len()).for_each(|at| self.kill(at));
        if std::thread::panicking() {
            for at in 0..self.len() {
                let log = self.log(at);
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(30)..].join("\n");
                let _ = writeln!(std::io::stderr(), "the end of broker n{at}'s log:\n{last}");
            }
        }
    }
}

/// As in deploy/three-nodes/nats.conf: the stream's account, the nodes' with what they need of it, and the system's.
const ACCOUNTS: &str = r#"accounts {
  ROOM {
    jetstream: enabled
    users: [ { user: keeper, password: "keeper-secret" } ]
    exports: [
      { service: "room.>", accounts: [NODES] }
      { service: "$JS.API.STREAM.INFO.ROOM", accounts: [NODES] }
      { service: "$JS.API.DIRECT.GET.ROOM", accounts: [NODES], response_type: stream }
      { stream: "live.>", accounts: [NODES] }
    ]
  }
  NODES {
    users: [ { user: node, password: "node-secret", permissions {
      publish { allow: ["room.>", "where.>", "here.>", "hist.>", "_INBOX.>",
                        "$JS.API.DIRECT.GET.ROOM", "stream.info", "$SYS.REQ.SERVER.PING.JSZ"] }
      subscribe { allow: ["live.>", "where.>", "here.>", "hist.>", "_INBOX.>"] } } }
      { user: mute, password: "mute-secret", permissions {
      publish { allow: ["where.>", "here.>", "hist.>", "_INBOX.>",
                        "$JS.API.DIRECT.GET.ROOM", "stream.info", "$SYS.REQ.SERVER.PING.JSZ"] }
      subscribe { allow: ["live.>", "where.>", "here.>", "hist.>", "_INBOX.>"] } } }
      { user: blind, password: "blind-secret", permissions { publish { deny: "stream.info" } } }
      { user: unlettered, password: "unlettered-secret",
        permissions { publish { deny: "$JS.API.DIRECT.GET.ROOM" } } }
      { user: deaf, password: "deaf-secret", permissions { subscribe { deny: "_INBOX.>" } } }
      { user: apart, password: "apart-secret", permissions { subscribe { deny: "here.>" } } }
      { user: curt, password: "curt-secret", permissions { publish { deny: "_INBOX.>" } } } ]
    imports: [
      { service: { account: ROOM, subject: "room.>" } }
      { service: { account: ROOM, subject: "$JS.API.STREAM.INFO.ROOM" }, to: "stream.info" }
      { service: { account: ROOM, subject: "$JS.API.DIRECT.GET.ROOM" } }
      { stream: { account: ROOM, subject: "live.>" } }
      { service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" } }
    ]
    mappings: { "$JS.API.STREAM.INFO.ROOM": "stream.info" }
  }
  SYS {
    exports: [ { service: "$SYS.REQ.SERVER.PING.JSZ", response_type: stream, accounts: [NODES] } ]
    users: [ { user: sys, password: "sys-secret" } ]
  }
}
system_account: SYS
"#;

/// Where it is. Nothing, and it says so: it is not here.
pub(crate) fn find(program: Program) -> Option<PathBuf> {
    let version = |path: &Path| {
        let output = Command::new(path).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let (major, rest) = text.trim().rsplit_once('v')?.1.split_once('.')?;
        Some((major.parse::<u32>().ok()?, rest.split('.').next()?.parse::<u32>().ok()?))
    };
    let (places, wanted, advice) = match program {
        Program::Usable => {
            let fetched = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("nats-server");
            let on_path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::env::split_paths(&on_path).collect::<Vec<_>>();
            let places: Vec<PathBuf> = [fetched].into_iter().chain(folders).collect();
            (places, (2, 15)..(u32::MAX, 0), "no nats-server 2.15; tests/get-nats-server.sh fetches it")
        }
        Program::Debian => (vec!["/usr/sbin".into()], (2, 0)..(2, 15), "no nats-server of Debian"),
    };
    let mut programs = places.iter().map(|folder| folder.join("nats-server"));
    let found = programs.find(|path| version(path).is_some_and(|version| wanted.contains(&version)));
    if found.is_none() {
        skip(advice);
    }
    found
}

/// Ports that nobody listens at, below those that the kernel gives to outgoing connections: one of these could otherwise
/// have the port of a broker that is being restarted.
pub(crate) fn free_ports(number: usize) -> Vec<u16> {
    let mut held: Vec<TcpListener> = Vec::new();
    while held.len() < number {
        held.extend(TcpListener::bind(("127.0.0.1", fastrand::u16(10_000..32_000))));
    }
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

/// Whether JetStream can be used: there is a leader, and the broker knows what that knows.
fn is_healthy(monitor: SocketAddr) -> bool {
    get(monitor, "/healthz")
        .is_some_and(|answer| answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"))
}

/// Whether a broker says of itself that it leads this stream. Its answer tells first who leads the brokers, which may be
/// another one.
fn leads(answer: &str, stream: &str, at: usize) -> bool {
    let compact: String = answer.chars().filter(|c| !c.is_whitespace()).collect();
    let of_stream = compact.split_once(&format!("\"name\":\"{stream}\",\"created\"")).map(|(_, rest)| rest);
    let leader = of_stream.and_then(|rest| rest.split_once("\"leader\":\""));
    leader.is_some_and(|(_, rest)| rest.starts_with(&format!("n{at}\"")))
}

/// An answer of a broker's monitoring port, with its status line.
fn get(monitor: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&monitor, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// `ca.pem`, and `broker.pem` with its key for this machine, signed by that.
/// An authority, and the brokers' certificate, for `localhost` and this name, valid in these years.
pub(crate) fn make_certificates(folder: &Path, name: &str, years: Range<i32>) {
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new([]).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).expect("a certificate");
    fs::write(folder.join("ca.pem"), certificate.pem()).expect("a file");
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().expect("a key");
    let mut broker = CertificateParams::new(["localhost".to_owned(), name.to_owned()]).expect("names");
    broker.not_before = date_time_ymd(years.start, 1, 1);
    broker.not_after = date_time_ymd(years.end, 1, 1);
    broker.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = broker.signed_by(&key, &issuer).expect("a certificate");
    fs::write(folder.join("broker.pem"), certificate.pem()).expect("a file");
    let mut file = File::create(folder.join("broker.key")).expect("a file");
    file.write_all(key.serialize_pem().as_bytes()).expect("a file");
}
