//! What is in the tarball. As for the package, the programs are stand-ins.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::disk::{skip, tool};
use crate::contents::links_lead_somewhere;

/// A copy of what the tarball is made of, because it is made in `target/`, where the one of `make dist` is.
fn copied(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).display();
    let to = to.display();
    assert!(tool(&format!("mkdir -p {to}/src {to}/release {to}/target/dist")));
    let script = format!("cd {root} && cp -r ./*.md LICENSE docs deploy {to} && cp -r src/man {to}/src");
    assert!(Command::new("sh").args(["-c", &script]).status().expect("a shell").success());
    for program in ["chat-room-server", "chat-room-client"] {
        fs::copy("/bin/true", format!("{to}/release/{program}")).expect("a program");
    }
}

/// By path, its mode.
fn listed(tarball: &Path) -> BTreeMap<String, String> {
    let output = Command::new("tar").arg("-tvzf").arg(tarball).output().expect("tar");
    let text = String::from_utf8(output.stdout).expect("text");
    let entries = text.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1], "0/0", "{line}: of another user than root");
        (words[5].to_owned(), words[0].to_owned())
    });
    entries.filter(|(path, _)| !path.ends_with('/')).collect()
}

#[test]
fn the_tarball_has_what_it_should_and_is_the_only_one() {
    if !tool("objdump --version") {
        return skip("there is no objdump here: apt-get install binutils");
    }
    let folder = tempfile::tempdir().expect("a folder");
    copied(folder.path());
    let dist = folder.path().join("target/dist");
    let make = |version: &str| {
        let mut command = Command::new("sh");
        command.arg(folder.path().join("deploy/dist.sh")).arg(version);
        command.env("CARGO_TARGET_DIR", folder.path()).env("SOURCE_DATE_EPOCH", "0");
        let output = command.output().expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // deploy/Containerfile takes whichever is there.
        let made: Vec<_> =
            fs::read_dir(&dist).expect("a folder").flatten().map(|entry| entry.path()).collect();
        assert_eq!(made.len(), 1, "{made:?}");
        (made[0].clone(), fs::read(&made[0]).expect("a tarball"))
    };
    make("0.0.1");
    let (tarball, bytes) = make("0.1.0");
    assert_eq!(make("0.1.0"), (tarball.clone(), bytes), "the same files give the same tarball");

    let name = tarball.file_name().and_then(|name| name.to_str()).expect("text");
    let name = name.strip_suffix(".tar.gz").expect("a tarball");
    assert!(name.starts_with("chat-room-0.1.0-") && name.ends_with("-linux"), "{name}");
    let files = listed(&tarball);
    let within = |path: &str| files.get(&format!("{name}/{path}")).map(String::as_str);
    for program in ["chat-room-server", "chat-room-client"] {
        assert_eq!(within(&format!("bin/{program}")), Some("-rwxr-xr-x"));
        for file in [
            format!("man/man1/{program}.1"),
            format!("bash-completion/completions/{program}"),
            format!("zsh/site-functions/_{program}"),
        ] {
            assert_eq!(within(&format!("share/{file}")), Some("-rw-r--r--"), "{file}");
        }
    }
    for file in ["LICENSE", "deploy/options", "deploy/chat-room.service", "deploy/chat-room.socket"] {
        assert_eq!(within(file), Some("-rw-r--r--"), "{file}");
    }
    links_lead_somewhere(&files, &format!("{name}/"));
}
