//! Two hosts and the cable between them, which can be pulled: two network namespaces joined by a veth pair. They
//! have no name and live as long as their descriptors or a process in them: nothing remains, even of a
//! test that was killed, and nothing of this host is touched.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs::File;
use std::io::{self, Read as _};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::panic::resume_unwind;
use std::process::{Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// One of the two hosts. Each has a loopback of its own, too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Near,
    Far,
}

impl End {
    pub(crate) fn ip(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 83, 0, 1 + self as u8)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Cable {
    /// By [`End`].
    namespaces: [File; 2],
}

impl Cable {
    /// An error says what is missing here: root, `unshare`, `ip`, or the kernel's veth.
    pub(crate) fn lay() -> io::Result<Cable> {
        let cable = Cable { namespaces: [namespace()?, namespace()?] };
        let far = format!("/proc/{}/fd/{}", std::process::id(), cable.namespaces[1].as_raw_fd());
        cable.ip(End::Near, &format!("link add eth0 type veth peer name eth0 netns {far}"))?;
        for end in [End::Near, End::Far] {
            cable.ip(end, &format!("address add {}/24 dev eth0", end.ip()))?;
            cable.ip(end, "link set lo up")?;
            cable.ip(end, "link set eth0 up")?;
        }
        Ok(cable)
    }

    /// Runs `f` on one of the hosts: sockets it opens and commands it starts belong there.
    pub(crate) fn at<T: Send>(&self, end: End, f: impl FnOnce() -> T + Send) -> T {
        inside(&self.namespaces[end as usize], f)
    }

    /// `ip` with these arguments, on one of the hosts.
    pub(crate) fn ip(&self, end: End, arguments: &str) -> io::Result<()> {
        self.run(end, &format!("ip {arguments}"))
    }

    /// A command, on one of the hosts.
    pub(crate) fn run(&self, end: End, command: &str) -> io::Result<()> {
        run(&self.namespaces[end as usize], command)
    }

    /// From now on each direction carries 8 KB a second, in packets of 700 bytes. What is too much for it waits.
    pub(crate) fn slow_down(&self) -> io::Result<()> {
        for end in [End::Near, End::Far] {
            // As one packet, where it is made: else many would go as one and wait for more than there is room for.
            self.ip(end, "link set eth0 mtu 700 gso_max_segs 1")?;
            self.run(end, "tc qdisc add dev eth0 root tbf rate 64kbit burst 720 latency 30s")?;
        }
        Ok(())
    }

    /// From now on so many bytes of what reaches this end wait there at most, and 62 KB a second go on. The rest is lost, of
    /// which the other end learns nothing.
    pub(crate) fn narrow(&self, end: End, bytes: usize) -> io::Result<()> {
        // What comes in can only be queued on the detour over another device (tc-mirred(8)).
        let queue = format!("tc qdisc add dev ifb0 root tbf rate 500kbit burst 2000 limit {bytes}");
        let detour = "u32 match u32 0 0 action mirred egress redirect dev ifb0";
        for command in [
            "ip link add ifb0 type ifb",
            "ip link set ifb0 up",
            &queue,
            "tc qdisc add dev eth0 ingress",
            &format!("tc filter add dev eth0 parent ffff: protocol ip {detour}"),
        ] {
            self.run(end, command)?;
        }
        Ok(())
    }

    /// Undoes [`Cable::narrow`].
    pub(crate) fn widen(&self, end: End) {
        self.run(end, "tc qdisc del dev eth0 ingress").expect("it was made");
    }

    /// From now on neither hears the other. The near end keeps its address and its routes, as a host does.
    pub(crate) fn pull(&self) {
        self.ip(End::Far, "link set eth0 down").expect("an interface");
    }

    /// Undoes [`Cable::pull`].
    pub(crate) fn plug(&self) {
        self.ip(End::Far, "link set eth0 up").expect("an interface");
    }
}

/// Runs `f` in a namespace: sockets it opens and commands it starts belong there.
pub(crate) fn inside<T: Send>(namespace: &File, f: impl FnOnce() -> T + Send) -> T {
    let run = || {
        // Of this thread alone.
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("setns");
        f()
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

/// A command in a namespace.
pub(crate) fn run(namespace: &File, command: &str) -> io::Result<()> {
    let mut words = command.split(' ');
    let mut program = Command::new(words.next().unwrap_or_default());
    let output = inside(namespace, || program.args(words).output())?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{command}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// A network namespace, made by a process that lives until we have it open.
pub(crate) fn namespace() -> io::Result<File> {
    let mut maker = Command::new("unshare")
        .args(["--net", "sh", "-c", "echo; read _"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let made = maker.stdout.as_mut().map_or(Ok(0), |out| out.read(&mut [0]))?;
    let namespace = File::open(format!("/proc/{}/ns/net", maker.id()));
    // Closes its standard input.
    maker.wait()?;
    if made == 0 {
        return Err(io::Error::other("no network namespace can be made"));
    }
    namespace
}
