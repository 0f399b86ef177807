//! What follows `OK INVITE`, and the link that is made of it.

use super::answer::{field, optional, split_word};
use super::mail::Mail;
use super::origin::Origin;
use super::secret::InviteWord;

/// After `OK INVITE`.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{}{}", word.expose(), optional("page", page.as_ref()))]
pub struct InviteOk {
    /// What makes whoever is invited a member.
    pub word: InviteWord,
    /// Where the page is that takes it, too; `None`: there is none, or the server does not know its address.
    pub page: Option<Origin>,
}

impl InviteOk {
    /// `None`: there is no word. A page that is malformed counts as none.
    pub fn parse(rest: &str) -> Option<InviteOk> {
        let word = InviteWord::parse(split_word(rest).0.as_bytes())?;
        Some(InviteOk { word, page: field(rest, "page").and_then(Origin::parse) })
    }

    /// The page with the invitation, which no server or proxy sees after the `#`.
    pub fn link(&self, mail: &Mail) -> Option<String> {
        let page = self.page.as_ref()?;
        Some(format!("{page}/#join={}/{}", escaped(mail.as_str()), self.word.expose()))
    }
}

/// A text for the end of an address: what may not stand there, or may be taken for its end by what makes links of
/// addresses, as `%` and two hexadecimal digits (RFC 3986, section 2.1).
fn escaped(text: &str) -> String {
    let escape = |b: u8| match b {
        b if b.is_ascii_alphanumeric() || b"-._~@+".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for rest in ["w0rd", "w0rd page=https://chat.example.org"] {
            assert_eq!(InviteOk::parse(rest).expect(rest).to_string(), rest);
        }
        assert_eq!(InviteOk::parse(""), None);
    }

    #[test]
    fn links_to_the_page() {
        for (rest, mail, link) in [
            ("w0rd", "ann@x", None),
            ("w0rd page=evil", "ann@x", None),
            (
                "w0rd page=https://chat.example.org",
                "a+b@x",
                Some("https://chat.example.org/#join=a+b@x/w0rd"),
            ),
            (
                "w0rd page=http://[::1]:7680",
                "a&(b)%@x",
                Some("http://[::1]:7680/#join=a%26%28b%29%25@x/w0rd"),
            ),
        ] {
            let made = InviteOk::parse(rest).expect("a word");
            let mail = Mail::parse(mail.as_bytes()).expect("a mail");
            assert_eq!(made.link(&mail).as_deref(), link, "{rest}");
        }
    }
}
