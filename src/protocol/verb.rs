//! The commands: their names, usage and purpose.

/// The commands in the order in which HELP lists them: each with how it is typed and what it does.
macro_rules! commands {
    ($($verb:ident, $usage:literal, $purpose:literal;)+) => {
        /// A command.
        #[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
        #[display("{}", self.name())]
        pub enum Verb {
            $(#[doc = concat!("`", $usage, "`")] $verb,)+
        }

        impl Verb {
            /// All commands, in the order in which HELP lists them.
            pub const ALL: [Verb; [$($usage),+].len()] = [$(Verb::$verb),+];

            /// How the command is typed.
            pub fn usage(self) -> &'static str {
                match self {
                    $(Verb::$verb => $usage,)+
                }
            }

            /// What the command does, in one phrase.
            pub fn purpose(self) -> &'static str {
                match self {
                    $(Verb::$verb => $purpose,)+
                }
            }
        }
    };
}

commands! {
    Login, "LOGIN <mail>[/<device>] <password>", "log in; with /- after the mail, without being sent what others say";
    Resume, "RESUME <mail>[/<device>] <token>", "log in with a token instead of a password";
    Join, "JOIN <mail> <word> <password>", "join the group with the word of an INVITE and a password of your choice; then LOGIN";
    Msg, "MSG <text>", "say something to the group";
    Who, "WHO [<after>]", "who is connected, 100 a page; <after> is the last mail of the previous page";
    Members, "MEMBERS [<after>]", "who is in the group, 100 a page";
    History, "HISTORY [<n>] | HISTORY SINCE <seq> [<n>]", "the last <n> events, or those after <seq>, at most 1000";
    Find, "FIND <text> | FIND BEFORE <seq> <text>", "the newest 20 messages with <text>, in capitals or not; or those before <seq>";
    Info, "INFO <seq> [<after>]", "who has not received a message (for its author and admins)";
    Skip, "SKIP", "skip everything you have not been sent yet";
    Token, "TOKEN", "get a token for RESUME, good for 30 days and until your password changes";
    Name, "NAME [<text>]", "call yourself this; without <text> you have no name but your mail";
    Title, "TITLE [<text>]", "what the group is called; with <text> call it so (admins)";
    Announce, "ANNOUNCE [on|off]", "whether only admins speak; or say whether (admins)";
    Passwd, "PASSWD <old> <new>", "change your password; your other connections end";
    Leave, "LEAVE", "leave the group for good";
    Add, "ADD <mail> <password>", "add a member (admins)";
    Invite, "INVITE <mail>", "get a word with which this mail may JOIN, once, for 7 days (admins)";
    Remove, "REMOVE <mail>", "remove a member (admins)";
    Reset, "RESET <mail> <password>", "give a member a new password (admins)";
    Promote, "PROMOTE <mail>", "make a member an admin (admins)";
    Demote, "DEMOTE <mail>", "make an admin an ordinary member (admins)";
    Stats, "STATS", "statistics about the server (admins)";
    Ping, "PING [<text>]", "get the same text back";
    Help, "HELP [<verb>]", "this list, or one line of it";
    Quit, "QUIT", "end this connection";
}

impl Verb {
    /// As it is written.
    pub fn name(self) -> &'static str {
        self.usage().split(' ').next().expect("split gives at least one piece")
    }

    /// Whether a password, a token or the word of an invitation is among its words.
    pub fn takes_secret(self) -> bool {
        matches!(self, Verb::Login | Verb::Resume | Verb::Join | Verb::Passwd | Verb::Add | Verb::Reset)
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
