//! docs/bots.md: the programs and lines of that page, as they stand there, against the real server.

#[path = "common/blocks.rs"]
mod blocks;
mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use common::disk::{skip, tool};
use common::peer::Peer;
use common::running::Running;
use common::server::{PATIENCE, Server, members_txt, until};
use rustix::process::Signal;
use tempfile::TempDir;

/// The block of this kind.
fn block(kind: &str) -> String {
    blocks::named(include_str!("../docs/bots.md"), kind)
}

/// The bot's member, a folder with its programs, and Ann, who sees everything.
struct Stage {
    server: Server,
    folder: TempDir,
    ann: Peer,
}

impl Stage {
    /// Nothing, and it says so: there is no Python.
    fn start() -> Option<Stage> {
        if !tool("python3 --version") {
            skip("no python3 is installed");
            return None;
        }
        let server = Server::with(&members_txt(&["ann", "bob"]), &[]);
        let mut ann = Peer::member(server.addr(), "ann@x");
        ann.say("MSG !ping before it came");
        ann.expect("OK MSG 1 <time>");
        ann.say(
            &block("").replace("bot@example.org", "bot@x").replace("a-password-of-its-own", "bot-secret"),
        );
        ann.expect("OK ADD bot@x");
        ann.expect("ADDED 2 <time> ann@x bot@x");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("bot.py"), block("python")).expect("written");
        fs::write(folder.path().join("hook.py"), block("hook")).expect("written");
        fs::write(folder.path().join(".bot-password"), "bot-secret\n").expect("written");
        Some(Stage { server, folder, ann })
    }

    /// A command of the page, in the bot's folder.
    fn command(&self, line: &str) -> Command {
        let line = line
            .replace("bot@example.org", "bot@x")
            .replace("127.0.0.1:7667", &self.server.addr().to_string());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec env {}", line.trim())]).current_dir(self.folder.path());
        shell.env("BOT_SERVER", self.server.addr().to_string());
        shell.env("XDG_STATE_HOME", self.folder.path()).env("HOME", self.folder.path());
        let client = Path::new(env!("CARGO_BIN_EXE_chat-room-client")).parent().expect("a folder");
        shell.env("PATH", format!("{}:{}", client.display(), std::env::var("PATH").unwrap_or_default()));
        shell.stdin(Stdio::null()).stdout(Stdio::null());
        shell
    }

    fn bot(&self) -> Running {
        Running::spawn(&mut self.command(&block("sh")))
    }

    /// Ann says this, which gets that number.
    #[track_caller]
    fn says(&mut self, text: &str, number: u64) {
        self.ann.say(&format!("MSG {text}"));
        self.ann.expect(&format!("OK MSG {number} <time>"));
    }

    /// The next event that Ann sees is the answer to this message.
    #[track_caller]
    fn answers(&mut self, question: u64, number: u64) {
        self.ann.expect(&format!("MSG {number} <time> bot@x re {question}: pong, ann@x"));
    }
}

/// The status with which it ends.
fn ended(mut bot: Running) -> Option<i32> {
    until("it ends", || bot.has_ended());
    bot.code()
}

#[test]
fn the_bot_answers_each_once_whatever_restarts() {
    let Some(mut stage) = Stage::start() else { return };
    // It is not told what was said before it came.
    stage.says("!ping", 3);
    let bot = stage.bot();
    stage.answers(3, 4);
    stage.says("nothing for it", 5);
    stage.says("!ping", 6);
    stage.answers(6, 7);
    drop(bot);

    // What is said while it is away waits for it.
    stage.says("!ping", 8);
    stage.says("!ping", 9);
    let bot = stage.bot();
    stage.answers(8, 10);
    stage.answers(9, 11);

    // Killed with what its system has taken, it asks for that.
    stage.says("!ping", 12);
    stage.answers(12, 13);
    bot.signal(Signal::STOP);
    stage.says("!ping", 14);
    stage.server.until_noted("bot@x/bot", 14);
    drop(bot);
    let bot = stage.bot();
    stage.answers(14, 15);
    drop(bot);

    // Killed when it had answered, and before it had noted that.
    let place = stage.folder.path().join("bot.place");
    let noted = fs::read_to_string(&place).expect("a place");
    let (transcript, _) = noted.split_once(' ').expect("two words");
    fs::write(&place, format!("{transcript} 7")).expect("written");
    stage.says("!ping", 16);
    let bot = stage.bot();
    stage.answers(16, 17);

    // The server is killed.
    let Stage { server, folder, ann } = stage;
    drop(ann);
    let server = server.again();
    assert_eq!(ended(bot), Some(1));
    let mut ann = Peer::connect(server.addr());
    ann.expect("HELLO …");
    ann.login("ann@x/new");
    ann.say("MSG !ping");
    let mut stage = Stage { server, folder, ann };
    let bot = stage.bot();
    while stage.ann.line().is_some_and(|line| line != "OK MSG 18 <time>") {}
    stage.answers(18, 19);

    // Removed, it should not come back; nor with a password that is no longer right.
    stage.ann.say("REMOVE bot@x");
    stage.ann.expect("OK REMOVE bot@x");
    assert_eq!(ended(bot), Some(0));
    assert_eq!(ended(stage.bot()), Some(0));
}

#[test]
fn the_bots_unit_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bot.service");
    fs::write(&path, block("systemd")).expect("written");
    let mut command = Command::new("systemd-analyze");
    let Ok(output) = command.args(["verify", "--man=no"]).arg(&path).output() else {
        return skip("no systemd-analyze is installed");
    };
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A server that is cut off from its group cannot tell what the bot has said last.
#[test]
fn the_bot_does_not_go_by_a_last_event_that_is_not_certain() {
    let Some(stage) = Stage::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut command = stage.command(&block("sh"));
    command.env("BOT_SERVER", listener.local_addr().expect("it is bound").to_string());
    for last_is in [" quorum=no", ""] {
        let _bot = Running::spawn(&mut command);
        let (stream, _) = listener.accept().expect("it connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        let mut reader = BufReader::new(stream.try_clone().expect("a descriptor"));
        let says = |text: String| (&stream).write_all(text.as_bytes()).expect("it reads");
        says("HELLO chat-room/9 max-line=4096\n".to_owned());
        says(format!("OK LOGIN bot@x role=member last=0 missed=0 first=1 transcript=0123abcd{last_is}\n"));
        let event = "MSG 1 2026-01-02T03:04:05.678Z ann@x !ping\n";
        says(event.to_owned());
        let mut heard = || {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line in time, or the end");
            line
        };
        assert_eq!(heard(), "LOGIN bot@x/bot bot-secret\n");
        if !last_is.is_empty() {
            assert_eq!(heard(), "");
            continue;
        }
        assert_eq!(heard(), "HISTORY SINCE 0 1000\n");
        says(format!("HISTORY 1 1\n{event}OK HISTORY 1 last=1\n"));
        assert_eq!(heard(), "HISTORY SINCE 1 1000\n");
        says("OK HISTORY 0 last=1\n".to_owned());
        assert_eq!(heard(), "MSG re 1: pong, ann@x\n");
    }
}

#[test]
fn the_webhook_posts_everything_until_it_is_taken() {
    let Some(mut stage) = Stage::start() else { return };
    let url = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut command = stage.command(&block("sh").replace("bot.py", "hook.py"));
    command.env("HOOK", format!("http://{}/said", url.local_addr().expect("it is bound")));
    let mut hook = Running::spawn(&mut command);
    stage.says("one", 3);
    stage.says("\"two\" für dich", 4);
    let posts = [
        (503, r#"{"number": 3, "author": "ann@x", "text": "one"}"#),
        (200, r#"{"number": 3, "author": "ann@x", "text": "one"}"#),
        (200, r#"{"number": 4, "author": "ann@x", "text": "\"two\" f\u00fcr dich"}"#),
    ];
    for (status, expected) in posts {
        let (stream, _) = url.accept().expect("it posts");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        let mut reader = BufReader::new(stream);
        let mut len = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line in time");
            if line.trim_end().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                len = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; len];
        reader.read_exact(&mut body).expect("a body");
        assert_eq!(String::from_utf8(body).expect("text"), expected);
        let answer = format!("HTTP/1.1 {status} so\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).expect("it reads");
        if status != 200 {
            assert_eq!(ended(hook), Some(1));
            hook = Running::spawn(&mut command);
        }
    }
}

#[test]
fn the_crontab_line_speaks() {
    let Some(mut stage) = Stage::start() else { return };
    let line = block("crontab");
    let (_, command) = line.split_once(" * * 1-5 ").expect("five fields of time");
    let status = stage.command(command).status().expect("sh");
    assert!(status.success());
    stage.ann.expect("MSG 3 <time> bot@x Good morning, last night the backup was made");
}
