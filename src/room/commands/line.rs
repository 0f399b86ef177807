//! From a line to its request. A line without one is answered here.

use crate::limits::TERMINAL_LINE;
use crate::protocol::framing::Line;
use crate::protocol::{Bye, Code, Command, Request, VerbEcho, err, no_timing_mark};
use crate::room::group::Group;
use crate::room::ids::ConnId;
use crate::room::peers::Peers;
use crate::room::session::Ending;
use crate::room::transcript::window::Transcript;

/// The request in a line. A line without one is answered; before login it may end the connection.
pub(in crate::room) fn request_of<'a>(
    id: ConnId,
    line: Line<'a, Command<'a>>,
    line_max: usize,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) -> Option<Request<'a>> {
    let is_before_login = peers.mail_of(id).is_none();
    let too_long = |start, sentence| err(VerbEcho::of_line(start), Code::TooLong, sentence);
    let (answer, ends) = match line {
        Line::TlsHello => (None, true),
        Line::TooLong(start) => {
            let sentence =
                format!("a line has at most {line_max} bytes, its end counted; this one was dropped");
            (Some(too_long(start, sentence)), is_before_login)
        }
        Line::Cut(start) => {
            let sentence = format!(
                "a terminal cuts lines off at {TERMINAL_LINE} bytes, the length of this one; it was dropped"
            );
            (Some(too_long(start, sentence)), is_before_login)
        }
        Line::TimingMark => (Some(no_timing_mark()), false),
        Line::Whole(command) if command.is_blank() => return None,
        Line::Whole(command) if is_before_login && command.is_http() => (None, true),
        Line::Whole(command) => match Request::of(command) {
            Ok(request) => return Some(request),
            Err(refusal) => (Some(refusal.line()), false),
        },
    };
    if let Some(answer) = answer {
        peers.reply(id, answer, transcript);
    }
    if ends {
        peers.end(id, Ending::AtEnd, Some(Bye::Protocol), transcript, group);
    }
    None
}
