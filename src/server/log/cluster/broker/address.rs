//! Where the brokers are.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::limits::BROKERS_MAX;

/// The port of brokers, if an address names none.
const PORT: u16 = 4222;

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `nats://`: the broker speaks first, in plain text, and says whether TLS follows.
    Nats,
    /// `tls://`: TLS from the first byte (`handshake_first` in the broker's configuration).
    Tls,
}

/// One broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// How a connection begins.
    pub scheme: Scheme,
    /// A name, or an IP address without brackets.
    pub host: String,
    /// The port for clients.
    pub port: u16,
}

impl Address {
    /// The address, if no name has to be looked up.
    pub fn literal(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Nats => "nats",
            Scheme::Tls => "tls",
        };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl FromStr for Address {
    type Err = String;

    /// `nats://HOST`, `tls://HOST:PORT`. An error completes a sentence that begins with the address.
    fn from_str(text: &str) -> Result<Address, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("nats", rest)) => (Scheme::Nats, rest),
            Some(("tls", rest)) => (Scheme::Tls, rest),
            _ => return Err("should begin with nats:// or tls://".to_owned()),
        };
        if rest.contains('@') {
            let sentence = "should not hold a login, which everybody on this machine could see; put it into a file and \
                            name that with --cluster-credentials";
            return Err(sentence.to_owned());
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
                (host, port.strip_prefix(':'))
            }
            Some(_) => return Err("should have an IPv6 address in its brackets".to_owned()),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(is_name) {
            return Err("should have the form nats://HOST:PORT, an IPv6 address in brackets".to_owned());
        }
        let port = match port.map(|port| (port, port.parse())) {
            None => PORT,
            Some((digits, Ok(port))) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
            Some(_) => return Err("should end with a port from 1 to 65535".to_owned()),
        };
        Ok(Address { scheme, host: host.to_owned(), port })
    }
}

/// All brokers of a group, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses(Vec<Address>);

impl Addresses {
    /// In the order in which they were given.
    pub fn as_slice(&self) -> &[Address] {
        &self.0
    }
}

impl FromStr for Addresses {
    type Err = String;

    /// Separated by commas. An error is a sentence that begins with the address.
    fn from_str(text: &str) -> Result<Addresses, String> {
        let parse = |text: &str| text.parse().map_err(|why| format!("'{text}' {why}"));
        let all: Vec<Address> = text.split(',').map(|text| parse(text.trim())).collect::<Result<_, _>>()?;
        if all.len() > BROKERS_MAX {
            return Err(format!("{} brokers are more than {BROKERS_MAX}", all.len()));
        }
        match (1..all.len()).find(|&at| all[..at].contains(&all[at])) {
            Some(twice) => Err(format!("'{}' should be named once", all[twice])),
            None => Ok(Addresses(all)),
        }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, address) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{address}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let told = match text.parse::<Addresses>() {
            Ok(addresses) => addresses.to_string(),
            Err(why) => format!("! {why}"),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn addresses() {
        check("nats://m1:4222", "nats://m1:4222");
        check(
            "nats://m1, tls://m2.example.org:4223/,nats://127.0.0.1",
            "nats://m1:4222,tls://m2.example.org:4223,nats://127.0.0.1:4222",
        );
        check("nats://[::1],tls://[fe80::1]:1", "nats://[::1]:4222,tls://[fe80::1]:1");
        for (text, why) in [
            ("", "should begin with nats:// or tls://"),
            ("m1:4222", "should begin with nats:// or tls://"),
            ("http://m1", "should begin with nats:// or tls://"),
            ("NATS://m1", "should begin with nats:// or tls://"),
            ("nats://m1:0", "should end with a port from 1 to 65535"),
            ("nats://m1:", "should end with a port from 1 to 65535"),
            ("nats://m1:+1", "should end with a port from 1 to 65535"),
            ("nats://m1:65536", "should end with a port from 1 to 65535"),
            ("nats://::1", "should have the form nats://HOST:PORT, an IPv6 address in brackets"),
            ("nats://", "should have the form nats://HOST:PORT, an IPv6 address in brackets"),
            ("nats://m 1", "should have the form nats://HOST:PORT, an IPv6 address in brackets"),
            ("nats://m1/x", "should have the form nats://HOST:PORT, an IPv6 address in brackets"),
            ("nats://[m1]:1", "should have an IPv6 address in its brackets"),
            (
                "nats://node:secret@m1",
                "should not hold a login, which everybody on this machine could see; put it into a file and name that \
                 with --cluster-credentials",
            ),
        ] {
            check(text, &format!("! '{text}' {why}"));
        }
        check("nats://m1,", "! '' should begin with nats:// or tls://");
        check("nats://m1,nats://m1:4222", "! 'nats://m1:4222' should be named once");
        let many: Vec<String> = (0..17).map(|n| format!("nats://m{n}")).collect();
        check(&many.join(","), "! 17 brokers are more than 16");
    }

    #[test]
    fn literals() {
        let literal = |text: &str| {
            text.parse::<Address>().ok().and_then(|address| address.literal()).map(|at| at.to_string())
        };
        assert_eq!(literal("nats://[::1]:7"), Some("[::1]:7".to_owned()));
        assert_eq!(literal("tls://10.0.0.1"), Some("10.0.0.1:4222".to_owned()));
        assert_eq!(literal("tls://localhost"), None);
    }
}
