//! The commands: their names, usage and purpose.

/// A command.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{}", self.name())]
pub enum Verb {
    /// Log in.
    Login,
    /// Log in with a token.
    Resume,
    /// Send a message.
    Msg,
    /// List who is connected.
    Who,
    /// List the members.
    Members,
    /// Read past events.
    History,
    /// List who has not received a message.
    Info,
    /// Skip what was missed.
    Skip,
    /// Get a token.
    Token,
    /// Change one's password.
    Passwd,
    /// Leave the group.
    Leave,
    /// Add a member.
    Add,
    /// Remove a member.
    Remove,
    /// Give a member a new password.
    Reset,
    /// Figures about the server.
    Stats,
    /// Check the connection.
    Ping,
    /// List the commands.
    Help,
    /// End the connection.
    Quit,
}

/// Each with how it is typed and what it does, in the order of the type.
const COMMANDS: [(Verb, &str, &str); 18] = [
    (
        Verb::Login,
        "LOGIN <mail>[/<device>] <password>",
        "log in; with /- after the mail, without being sent what others say",
    ),
    (Verb::Resume, "RESUME <mail>[/<device>] <token>", "log in with a token instead of a password"),
    (Verb::Msg, "MSG <text>", "say something to the group"),
    (
        Verb::Who,
        "WHO [<after>]",
        "who is connected, 100 a page; <after> is the last mail of the previous page",
    ),
    (Verb::Members, "MEMBERS [<after>]", "who is in the group, 100 a page"),
    (
        Verb::History,
        "HISTORY [<n>] | HISTORY SINCE <seq> [<n>]",
        "the last <n> events, or those after <seq>, at most 1000",
    ),
    (Verb::Info, "INFO <seq> [<after>]", "who has not received a message (for its author and admins)"),
    (Verb::Skip, "SKIP", "skip everything you have not been sent yet"),
    (Verb::Token, "TOKEN", "get a token for RESUME, good for 30 days and until your password changes"),
    (Verb::Passwd, "PASSWD <old> <new>", "change your password; your other connections end"),
    (Verb::Leave, "LEAVE", "leave the group for good"),
    (Verb::Add, "ADD <mail> <password>", "add a member (admins)"),
    (Verb::Remove, "REMOVE <mail>", "remove a member (admins)"),
    (Verb::Reset, "RESET <mail> <password>", "give a member a new password (admins)"),
    (Verb::Stats, "STATS", "statistics about the server (admins)"),
    (Verb::Ping, "PING [<text>]", "get the same text back"),
    (Verb::Help, "HELP [<verb>]", "this list, or one line of it"),
    (Verb::Quit, "QUIT", "end this connection"),
];

impl Verb {
    /// All commands, in the order in which HELP lists them.
    pub const ALL: [Verb; COMMANDS.len()] = {
        let (mut all, mut at) = ([Verb::Login; COMMANDS.len()], 0);
        while at < all.len() {
            all[at] = COMMANDS[at].0;
            assert!(all[at] as usize == at, "the table has the order of the type");
            at += 1;
        }
        all
    };

    /// As it is written.
    pub fn name(self) -> &'static str {
        self.usage().split(' ').next().expect("split gives at least one piece")
    }

    /// Whether a password or a token is among its words.
    pub fn takes_secret(self) -> bool {
        matches!(self, Verb::Login | Verb::Resume | Verb::Passwd | Verb::Add | Verb::Reset)
    }

    /// How the command is typed.
    pub fn usage(self) -> &'static str {
        COMMANDS[self as usize].1
    }

    /// What the command does, in one phrase.
    pub fn purpose(self) -> &'static str {
        COMMANDS[self as usize].2
    }

    /// Reads a word, in any case.
    pub fn parse(word: &[u8]) -> Option<Verb> {
        let is_named = |usage: &[u8]| match usage.split_at_checked(word.len()) {
            Some((name, [] | [b' ', ..])) => name.eq_ignore_ascii_case(word),
            _ => false,
        };
        Verb::ALL.into_iter().find(|verb| is_named(verb.usage().as_bytes()))
    }
}
