//! A server that follows a script, and a client started against it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::common::net::free_addr;

const CLIENT: &str = env!("CARGO_BIN_EXE_chat-room-client");

/// A server that lets Ann in without a feed.
pub(crate) const ENTER: &str = "\
> HELLO chat-room/9 max-line=4096 type LOGIN <mail> <secret> to enter, HELP for help
< LOGIN ann@example.org/- geheim
> OK LOGIN ann@example.org role=member last=2 missed=0 first=1 transcript=0123abcd
";

/// A server that greets.
pub(crate) const HELLO: &str = "> HELLO chat-room/9 max-line=4096\n";

/// How standard input ends.
#[derive(Clone, Copy)]
pub(crate) enum Input {
    /// After these bytes.
    Ends,
    /// Not before the client does.
    StaysOpen,
}

/// Runs the client, with arguments in one text and `input`, against a server that says what follows `> ` and insists on hearing
/// what follows `< `, then closes; what follows `>~` it says without the line's end. `expected`
/// is the exit code and every line of output: `| ` on standard output, `! ` on standard error.
pub(crate) fn check(args: &str, input: &[u8], script: &[&str], expected: &str) {
    check_input(args, input, Input::Ends, script, expected);
}

/// [`check`], with a choice of how standard input ends.
pub(crate) fn check_input(args: &str, input: &[u8], end: Input, script: &[&str], expected: &str) {
    check_servers(args, input, end, &[&script.concat()], expected);
}

/// [`check_input`], with several servers, which `expected` calls `<0>`, `<1>` and so on. One without a script is not there.
pub(crate) fn check_servers(args: &str, input: &[u8], end: Input, scripts: &[&str], expected: &str) {
    let nowhere = free_addr().to_string();
    let (mut addresses, mut servers) = (Vec::new(), Vec::new());
    for script in scripts {
        if script.is_empty() {
            addresses.push(nowhere.clone());
            continue;
        }
        let (address, server) = serve((*script).to_owned());
        addresses.push(address);
        servers.push(server);
    }
    let list = addresses.join(",");
    let mut words = vec!["--server", &list];
    words.extend(args.split_whitespace());
    let mut client = start(&words);
    let mut stdin = client.stdin.take().expect("it is piped");
    // What it does not read because it has ended is no failure of the test.
    let _ = stdin.write_all(input);
    let held_open = match end {
        Input::Ends => {
            drop(stdin);
            None
        }
        Input::StaysOpen => Some(stdin),
    };
    let output = client.wait_with_output().expect("a client that was started");
    drop(held_open);
    for server in servers {
        server.join().expect("the conversation goes as in the script");
    }
    let mut found = format!("exit {}\n", output.status.code().expect("no signal"));
    for (mark, bytes) in [("| ", &output.stdout), ("! ", &output.stderr)] {
        for line in String::from_utf8_lossy(bytes).lines() {
            let line = line.strip_prefix("chat-room-client: ").unwrap_or(line);
            found.extend([mark, line, "\n"]);
        }
    }
    for (at, address) in addresses.iter().enumerate() {
        found = found.replace(address, &format!("<{at}>"));
    }
    assert_eq!(found, expected);
}

/// Starts the client with all its streams in pipes.
pub(crate) fn start(args: &[&str]) -> Child {
    Command::new(CLIENT)
        .args(args)
        .env("CHAT_ROOM_PASSWORD", "geheim")
        .env("XDG_STATE_HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the client is built")
}

/// Follows the script with who connects; `<.` waits until they hang up. Gives the address, and the thread that fails if the client
/// does not say what it should.
pub(crate) fn serve(script: String) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let server = thread::spawn(move || {
        // A line of # alone: the client connects again.
        for part in script.split("#\n") {
            let (stream, _) = listener.accept().expect("the client connects");
            if let Err(why) = catch_unwind(AssertUnwindSafe(|| follow(&stream, part))) {
                // A client that connects again and again ends, too.
                thread::spawn(move || {
                    listener
                        .incoming()
                        .flatten()
                        .try_for_each(|mut again| again.write_all(b"BYE protocol no\n"))
                });
                resume_unwind(why);
            }
        }
    });
    (address, server)
}

fn follow(mut stream: &TcpStream, script: &str) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    let mut heard = BufReader::new(stream);
    for line in script.lines() {
        if let Some(said) = line.strip_prefix("> ") {
            stream.write_all(format!("{said}\n").as_bytes()).expect("the client listens");
        } else if let Some(said) = line.strip_prefix(">~") {
            stream.write_all(said.as_bytes()).expect("the client listens");
        } else if line == "<." {
            assert_eq!(heard.read(&mut [0]).expect("the client ends in order"), 0, "it says more");
        } else {
            let mut line_heard = String::new();
            heard.read_line(&mut line_heard).expect("the client says something");
            let expected = line.strip_prefix("< ").expect("a script has only > and <");
            assert_eq!(line_heard.trim_end_matches('\n'), expected);
        }
    }
}

/// Arguments with which nothing is connected: the exit code and the sentence.
pub(crate) fn check_arguments(args: &[&str], exit: i32, sentence: &str) {
    let output = start(args).wait_with_output().expect("a client that was started");
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("chat-room-client: {sentence}\n"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(output.status.code(), Some(exit));
}

/// Lets Ann in, hears `lines` lines, and insists that no other comes before one is answered.
pub(crate) fn serve_quietly(lines: usize) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("the client connects");
        follow(&stream, ENTER);
        let mut heard = vec![0; lines * "MSG x\n".len()];
        (&stream).read_exact(&mut heard).expect("so many may be outstanding");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout can be set");
        (&stream).read_exact(&mut [0]).expect_err("one more was sent");
        let ok = "> OK MSG 3 2026-01-02T03:04:05.678Z\n";
        follow(&stream, &format!("{}< MSG x\n< QUIT\n{ok}> OK QUIT\n", ok.repeat(lines)));
    });
    (address, server)
}
