//! `send`: every line of standard input, or of the text on the command line, becomes a message. Blank lines are left out, escape
//! sequences are removed, and a line that is too long for one message becomes several.
//!
//! It does not share the connection of chat and tail: it has no feed and does not reconnect, and the channel between its two
//! blocking threads limits how many messages are unanswered.

use std::io::{self, BufRead, IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::connection::End;
use super::connection::said::{Happened, Said};
use super::failure::{Exit, Failure, OUT_OF_STEP, complain, refused};
use super::lines::{Found, cut_by_terminal, read_line};
use super::link::Link;
use super::split::{pieces, without_escapes};
use crate::limits::{CLIENT_OUTSTANDING_MAX, CLIENT_SEND_LINE_MAX, TERMINAL_LINE};
use crate::protocol::{Command, Request, Text, Verb};

/// What an answer belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// The message in this line of the input, counted from 1.
    Line(u64),
    /// The end of the input. When it is answered, everything is.
    Quit,
}

/// How reading the input ended.
#[derive(Debug)]
struct Input {
    /// Lines that could not be sent; each was reported.
    unsendable: u64,
    /// Why reading ended, if not at the end.
    broken: Option<io::Error>,
}

/// Sends the text, or standard input. `Ok`: the server has acknowledged every line.
pub(super) fn run(mut link: Link, text: Option<&str>) -> Result<(), Failure> {
    let room = link.line_max() - "MSG \n".len();
    let mut writer = link.take_writer();
    let (asked, questions) = sync_channel(CLIENT_OUTSTANDING_MAX);
    // Waits while too many lines are unanswered. An error: the connection is gone, and the reading side finds out why.
    let mut send = move |what: Asked, line: &str| -> io::Result<()> {
        // Before the line is sent, so that its answer always finds it.
        asked.send(what).map_err(|_| io::ErrorKind::BrokenPipe)?;
        writer.write_all(format!("{line}\n").as_bytes())?;
        writer.flush()
    };
    let text = text.map(str::to_owned);
    let sending = thread::spawn(move || match text {
        Some(text) => send_lines(text.as_bytes(), room, &mut send),
        None => send_lines(io::stdin().lock(), room, &mut send),
    });
    let refused = receive(&mut link, &questions)?;
    // QUIT is answered, and the thread sends nothing after it.
    let input = sending.join().expect("the sending thread does not panic");
    if let Some(why) = input.broken {
        return Err(Failure::failed(format!("reading the input failed: {why}")));
    }
    let exit = if refused > 0 { Exit::Refused } else { Exit::Failed };
    match refused + input.unsendable {
        0 => Ok(()),
        1 => Err(Failure::new(exit, "1 line was not accepted; all others were")),
        n => Err(Failure::new(exit, format!("{n} lines were not accepted; all others were"))),
    }
}

fn send_lines(
    mut input: impl BufRead,
    room: usize,
    send: &mut impl FnMut(Asked, &str) -> io::Result<()>,
) -> Input {
    let (mut line, mut number, mut unsendable) = (Vec::new(), 0, 0);
    let broken = 'input: loop {
        number += 1;
        let found = match read_line(&mut input, CLIENT_SEND_LINE_MAX, &mut line) {
            Ok(Found::End) => break None,
            Ok(Found::TooLong) => input.skip_until(b'\n').map(|_| {
                Err(format!("longer than the {CLIENT_SEND_LINE_MAX} bytes that are split into messages"))
            }),
            Ok(Found::Line) if line.len() == TERMINAL_LINE && io::stdin().is_terminal() => {
                Ok(Err(cut_by_terminal()))
            }
            found => found.map(|_| Ok(without_escapes(&line))),
        };
        let found = match found {
            Ok(found) => found,
            Err(why) => break Some(why),
        };
        // Checked here, too: the server would take byte 255 for a telnet command and leave it out.
        match found.as_deref().map_err(String::clone).and_then(sayable) {
            Ok(text) => {
                // A line of just this length would be refused.
                let refused = TERMINAL_LINE - "MSG ".len();
                let less = |piece: &str| if piece.len() == refused { refused - 1 } else { room };
                for piece in pieces(text, room).into_iter().flat_map(|piece| pieces(piece, less(piece))) {
                    if send(Asked::Line(number), &format!("{} {piece}", Verb::Msg)).is_err() {
                        break 'input None;
                    }
                }
            }
            Err(why) => {
                unsendable += 1;
                complain(&format!("line {number}: {why}"));
            }
        }
    };
    // If the connection is gone, the reading side reports it.
    let _ = send(Asked::Quit, Verb::Quit.name());
    Input { unsendable, broken }
}

/// The text of a line if it may be sent; nothing, if it is blank.
fn sayable(line: &[u8]) -> Result<&str, String> {
    let text = Text::parse(line).map_err(|why| why.to_string())?.as_str();
    if text.trim().is_empty() {
        return Ok("");
    }
    // A script that was written for nc would send its password to the group.
    if Request::parse(line).is_ok() && Command::of(line).verb.is_some_and(Verb::takes_secret) {
        let why = "this is a command with a password, and send says every line to the group; put a word before it to say it";
        return Err(why.to_owned());
    }
    Ok(text)
}

/// Reads until the end of the input is answered. Returns how many lines the server refused.
fn receive(link: &mut Link, asked: &Receiver<Asked>) -> Result<u64, Failure> {
    let out_of_step = || Failure::new(Exit::Lost, OUT_OF_STEP);
    let mut refusals = 0;
    let (exit, end, why, next) = loop {
        match link.next() {
            Ok(Said::Answer { verb, outcome }) => match (asked.try_recv(), outcome) {
                (Ok(Asked::Quit), Ok(_)) if verb == Some(Verb::Quit) => return Ok(refusals),
                (Ok(Asked::Line(_)), Ok(_)) if verb == Some(Verb::Msg) => {}
                (Ok(Asked::Line(number)), Err(why)) => {
                    refusals += 1;
                    complain(&format!("line {number}: {} ({})", refused(&why), why.word));
                }
                _ => return Err(out_of_step()),
            },
            // Without a feed there are no events, not even newer ones, which are left out.
            Ok(Said::Event(Happened { event: None, .. })) => {}
            Ok(Said::Event(_) | Said::Range) => return Err(out_of_step()),
            Ok(Said::Other(text)) => complain(&format!("the server said: {text}")),
            Ok(Said::Bye(bye)) => {
                break (bye.exit().unwrap_or(Exit::Lost), End::Closed, bye.said(), bye.next_step());
            }
            Err(ended) => break (Exit::Lost, ended.end, ended.why, "tail shows what was said"),
        }
    };
    // No more answers come. The sending thread may still add the one line for which it waits.
    let left: Vec<Asked> = asked.try_iter().take(CLIENT_OUTSTANDING_MAX + 1).collect();
    let what = match left.as_slice() {
        // Everything is said, and the server closed the connection in order.
        [Asked::Quit] if end == End::Closed => return Ok(refusals),
        [Asked::Quit] => String::new(),
        [Asked::Line(first), ..] => {
            let lines = left.iter().filter(|asked| **asked != Asked::Quit).count();
            let what = if lines == 1 { "1 line is".to_owned() } else { format!("{lines} lines are") };
            format!("{what} not acknowledged, from line {first} on; ")
        }
        _ => "the rest of the input was not sent; ".to_owned(),
    };
    Err(Failure::new(exit, format!("{why}; {what}{next}")))
}
