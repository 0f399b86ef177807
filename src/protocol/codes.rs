//! The codes of `ERR` and `BYE`, written by the server and parsed by the client. A newer server may have more of them.

/// An enum of words, each given once: for listing, writing and parsing all of them.
macro_rules! words {
    ($(#[$about:meta])* $vis:vis $name:ident { $($(#[$doc:meta])* $code:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$doc])* $code,)+
        }

        impl $name {
            /// All of them.
            $vis const ALL: &[$name] = &[$($name::$code,)+];

            /// Its word.
            $vis fn word(self) -> &'static str {
                match self {
                    $($name::$code => $word,)+
                }
            }

            /// Parses a word. `None`: this version does not know it.
            $vis fn parse(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|code| code.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Why a command was refused: the second word after `ERR`.
    pub Code {
        /// No such verb.
        UnknownCommand = "unknown-command",
        /// A known verb with the wrong arguments.
        Usage = "usage",
        /// Only LOGIN, RESUME, JOIN, HELP, PING and QUIT are served before login.
        LoginFirst = "login-first",
        /// A connection logs in once.
        AlreadyLoggedIn = "already-logged-in",
        /// Wrong password, or no such member: the same in wording and timing.
        BadLogin = "bad-login",
        /// The word of an invitation is wrong, old, used or ended: the same in wording and timing.
        BadInvite = "bad-invite",
        /// The command is for admins.
        AdminOnly = "admin-only",
        /// No member has this mail.
        NoSuchMember = "no-such-member",
        /// A member has this mail already.
        AlreadyMember = "already-member",
        /// The group would be left without an admin.
        LastAdmin = "last-admin",
        /// Not a mail address.
        BadMail = "bad-mail",
        /// Not a password.
        BadPassword = "bad-password",
        /// Text that is never passed on.
        BadText = "bad-text",
        /// Not a display name.
        BadName = "bad-name",
        /// Somebody else has this name, or one that looks like it.
        NameTaken = "name-taken",
        /// Not a title.
        BadTitle = "bad-title",
        /// Only admins speak at present.
        AnnounceOnly = "announce-only",
        /// There is no message with this number.
        NoSuchMessage = "no-such-message",
        /// Longer than a line may be.
        TooLong = "too-long",
        /// A queue is full; try again.
        Busy = "busy",
        /// No more devices or connections of this member.
        Full = "full",
        /// The disk, or a file on it, failed; or the server is cut off.
        Storage = "storage",
    }
}

words! {
    /// Why a connection ends: the second word after `BYE`.
    pub Bye {
        /// An admin, or an edit, removed the member.
        Removed = "removed",
        /// The member left.
        Left = "left",
        /// The password was changed.
        PasswordChanged = "password-changed",
        /// Nobody logged in in time.
        LoginTimeout = "login-timeout",
        /// Too many wrong passwords.
        BadLogin = "bad-login",
        /// No room for one more connection.
        Full = "full",
        /// The member has too many connections, and another one of the same device logged in.
        Replaced = "replaced",
        /// The disk failed; the server stops.
        Storage = "storage",
        /// The server stops.
        Shutdown = "shutdown",
        /// The peer does not speak this protocol.
        Protocol = "protocol",
        /// This server is one of several of its group, and has lost the others.
        CutOff = "cut-off",
    }
}

impl Bye {
    /// The sentence that the server sends with it.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Bye::Removed => "you are no longer a member of this group",
            Bye::Left => "you have left the group",
            Bye::PasswordChanged => "the password was changed, log in with the new one",
            Bye::LoginTimeout => "nobody logged in on this connection in time",
            Bye::BadLogin => "three wrong logins, connect again to try again",
            Bye::Full => "no place for one more connection, try again later",
            Bye::Replaced => "you have too many connections, and another one of this device logged in",
            Bye::Storage => "the server's disk failed",
            Bye::Shutdown => "the server is shutting down, connect again soon",
            Bye::CutOff => "this server is cut off from the others of its group, log in on another one",
            Bye::Protocol => "this is a chat-room server, which speaks plain lines: try nc and type HELP",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_parsed_as_it_is_written() {
        for code in Code::ALL {
            assert_eq!(Code::parse(&code.to_string()), Some(*code));
        }
        for bye in Bye::ALL {
            assert_eq!(Bye::parse(&bye.to_string()), Some(*bye));
        }
        for newer in ["", "Usage", "bad-login ", "brand-new"] {
            assert_eq!((Code::parse(newer), Bye::parse(newer)), (None, None), "{newer:?}");
        }
    }
}
