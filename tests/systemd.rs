//! The unit of deploy/ under a systemd: a whole one, as the first process of namespaces of its own, with nothing else
//! to start. All that it and the server write vanishes with it.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::disk::{skip, tool};
use common::server::{PATIENCE, until};

/// Becomes systemd. `$1`: the folder of the programs, `$2`: the unit.
const BOOT: &str = r#"
set -e
mount --make-rprivate /
mount -t proc proc /proc
for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs $folder; done
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /run/units /run/bin
cp "$1/chat-room-server" "$1/chat-room-client" /run/bin/
cp "$2" /run/units/chat-room.service
mount --bind /run/bin /usr/local/bin
for file in passwd group; do cp /etc/$file /run/; done
echo 'chat-room:x:987:987::/var/lib/chat-room:/usr/sbin/nologin' >>/run/passwd
echo 'chat-room:x:987:' >>/run/group
for file in passwd group; do mount --bind /run/$file /etc/$file; done
for folder in /tmp /var/tmp; do mount -t tmpfs tmpfs $folder; done
mount -o remount,bind,ro /
ip link set lo up
for unit in sysinit basic shutdown multi-user network-online; do
    printf '[Unit]\nDefaultDependencies=no\n' >/run/units/$unit.target
done
# What it comes after stays known when it has ended.
printf '[Unit]\nDefaultDependencies=no\nAfter=chat-room.service\n' >/run/units/default.target
exec env -i PATH="$PATH" container=other SYSTEMD_UNIT_PATH=/run/units \
    /lib/systemd/systemd --system --log-target=null --unit=default.target
"#;

const INIT: &str = r"
install -d -o chat-room -g chat-room /var/lib/chat-room && cd /var/lib/chat-room
printf 'ann-secret\nann-secret\n' |
    setpriv --reuid=chat-room --regid=chat-room --clear-groups chat-room-server --init ann@x";

const SAY: &str = "echo hello | CHAT_ROOM_PASSWORD=ann-secret XDG_STATE_HOME=/run/state \
                   chat-room-client send ann@x --server localhost:7668 --tls";

/// A systemd, and what is to be swept up behind it.
struct Systemd {
    unshare: Child,
    first: String,
    cgroup: PathBuf,
}

impl Systemd {
    /// An error says why there is none.
    fn boot() -> Result<Systemd, &'static str> {
        if !rustix::process::geteuid().is_root() || !Path::new("/lib/systemd/systemd").exists() {
            return Err("this is not root, or there is no systemd here");
        }
        let cgroup = own_cgroup().ok_or("there is no cgroup2 here")?;
        fs::create_dir(&cgroup).map_err(|_| "no cgroup can be made here")?;
        let folder = Path::new(env!("CARGO_BIN_EXE_chat-room-server")).parent().expect("a folder");
        let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/chat-room.service");
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
            .args([folder, &unit])
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
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn run(&self, script: &str) -> Output {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.first, "--mount", "--pid", "--ipc", "--uts", "--net"]);
        command.args(["sh", "-c", script]).stdin(Stdio::null()).output().expect("what unshare came with")
    }

    /// What a script prints that has to succeed.
    #[track_caller]
    fn done(&self, script: &str) -> String {
        let Output { status, stdout, stderr } = self.run(script);
        assert!(status.success(), "{script}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("text")
    }

    fn property(&self, name: &str) -> String {
        self.done(&format!("systemctl show --value --property {name} chat-room")).trim_end().to_owned()
    }

    /// Of the server, in its namespace.
    fn file(&self, path: &str) -> String {
        self.done(&format!("cat {path}"))
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
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A cgroup below our own.
fn own_cgroup() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?.split(' ').nth(4)?;
    let cgroups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = cgroups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(mount).join(own).join(format!("chat-room-test-{}", std::process::id())))
}

#[test]
fn the_unit_serves_reloads_restarts_and_stops() {
    let systemd = match Systemd::boot() {
        Ok(systemd) => systemd,
        Err(why) => return skip(why),
    };
    systemd.done(INIT);
    // It comes back when the server has said that it is ready.
    systemd.done("systemctl start chat-room");
    let pid = systemd.property("MainPID");
    until("it says how things stand", || {
        systemd.property("StatusText") == "0 connections, 0 logged in, 1 members"
    });
    let status = systemd.file(&format!("/proc/{pid}/status"));
    for closed in ["Uid:\t987\t", "CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"] {
        assert!(status.contains(closed), "{closed} is not in: {status}");
    }
    // proc_pid_stat(5): behind the name in parentheses, nice is the seventeenth.
    let threads = systemd.file(&format!("/proc/{pid}/task/*/stat"));
    let mut nice: Vec<(&str, &str)> = threads
        .lines()
        .filter_map(|line| {
            let (name, fields) = line.split_once(" (")?.1.rsplit_once(") ")?;
            Some((name, fields.split(' ').nth(16)?))
        })
        .filter(|(_, nice)| *nice != "0")
        .collect();
    nice.sort_unstable();
    // A systemd without CAP_SYS_RESOURCE, in a container, leaves the limit as it was.
    let may = systemd.done(&format!("prlimit --pid {pid} --nice --noheadings --output SOFT")).trim() == "30";
    let expected = [("history writer", "-10"), ("log", "10"), ("passwords", "10")];
    assert_eq!(nice, expected[usize::from(!may)..]);
    // TLS with the certificate that it made, the history, members.txt: it can write what it has to, and nothing else.
    systemd.done(SAY);
    let inside = systemd.run(&format!("nsenter -t {pid} --mount touch /usr/x /etc/x /var/x 2>&1"));
    assert_eq!(String::from_utf8_lossy(&inside.stdout).matches("Read-only file system").count(), 3);
    systemd.done("mv /var/log/chat-room/server.log /var/log/chat-room/server.log.1");
    systemd.done("echo 'bob@x typed-by-hand' >>/var/lib/chat-room/members.txt && systemctl reload chat-room");
    until("members.txt is read and written", || {
        systemd.file("/var/lib/chat-room/members.txt").contains("\nbob@x $argon2id$")
    });
    let log = systemd.file("/var/log/chat-room/server.log");
    assert!(log.lines().next().is_some_and(|line| line.contains("SIGHUP: ")), "{log}");
    assert_eq!(systemd.property("MainPID"), pid);

    systemd.done(&format!("kill -9 {pid}"));
    until("it is started again", || {
        systemd.property("NRestarts") == "1" && systemd.property("SubState") == "running"
    });
    systemd.done(SAY);
    let history = systemd.file("/var/lib/chat-room/history/*.txt");
    assert_eq!(history.lines().filter(|line| line.ends_with("Z ann@x hello")).count(), 2, "{history}");

    systemd.done("systemctl stop chat-room");
    let ended = ["Result", "ExecMainCode", "ExecMainStatus"].map(|name| systemd.property(name));
    assert_eq!(ended, ["success", "1", "0"]);
    let log = systemd.file("/var/log/chat-room/server.log");
    assert!(log.ends_with(" [INFO] stopped\n"), "{log}");
}
