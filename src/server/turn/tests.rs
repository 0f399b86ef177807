//! For the phases' tests: a server's parts that accept connections, with real sockets.

use std::time::Duration;

use crate::options::{Invocation, parse};
use crate::protocol::Time;
use crate::room::{Config, Now, PastShown, Room, Roster};
use crate::server::auth::admission::{Admission, Places};
use crate::server::net::Net;
use crate::server::net::certificate::Certificate;
use crate::server::net::connections::Connections;
use crate::server::net::passed::Passed;
use crate::server::turn::accept::accept;
use crate::server::turn::{Hub, Work};

/// A server's parts that accept, with these options.
pub(super) struct Parts {
    pub(super) net: Net,
    pub(super) hub: Hub,
}

impl Parts {
    pub(super) fn with(line: &str) -> Parts {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let Ok(Invocation::Serve(options)) = parse(&args) else { panic!("options to serve with") };
        let certificate =
            options.listen.certificate.as_ref().map(|source| Certificate::load(source).expect("it is made"));
        let (net, _) = Net::start(&options, certificate.as_ref(), Passed::default()).expect("a free port");
        let hub = Hub::new(
            Now { wall: Time::from_unix_ms(0), mono: Duration::ZERO },
            Connections::new(1000, options.line_max, options.connections.login_timeout),
            Admission::new(Places { all: 1000, before_login: 1000, per_address: 1000 }),
            Room::new(config(), Roster::new(), &mut Vec::new()),
            Vec::new(),
        );
        Parts { net, hub }
    }

    /// A socket that waits at the listener, after the kernel has said so.
    pub(super) fn connect(&mut self) -> std::net::TcpStream {
        let (addr, _) = self.net.listeners.local_addrs().expect("it listens")[0];
        let peer = std::net::TcpStream::connect(addr).expect("it listens");
        while self.net.listeners.ready().next().is_none() {
            self.net.wait(None).expect("it polls");
            self.net.record_readiness(&mut self.hub.conns);
        }
        peer
    }

    /// Accepts this many connections, and then there is none.
    pub(super) fn accept_all(&mut self, count: usize) {
        while self.hub.conns.len() < count || self.net.listeners.ready().next().is_some() {
            let _ = self.accept();
        }
    }

    pub(super) fn accept(&mut self) -> Work {
        accept(&mut self.net, &mut self.hub)
    }
}

/// Of a room in which nobody is limited.
pub(super) fn config() -> Config {
    Config {
        window: 1 << 20,
        line_max: 4096,
        login_timeout: Duration::from_secs(60),
        transcript_id: 7,
        rate: None,
        connections_per_member_max: 1000,
        past: PastShown::default(),
    }
}
