//! The package, on a Debian on which nothing but the base system is: installed, upgraded while members are connected, removed,
//! purged. `make package-test` brings the package and the Debian. Without them there are only the tests of what is in it.

#[path = "../common/blocks.rs"]
mod blocks;
#[path = "../common/mod.rs"]
mod common;
mod completions;
mod container;
mod contents;
#[path = "../common/machine.rs"]
mod machine;
#[path = "../common/netns.rs"]
mod netns;
mod tarball;

use std::fmt::Arguments;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::disk::skip;
use common::server::until;
use machine::{SAY, Systemd};

/// The machine with the package, and another one on the same cable.
struct Machines {
    server: Systemd,
    member: File,
}

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 85, 0, 1);
/// What an admin has put beside the package's files, and has no other copy of.
const ADDED: [&str; 4] = [
    "/etc/chat-room/node.credentials",
    "/etc/systemd/system/chat-room.service.d/own.conf",
    "/etc/systemd/system/chat-room.socket.d/own.conf",
    "/var/lib/chat-room/notes",
];
const PATH: &str = "export PATH=/usr/sbin:/usr/bin:/sbin:/bin";

impl Machines {
    fn boot(root: &str) -> Result<Machines, String> {
        let server = Systemd::boot_debian(root.as_ref())?;
        let member = netns::namespace().map_err(|why| why.to_string())?;
        let network = server.network();
        let path = format!("/proc/{}/fd/{}", std::process::id(), network.as_raw_fd());
        for (at, command) in [
            (&member, format!("ip link add eth0 type veth peer name eth0 netns {path}")),
            (&member, "ip address add 10.85.0.2/24 dev eth0".to_owned()),
            (&member, "ip link set eth0 up".to_owned()),
            (&network, format!("ip address add {SERVER}/24 dev eth0")),
            (&network, "ip link set eth0 up".to_owned()),
        ] {
            netns::run(at, &command).map_err(|why| why.to_string())?;
        }
        // The server's certificate is made for this name.
        server.done(&format!("hostname chat && echo '{SERVER} chat' >>/etc/hosts"));
        // What systemd itself does and writes at a boot is not the package's.
        server.done("systemctl start sysinit.target");
        Ok(Machines { server, member })
    }

    /// A script on the server's machine that has to succeed.
    #[track_caller]
    fn done(&self, script: &str) -> String {
        self.server.done(&format!("{PATH}\n{script}"))
    }

    /// Nobody is there to be asked.
    fn apt(&self, arguments: &str) -> Output {
        self.server.run(&format!("{PATH}\napt-get -qy {arguments} </dev/null 2>&1"))
    }

    #[track_caller]
    fn apt_done(&self, arguments: &str) -> String {
        succeeded(&self.apt(arguments))
    }

    fn states(&self) -> [String; 2] {
        ["chat-room.socket", "chat-room.service"].map(|unit| self.server.property_of(unit, "ActiveState"))
    }

    /// With the client of the package, from the member's network.
    #[track_caller]
    fn member_says(&self, text: &str) {
        let say = SAY.replace("hello", text).replace("localhost:", "chat:");
        let output = netns::inside(&self.member, || self.server.run_elsewhere(&format!("{PATH}\n{say}")));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn connect(&self) -> Result<TcpStream, ErrorKind> {
        let addr = SocketAddr::from((SERVER, 7668));
        netns::inside(&self.member, || TcpStream::connect(addr)).map_err(|why| why.kind())
    }

    /// All files on the disk.
    fn files(&self) -> Vec<String> {
        let all =
            self.done("find / -xdev -path /source -prune -o -path /tmp -prune -o -print | LC_ALL=C sort");
        all.lines().map(str::to_owned).collect()
    }

    /// What people have on the disk, to the byte: the group, its log and backups, and what an admin has added.
    fn theirs(&self) -> String {
        let folders = "/var/lib/chat-room /var/log/chat-room /var/backups/chat-room";
        let added = ADDED.join(" ");
        self.done(&format!("find {folders} {added} -type f ! -name lock -exec sha256sum {{}} + | sort -k 2"))
    }
}

/// For whoever runs it by hand.
fn tell(what: Arguments<'_>) {
    writeln!(std::io::stderr(), "{what}").expect("standard error");
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn from_a_fresh_debian_to_a_group_and_back() {
    let named = |name| std::env::var(name).ok();
    let (Some(root), Some(packages)) = (named("PACKAGE_ROOT"), named("PACKAGES")) else {
        return skip("make package-test brings the package that is tried here");
    };
    // Who runs make package-test is not to take nothing for a success.
    let machines =
        Machines::boot(&root).unwrap_or_else(|why| panic!("the package cannot be tried here: {why}"));
    let packages: Vec<PathBuf> = packages.split_whitespace().map(PathBuf::from).collect();
    let [old, new] = &packages[..] else { panic!("PACKAGES has two names, not {packages:?}") };
    for (package, name) in [(old, "old"), (new, "new")] {
        let bytes = fs::read(package).expect("a package");
        machines.server.write(&format!("/source/chat-room_{name}.deb"), 0o644, &bytes);
    }
    let before = machines.files();

    let clock = Instant::now();
    let said = machines.apt_done("install /source/chat-room_old.deb");
    assert!(
        said.contains("\nchat-room: there is no group yet; /etc/chat-room/FIRST-STEPS says how "),
        "{said}"
    );
    let installed = clock.elapsed();
    a_package_without_a_group_waits(&machines);
    follow_the_first_steps(&machines);
    machines.member_says("hello");
    let first = clock.elapsed();
    tell(format_args!("installed after {installed:.1?}, the first message over TLS after {first:.1?}"));

    what_is_installed_works(&machines);
    an_upgrade_refuses_nobody(&machines);
    the_old_package_takes_over_again(&machines);
    what_is_stopped_stays_stopped(&machines);
    removing_leaves_the_group(&machines, &before);
}

/// It is enabled, and does not try what cannot be; its status says what to do.
fn a_package_without_a_group_waits(machines: &Machines) {
    assert_eq!(machines.states(), ["inactive", "inactive"]);
    assert_eq!(
        machines.done("systemctl is-enabled chat-room.socket chat-room.service"),
        "enabled\nenabled\n"
    );
    for unit in ["chat-room.service", "chat-room.socket"] {
        machines.done(&format!("systemctl start {unit}"));
        let status = machines.server.run(&format!("systemctl status {unit}")).stdout;
        let status = String::from_utf8_lossy(&status);
        for told in ["/var/lib/chat-room/members.txt was not met", "/etc/chat-room/FIRST-STEPS was not met"] {
            assert!(status.contains(told), "{status}");
        }
    }
    assert_eq!(machines.connect().err(), Some(ErrorKind::ConnectionRefused));
}

fn follow_the_first_steps(machines: &Machines) {
    let steps = machines.server.file("/etc/chat-room/FIRST-STEPS");
    let commands: Vec<&str> = steps.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    // The document has the same, before it adds options.
    let recipe = blocks::of(include_str!("../../docs/operating.md"), "Make the group").concat();
    assert_eq!(recipe.lines().collect::<Vec<_>>(), commands[..2], "{steps}");
    let commands = commands.join("\n");
    machines.done(&format!("set -e\nprintf 'ann-secret\\nann-secret\\n' | {{\n{commands}\n}}"));
    assert_eq!(machines.states(), ["active", "active"]);
    assert_eq!(machines.done("ls /etc/chat-room"), "options\n");
}

/// Manual pages, completions, the log's rotation, the links between the documents.
fn what_is_installed_works(machines: &Machines) {
    for program in ["chat-room-server", "chat-room-client"] {
        machines.done(&format!("{program} --version && test -e /usr/share/man/man1/{program}.1.gz"));
        let completion = format!(
            ". /usr/share/bash-completion/bash_completion; _completion_loader {program}; complete -p {program}"
        );
        machines.done(&format!("bash -c '{completion}'"));
        let loads = format!("autoload -U compinit; compinit -u -D; echo $_comps[{program}]");
        assert_eq!(machines.done(&format!("zsh -fc '{loads}'")), format!("_{program}\n"));
    }
    machines.done("logrotate --force /etc/logrotate.d/chat-room && test -e /var/log/chat-room/server.log.1");
    until("the log is opened anew", || {
        machines.server.file("/var/log/chat-room/server.log").contains("SIGHUP: ")
    });
    assert_eq!(machines.done("cat /proc/sys/net/ipv4/tcp_max_syn_backlog"), "8192\n");
    machines.done("cd /usr/share/doc/chat-room/docs && test -e ../deploy/three-nodes/make.sh -a -e ../CHANGELOG.md.gz -o -e ../CHANGELOG.md");
}

/// Whoever connects meanwhile waits, and whoever was connected misses nothing. What an admin has changed stays, and nobody
/// is asked about it.
fn an_upgrade_refuses_nobody(machines: &Machines) {
    let server = &machines.server;
    machines.done("sed -i 's/^OPTIONS=\"$/&\\n    --keep-days 365/' /etc/chat-room/options");
    machines.done("systemctl restart chat-room");
    let tail = "setsid chat-room-client ann@example.org tail --follow --tls --server chat:7668 --ca /var/lib/chat-room/self-signed.pem \
                >/run/told 2>/run/complaints </dev/null & echo $! >/run/tail";
    let command = format!("{PATH}; export CHAT_ROOM_PASSWORD=ann-secret XDG_STATE_HOME=/run/tails\n{tail}");
    netns::inside(&machines.member, || server.run_elsewhere(&command));
    until("a member is connected", || server.property("StatusText").contains("1 connection, 1 logged in"));
    machines.member_says("before");
    let (pid, socket) = (server.property("MainPID"), server.property_of("chat-room.socket", "InvocationID"));

    let (is_over, connected) = (AtomicBool::new(false), AtomicU32::new(0));
    let refused = thread::scope(|scope| {
        let attempts = scope.spawn(|| {
            let mut refused = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                match machines.connect() {
                    Ok(_) => _ = connected.fetch_add(1, Ordering::Relaxed),
                    Err(why) => refused.push(why),
                }
                thread::sleep(Duration::from_millis(5));
            }
            refused
        });
        let output = machines.apt("install /source/chat-room_new.deb");
        is_over.store(true, Ordering::Relaxed);
        let said = succeeded(&output);
        assert!(!said.contains("onfiguration file"), "{said}");
        attempts.join().expect("a thread")
    });
    let connected = connected.into_inner();
    tell(format_args!("{connected} connections during the upgrade, {} refused", refused.len()));
    assert!(connected > 0 && refused.is_empty(), "{connected} connections, then {refused:?}");
    assert_ne!(server.property("MainPID"), pid, "it is another server");
    assert_eq!(server.property_of("chat-room.socket", "InvocationID"), socket, "the socket has stayed");
    assert!(
        machines
            .done("cat /proc/$(systemctl show --value -p MainPID chat-room)/cmdline")
            .contains("--keep-days")
    );
    machines.member_says("after");
    until("the member has missed nothing", || {
        let told = server.file("/run/told");
        ["before", "after"]
            .iter()
            .all(|text| told.matches(&format!(" ann@example.org {text}\n")).count() == 1)
    });
    machines.done("kill $(cat /run/tail)");
}

/// As docs/operating.md has it for whoever wants to go back; then forward again.
fn the_old_package_takes_over_again(machines: &Machines) {
    let version = || machines.done("dpkg-query --show --showformat '${Version}' chat-room");
    let newer = version();
    machines.apt_done("install --allow-downgrades /source/chat-room_old.deb");
    assert_eq!(version(), env!("CARGO_PKG_VERSION"));
    assert_eq!(machines.states(), ["active", "active"]);
    machines.member_says("older");
    machines.apt_done("install /source/chat-room_new.deb");
    assert_eq!(version(), newer);
}

fn what_is_stopped_stays_stopped(machines: &Machines) {
    machines.done("systemctl stop chat-room.socket chat-room");
    machines.apt_done("install --reinstall /source/chat-room_new.deb");
    assert_eq!(machines.states(), ["inactive", "inactive"]);
    machines.done("systemctl start chat-room.socket chat-room");
    machines.member_says("again");
}

/// Neither takes anything of a person's, and the next package goes on with it.
fn removing_leaves_the_group(machines: &Machines, before: &[String]) {
    // What an admin has enabled goes with the units.
    machines.done("systemctl enable --now chat-room-backup.timer && systemctl start chat-room-backup");
    for file in ADDED {
        machines.done(&format!("mkdir -p $(dirname {file}) && echo '# mine' >{file}"));
    }
    machines.apt_done("remove chat-room");
    assert_eq!(machines.states(), ["inactive", "inactive"]);
    assert_eq!(machines.server.property_of("chat-room-backup.timer", "ActiveState"), "inactive");
    assert_eq!(machines.connect().err(), Some(ErrorKind::ConnectionRefused));
    let theirs = machines.theirs();
    for file in
        ["lib/chat-room/members.txt", "lib/chat-room/history/000000000001.txt", "log/chat-room/server.log"]
    {
        assert!(theirs.contains(&format!("  /var/{file}\n")), "{theirs}");
    }
    assert!(theirs.contains("  /var/backups/chat-room/"), "{theirs}");
    machines.done("grep -q keep-days /etc/chat-room/options && ! test -e /usr/bin/chat-room-server");

    machines.apt_done("install /source/chat-room_new.deb");
    assert_eq!(machines.states(), ["active", "active"], "it continues with the group");
    machines.member_says("back");

    machines.apt_done("remove chat-room");
    let theirs = machines.theirs();
    let said = machines.apt_done("purge chat-room");
    assert!(said.contains("chat-room: the group stays in /var/lib/chat-room, "), "{said}");
    assert_eq!(machines.theirs(), theirs);
    machines.done("id chat-room");
    // Beside that there is only what apt, dpkg and the user database write for any package.
    let others = [
        "/var/lib/chat-room",
        "/var/backups/chat-room",
        "/var/cache/",
        "/var/lib/apt",
        "/var/lib/dpkg/",
        "/var/lib/logrotate/",
        "/var/lib/systemd/",
        "/etc/",
    ];
    let left: Vec<String> = machines.files().into_iter().filter(|file| !before.contains(file)).collect();
    let ours: Vec<&String> =
        left.iter().filter(|file| !others.iter().any(|begin| file.starts_with(begin))).collect();
    let is_ours = |file: &String| {
        file.starts_with("/etc/")
            && file.contains("chat-room")
            && !ADDED.iter().any(|added| added.starts_with(file.as_str()))
    };
    assert!(ours.is_empty() && !left.iter().any(is_ours), "{left:#?}");

    // Installed anew, with neither options nor states of units left, it serves the old group at once.
    machines.apt_done("install /source/chat-room_new.deb");
    assert_eq!(machines.states(), ["active", "active"]);
    machines.member_says("anew");
    let history = machines.server.file("/var/lib/chat-room/history/*.txt");
    for text in ["hello", "before", "after", "older", "again", "back", "anew"] {
        assert_eq!(history.matches(&format!("Z ann@example.org {text}\n")).count(), 1, "{history}");
    }
}
