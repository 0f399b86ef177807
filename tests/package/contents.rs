//! What is in the package. The programs are stand-ins: nothing is built here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::disk::{skip, tool};

/// By path, its mode as `ls` shows it.
fn listed(package: &Path) -> BTreeMap<String, String> {
    let output = Command::new("dpkg-deb").arg("--contents").arg(package).output().expect("dpkg");
    let text = String::from_utf8(output.stdout).expect("text");
    let entries = text.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1], "0/0", "{line}: of another user than root");
        (words[5].trim_start_matches("./").to_owned(), words[0].to_owned())
    });
    entries.filter(|(path, _)| !path.ends_with('/')).collect()
}

#[test]
fn the_package_has_what_it_should() {
    if !tool("cargo deb --version") || !tool("dpkg-deb --version") {
        return skip("there is no cargo-deb here: cargo install cargo-deb --locked");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let release = folder.path().join("release");
    fs::create_dir(&release).expect("a folder");
    for program in ["chat-room-server", "chat-room-client"] {
        fs::copy("/bin/true", release.join(program)).expect("a program");
    }
    let package = folder.path().join("package.deb");
    let mut cargo = Command::new("cargo");
    cargo.args(["deb", "--no-build", "--locked", "--offline", "--fast", "--quiet", "--output"]).arg(&package);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", folder.path());
    let output = cargo.output().expect("it was here just now");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));

    let files = listed(&package);
    let documents = "usr/share/doc/chat-room/";
    let mut programs = Vec::new();
    for (path, mode) in &files {
        match mode.as_str() {
            "-rwxr-xr-x" => programs.push(path.strip_prefix(documents).unwrap_or(path)),
            mode => assert_eq!(mode, "-rw-r--r--", "{path}"),
        }
    }
    assert_eq!(
        programs,
        ["usr/bin/chat-room-client", "usr/bin/chat-room-server", "deploy/three-nodes/make.sh"]
    );
    let rest: Vec<&str> =
        files.keys().filter(|path| !path.starts_with(documents)).map(String::as_str).collect();
    let expected = "etc/chat-room/options etc/logrotate.d/chat-room usr/bin/chat-room-client usr/bin/chat-room-server \
        usr/lib/sysctl.d/60-chat-room.conf \
        usr/lib/systemd/system/chat-room-backup.service usr/lib/systemd/system/chat-room-backup.timer \
        usr/lib/systemd/system/chat-room.service usr/lib/systemd/system/chat-room.socket \
        usr/lib/sysusers.d/chat-room.conf usr/share/bash-completion/completions/chat-room-client \
        usr/share/bash-completion/completions/chat-room-server usr/share/chat-room/first-steps \
        usr/share/man/man1/chat-room-client.1.gz usr/share/man/man1/chat-room-server.1.gz \
        usr/share/zsh/vendor-completions/_chat-room-client usr/share/zsh/vendor-completions/_chat-room-server";
    assert_eq!(rest, expected.split_whitespace().collect::<Vec<_>>());

    let control = folder.path().join("control");
    assert!(tool(&format!("dpkg-deb --control {} {}", package.display(), control.display())));
    let read = |name: &str| fs::read_to_string(control.join(name)).expect("a file of the package");
    assert_eq!(read("conffiles").trim(), "/etc/chat-room/options\n/etc/logrotate.d/chat-room");
    let version = env!("CARGO_PKG_VERSION");
    assert!(read("control").contains(&format!("\nVersion: {version}\n")), "{}", read("control"));
    let changelog = include_str!("../../deploy/debian/changelog");
    assert!(
        changelog.starts_with(&format!("chat-room ({version}) ")),
        "deploy/debian/changelog is not of {version}"
    );
    for script in ["postinst", "prerm", "postrm"] {
        assert!(tool(&format!("dash -n {}", control.join(script).display())), "{script}");
    }
    links_lead_somewhere(&files, documents);
}

/// The documents lie as in the repository, so a link leads to what is installed; or to the source, of which nothing is.
pub(crate) fn links_lead_somewhere(files: &BTreeMap<String, String>, documents: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tried = 0;
    for name in files.keys().filter_map(|path| path.strip_prefix(documents)) {
        let Ok(text) = fs::read_to_string(root.join(name)) else { continue };
        if Path::new(name).extension().is_none_or(|extension| extension != "md")
            || ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/promises.md"].contains(&name)
        {
            continue;
        }
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if link.is_empty() || link.contains("://") || link == "LICENSE" {
                continue;
            }
            let mut to: Vec<&str> = name.split('/').collect();
            to.pop();
            for step in link.split('/') {
                match step {
                    ".." => drop(to.pop()),
                    step => to.push(step),
                }
            }
            let to = to.join("/");
            let is_source =
                ["src/", "tests/", "benches/", "findings/"].iter().any(|begin| to.starts_with(begin));
            assert!(is_source || files.contains_key(&format!("{documents}{to}")), "{name} links to {to}");
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried} links are no documents");
}
