//! The words of a line of a batch, or of the note of what the stream means: exactly one blank between them.

use crate::protocol::{Announce, Author, Mail, Role, Time, Title};
use crate::room::{HashError, PasswordHash};
use crate::server::log::cluster::command_error::CommandError;
use crate::server::log::cluster::ids::{NodeName, Sum, TokenKey};

/// The words that are left; `None`: the line has ended.
pub(super) struct Args<'a>(pub(super) Option<&'a [u8]>);

impl<'a> Args<'a> {
    pub(super) fn word(&mut self) -> Result<&'a [u8], CommandError> {
        let rest = self.0.take().ok_or(CommandError::Missing)?;
        let Some(end) = rest.iter().position(|&b| b == b' ') else { return Ok(rest) };
        self.0 = Some(&rest[end + 1..]);
        Ok(&rest[..end])
    }

    /// A word that is UTF-8, as all but texts are.
    pub(super) fn text(&mut self, otherwise: CommandError) -> Result<&'a str, CommandError> {
        std::str::from_utf8(self.word()?).map_err(|_| otherwise)
    }

    pub(super) fn mail(&mut self) -> Result<Mail, CommandError> {
        let word = self.word()?;
        let mail = Mail::parse(word).map_err(|_| CommandError::Mail)?;
        if mail.as_str().as_bytes() == word { Ok(mail) } else { Err(CommandError::Mail) }
    }

    pub(super) fn author(&mut self) -> Result<Author, CommandError> {
        match self.0 {
            Some(rest) if rest == b"-" || rest.starts_with(b"- ") => {
                self.word()?;
                Ok(Author::HandEdit)
            }
            _ => self.mail().map(Author::Member),
        }
    }

    pub(super) fn role(&mut self) -> Result<Role, CommandError> {
        Role::parse(self.text(CommandError::Role)?).ok_or(CommandError::Role)
    }

    pub(super) fn hash(&mut self) -> Result<PasswordHash, CommandError> {
        let text = self.text(CommandError::Hash(HashError::Form))?;
        PasswordHash::parse(text).map_err(CommandError::Hash)
    }

    pub(super) fn node(&mut self) -> Result<NodeName, CommandError> {
        NodeName::parse(self.text(CommandError::Node)?).map_err(|_| CommandError::Node)
    }

    /// Without zeros before it. The largest one would have no next.
    pub(super) fn number(&mut self) -> Result<u64, CommandError> {
        let text = self.text(CommandError::Number)?;
        let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        let number = if is_plain { text.parse().ok() } else { None };
        number.filter(|&number| number < u64::MAX).ok_or(CommandError::Number)
    }

    pub(super) fn transcript(&mut self) -> Result<u32, CommandError> {
        let text = self.text(CommandError::Transcript)?;
        let id = u32::from_str_radix(text, 16).ok().filter(|id| format!("{id:08x}") == text);
        id.ok_or(CommandError::Transcript)
    }

    pub(super) fn key(&mut self) -> Result<TokenKey, CommandError> {
        TokenKey::parse(self.word()?).ok_or(CommandError::Key)
    }

    pub(super) fn time(&mut self) -> Result<Time, CommandError> {
        Time::parse(self.text(CommandError::Time)?).ok_or(CommandError::Time)
    }

    /// The rest of the line.
    pub(super) fn title(&mut self) -> Result<Title, CommandError> {
        self.0.take().and_then(Title::kept).ok_or(CommandError::Title)
    }

    pub(super) fn announce(&mut self) -> Result<Announce, CommandError> {
        Announce::parse(self.word()?).ok_or(CommandError::Announce)
    }

    pub(super) fn sum(&mut self) -> Result<Sum, CommandError> {
        Sum::parse(self.word()?).ok_or(CommandError::Sum)
    }
}
