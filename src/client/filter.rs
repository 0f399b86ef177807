//! The client in a pipe: every line of input becomes a message, events come out as raw lines.

use std::io::{self, BufRead, Write as _};
use std::sync::mpsc::Receiver;
use std::thread;

use super::lines::{Found, read_line};
use super::link::{Ended, Link, Sender, said_bye};
use super::said::{Answer, Said};
use super::{Failure, complain};
use crate::limits::CLIENT_OUTSTANDING_MAX;
use crate::protocol::Text;

/// What an answer belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// The message in this line of the input, counted from 1.
    Line(u64),
    /// The end of the input: when it is answered, everything is.
    Quit,
}

/// How reading the input ended.
#[derive(Debug)]
struct Input {
    /// Lines that could not be sent, each already told.
    unsendable: u64,
    /// Why there is no more, if it is not the end.
    broken: Option<io::Error>,
}

/// Sends standard input. `Ok`: the server has acknowledged every line.
pub(super) fn run(mut link: Link) -> Result<(), Failure> {
    let (sender, asked) = link.sender()?;
    let sending = thread::spawn(move || send_lines(io::stdin().lock(), sender));
    let refused = receive(&mut link, &asked)?;
    // The answer to QUIT, which is the last thing the thread sends, is here.
    let input = sending.join().expect("the sending thread does not panic");
    match (refused + input.unsendable, input.broken) {
        (_, Some(why)) => Err(Failure::Told(format!("reading the input failed: {why}"))),
        (0, None) => Ok(()),
        (1, None) => Err(Failure::told("1 line was not taken, the others were")),
        (n, None) => Err(Failure::Told(format!("{n} lines were not taken, the others were"))),
    }
}

fn send_lines(mut input: impl BufRead, mut sender: Sender<Asked>) -> Input {
    let room = sender.room_after("MSG");
    let (mut line, mut number, mut unsendable) = (Vec::new(), 0, 0);
    let broken = loop {
        number += 1;
        let text = match read_line(&mut input, room + "\r\n".len(), &mut line) {
            Ok(Found::End) => break None,
            Ok(Found::TooLong) => match input.skip_until(b'\n') {
                Ok(_) => Err(too_long(room)),
                Err(why) => break Some(why),
            },
            Ok(Found::Line | Found::Unended) if line.is_empty() => continue,
            Ok(Found::Line | Found::Unended) if line.len() > room => Err(too_long(room)),
            // Also because the server takes byte 255 for telnet's, and leaves a command of it out.
            Ok(Found::Line | Found::Unended) => Text::parse(&line).map_err(|why| why.to_string()),
            Err(why) => break Some(why),
        };
        match text {
            Ok(text) => {
                if sender.send(Asked::Line(number), "MSG", text.as_str()).is_err() {
                    break None;
                }
            }
            Err(why) => {
                unsendable += 1;
                complain(&format!("line {number}: {why}"));
            }
        }
    };
    // When the connection is gone already, the reading side knows.
    let _ = sender.send(Asked::Quit, "QUIT", "");
    Input { unsendable, broken }
}

fn too_long(room: usize) -> String {
    format!("longer than the {room} bytes a message may have")
}

/// Reads until the input's end is answered; how many lines the server refused.
fn receive(link: &mut Link, asked: &Receiver<Asked>) -> Result<u64, Failure> {
    let mut refused = 0;
    let mut out = Vec::new();
    loop {
        match link.next() {
            Ok(Said::Event(event)) => {
                out.clear();
                event.write(&mut out);
                io::stdout().write_all(&out).map_err(|why| Failure::output(&why))?;
            }
            Ok(Said::Answer(Answer { verb, outcome })) => match (asked.try_recv(), outcome) {
                (Ok(Asked::Quit), Ok(_)) if verb == "QUIT" => return Ok(refused),
                (Ok(Asked::Line(_)), Ok(_)) if verb == "MSG" => {}
                (Ok(Asked::Line(number)), Err(why)) => {
                    refused += 1;
                    complain(&format!("line {number}: {} ({})", why.sentence, why.code));
                }
                _ => return Err(Failure::told("the server answered something that was not asked")),
            },
            Ok(Said::Bye(sentence)) => return lost(&said_bye(&sentence), true, asked).map(|()| refused),
            Ok(Said::Other(text)) => complain(&format!("the server said: {text}")),
            Err(ended) => {
                let orderly = matches!(ended, Ended::Closed);
                return lost(&ended.to_string(), orderly, asked).map(|()| refused);
            }
        }
    }
}

/// No answer comes any more. That is a failure, unless only QUIT has none and the server went of its own will.
fn lost(why: &str, orderly: bool, asked: &Receiver<Asked>) -> Result<(), Failure> {
    // The sending thread may still put in the one line that it waits with.
    let left: Vec<Asked> = asked.try_iter().take(CLIENT_OUTSTANDING_MAX + 1).collect();
    match left.as_slice() {
        [Asked::Quit] if orderly => Ok(()),
        [Asked::Quit] => Err(Failure::told(why)),
        [Asked::Line(first), ..] => {
            let lines = left.iter().filter(|asked| **asked != Asked::Quit).count();
            let what = if lines == 1 { "1 line is".to_owned() } else { format!("{lines} lines are") };
            Err(Failure::Told(format!("{why}; {what} not acknowledged, from line {first} on")))
        }
        _ => Err(Failure::Told(format!("{why}; the rest of the input was not sent"))),
    }
}
