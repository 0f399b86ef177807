//! deploy/Containerfile, built from the tarball and run with podman. The image below ours is the Debian that
//! `make container-test` brings, because no registry is asked.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};

use crate::common::disk::{skip, tool};
use crate::common::server::{cheap_hash, until};
use crate::succeeded;

/// podman with a store of its own, in a mount namespace of its own: with cgroup2 alone, because crun knows no mixture.
struct Podman {
    namespace: Child,
    store: tempfile::TempDir,
}

const NAMESPACE: &str = "mount --make-rprivate / && umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && \
                         echo && read _";

impl Podman {
    fn new() -> Option<Podman> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", NAMESPACE]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut namespace = command.spawn().ok()?;
        let is_made =
            namespace.stdout.as_mut().expect("it is piped").read(&mut [0]).is_ok_and(|read| read > 0);
        is_made.then(|| Podman { namespace, store: tempfile::tempdir().expect("a folder") })
    }

    fn run(&self, script: &str) -> Output {
        let store = self.store.path().display();
        // Without limits that not every root may raise.
        let define = format!(
            "podman() {{ command podman --root {store}/root --runroot {store}/run --cgroup-manager cgroupfs \"$@\"; }}\n\
             start() {{ podman run --cgroups=disabled --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
             --volume chat-room:/var/lib/chat-room \"$@\"; }}\n"
        );
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.namespace.id().to_string(), "--mount", "sh", "-c"]);
        command.arg(format!("exec 2>&1; cd {}\n{define}{script}", env!("CARGO_MANIFEST_DIR")));
        command.output().expect("what unshare came with")
    }

    #[track_caller]
    fn done(&self, script: &str) -> String {
        succeeded(&self.run(script))
    }

    fn log(&self) -> String {
        self.done("podman logs room")
    }

    /// From its end: it has ended by itself and well.
    fn stop(&self) {
        self.done("podman stop --time 30 room");
        assert_eq!(self.done("podman inspect --format '{{.State.ExitCode}}' room"), "0\n");
        let log = self.log();
        assert!(log.contains("signal 15: stopping\n") && log.contains(" [INFO] stopped\n"), "{log}");
        self.done("podman rm room");
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

const SAY: &str = "--env CHAT_ROOM_PASSWORD=ann-secret --env XDG_STATE_HOME=/tmp room chat-room-client ann@example.org \
                   --server localhost:7668 --tls --ca /var/lib/chat-room/self-signed.pem";

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
    let build = "podman build --quiet --isolation chroot --pull=never -f deploy/Containerfile -t chat-room target/dist";
    podman.done(build);

    podman.done(
        "printf 'ann-secret\\nann-secret\\n' | start --rm --interactive chat-room --init ann@example.org",
    );
    podman.done("start --detach --read-only --name room chat-room");
    until("it listens", || podman.log().contains("listening with TLS on "));
    assert_eq!(podman.done("podman exec room cat /proc/1/comm"), "chat-room-serve\n");
    for path in ["/x", "/usr/local/bin/x", "/etc/x"] {
        let output = podman.run(&format!("podman exec --user 0 room touch {path}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("Read-only file system"), "{path}: {said}");
    }
    podman.done(&format!("podman exec {SAY} send hello"));
    podman.stop();

    // The history is in the volume. The members' file is mounted by itself, so no command can write it, which is told.
    let members = podman.store.path().join("members.txt");
    fs::write(&members, format!("ann@example.org {} admin\n", cheap_hash("ann-secret"))).expect("written");
    assert!(tool(&format!("chown 7668:7668 {}", members.display())));
    let members = members.display();
    podman.done(&format!(
        "start --detach --read-only --name room --volume {members}:/var/lib/chat-room/members.txt chat-room \
         --tls-listen 0.0.0.0:7668"
    ));
    until("it listens", || podman.log().contains("listening with TLS on 0.0.0.0:7668"));
    let told = podman.done(&format!("podman exec {SAY} tail"));
    assert!(told.ends_with(" ann@example.org hello\n"), "{told}");
    let log = podman.log();
    let warning =
        "[WARN] members.txt: cannot be replaced: the file is mounted by itself; mount the folder it is in ";
    assert!(log.contains(warning), "{log}");
    podman.stop();
}
