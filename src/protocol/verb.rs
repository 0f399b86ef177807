//! The commands: their names, usage and purpose.

use std::fmt;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Log in.
    Login,
    /// Log in with a token.
    Resume,
    /// Get a token.
    Token,
    /// Send a message.
    Msg,
    /// List who is connected.
    Who,
    /// List the members.
    Members,
    /// List who has not received a message.
    Info,
    /// Read past events.
    History,
    /// Skip what was missed.
    Skip,
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

impl Verb {
    /// All commands, in the order in which HELP lists them.
    pub const ALL: [Verb; 18] = [
        Verb::Login,
        Verb::Resume,
        Verb::Msg,
        Verb::Who,
        Verb::Members,
        Verb::History,
        Verb::Info,
        Verb::Skip,
        Verb::Token,
        Verb::Passwd,
        Verb::Leave,
        Verb::Add,
        Verb::Remove,
        Verb::Reset,
        Verb::Stats,
        Verb::Ping,
        Verb::Help,
        Verb::Quit,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Login => "LOGIN",
            Verb::Resume => "RESUME",
            Verb::Token => "TOKEN",
            Verb::Msg => "MSG",
            Verb::Who => "WHO",
            Verb::Members => "MEMBERS",
            Verb::History => "HISTORY",
            Verb::Info => "INFO",
            Verb::Skip => "SKIP",
            Verb::Passwd => "PASSWD",
            Verb::Leave => "LEAVE",
            Verb::Add => "ADD",
            Verb::Remove => "REMOVE",
            Verb::Reset => "RESET",
            Verb::Stats => "STATS",
            Verb::Ping => "PING",
            Verb::Help => "HELP",
            Verb::Quit => "QUIT",
        }
    }

    /// Whether a password or a token is among its words.
    pub fn takes_secret(self) -> bool {
        matches!(self, Verb::Login | Verb::Resume | Verb::Passwd | Verb::Add | Verb::Reset)
    }

    /// How the command is typed.
    pub fn usage(self) -> &'static str {
        match self {
            Verb::Login => "LOGIN <mail>[/<device>] <password>",
            Verb::Resume => "RESUME <mail>[/<device>] <token>",
            Verb::Token => "TOKEN",
            Verb::Msg => "MSG <text>",
            Verb::Who => "WHO [<after>]",
            Verb::Members => "MEMBERS [<after>]",
            Verb::Info => "INFO <seq> [<after>]",
            Verb::History => "HISTORY [<n>] | HISTORY SINCE <seq> [<n>]",
            Verb::Skip => "SKIP",
            Verb::Passwd => "PASSWD <old> <new>",
            Verb::Leave => "LEAVE",
            Verb::Add => "ADD <mail> <password>",
            Verb::Remove => "REMOVE <mail>",
            Verb::Reset => "RESET <mail> <password>",
            Verb::Stats => "STATS",
            Verb::Ping => "PING [<text>]",
            Verb::Help => "HELP [<verb>]",
            Verb::Quit => "QUIT",
        }
    }

    /// What the command does, in one phrase.
    pub fn purpose(self) -> &'static str {
        match self {
            Verb::Login => "log in; with /- after the mail, without being sent what others say",
            Verb::Resume => "log in with a token instead of a password",
            Verb::Token => "get a token for RESUME, good for 30 days and until your password changes",
            Verb::Msg => "say something to the group",
            Verb::Who => "who is connected, 100 a page; <after> is the last mail of the previous page",
            Verb::Members => "who is in the group, 100 a page",
            Verb::Info => "who has not received a message (for its author and admins)",
            Verb::History => "the last <n> events, or those after <seq>, at most 1000",
            Verb::Skip => "skip everything you have not been sent yet",
            Verb::Passwd => "change your password; your other connections end",
            Verb::Leave => "leave the group for good",
            Verb::Add => "add a member (admins)",
            Verb::Remove => "remove a member (admins)",
            Verb::Reset => "give a member a new password (admins)",
            Verb::Stats => "statistics about the server (admins)",
            Verb::Ping => "get the same text back",
            Verb::Help => "this list, or one line of it",
            Verb::Quit => "end this connection",
        }
    }

    /// Reads a word, in any case.
    pub fn parse(word: &[u8]) -> Option<Verb> {
        Verb::ALL.into_iter().find(|verb| verb.name().as_bytes().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
