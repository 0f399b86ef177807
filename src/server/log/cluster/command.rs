//! The lines of a batch after its head. What is written is what is parsed, and nothing else is: so that no node reads more
//! or less into a line than another.

use std::io::Write as _;

use crate::limits::BATCH_LINE_MAX;
use crate::protocol::{Announce, Author, Mail, Role, Seq, Text, Time, Title, verb_echo};
use crate::room::{GroupSettings, PasswordHash};
use crate::server::log::cluster::args::Args;
use crate::server::log::cluster::command_error::CommandError;
use crate::server::log::cluster::ids::{NodeName, Start, Sum, TokenKey};
use crate::server::log::cluster::named::Named;

/// What a node wants to happen. It is judged in its place in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `MSG <mail> <text>`: a member says something.
    Msg {
        /// The member.
        mail: Mail,
        /// The text, verbatim.
        text: Text<'a>,
    },
    /// `ADD <by> <mail> <role> <phc>`: a new member.
    Add {
        /// Who adds them.
        by: Author,
        /// The new member.
        mail: Mail,
        /// Their role.
        role: Role,
        /// Their password's hash.
        hash: PasswordHash,
    },
    /// `INVITE <by> <mail>`: whether this mail may be invited. From the first one on all nodes remember whose invitations have
    /// ended.
    Invite {
        /// Who invites them.
        by: Author,
        /// Who is no member yet.
        mail: Mail,
    },
    /// `ACCEPT <by> <mail> <made> <phc>`: a new member, by an invitation.
    Accept {
        /// Who has invited them.
        by: Mail,
        /// The new member.
        mail: Mail,
        /// The last event when the invitation was made.
        made: Seq,
        /// Their password's hash.
        hash: PasswordHash,
    },
    /// `REMOVE <by> <mail>`: a member no longer.
    Remove {
        /// Who removes them.
        by: Author,
        /// The member.
        mail: Mail,
    },
    /// `PASS <by> <mail> <phc> [<expected phc>]`: another password.
    Pass {
        /// Who sets it.
        by: Author,
        /// The member.
        mail: Mail,
        /// The new password's hash.
        hash: PasswordHash,
        /// The hash before; `None`: any.
        expected: Option<PasswordHash>,
    },
    /// `PROMOTE <by> <mail>` or `DEMOTE <by> <mail>`: another role.
    SetRole {
        /// Who gives it.
        by: Author,
        /// The member.
        mail: Mail,
        /// The role.
        role: Role,
    },
    /// `NAME <by> <mail> [<look> <name>]`: another name, or none.
    Name {
        /// Who gives or takes it.
        by: Author,
        /// The member.
        mail: Mail,
        /// The name.
        named: Option<Named>,
    },
    /// `TITLE <by> <title>`: what the group is called.
    Title {
        /// The admin who says so.
        by: Mail,
        /// The title.
        title: Title,
    },
    /// `ANNOUNCE <by> on|off`: whether only admins speak.
    Announce {
        /// The admin who says so.
        by: Mail,
        /// Whether.
        mode: Announce,
    },
    /// `ROLE <by> <mail> <role>`: another role, by an edit on a node of an earlier version. It has no line.
    Role {
        /// Who gives it.
        by: Author,
        /// The member.
        mail: Mail,
        /// The role.
        role: Role,
    },
    /// `JOIN`: the first batch of a start. When it comes back, the node has all that was committed before it began.
    Join,
    /// `FENCE <node> <start>`: no later batch of that start, or of an earlier one, counts.
    Fence {
        /// The node.
        node: NodeName,
        /// Its start.
        start: Start,
    },
    /// `GENESIS …`: the first of all; see [`Genesis`].
    Genesis(Genesis),
    /// `MEMBER <mail> <role> <phc> <number of their ADDED line, 0: none> [<look> <name>]`: one of the group that was founded.
    Member {
        /// The member.
        mail: Mail,
        /// Their role.
        role: Role,
        /// Their password's hash.
        hash: PasswordHash,
        /// The number of their ADDED line.
        added: Seq,
        /// Their name.
        named: Option<Named>,
    },
    /// `SETTINGS on|off [<title>]`: what the group that is founded has agreed on. Left out if that is nothing.
    Settings(GroupSettings),
    /// `SUM <event> <sum>`: what the lines up to this event add up to on the node that says so.
    Sum {
        /// The last event.
        event: Seq,
        /// The sum.
        sum: Sum,
    },
}

/// `GENESIS <transcript> <token key> <max-line> <last event> <time of it> <sum> <members>`: what the stream continues from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The transcript's id.
    pub transcript: u32,
    /// The key of tokens.
    pub token_key: TokenKey,
    /// A command line with its end, on all nodes.
    pub line_max: usize,
    /// The last event before; 0: none.
    pub last: Seq,
    /// Its time.
    pub time: Time,
    /// The sum of the lines up to it.
    pub sum: Sum,
    /// So many MEMBER lines follow, in this batch and the next ones of the same start.
    pub members: u64,
}

impl<'a> Command<'a> {
    /// The member who asks for it, if one does.
    pub(super) fn author(&self) -> Option<&Mail> {
        match self {
            Command::Msg { mail, .. }
            | Command::Title { by: mail, .. }
            | Command::Announce { by: mail, .. } => Some(mail),
            Command::Add { by, .. }
            | Command::Invite { by, .. }
            | Command::Remove { by, .. }
            | Command::Pass { by, .. }
            | Command::SetRole { by, .. }
            | Command::Name { by, .. }
            | Command::Role { by, .. } => match by {
                Author::Member(mail) => Some(mail),
                Author::HandEdit => None,
            },
            // Whoever has invited asks for nothing now.
            Command::Accept { .. }
            | Command::Join
            | Command::Fence { .. }
            | Command::Genesis(_)
            | Command::Settings(_)
            | Command::Member { .. }
            | Command::Sum { .. } => None,
        }
    }

    /// Parses a line without its LF.
    pub fn parse(line: &'a [u8]) -> Result<Command<'a>, CommandError> {
        if line.len() >= BATCH_LINE_MAX {
            return Err(CommandError::TooLong);
        }
        let (verb, mut args) = match line.iter().position(|&b| b == b' ') {
            Some(end) => (&line[..end], Args(Some(&line[end + 1..]))),
            None => (line, Args(None)),
        };
        let command = match verb {
            b"MSG" => {
                let (mail, text) = (args.mail()?, args.0.take().ok_or(CommandError::Missing)?);
                Command::Msg { mail, text: Text::parse(text).map_err(CommandError::Text)? }
            }
            b"ADD" => {
                let (by, mail) = (args.author()?, args.mail()?);
                Command::Add { by, mail, role: args.role()?, hash: args.hash()? }
            }
            b"INVITE" => Command::Invite { by: args.author()?, mail: args.mail()? },
            b"ACCEPT" => {
                let (by, mail, made) = (args.mail()?, args.mail()?, Seq(args.number()?));
                Command::Accept { by, mail, made, hash: args.hash()? }
            }
            b"REMOVE" => Command::Remove { by: args.author()?, mail: args.mail()? },
            b"PASS" => {
                let (by, mail, hash) = (args.author()?, args.mail()?, args.hash()?);
                let expected = if args.0.is_some() { Some(args.hash()?) } else { None };
                Command::Pass { by, mail, hash, expected }
            }
            b"PROMOTE" => Command::SetRole { by: args.author()?, mail: args.mail()?, role: Role::Admin },
            b"DEMOTE" => Command::SetRole { by: args.author()?, mail: args.mail()?, role: Role::Member },
            b"NAME" => {
                let (by, mail) = (args.author()?, args.mail()?);
                Command::Name { by, mail, named: Named::parse(&mut args)? }
            }
            b"TITLE" => Command::Title { by: args.mail()?, title: args.title()? },
            b"ANNOUNCE" => Command::Announce { by: args.mail()?, mode: args.announce()? },
            b"ROLE" => Command::Role { by: args.author()?, mail: args.mail()?, role: args.role()? },
            b"JOIN" => Command::Join,
            b"FENCE" => Command::Fence { node: args.node()?, start: Start(args.number()?) },
            b"GENESIS" => Command::Genesis(Genesis {
                transcript: args.transcript()?,
                token_key: args.key()?,
                line_max: usize::try_from(args.number()?).map_err(|_| CommandError::Number)?,
                last: Seq(args.number()?),
                time: args.time()?,
                sum: args.sum()?,
                members: args.number()?,
            }),
            b"MEMBER" => {
                let (mail, role, hash) = (args.mail()?, args.role()?, args.hash()?);
                let added = Seq(args.number()?);
                Command::Member { mail, role, hash, added, named: Named::parse(&mut args)? }
            }
            b"SETTINGS" => {
                let announce = args.announce()?;
                let title = if args.0.is_some() { Some(args.title()?) } else { None };
                Command::Settings(GroupSettings { title, announce })
            }
            b"SUM" => Command::Sum { event: Seq(args.number()?), sum: args.sum()? },
            _ => return Err(CommandError::Unknown(verb_echo(line))),
        };
        if args.0.is_some() { Err(CommandError::TooMany) } else { Ok(command) }
    }

    /// Appends the line with its LF.
    pub fn write(&self, out: &mut Vec<u8>) {
        let written = match self {
            Command::Msg { mail, text } => {
                for part in ["MSG ", mail.as_str(), " ", text.as_str(), "\n"] {
                    out.extend_from_slice(part.as_bytes());
                }
                Ok(())
            }
            Command::Add { by, mail, role, hash } => {
                writeln!(out, "ADD {by} {mail} {role} {}", hash.as_str())
            }
            Command::Invite { by, mail } => writeln!(out, "INVITE {by} {mail}"),
            Command::Accept { by, mail, made, hash } => {
                writeln!(out, "ACCEPT {by} {mail} {made} {}", hash.as_str())
            }
            Command::Remove { by, mail } => writeln!(out, "REMOVE {by} {mail}"),
            Command::Pass { by, mail, hash, expected: None } => {
                writeln!(out, "PASS {by} {mail} {}", hash.as_str())
            }
            Command::Pass { by, mail, hash, expected: Some(expected) } => {
                writeln!(out, "PASS {by} {mail} {} {}", hash.as_str(), expected.as_str())
            }
            Command::SetRole { by, mail, role: Role::Admin } => writeln!(out, "PROMOTE {by} {mail}"),
            Command::SetRole { by, mail, role: Role::Member } => writeln!(out, "DEMOTE {by} {mail}"),
            Command::Name { by, mail, named } => {
                writeln!(out, "NAME {by} {mail}{}", Named::rest(named.as_ref()))
            }
            Command::Title { by, title } => writeln!(out, "TITLE {by} {title}"),
            Command::Announce { by, mode } => writeln!(out, "ANNOUNCE {by} {mode}"),
            Command::Settings(GroupSettings { title: Some(title), announce }) => {
                writeln!(out, "SETTINGS {announce} {title}")
            }
            Command::Settings(GroupSettings { title: None, announce }) => {
                writeln!(out, "SETTINGS {announce}")
            }
            Command::Role { by, mail, role } => writeln!(out, "ROLE {by} {mail} {role}"),
            Command::Join => writeln!(out, "JOIN"),
            Command::Fence { node, start } => writeln!(out, "FENCE {node} {start}"),
            Command::Genesis(genesis) => {
                let Genesis { transcript, token_key, line_max, last, time, sum, members } = genesis;
                write!(out, "GENESIS {transcript:08x} ").expect("writing to a Vec cannot fail");
                out.extend_from_slice(token_key.hex().as_ref());
                writeln!(out, " {line_max} {last} {time} {sum} {members}")
            }
            Command::Member { mail, role, hash, added, named } => {
                let rest = Named::rest(named.as_ref());
                writeln!(out, "MEMBER {mail} {role} {} {added}{rest}", hash.as_str())
            }
            Command::Sum { event, sum } => writeln!(out, "SUM {event} {sum}"),
        };
        written.expect("writing to a Vec cannot fail");
    }
}
