//! The client.

use std::time::Duration;

use super::cluster::CUT_OFF_AFTER;
use super::room::PAGE_LINES_MAX;
use super::turn::LINES_PER_CONN_TURN;
use super::wire::{MAIL_MAX, NAME_MAX};

/// How long one address of the server may take to accept a connection.
pub const CLIENT_CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How long after one address of a name the next one is tried as well, as RFC 8305 recommends.
pub const CLIENT_NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// How long a server may take to greet; it does so at once.
pub const CLIENT_HELLO_WAIT: Duration = Duration::from_secs(10);
/// How long a handshake and the greeting may take. When 20,000 clients come back together, their handshakes take the
/// server half a minute.
pub const CLIENT_TLS_WAIT: Duration = Duration::from_secs(30);
/// The longest line that `send` splits into messages, sixteen of them. Longer ones are no text for people.
pub const CLIENT_SEND_LINE_MAX: usize = 64 << 10;
/// How long a login may take. A full queue of logins takes the server 102 seconds, the delay after wrong passwords 12.
pub const CLIENT_LOGIN_WAIT: Duration = Duration::from_secs(120);
/// Lines sent and not answered yet: as many as the server takes in one turn. More would only wait there.
pub const CLIENT_OUTSTANDING_MAX: usize = LINES_PER_CONN_TURN;
/// How long the client waits before it first reconnects; the time doubles with each attempt.
pub const CLIENT_RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest wait before it reconnects.
pub const CLIENT_RETRY_LONGEST: Duration = Duration::from_secs(60);
/// How long without a byte until the client sends PING, and after as long again gives the connection up.
pub const CLIENT_SILENCE: Duration = Duration::from_secs(30);
/// The same where the group has other servers. A server that is cut off answers no PING after a message, and says BYE before
/// the client gives it up: then it is certain what was said.
pub const CLIENT_SILENCE_MANY: Duration = Duration::from_millis(8500);
const _: () = assert!(2 * CLIENT_SILENCE_MANY.as_millis() >= CUT_OFF_AFTER.as_millis() + 2000);
/// How long `send` tries to find another server of the group: three times as long as a server that is cut off takes to say so.
pub const CLIENT_SEND_AGAIN: Duration = Duration::from_secs(45);
/// How long until a server that is behind another one is asked again, and how often.
pub const CLIENT_BEHIND_WAIT: Duration = Duration::from_millis(200);
/// See there.
pub const CLIENT_BEHIND_WAITS: u32 = 50;
/// How often the client looks at the time while nothing happens: several times within [`CLIENT_SILENCE`].
pub const CLIENT_TICK: Duration = Duration::from_secs(5);
/// How often the seconds until the next attempt to connect are shown.
pub const CLIENT_COUNTDOWN: Duration = Duration::from_secs(1);
/// How long a server may take to answer QUIT.
pub const CLIENT_QUIT_WAIT: Duration = Duration::from_secs(5);
/// Bytes that are read before they are shown together.
pub const CLIENT_BATCH: usize = 64 << 10;
/// Bytes given to the terminal before the client records which lines it has taken: what the kernel passes to a terminal
/// at once.
pub const CLIENT_PIECE: usize = 2048;
/// Lines shown before those that were missed, for context: a screen of them.
pub const CLIENT_LEAD_IN: u64 = 20;
/// Missed events shown without asking: a few screens of them.
pub const CLIENT_MISSED_SHOWN: u64 = 300;
/// Lines of a paste sent without asking.
pub const CLIENT_PASTE_LINES: usize = 5;
/// How long the rest of a key's sequence, or of a character, may take. After that, ESC was a key by itself.
pub const CLIENT_SEQUENCE_WAIT: Duration = Duration::from_millis(500);
/// How long a paste may pause. Its end may never come, if the window was closed.
pub const CLIENT_PASTE_WAIT: Duration = Duration::from_secs(3);
/// What follows a line within this time came together with it: nobody types so fast.
pub const CLIENT_BURST_WAIT: Duration = Duration::from_millis(10);
/// What follows several lines within this time came together with them: a paste may come in pieces.
pub const CLIENT_BURST_LINES_WAIT: Duration = Duration::from_millis(100);
/// Bytes taken together if they come at once.
pub const CLIENT_BURST_MAX: usize = CLIENT_TYPED_MAX / 2;
/// How long the rest of the word that answers a question, and its Enter, belong to the answer.
pub const CLIENT_ANSWER_REST: Duration = Duration::from_secs(1);
/// Nothing is drawn until the window's size has not changed for this long. tmux reports a change up to 250 ms late.
pub const CLIENT_RESIZE_QUIET: Duration = Duration::from_millis(300);
/// But something is drawn after this long: a server that is silent for longer is given up.
pub const CLIENT_RESIZE_LONGEST: Duration = Duration::from_secs(10);
/// How long the client may take to end in order after a signal; then it just ends. Its last line may be waiting for a
/// terminal that takes nothing.
pub const CLIENT_END_WAIT: Duration = Duration::from_secs(2);
/// Bytes of the line being typed, all lines of a paste together.
pub const CLIENT_TYPED_MAX: usize = 256 << 10;
/// Typed lines that can be recalled.
pub const CLIENT_TYPED_KEPT: usize = 500;
/// Printed lines kept for printing them again on request: more than a screen has.
pub const CLIENT_PRINTED_KEPT: usize = 200;
/// Own lines shown while they are not acknowledged; of further ones only their number is shown.
pub const CLIENT_UNSAID_SHOWN: usize = 5;
/// Names known at a time.
pub const CLIENT_NAMES_MAX: usize = 10_000;
/// Pages of MEMBERS requested when a chat begins, to learn the members' names: all that the client keeps.
pub const CLIENT_NAME_PAGES: usize = CLIENT_NAMES_MAX / PAGE_LINES_MAX;
/// So many of them are waited for before the first event is shown: a fraction of a second. The server lets a member have twenty at
/// once, and two a second after that.
pub const CLIENT_NAME_PAGES_AWAITED: usize = 10;
/// Bytes before the cursor that may be a name: of one of any script, or of a mail.
pub const CLIENT_NAME_BYTES: usize = if 4 * NAME_MAX > MAIL_MAX { 4 * NAME_MAX } else { MAIL_MAX };
