//! Passwords in members.txt that other programs have written: Argon2id hashes let in, everything else is refused by
//! name, at a start, by `--check`, and while the server runs. What is printed comes from the real programs, where they
//! are; src/room/group/foreign.rs has a table of more.

mod common;

use std::fs;
use std::process::{Command, Output};

use chat_room::server::members::file::read_at_start;
use common::disk::skip;
use common::server::{GROUP, Server, folder_with, members_txt};
use common::talk::Talk;
use rustix::process::Signal;

const PASSWORD: &str = "pw12345678";

/// What a command prints, if it is there and succeeds.
fn printed(line: &str) -> Option<String> {
    let output = Command::new("sh").args(["-c", line]).output().expect("a shell");
    let text = String::from_utf8(output.stdout).expect("text");
    let text = text.trim_end();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

fn is_there(program: &str) -> bool {
    let there = printed(&format!("command -v {program}")).is_some();
    if !there {
        skip(format_args!("{program} is not here"));
    }
    there
}

/// What the programs that are here print for [`PASSWORD`], with the command.
fn hashes() -> Vec<(String, String)> {
    let mut commands = Vec::new();
    if is_there("argon2") {
        for kind in ["-id", "-i", "-d", "-id -t 4 -m 15 -p 2 -l 24", "-id -v 10"] {
            commands.push(format!("printf {PASSWORD} | argon2 somesaltsalt {kind} -e"));
        }
    }
    if is_there("php") {
        for kind in ["PASSWORD_BCRYPT", "PASSWORD_ARGON2I", "PASSWORD_ARGON2ID"] {
            commands.push(format!("php -r 'echo password_hash(\"{PASSWORD}\", {kind});'"));
        }
        commands.push(format!("php -r 'echo hash(\"sha256\", \"{PASSWORD}\");'"));
    }
    if is_there("htpasswd") {
        for kind in ["-B", "-m", "-s", "-d", "-2", "-5"] {
            // With the name, as it stands in the file, and without.
            commands.push(format!("htpasswd -nb {kind} bob {PASSWORD} | head -n 1"));
            commands.push(format!("htpasswd -nb {kind} bob {PASSWORD} | head -n 1 | cut -d : -f 2"));
        }
    }
    if is_there("mkpasswd") {
        let kinds = printed("mkpasswd -m help | tail -n +2 | cut -d ' ' -f 1 | cut -f 1").expect("a list");
        commands.extend(kinds.lines().map(|kind| format!("mkpasswd -m {kind} {PASSWORD}")));
    }
    if is_there("doveadm") {
        let kinds = printed("doveadm pw -l").expect("a list");
        let kinds = kinds.split(' ');
        commands.extend(kinds.map(|kind| format!("doveadm pw -s {kind} -p {PASSWORD} -u bob@x")));
    }
    if is_there("openssl") {
        for kind in ["-1", "-apr1", "-5", "-6", "-aixmd5"] {
            commands.push(format!("openssl passwd {kind} {PASSWORD}"));
        }
        for digest in ["-md5", "-sha1", "-sha224", "-sha256", "-sha384", "-sha512"] {
            commands.push(format!("printf {PASSWORD} | openssl dgst {digest} -r | cut -d ' ' -f 1"));
        }
    }
    let python = "import argon2; print(argon2.PasswordHasher().hash";
    commands.push(format!("python3 -c '{python}(\"{PASSWORD}\"))' 2>/dev/null"));
    for kind in
        ["des_crypt", "bsdi_crypt", "pbkdf2_sha256", "phpass", "ldap_salted_sha1", "django_pbkdf2_sha256"]
    {
        commands.push(format!(
            "python3 -c 'from passlib.hash import {kind} as h; print(h.hash(\"{PASSWORD}\"))' 2>/dev/null"
        ));
    }
    // An option that this version of a program does not have is no test of ours.
    commands.into_iter().filter_map(|command| printed(&command).map(|hash| (command, hash))).collect()
}

#[test]
fn hashes_of_real_programs_are_accepted_or_refused_by_name() {
    let mut argon2id = Vec::new();
    let mut refused = 0;
    for (command, hash) in hashes() {
        if hash.starts_with("$argon2id$") || hash.starts_with("{ARGON2ID}$argon2id$") {
            argon2id.push(hash);
            continue;
        }
        let folder = folder_with(&format!("ann@x secret admin\nbob@x {hash}\n"));
        let problem = read_at_start(&folder.path().join("members.txt"));
        let problem = problem.expect_err(&format!("{command}: {hash}")).to_string();
        assert!(
            problem.contains("/members.txt:2: the password of bob@x: this looks like a"),
            "{command}: {problem}"
        );
        assert!(!problem.contains(&hash), "{command}: {problem}");
        refused += 1;
    }
    if argon2id.is_empty() || refused < 3 {
        return skip("too few of these programs are here");
    }
    let lines = argon2id.iter().enumerate().map(|(n, hash)| format!("m{n}@x {hash}\n"));
    let text = members_txt(&["ann"]) + &lines.collect::<String>();
    let mut talk = Talk::with(Server::with(&text, &[]));
    for n in 0..argon2id.len() {
        talk.play(&format!("p> LOGIN m{n}@x/- {PASSWORD}\np< OK LOGIN m{n}@x …\np/"));
    }
    // Nothing of them was hashed once more.
    assert_eq!(talk.server.members_text(), text);
}

/// A server that is expected to end by itself.
fn server(folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["20", env!("CARGO_BIN_EXE_chat-room-server")]);
    command.current_dir(folder).args(arguments).args(["--listen", "127.0.0.1:0"]);
    command.output().expect("a server")
}

#[test]
fn another_systems_hash_is_refused_at_start_by_check_and_while_it_runs() {
    let sentence = "members.txt:6: the password of zoe@x: this looks like a hash of Dovecot or LDAP, with its kind in braces";
    let good = members_txt(&GROUP);
    let bad = format!("{good}zoe@x {{SSHA}}ZIADJ5srNZ0R0ghUibWnuyYcSaZ61xkg\n");
    let folder = folder_with(&bad);
    for arguments in [&[][..], &["--check"]] {
        let output = server(folder.path(), arguments);
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.code() == Some(1) && stderr.contains(sentence), "{arguments:?}: {stderr}");
    }

    let mut talk = Talk::with(Server::with(&good, &[]));
    talk.play("ann:");
    fs::write(talk.server.members(), &bad).expect("written");
    talk.server.signal(Signal::HUP);
    talk.server.until_logged(sentence);
    talk.play(
        "
        ann> ADD kim@x kim-secret
        ann< ERR ADD storage members.txt:6: the password of zoe@x: this looks like a hash of Dovecot …
        zoe> LOGIN zoe@x {SSHA}ZIADJ5srNZ0R0ghUibWnuyYcSaZ61xkg
        zoe< ERR LOGIN bad-login …
        ",
    );
    assert_eq!(talk.peer("ann").stat("members-file-ok"), 0);
    assert_eq!(talk.server.members_text(), bad);
    // A password in its place, and all is well.
    fs::write(talk.server.members(), format!("{good}zoe@x zoe-secret\n")).expect("written");
    talk.play("ann< ADDED 1 <time> - zoe@x\nzoe> LOGIN zoe@x zoe-secret\nzoe< OK LOGIN …\nann=");
}
