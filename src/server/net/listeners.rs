//! The listening sockets, each with its certificate, and whether connections are accepted at present.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::warn;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token, Waker};
use rustls::ServerConfig;

use crate::limits::ACCEPT_PAUSE;
use crate::options::{ListenOptions, Options, WebOptions, Wire};
use crate::protocol::Origin;
use crate::room::Now;
use crate::server::net::passed::Passed;
use crate::server::net::web::answer::Site;
use crate::server::net::{Certificate, Renewal, Transport, listen};

/// How many listeners there may be.
pub(in crate::server) const LISTENERS_MAX: usize = 3;

/// The token of the first listener; the others follow. Above are other tokens, below those of connections, which are their
/// slots.
pub(super) const LISTENER_FIRST: usize = usize::MAX - 1 - LISTENERS_MAX;

/// What is spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Lines, from the first byte on.
    Lines,
    /// Lines over TLS.
    LinesWithTls,
    /// HTTP, and lines over WebSocket.
    Http,
    /// The same over TLS.
    Https,
}

/// One address.
#[derive(Debug)]
pub(in crate::server) struct Listener {
    socket: TcpListener,
    /// The certificate; `None`: plain text.
    tls: Option<Arc<ServerConfig>>,
    /// Browsers come here, and these are their pages; `None`: lines begin at once.
    site: Option<Arc<Site>>,
    /// A connection may wait.
    ready: bool,
}

impl Listener {
    fn open(
        addr: SocketAddr,
        passed: &mut Passed,
        tls: Option<Arc<ServerConfig>>,
        site: Option<Site>,
    ) -> io::Result<Listener> {
        let socket = match passed.take(addr) {
            Some(socket) => listen::begin(socket.into()),
            None => listen::listen(addr),
        };
        let socket = socket.map_err(|why| io::Error::new(why.kind(), format!("{addr}: {why}")))?;
        Ok(Listener { socket, tls, site: site.map(Arc::new), ready: true })
    }

    /// What is spoken here.
    pub(in crate::server) fn speech(&self) -> Speech {
        match (&self.site, &self.tls) {
            (None, None) => Speech::Lines,
            (None, Some(_)) => Speech::LinesWithTls,
            (Some(_), None) => Speech::Http,
            (Some(_), Some(_)) => Speech::Https,
        }
    }

    /// The layers of a new connection.
    pub(in crate::server) fn transport(&self) -> io::Result<Transport> {
        Transport::new(self.tls.as_ref(), self.site.as_ref())
    }

    /// The next connection.
    pub(in crate::server) fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self.socket.accept();
        if accepted.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.ready = false;
        }
        accepted
    }
}

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Listeners {
    /// None while stopping: new connections are refused at once, and can try elsewhere or later.
    open: Vec<Listener>,
    /// Where others find the page; `None`: there is none, or only who gives the addresses knows.
    page: Option<Origin>,
    /// `None`: no listener has TLS.
    renewal: Option<Renewal>,
    /// When the pause ends, if there is one.
    pub(in crate::server) paused_until: Option<Duration>,
}

impl Listeners {
    /// Listens where the options say. `certificate` is the one to serve TLS with, if TLS is served.
    pub(super) fn open(
        options: &Options,
        certificate: Option<&Certificate>,
        mut passed: Passed,
        registry: &Registry,
        waker: &Arc<Waker>,
    ) -> io::Result<Listeners> {
        let mut listeners = Listeners { open: Vec::new(), page: None, renewal: None, paused_until: None };
        let ListenOptions { plain, tls, web, certificate: source, metrics: _ } = &options.listen;
        let config = certificate.map(|certificate| Arc::clone(&certificate.config));
        if let (Some(source), Some(certificate)) = (source, certificate) {
            listeners.renewal = Some(Renewal::start(source.clone(), certificate, Arc::clone(waker))?);
        }
        if let Some(addr) = tls {
            listeners.open.push(Listener::open(*addr, &mut passed, config.clone(), None)?);
        }
        if let Some(WebOptions { listen, wire, origin }) = web {
            let config = config.filter(|_| *wire == Wire::Tls);
            let site = Site { origin: origin.clone(), has_tls: config.is_some() };
            let listener = Listener::open(*listen, &mut passed, config, Some(site))?;
            listeners.page = match origin {
                Some(origin) => Some(origin.clone()),
                None => page_at(listener.socket.local_addr()?, *wire),
            };
            listeners.open.push(listener);
        }
        if let Some(addr) = plain {
            listeners.open.push(Listener::open(*addr, &mut passed, None, None)?);
        }
        for addr in passed.left() {
            warn!(
                "the service manager has passed on a socket at {addr}, but no option listens there: nobody is served at it"
            );
        }
        for (number, listener) in listeners.open.iter_mut().enumerate() {
            assert!(number < LISTENERS_MAX, "there are as many as the options can name");
            registry.register(&mut listener.socket, Token(LISTENER_FIRST + number), Interest::READABLE)?;
        }
        Ok(listeners)
    }

    /// Where others find the page, if that is known.
    pub(in crate::server) fn page(&self) -> Option<&Origin> {
        self.page.as_ref()
    }

    /// The address of each, and what is spoken there.
    pub(in crate::server) fn local_addrs(&self) -> io::Result<Vec<(SocketAddr, Speech)>> {
        self.open.iter().map(|listener| Ok((listener.socket.local_addr()?, listener.speech()))).collect()
    }

    pub(super) fn set_ready(&mut self, number: usize) {
        if let Some(listener) = self.open.get_mut(number) {
            listener.ready = true;
        }
    }

    /// Those at which connections may wait; none during a pause.
    pub(in crate::server) fn ready(&mut self) -> impl Iterator<Item = &mut Listener> {
        let is_open = self.paused_until.is_none();
        self.open.iter_mut().filter(move |listener| is_open && listener.ready)
    }

    /// No connection is accepted for a moment.
    pub(in crate::server) fn pause(&mut self, now: Duration) {
        self.paused_until = Some(now + ACCEPT_PAUSE);
    }

    /// Ends the pause. Returns whether there was one: then connections may wait of which the kernel will not tell again.
    pub(in crate::server) fn end_pause(&mut self) -> bool {
        self.paused_until.take().is_some()
    }

    /// No connection is accepted any more.
    pub(in crate::server) fn close(&mut self) {
        self.open.clear();
    }

    /// Has the certificate read again.
    pub(in crate::server) fn ask_renewal(&self) {
        self.renewal.iter().for_each(Renewal::ask);
    }

    /// When [`Listeners::renew`] is next wanted.
    pub(in crate::server) fn next_look(&self) -> Option<Duration> {
        self.renewal.as_ref().map(|renewal| renewal.next_look)
    }

    /// Serves a new certificate that was read, and has it read again when it is time.
    pub(in crate::server) fn renew(&mut self, now: Now) {
        let config = self.renewal.as_mut().and_then(|renewal| renewal.look(now));
        if let Some(config) = config {
            let with_tls = self.open.iter_mut().filter_map(|listener| listener.tls.as_mut());
            with_tls.for_each(|tls| *tls = Arc::clone(&config));
        }
    }
}

/// The page at this address; `None`: it is any address of this machine, and others know it by a name.
fn page_at(addr: SocketAddr, wire: Wire) -> Option<Origin> {
    let scheme = if wire == Wire::Tls { "https" } else { "http" };
    Origin::parse(&format!("{scheme}://{addr}")).filter(|_| !addr.ip().is_unspecified())
}
