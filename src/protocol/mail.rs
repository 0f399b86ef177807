//! Mail addresses, devices and roles.

use std::borrow::Borrow;
use std::sync::Arc;

use super::codes::words;
use crate::limits::{DEVICE_MAX, MAIL_MAX};

/// A member's name: a mail address in lower case. ASCII, one `@` with something on both sides, at most
/// [`MAIL_MAX`] bytes, no blanks, control characters or `/`, not beginning with `#`. Cheap to clone.
#[derive(Clone, derive_more::Debug, derive_more::Display, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[debug("{_0}")]
pub struct Mail(Arc<str>);

/// Not a mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailError;

impl Mail {
    /// Parses a mail and folds it to lower case. It may not begin with `#`, which begins a comment in members.txt.
    pub fn parse(bytes: &[u8]) -> Result<Mail, MailError> {
        let text = std::str::from_utf8(bytes).map_err(|_| MailError)?;
        let graphic = bytes.iter().all(|b| b.is_ascii_graphic() && *b != b'/');
        let ats = memchr::memchr_iter(b'@', bytes).count();
        let has_parts = ats == 1 && !text.starts_with('@') && !text.ends_with('@');
        let fits = graphic && text.len() <= MAIL_MAX && !text.starts_with('#');
        if !(fits && has_parts) {
            return Err(MailError);
        }
        let mut mail: Arc<str> = text.into();
        // In place: a start parses a million.
        Arc::get_mut(&mut mail).expect("nobody else has it yet").make_ascii_lowercase();
        Ok(Mail(mail))
    }

    /// The address, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`, by which people call a member without a name.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().expect("split gives at least one piece")
    }
}

impl Borrow<str> for Mail {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A member's device: `ann@example.org` means the default one, `ann@example.org/laptop` a named one. Written as what follows the
/// mail. Cheap to clone.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq, PartialOrd, Ord)]
pub enum Device {
    /// Without a suffix.
    #[display("")]
    Default,
    /// `[A-Za-z0-9._-]{1,32}`, but not `-` alone, which asks for no feed.
    #[display("/{_0}")]
    Named(Arc<str>),
}

impl Device {
    /// Parses the suffix after the `/`.
    pub fn parse_named(name: &str) -> Option<Device> {
        let fits = (1..=DEVICE_MAX).contains(&name.len()) && name != "-";
        let clean = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        (fits && clean).then(|| Device::Named(name.into()))
    }
}

words! {
    /// What a member may do.
    pub Role {
        /// Sends messages.
        Member = "member",
        /// Sends messages, and adds and removes members.
        Admin = "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails() {
        let read = |s: &str| Mail::parse(s.as_bytes()).map(|m| m.to_string());
        assert_eq!(read("Ann@Example.ORG"), Ok("ann@example.org".into()));
        let long = format!("{}@x", "a".repeat(253));
        for bad in ["", "ann", "@", "ann@", "@x", "a@b@c", "a/b@c", "a b@c", "a\t@c", "ä@c", "#a@c", &long] {
            assert_eq!(read(bad), Err(MailError), "{bad:?}");
        }
        assert!(read(&long[1..]).is_ok());
    }

    #[test]
    fn devices() {
        let read = |s: &str| Device::parse_named(s).is_some();
        assert!(read("laptop") && read("a.b_c-9") && read(&"x".repeat(32)) && read("--"));
        assert!(!read("") && !read("-") && !read("a b") && !read("a/b") && !read(&"x".repeat(33)));
    }
}
