//! The client's options and commands. `--help`, the manual page, the table in docs/client.md and the shells' completions are
//! made from these.

use crate::limits::{DEVICE_MAX, LISTEN_DEFAULT};
use crate::manual::Flag;

pub(super) const SEND: &str = "send";
pub(super) const TAIL: &str = "tail";

/// What the client can do beside a chat.
pub const COMMANDS: [&str; 2] = [SEND, TAIL];

/// All options, in the order in which they are listed.
pub fn flags() -> Vec<Flag> {
    vec![
        Flag::taking("server", "HOST:PORT,…", "the group's servers")
            .without(format!("the last, or `{LISTEN_DEFAULT}`"))
            .more("It is one, or several with commas between them.")
            .more("The client uses the first that lets it in, and goes on with the next when that one is gone."),
        Flag::switch("tls", "use TLS; needed only the first time")
            .more("After that the client sends this server nothing in plain text."),
        Flag::taking("ca", "FILE", "TLS: trust only this authority or certificate (PEM)"),
        Flag::taking("join", "WORD", "become a member, with the word of an invitation")
            .more("The client asks for the password that you will have."),
        Flag::switch("forget", "forget the certificate of the server, and exit").more(
            "The next chat there asks whether its certificate is right; it is still sent nothing in plain text.",
        ),
        Flag::taking("device", "NAME", "which of your devices this is")
            .without("the host's name")
            .more(format!("A name has 1 to {DEVICE_MAX} of `A-Z a-z 0-9 . _ -`."))
            .more("Each device gets what it has missed.")
            .more("For `tail --follow` it is `tail`."),
        Flag::taking("password-file", "FILE", "read the password from the first line of FILE")
            .without("`CHAT_ROOM_PASSWORD`, a saved login, or a prompt"),
        Flag::taking("bell", "WHEN", "when to ring: `off`, `mention` (your name) or `all`")
            .words(&["off", "mention", "all"])
            .default("mention"),
        Flag::taking("since", "SEQ", "`tail`: print all events after this number"),
        Flag::switch("follow", "`tail`: print new events, too"),
        Flag::switch("json", "`tail`: print events as JSON, an object a line"),
        Flag::switch("help", "print the options and exit").short("h"),
        Flag::switch("version", "print the version and exit").short("V"),
    ]
}
