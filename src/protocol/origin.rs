//! Where the page for browsers is.

/// Where a page comes from: `https://HOST` or `https://HOST:PORT`, or the same with `http`.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{_0}")]
pub struct Origin(String);

impl Origin {
    /// `None`: it is not an origin. The scheme's own port is left out, as browsers do.
    pub fn parse(text: &str) -> Option<Origin> {
        let text = text.to_ascii_lowercase();
        let (scheme, host) = text.split_once("://")?;
        let host = match scheme {
            "https" => host.strip_suffix(":443").unwrap_or(host),
            "http" => host.strip_suffix(":80").unwrap_or(host),
            _ => return None,
        };
        let is_host =
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
        is_host.then(|| Origin(format!("{scheme}://{host}")))
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
            ("https://a:443", Some("a")),
            ("http://a:80", Some("a")),
            ("https://a:80", Some("a:80")),
            ("http://a:1443", Some("a:1443")),
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
