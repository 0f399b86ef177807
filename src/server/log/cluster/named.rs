//! A member's name as the stream has it: with what it looks like. Programs know different versions of Unicode, so the node
//! that asks says what the name looks like, and all others take its word for that: they compare the same looks.

use crate::protocol::{DisplayName, Look};
use crate::server::log::cluster::args::Args;
use crate::server::log::cluster::command_error::CommandError;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    name: DisplayName,
    look: Look,
}

impl Named {
    /// Of this name.
    pub fn of(name: DisplayName) -> Named {
        Named { look: name.look(), name }
    }

    /// The name.
    pub fn name(&self) -> &DisplayName {
        &self.name
    }

    /// What it looks like.
    pub(super) fn look(&self) -> &Look {
        &self.look
    }

    /// Parses the rest of a line, ` <look> <name>`, if there is any.
    pub(super) fn parse(args: &mut Args<'_>) -> Result<Option<Named>, CommandError> {
        if args.0.is_none() {
            return Ok(None);
        }
        let look = Look::kept(args.text(CommandError::Name)?).ok_or(CommandError::Name)?;
        let name = args.0.take().and_then(DisplayName::kept).ok_or(CommandError::Name)?;
        Ok(Some(Named { name, look }))
    }

    /// What [`Named::parse`] parses.
    pub(super) fn rest(named: Option<&Named>) -> String {
        named.map_or(String::new(), |Named { name, look }| format!(" {} {name}", look.as_str()))
    }
}
