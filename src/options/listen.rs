//! Where the server listens, and for what: lines, lines with TLS, browsers, monitors.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use getopts::Matches;

use crate::limits::LISTEN_DEFAULT;
use crate::options::values::value;
use crate::protocol::Origin;
use crate::server::net::certificate::{SELF_SIGNED, Source};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// For lines in plain text; `None`: nowhere.
    pub plain: Option<SocketAddr>,
    /// For lines with TLS, if anywhere.
    pub tls: Option<SocketAddr>,
    /// For browsers, if anywhere.
    pub web: Option<WebOptions>,
    /// For monitors, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// The certificate, if TLS is spoken anywhere.
    pub certificate: Option<Source>,
}

/// How to serve browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOptions {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What is spoken there.
    pub wire: Wire,
    /// Where browsers find the page, if that is not the host that they name.
    pub origin: Option<Origin>,
}

/// What is spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Plain text.
    Plain,
    /// TLS.
    Tls,
}

/// An option and its address.
type Named = (&'static str, SocketAddr);

impl ListenOptions {
    /// Each option with an address.
    pub fn addresses(&self) -> impl Iterator<Item = Named> {
        let web = self.web.as_ref().map(|web| web.listen);
        let all = [
            ("--listen", self.plain),
            ("--tls-listen", self.tls),
            ("--web-listen", web),
            ("--metrics-listen", self.metrics),
        ];
        all.into_iter().filter_map(|(option, addr)| Some((option, addr?)))
    }
}

pub(super) fn listen(matches: &Matches, members: &Path) -> Result<ListenOptions, String> {
    let tls: Option<SocketAddr> = value(matches, "tls-listen", "IP:PORT")?;
    let web = web(matches)?;
    let plain = plain(matches, tls.is_some() || web.is_some())?;
    let metrics = value(matches, "metrics-listen", "IP:PORT")?;
    let has_tls = tls.is_some() || web.as_ref().is_some_and(|web| web.wire == Wire::Tls);
    let source = source(matches, members)?;
    if !has_tls && matches.opt_present("tls-cert") {
        return Err("--tls-cert has no meaning without --tls-listen or a --web-listen with TLS".to_owned());
    }
    let listen = ListenOptions { plain, tls, web, metrics, certificate: has_tls.then_some(source) };
    let all: Vec<Named> = listen.addresses().filter(|(_, addr)| addr.port() != 0).collect();
    for (index, (option, addr)) in all.iter().enumerate() {
        let same = all[index + 1..].iter().find(|(_, other)| covers(*addr, *other) || covers(*other, *addr));
        if let Some((other, of_other)) = same {
            return Err(format!("{option} {addr} is the address of {other} {of_other}, use another one"));
        }
    }
    Ok(listen)
}

fn plain(matches: &Matches, is_elsewhere: bool) -> Result<Option<SocketAddr>, String> {
    if matches.opt_str("listen").as_deref() == Some("none") {
        let nowhere =
            "--listen none needs --tls-listen IP:PORT or --web-listen IP:PORT, or nobody could connect";
        return if is_elsewhere { Ok(None) } else { Err(nowhere.to_owned()) };
    }
    let listen: SocketAddr =
        value(matches, "listen", "IP:PORT")?.unwrap_or_else(|| LISTEN_DEFAULT.parse().expect("it is one"));
    if !listen.ip().is_loopback() && !matches.opt_present("plaintext-anyway") {
        return Err(format!(
            "--listen {listen}: passwords would cross the network unencrypted; use --tls-listen, or add \
             --plaintext-anyway if that network is safe"
        ));
    }
    Ok(Some(listen))
}

fn web(matches: &Matches) -> Result<Option<WebOptions>, String> {
    let origin =
        match matches.opt_str("web-origin") {
            Some(text) => Some(Origin::parse(&text).ok_or_else(|| {
                format!("--web-origin takes https://HOST or https://HOST:PORT, not '{text}'")
            })?),
            None => None,
        };
    let Some(listen) = value::<SocketAddr>(matches, "web-listen", "IP:PORT")? else {
        return match origin {
            Some(_) => Err("--web-origin has no meaning without --web-listen".to_owned()),
            None => Ok(None),
        };
    };
    let is_plain = listen.ip().is_loopback() || matches.opt_present("plaintext-anyway");
    Ok(Some(WebOptions { listen, wire: if is_plain { Wire::Plain } else { Wire::Tls }, origin }))
}

fn source(matches: &Matches, members: &Path) -> Result<Source, String> {
    let path = |name| matches.opt_str(name).map(PathBuf::from);
    match (path("tls-cert"), path("tls-key")) {
        (Some(cert), Some(key)) => Ok(Source::Files { cert, key }),
        (None, None) => Ok(Source::SelfSigned(members.with_file_name(SELF_SIGNED))),
        (Some(_), None) => Err("--tls-cert needs its --tls-key".to_owned()),
        (None, Some(_)) => Err("--tls-key needs its --tls-cert".to_owned()),
    }
}

/// Whether listening at `all` includes listening at `one`.
fn covers(all: SocketAddr, one: SocketAddr) -> bool {
    // `[::]` includes all IPv4 addresses.
    let every = all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    all.port() == one.port() && (every || all.ip() == one.ip())
}
