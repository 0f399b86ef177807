//! From a line to its request.

use crate::limits::TERMINAL_LINE;
use crate::protocol::framing::Line;
use crate::protocol::{Code, Command, Request, Verb, err, no_timing_mark, verb_echo};

/// What follows from a line without a request.
pub(crate) enum Other {
    /// Nothing.
    Nothing,
    /// This answer.
    Answer(Vec<u8>),
    /// The connection ends, after this answer if there is one: the peer does not speak this protocol.
    End(Option<Vec<u8>>),
}

/// The request in a line.
pub(crate) fn request_of<'a>(
    line: Line<'a, Command<'a>>,
    line_max: usize,
    is_before_login: bool,
) -> Result<(Verb, Request<'a>), Other> {
    let too_long = |start, sentence: String| {
        let answer = err(verb_echo(start), Code::TooLong, sentence);
        if is_before_login { Other::End(Some(answer)) } else { Other::Answer(answer) }
    };
    Err(match line {
        Line::TlsHello => Other::End(None),
        Line::TooLong(start) => {
            too_long(start, format!("a line has at most {line_max} bytes with its end; this one was dropped"))
        }
        Line::Cut(start) => too_long(
            start,
            format!(
                "a terminal cuts lines off at {TERMINAL_LINE} bytes, the length of this one; it was dropped"
            ),
        ),
        Line::TimingMark => Other::Answer(no_timing_mark()),
        Line::Whole(command) if command.is_blank() => Other::Nothing,
        Line::Whole(command) if is_before_login && command.is_http() => Other::End(None),
        Line::Whole(command) => return Request::of(command).map_err(|refusal| Other::Answer(refusal.line())),
    })
}
