//! deploy/three-nodes/make.sh by itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::disk::skip;

fn make(folder: &Path, arguments: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/three-nodes/make.sh");
    let mut command = Command::new("sh");
    command.arg(script).args(arguments.split(' ')).current_dir(folder);
    command.output().expect("a shell")
}

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        skip("there is no openssl here");
    }
    found
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

#[test]
fn only_three_different_machines_are_taken() {
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let long = "m".repeat(33);
    let too_long = format!("nodes {long}=a m2=b m3=c");
    for (arguments, why) in [
        ("nodes", "usage: make.sh FOLDER NAME=HOST NAME=HOST NAME=HOST"),
        ("nodes m1=a m2=b", "usage: make.sh FOLDER NAME=HOST NAME=HOST NAME=HOST"),
        ("nodes m1=a m2=b m3=c m4=d", "usage: make.sh FOLDER NAME=HOST NAME=HOST NAME=HOST"),
        (
            "nodes m1=a m2=b m3",
            "m3: should be NAME=HOST, and NAME of letters, digits and hyphens, such as m1=192.0.2.1",
        ),
        (
            "nodes m1=a m.2=b m3=c",
            "m.2=b: should be NAME=HOST, and NAME of letters, digits and hyphens, such as m1=192.0.2.1",
        ),
        (
            "nodes =a m2=b m3=c",
            "=a: should be NAME=HOST, and NAME of letters, digits and hyphens, such as m1=192.0.2.1",
        ),
        (&too_long, &format!("{long}: a NAME has at most 32 characters")),
        ("nodes m1= m2=b m3=c", "m1=: HOST should be a name or an IPv4 address"),
        ("nodes m1=a:4222 m2=b m3=c", "m1=a:4222: HOST should be a name or an IPv4 address"),
        ("nodes m1=a&b m2=b m3=c", "m1=a&b: HOST should be a name or an IPv4 address"),
        ("nodes m1=a m2=b m1=c", "m1: two machines have this name"),
        ("nodes m1=a m2=b m3=a", "a: two machines have this host"),
    ] {
        let output = make(folder.path(), arguments);
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("make.sh: {why}\n"));
        assert_eq!(output.status.code(), Some(1));
        assert!(files(folder.path()).is_empty(), "{arguments}");
    }
}

#[test]
fn what_is_made_is_secret_and_never_overwritten() {
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = "nodes m1=192.0.2.1 m2=chat2.example.org m3=m3";
    let output = make(folder.path(), arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let nodes = folder.path().join("nodes");
    let all =
        || files(&nodes).into_iter().map(|path| (fs::read(&path).expect("a file"), path)).collect::<Vec<_>>();
    let before = all();
    let names: Vec<&str> = before
        .iter()
        .map(|(_, path)| path.strip_prefix(&nodes).expect("below").to_str().expect("text"))
        .collect();
    let of_machines = ["m1", "m2", "m3"].map(|name| {
        let files = "broker.key broker.pem ca.pem chat-room.service logrotate nats.conf nats.service node.conf \
                     node.credentials sysctl.conf";
        files.split(' ').map(|file| format!("{name}/{file}")).collect::<Vec<_>>()
    });
    let expected = [vec!["ca.key".to_owned(), "ca.pem".to_owned(), "keeper.credentials".to_owned()]];
    assert_eq!(names, expected.into_iter().chain(of_machines).flatten().collect::<Vec<_>>());
    for (bytes, path) in &before {
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        let is_filled_in = !String::from_utf8_lossy(bytes).contains('@');
        assert!(
            is_filled_in || !(path.ends_with("nats.conf") || path.ends_with("node.conf")),
            "{}",
            path.display()
        );
    }
    for name in ["", "m1", "m2", "m3"] {
        let mode = fs::metadata(nodes.join(name)).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    // Each certificate is for its host and signed by the authority.
    for (name, option, host) in
        [("m1", "-verify_ip", "192.0.2.1"), ("m2", "-verify_hostname", "chat2.example.org")]
    {
        for (host, fits) in [(host, true), (if name == "m1" { "192.0.2.2" } else { "m3" }, false)] {
            let mut command = Command::new("openssl");
            command.args(["verify", "-purpose", "sslserver", option, host, "-CAfile", "ca.pem"]);
            let output = command.arg(format!("{name}/broker.pem")).current_dir(&nodes).output();
            assert_eq!(output.expect("openssl").status.success(), fits, "{name} as {host}");
        }
    }

    let output = make(folder.path(), arguments);
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && why.contains("make.sh: nodes: exists, and nothing is overwritten"),
        "{why}"
    );
    assert_eq!(all(), before);
}

/// Half a folder would be taken for a whole one.
#[test]
fn after_a_failure_nothing_is_left() {
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // An openssl that fails once it is to sign for the second machine.
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).expect("a folder");
    let real = Command::new("sh").args(["-c", "command -v openssl"]).output().expect("a shell").stdout;
    let real = String::from_utf8(real).expect("text");
    let stand_in = format!(
        "#!/bin/sh\n[ \"$1\" != x509 ] || [ ! -e nodes/m2 ] || exit 1\nexec {} \"$@\"\n",
        real.trim_end()
    );
    fs::write(programs.join("openssl"), stand_in).expect("a file");
    fs::set_permissions(programs.join("openssl"), fs::Permissions::from_mode(0o755)).expect("ours");
    let path = std::env::var("PATH").unwrap_or_default();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/three-nodes/make.sh");
    let mut command = Command::new("sh");
    command.arg(script).args(["nodes", "m1=a", "m2=b", "m3=c"]).current_dir(folder.path());
    let output = command.env("PATH", format!("{}:{path}", programs.display())).output().expect("a shell");
    assert!(!output.status.success());
    assert!(!folder.path().join("nodes").exists());
}
