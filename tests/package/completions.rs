//! What bash and zsh complete with the files of the package.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use chat_room::manual::Flag;
use chat_room::{client, options};

use crate::common::disk::skip;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/completions")
}

/// What bash offers for the last word of a line.
fn bash(line: &str) -> BTreeSet<String> {
    let program = line.split(' ').next().expect("a program");
    let file = folder().join(format!("{program}.bash"));
    // Outside of a completion there is nothing that `compopt` could change.
    let script = "compopt() { :; }; . \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                  \"_${1//-/_}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut command = Command::new("bash");
    let output = command.args(["-c", script]).arg(file).args(line.split(' ')).current_dir(folder()).output();
    let output = output.expect("what tests need anyway");
    assert!(output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let offered = String::from_utf8(output.stdout).expect("text");
    offered.lines().filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[track_caller]
fn check(line: &str, expected: &str) {
    let offered: Vec<String> = bash(line).into_iter().collect();
    assert_eq!(offered.join(" "), expected, "{line}");
}

#[test]
fn bash_completes_all_options_and_their_values() {
    for (program, flags, more) in [
        ("chat-room-server", options::flags::flags(), vec![]),
        ("chat-room-client", client::flags::flags(), client::flags::COMMANDS.to_vec()),
    ] {
        let short = |flag: &Flag| (!flag.short.is_empty()).then(|| format!("-{}", flag.short));
        let all = flags.iter().flat_map(|flag| [Some(format!("--{}", flag.long)), short(flag)]);
        let all: BTreeSet<String> = all.flatten().chain(more.into_iter().map(str::to_owned)).collect();
        assert_eq!(bash(&format!("{program} ")), all);
    }
    check("chat-room-server --log-f", "--log-file --log-format");
    check("chat-room-server --log-level ", "debug error info off trace warn");
    check("chat-room-server --log-level = e", "error");
    check("chat-room-server --log-level =", "debug error info off trace warn");
    check("chat-room-server --listen ", "");
    check("chat-room-server --tls-cert chat-room-s", "chat-room-server.bash");
    check("chat-room-server --history chat-room-s", "");
    check("chat-room-server --backup ../comp", "../completions");
    check("chat-room-client --bell m", "mention");
    check("chat-room-client --ca /no/such/", "");
    check("chat-room-client ann@example.org t", "tail");
}

#[test]
fn zsh_completes_options_and_their_values() {
    let Ok(mut zsh) = rexpect::spawn("zsh -f -i", Some(20_000)) else { return skip("there is no zsh here") };
    // What was completed is called.
    let start = format!(
        "fpath=({} $fpath); autoload -Uz compinit; compinit -u -D; PS1='rea''dy '; \
         chat-room-server() {{ print -r -- \"called: $*\" }}; chat-room-client() {{ chat-room-server $* }}",
        folder().display()
    );
    zsh.send_line(&start).expect("it listens");
    zsh.exp_string("ready ").expect("it is ready");
    for (line, called) in [
        ("chat-room-server --log-form\tj\t", "--log-format=json"),
        ("chat-room-server --log-level de\t", "--log-level debug"),
        ("chat-room-client --bell=me\t", "--bell=mention"),
        ("chat-room-client ann@example.org ta\t", "ann@example.org tail"),
    ] {
        zsh.send_line(line).expect("it listens");
        zsh.exp_string(&format!("called: {called}")).unwrap_or_else(|why| panic!("{line}: {why}"));
    }
}
