//! The client.

use std::time::Duration;

use super::turn::LINES_PER_CONN_TURN;

/// The client: how long one address of the server may take to accept a connection.
pub const CLIENT_CONNECT_WAIT: Duration = Duration::from_secs(10);
/// The client: after so long the next address of a name is tried beside the one before, as RFC 8305 recommends.
pub const CLIENT_NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// The client: how long a server may take to greet, which it does at once.
pub const CLIENT_HELLO_WAIT: Duration = Duration::from_secs(10);
/// The client: how long a handshake and the greeting may take. Handshakes of 20,000 who come back together take their
/// server half a minute.
pub const CLIENT_TLS_WAIT: Duration = Duration::from_secs(30);
/// The client: bytes of a line that `send` splits into messages: sixteen of them. What is longer is no text for people.
pub const CLIENT_SEND_LINE_MAX: usize = 64 << 10;
/// The client: how long a login may take. A full queue of logins at the server takes 102 seconds, its delay
/// after wrong tries 12.
pub const CLIENT_LOGIN_WAIT: Duration = Duration::from_secs(120);
/// The client: lines sent and not answered yet. As many as the server takes in one turn; more would only wait there.
pub const CLIENT_OUTSTANDING_MAX: usize = LINES_PER_CONN_TURN;
/// The client: the first wait before it connects again; it doubles.
pub const CLIENT_RETRY_FIRST: Duration = Duration::from_secs(1);
/// The client: the longest wait before it connects again.
pub const CLIENT_RETRY_LONGEST: Duration = Duration::from_secs(60);
/// The client: after so long without a byte it sends PING, and after as long again the connection is given up.
pub const CLIENT_SILENCE: Duration = Duration::from_secs(30);
/// The client: how long a server that is asked to let it go may take.
pub const CLIENT_QUIT_WAIT: Duration = Duration::from_secs(5);
/// The client: bytes read before they are shown together.
pub const CLIENT_BATCH: usize = 64 << 10;
/// The client: bytes given to the terminal before it is noted which lines it has taken: what the kernel hands to a
/// terminal at once.
pub const CLIENT_PIECE: usize = 2048;
/// The client: so many lines are shown before what was missed, so that it is known what it is about: a screen of them.
pub const CLIENT_LEAD_IN: u64 = 20;
/// The client: so many missed events are shown without a question: some screens of them.
pub const CLIENT_MISSED_SHOWN: u64 = 300;
/// The client: so many lines of a paste are said without a question.
pub const CLIENT_PASTE_LINES: usize = 5;
/// The client: so long the rest of a key's sequence, or of a character, may take. Longer, and ESC was a key by itself.
pub const CLIENT_SEQUENCE_WAIT: Duration = Duration::from_millis(500);
/// The client: so long a paste that has begun may stand still. Its end may never come: the window was closed.
pub const CLIENT_PASTE_WAIT: Duration = Duration::from_secs(3);
/// The client: what follows a line within this time came with it: nobody types so fast.
pub const CLIENT_BURST_WAIT: Duration = Duration::from_millis(10);
/// The client: what follows several lines within this time came with them: a paste may come in pieces.
pub const CLIENT_BURST_LINES_WAIT: Duration = Duration::from_millis(100);
/// The client: bytes that are taken together if they come at once.
pub const CLIENT_BURST_MAX: usize = CLIENT_TYPED_MAX / 2;
/// The client: so long the rest of the word that answers a question, and its Enter, belong to the answer.
pub const CLIENT_ANSWER_REST: Duration = Duration::from_secs(1);
/// The client: nothing is written while the window's size has changed within this time. tmux tells of a change up to 250
/// ms late.
pub const CLIENT_RESIZE_QUIET: Duration = Duration::from_millis(300);
/// The client: but something is, after so long: a server that is silent for longer is given up.
pub const CLIENT_RESIZE_LONGEST: Duration = Duration::from_secs(10);
/// The client: how long it may take to end in order after a signal; then it ends. Its last line may wait for a terminal that
/// takes nothing.
pub const CLIENT_END_WAIT: Duration = Duration::from_secs(2);
/// The client: bytes of the line being typed, a paste's lines together.
pub const CLIENT_TYPED_MAX: usize = 256 << 10;
/// The client: typed lines that can be fetched back.
pub const CLIENT_TYPED_KEPT: usize = 500;
/// The client: printed lines kept to be printed again when that is asked for: more than a screen has.
pub const CLIENT_PRINTED_KEPT: usize = 200;
/// The client: own lines shown while they are not acknowledged; of more it shows how many.
pub const CLIENT_UNSAID_SHOWN: usize = 5;
/// The client: pages of MEMBERS asked for at login, to know which short names are unique. Of a larger group it
/// learns names as they come.
pub const CLIENT_NAME_PAGES: usize = 4;
/// The client: names known at a time.
pub const CLIENT_NAMES_MAX: usize = 10_000;
