//! What is to be said: lines of the input, each of which becomes a message, or several if it is too long for one.

use std::io::{self, BufRead, IsTerminal as _};

use crate::client::failure::complain;
use crate::client::lines::{Found, cut_by_terminal, read_line};
use crate::client::split::{pieces, without_escapes};
use crate::limits::{CLIENT_SEND_LINE_MAX, TERMINAL_LINE};
use crate::protocol::{Command, Request, Text, Verb};

/// A message, and the line of the input that it belongs to, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Piece {
    pub(in crate::client) line: u64,
    pub(in crate::client) text: String,
}

/// What comes from the input.
#[derive(Debug)]
pub(in crate::client) enum Input {
    Piece(Piece),
    /// It has ended.
    End {
        /// Lines that could not be sent; each was reported.
        unsendable: u64,
        /// Why, if not at the end.
        broken: Option<io::Error>,
    },
}

/// Reads the input. `room` is what a message may have; `give` takes one when it is wanted, and says whether more will be.
pub(super) fn read(mut input: impl BufRead, room: usize, mut give: impl FnMut(Input) -> bool) {
    let (mut line, mut number, mut unsendable) = (Vec::new(), 0, 0);
    let broken = loop {
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
                    if !give(Input::Piece(Piece { line: number, text: piece.to_owned() })) {
                        return;
                    }
                }
            }
            Err(why) => {
                unsendable += 1;
                complain(&format!("line {number}: {why}"));
            }
        }
    };
    give(Input::End { unsendable, broken });
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
