//! deploy/Containerfile, built from the tarball and run with podman. The image below ours is the Debian that
//! `make container-test` brings, because no registry is asked.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};

use crate::common::disk::{skip, tool};
use crate::common::server::{cheap_hash, until};
use crate::succeeded;

/// podman with a store of its own, on a host of its own: in a namespace of mounts, with cgroup2 alone, because crun knows no
/// mixture, and one of networks.
struct Podman {
    namespace: Child,
    store: tempfile::TempDir,
}

const NAMESPACE: &str = "mount --make-rprivate / && umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && \
                         mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && ip link set lo up && echo && read _";

impl Podman {
    fn new() -> Option<Podman> {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--net", "sh", "-c", NAMESPACE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut namespace = command.spawn().ok()?;
        let is_made =
            namespace.stdout.as_mut().expect("it is piped").read(&mut [0]).is_ok_and(|read| read > 0);
        is_made.then(|| Podman { namespace, store: tempfile::tempdir().expect("a folder") })
    }

    fn run(&self, script: &str) -> Output {
        let store = self.store.path().display();
        // Without cgroups and with limits, because not every root may make those or raise these; and without a registry.
        let define = format!(
            "podman() {{\n\
             verb=$1; shift\n\
             case $verb in\n\
             run) set -- --cgroups=disabled --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \"$@\" ;;\n\
             build) set -- --quiet --isolation chroot --pull=never \"$@\" ;;\n\
             esac\n\
             command podman --root {store}/root --runroot {store}/run --cgroup-manager cgroupfs $verb \"$@\"\n\
             }}\n"
        );
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.namespace.id().to_string(), "--mount", "--net", "sh", "-c"]);
        command.arg(format!("exec 2>&1; cd {}\n{define}{script}", env!("CARGO_MANIFEST_DIR")));
        command.output().expect("what unshare came with")
    }

    #[track_caller]
    fn done(&self, script: &str) -> String {
        succeeded(&self.run(script))
    }

    fn log(&self) -> String {
        self.done("podman logs chat-room")
    }

    /// With a client outside of the container, through the port of the host.
    #[track_caller]
    fn ann(&self, command: &str) -> String {
        let (client, store) = (env!("CARGO_BIN_EXE_chat-room-client"), self.store.path().display());
        self.done(&format!(
            "podman exec chat-room cat self-signed.pem >{store}/ca.pem\n\
             export CHAT_ROOM_PASSWORD=ann-secret XDG_STATE_HOME={store}/state\n\
             {client} ann@example.org --server localhost:7668 --tls --ca {store}/ca.pem {command}"
        ))
    }

    /// From its end: it has ended by itself and well.
    fn stop(&self) {
        self.done("podman stop --time 30 chat-room");
        assert_eq!(self.done("podman inspect --format '{{.State.ExitCode}}' chat-room"), "0\n");
        let log = self.log();
        assert!(log.contains("signal 15: stopping\n") && log.contains(" [INFO] stopped\n"), "{log}");
        self.done("podman rm chat-room");
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.run("podman rm --force --all --time 0");
        // Its mounts go with the namespace.
        let _ = self.namespace.kill();
        let _ = self.namespace.wait();
    }
}

/// The commands at the file's head.
fn recipe() -> [&'static str; 3] {
    let lines = include_str!("../../deploy/Containerfile").lines();
    let commands: Vec<&str> = lines.filter_map(|line| line.strip_prefix("#     ")).collect();
    commands.try_into().expect("how to build it, make a group, and start")
}

#[test]
fn a_container_serves_and_stops() {
    let Ok(base) = std::env::var("CONTAINER_BASE") else {
        return skip("make container-test brings what a container is made of here");
    };
    // As in make package-test, nothing is no success.
    let podman = Podman::new().expect("what is needed to run podman here: root, and a cgroup2");
    podman.done(&format!(
        "tar -C {base} -c . | podman import --quiet - docker.io/library/debian:bookworm-slim"
    ));
    let [build, init, start] = recipe();
    podman.done(build);
    // There is no terminal here.
    podman.done(&format!("printf 'ann-secret\\nann-secret\\n' | {}", init.replace(" -it ", " -i ")));
    podman.done(start);
    until("it listens", || podman.log().contains("listening with TLS on "));
    assert_eq!(podman.done("podman exec chat-room cat /proc/1/comm"), "chat-room-serve\n");
    for path in ["/x", "/usr/local/bin/x", "/etc/x"] {
        let output = podman.run(&format!("podman exec --user 0 chat-room touch {path}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("Read-only file system"), "{path}: {said}");
    }
    podman.ann("send hello");
    podman.done("podman kill --signal HUP chat-room");
    until("it has read its files again", || podman.log().contains("SIGHUP: reading members.txt"));
    podman.stop();

    // The history is in the volume. The members' file is mounted by itself, so no command can write it, which is told.
    let members = podman.store.path().join("members.txt");
    fs::write(&members, format!("ann@example.org {} admin\n", cheap_hash("ann-secret"))).expect("written");
    assert!(tool(&format!("chown 7668:7668 {}", members.display())));
    let mounted = format!(" -v {}:/var/lib/chat-room/members.txt -p ", members.display());
    podman.done(&format!("{} --tls-listen 0.0.0.0:7668", start.replace(" -p ", &mounted)));
    until("it listens", || podman.log().contains("listening with TLS on 0.0.0.0:7668"));
    let told = podman.ann("tail");
    assert!(told.ends_with(" ann@example.org hello\n"), "{told}");
    let log = podman.log();
    let warning =
        "[WARN] members.txt: cannot be replaced: the file is mounted by itself; mount the folder it is in ";
    assert!(log.contains(warning), "{log}");
    podman.stop();
}
