//! Why a line of a batch is no command.

use std::fmt;

use crate::protocol::TextError;
use crate::room::HashError;

/// Why a line is none of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// An unknown first word.
    Unknown(String),
    /// Longer than any message.
    TooLong,
    /// A word is missing.
    Missing,
    /// There are more words.
    TooMany,
    /// Not a mail in lower case.
    Mail,
    /// Not a text.
    Text(TextError),
    /// Not a role.
    Role,
    /// Not a name with its look.
    Name,
    /// Not a title.
    Title,
    /// Neither on nor off.
    Announce,
    /// Not a hash.
    Hash(HashError),
    /// Not a node's name.
    Node,
    /// Not a number, or one with no next.
    Number,
    /// Not a time.
    Time,
    /// Not a transcript's id.
    Transcript,
    /// Not a key.
    Key,
    /// Not a sum.
    Sum,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Unknown(verb) => write!(f, "the command {verb} is unknown"),
            CommandError::TooLong => f.write_str("the line is too long"),
            CommandError::Missing => f.write_str("a word is missing"),
            CommandError::TooMany => f.write_str("there are too many words"),
            CommandError::Mail => f.write_str("a mail is invalid"),
            CommandError::Text(error) => error.fmt(f),
            CommandError::Role => f.write_str("a role is unknown"),
            CommandError::Title => f.write_str("a title is invalid"),
            CommandError::Announce => f.write_str("it is neither on nor off"),
            CommandError::Name => f.write_str("a name is invalid"),
            CommandError::Hash(error) => write!(f, "the hash is {error}"),
            CommandError::Node => f.write_str("a node's name is invalid"),
            CommandError::Number => f.write_str("a number is invalid"),
            CommandError::Time => f.write_str("a time is invalid"),
            CommandError::Transcript => f.write_str("a transcript's id is invalid"),
            CommandError::Key => f.write_str("a key is invalid"),
            CommandError::Sum => f.write_str("a sum is invalid"),
        }
    }
}
