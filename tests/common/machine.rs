//! A systemd: a whole one, as the first process of namespaces of its own, with nothing to start but our unit. All that it
//! and the server write vanishes with it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::disk::tool;
use crate::common::server::PATIENCE;

/// What ann says at the server on this machine, over TLS.
pub(crate) const SAY: &str = "echo hello | CHAT_ROOM_PASSWORD=ann-secret XDG_STATE_HOME=/run/state \
                   chat-room-client send ann@example.org --server localhost:7668 --tls \
                   --ca /var/lib/chat-room/self-signed.pem";

/// Becomes systemd, on the files of the root `$3`: what is written goes to memory and vanishes. `$1`: the folder of the
/// programs, `$2`: the root of the repository, of which a copy lies in /source with a release build, so to say. `$4`: where
/// units are, beside those that are made here.
const BOOT: &str = r#"
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir="$3",upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mkdir -p /mnt/root/source/target/release /mnt/root/source/src
cp "$1/chat-room-server" "$1/chat-room-client" /mnt/root/source/target/release/
cp -r "$2/deploy" /mnt/root/source/
cp -r "$2/src/man" /mnt/root/source/src/
cd /mnt/root
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
for folder in run var/log tmp var/tmp; do mount -t tmpfs tmpfs $folder; done
umount -R sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
pivot_root . mnt
umount -l /mnt
cd /source
ip link set lo up
# As on a host: credentials are mounted by a child in a namespace of its own.
mount --make-rshared /
mkdir /run/units
for unit in sysinit basic shutdown multi-user network-online; do
    printf '[Unit]\nDefaultDependencies=no\n' >/run/units/$unit.target
done
# What it comes after stays known when that has ended.
printf '[Unit]\nDefaultDependencies=no\nAfter=chat-room.service nats.service\n' >/run/units/default.target
# Whatever the tests run at: that of the server's threads is looked at.
renice -n 0 -p $$ >/dev/null
exec env -i PATH="$PATH" container=other SYSTEMD_UNIT_PATH="/etc/systemd/system:/run/units$4" \
    /lib/systemd/systemd --system --log-target=null --unit=default.target
"#;

/// A systemd, and what has to be removed after it.
pub(crate) struct Systemd {
    unshare: Child,
    first: String,
    cgroup: PathBuf,
}

impl Systemd {
    /// On this machine's own files. An error says why there is none.
    pub(crate) fn boot() -> Result<Systemd, &'static str> {
        Systemd::boot_on(Path::new("/"), "")
    }

    /// On the files of another Debian, whose units are known, though nothing starts them.
    pub(crate) fn boot_debian(root: &Path) -> Result<Systemd, &'static str> {
        Systemd::boot_on(root, ":/usr/lib/systemd/system")
    }

    fn boot_on(root: &Path, more_units: &str) -> Result<Systemd, &'static str> {
        if !rustix::process::geteuid().is_root() || !Path::new("/lib/systemd/systemd").exists() {
            return Err("this is not root, or there is no systemd here");
        }
        let cgroup = own_cgroup().ok_or("there is no cgroup2 here")?;
        fs::create_dir(&cgroup).map_err(|_| "no cgroup can be made here")?;
        let folder = Path::new(env!("CARGO_BIN_EXE_chat-room-server")).parent().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ >\"$1/cgroup.procs\" && shift && exec \"$@\"", "sh"])
            .arg(&cgroup)
            .args([
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--ipc",
                "--uts",
                "--net",
                "--cgroup",
            ])
            .args(["sh", "-c", BOOT, "sh"])
            .args([folder, source, root])
            .arg(more_units)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let unshare = command.spawn().expect("there is a shell");
        let mut systemd = Systemd { unshare, first: String::new(), cgroup };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pid = systemd.unshare.id();
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            children.trim().clone_into(&mut systemd.first);
            let is_systemd = fs::read_to_string(format!("/proc/{}/comm", systemd.first))
                .is_ok_and(|name| name == "systemd\n");
            if is_systemd && systemd.run("systemctl is-system-running").status.success() {
                return Ok(systemd);
            }
            let is_over = systemd.unshare.try_wait().expect("it is our child").is_some();
            if is_over || Instant::now() > deadline {
                return Err("systemd does not start here");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn run(&self, script: &str) -> Output {
        self.run_with(script, &[])
    }

    /// With this on its standard input.
    pub(crate) fn run_with(&self, script: &str, input: &[u8]) -> Output {
        self.run_in(&["--mount", "--pid", "--ipc", "--uts", "--net"], script, input)
    }

    /// With its files, but in the caller's network.
    pub(crate) fn run_elsewhere(&self, script: &str) -> Output {
        self.run_in(&["--mount", "--pid", "--ipc", "--uts"], script, &[])
    }

    fn run_in(&self, namespaces: &[&str], script: &str, input: &[u8]) -> Output {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.first]).args(namespaces);
        command.args(["sh", "-c", &format!("cd /source\n{script}")]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("what unshare came with");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A script that reads nothing has perhaps ended.
        thread::scope(|scope| {
            scope.spawn(move || _ = stdin.write_all(input));
            child.wait_with_output().expect("it is our child")
        })
    }

    /// A script at a terminal.
    pub(crate) fn open_terminal(&self, script: &str) -> Terminal {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.first, "--mount", "--pid", "--ipc", "--uts", "--net"]);
        command.args(["timeout", "60", "script", "--quiet", "--return", "--command", script, "/dev/null"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Terminal { child: command.spawn().expect("what unshare came with"), shown: String::new() }
    }

    /// Its files: the namespace of its mounts.
    pub(crate) fn files(&self) -> File {
        File::open(format!("/proc/{}/ns/mnt", self.first)).expect("it runs")
    }

    /// Makes a file.
    #[track_caller]
    pub(crate) fn write(&self, path: &str, mode: u32, bytes: &[u8]) {
        let Output { status, stderr, .. } =
            self.run_with(&format!("cat >{path} && chmod {mode:o} {path}"), bytes);
        assert!(status.success(), "{path}: {}", String::from_utf8_lossy(&stderr));
    }

    /// What a script prints that has to succeed.
    #[track_caller]
    pub(crate) fn done(&self, script: &str) -> String {
        let Output { status, stdout, stderr } = self.run(script);
        assert!(status.success(), "{script}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("text")
    }

    pub(crate) fn property(&self, name: &str) -> String {
        self.property_of("chat-room", name)
    }

    pub(crate) fn property_of(&self, unit: &str, name: &str) -> String {
        self.done(&format!("systemctl show --value --property {name} {unit}")).trim_end().to_owned()
    }

    /// Its network, which other hosts can be joined to.
    pub(crate) fn network(&self) -> File {
        File::open(format!("/proc/{}/ns/net", self.first)).expect("it runs")
    }

    /// Of the server, in its namespace.
    pub(crate) fn file(&self, path: &str) -> String {
        self.done(&format!("cat {path}"))
    }
}

/// Somebody at a terminal of a machine.
pub(crate) struct Terminal {
    child: Child,
    /// What it has shown and nobody has waited for.
    shown: String,
}

impl Terminal {
    /// Waits until it shows this, and returns what it has shown up to there.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            assert!(self.read(), "{text:?} is not in {:?}", self.shown);
        }
    }

    /// Waits until the program has ended.
    #[track_caller]
    pub(crate) fn until_end(&mut self) {
        while self.read() {}
        assert!(self.child.wait().expect("it is our child").success(), "{:?}", self.shown);
    }

    /// Reads more. `false`: it has ended.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let len = self.child.stdout.as_mut().expect("it is piped").read(&mut bytes).expect("a pipe");
        self.shown += &String::from_utf8_lossy(&bytes[..len]);
        len > 0
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        stdin.write_all(format!("{line}\r").as_bytes()).expect("it reads");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        // The last process may be on its way out.
        for _ in 0..100 {
            tool(&format!("find {} -depth -type d -exec rmdir {{}} ;", self.cgroup.display()));
            if !self.cgroup.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// How many were booted here: each has a cgroup of its own.
static BOOTED: AtomicU32 = AtomicU32::new(0);

/// A cgroup below our own.
fn own_cgroup() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?.split(' ').nth(4)?;
    let cgroups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = cgroups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let name = format!("chat-room-test-{}-{}", std::process::id(), BOOTED.fetch_add(1, Ordering::Relaxed));
    Some(Path::new(mount).join(own).join(name))
}
