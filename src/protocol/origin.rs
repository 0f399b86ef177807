//! Where the page for browsers is.

/// Where a page comes from: `https://HOST` or `https://HOST:PORT`, or the same with `http`.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{_0}")]
pub struct Origin(String);

impl Origin {
    /// `None`: it is not an origin.
    pub fn parse(text: &str) -> Option<Origin> {
        let text = text.to_ascii_lowercase();
        let host = text.strip_prefix("https://").or(text.strip_prefix("http://"))?;
        let is_host =
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
        is_host.then_some(Origin(text))
    }

    /// The host, with its port if that is not the scheme's own.
    pub fn host(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, host)| host)
    }

    /// Whether it has TLS.
    pub fn has_tls(&self) -> bool {
        self.0.starts_with("https:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for (text, host) in [
            ("https://chat.example.org", Some("chat.example.org")),
            ("HTTP://Chat.example.org:8080", Some("chat.example.org:8080")),
            ("http://[::1]:7680", Some("[::1]:7680")),
            ("null", None),
            ("https://", None),
            ("https://a/", None),
            ("ftp://a", None),
            ("https://a@b", None),
        ] {
            assert_eq!(Origin::parse(text).as_ref().map(Origin::host), host, "{text}");
        }
    }
}
