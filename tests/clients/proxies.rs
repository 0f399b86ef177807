//! What stands between a client and the server: the same conversation through each, with the settings of
//! docs/clients.md. `7669` there is where the proxy listens, `7670` where it does with TLS.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::common::net::free_addr;
use crate::common::peer::Peer;
use crate::common::server::until;
use crate::document::block;
use crate::person::until_delivered;
use crate::run::{Place, are_there, with_all};

/// One of them.
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    needs: &'static [&'static str],
    /// The block of the document, and what in it is left out.
    settings: &'static str,
    without: &'static str,
    /// What runs it, `FILE` being the settings. Nothing: the settings are what runs it.
    command: &'static str,
    half_close: HalfClose,
    tls: Tls,
}

/// A client that ends its sending side …
#[derive(PartialEq)]
enum HalfClose {
    /// … gets its answers.
    PassedOn,
    /// … has ended both, for the proxy: answers that are not there yet are lost. QUIT is what to say.
    EndsBoth,
}

/// Whether it listens with TLS, too.
#[derive(PartialEq)]
enum Tls {
    Yes,
    No,
}

pub(crate) const PROXIES: &[Proxy] = &[
    Proxy {
        name: "HAProxy",
        needs: &["haproxy"],
        settings: "haproxy",
        without: "",
        command: "haproxy -db -f FILE",
        half_close: HalfClose::PassedOn,
        tls: Tls::Yes,
    },
    Proxy {
        name: "nginx (stream)",
        needs: &["nginx", "/usr/lib/nginx/modules/ngx_stream_module.so"],
        settings: "nginx",
        without: "",
        command: "nginx -c FILE -p . -g 'daemon off; pid nginx.pid; error_log stderr;'",
        half_close: HalfClose::PassedOn,
        tls: Tls::Yes,
    },
    Proxy {
        name: "nginx (stream), without proxy_half_close",
        needs: &["nginx", "/usr/lib/nginx/modules/ngx_stream_module.so"],
        settings: "nginx",
        without: "proxy_half_close on;",
        command: "nginx -c FILE -p . -g 'daemon off; pid nginx.pid; error_log stderr;'",
        half_close: HalfClose::EndsBoth,
        tls: Tls::Yes,
    },
    Proxy {
        name: "stunnel, before the server",
        needs: &["stunnel4"],
        settings: "stunnel-server",
        without: "",
        command: "stunnel4 FILE",
        half_close: HalfClose::PassedOn,
        tls: Tls::Yes,
    },
    Proxy {
        name: "stunnel, for a client",
        needs: &["stunnel4"],
        settings: "stunnel-client",
        without: "",
        command: "stunnel4 FILE",
        half_close: HalfClose::PassedOn,
        tls: Tls::No,
    },
    Proxy {
        name: "systemd-socket-proxyd",
        needs: &["systemd-socket-activate", "/usr/lib/systemd/systemd-socket-proxyd"],
        settings: "socket-proxyd",
        without: "",
        command: "",
        half_close: HalfClose::EndsBoth,
        tls: Tls::No,
    },
    Proxy {
        name: "xinetd",
        needs: &["xinetd"],
        settings: "xinetd",
        without: "",
        command: "xinetd -dontfork -f FILE -pidfile xinetd.pid",
        half_close: HalfClose::EndsBoth,
        tls: Tls::No,
    },
    Proxy {
        name: "sslh",
        needs: &["sslh"],
        settings: "sslh",
        without: "",
        command: "",
        half_close: HalfClose::EndsBoth,
        tls: Tls::No,
    },
];

/// It runs, with a folder of its own.
struct Running {
    process: Child,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl Running {
    fn start(proxy: &Proxy, place: &Place) -> Running {
        let (plain, tls) = (free_addr(), free_addr());
        let ours = |text: &str| {
            // A port may have the digits of the next one in it, so words come first.
            let text = text.replace(proxy.without, "").replace("7669", "PLAIN").replace("7670", "SECURE");
            let text = place.meant(&text).replace("PLAIN", &plain.port().to_string());
            text.replace("SECURE", &tls.port().to_string())
        };
        let settings = ours(&block(proxy.settings));
        let file = place.folder().join("settings");
        std::fs::write(&file, &settings).expect("a file");
        let command = proxy.command.replace("FILE", file.to_str().expect("UTF-8"));
        let command = if command.is_empty() { settings } else { command };
        let mut shell = Command::new("bash");
        shell.args(["--norc", "--noprofile", "-c", &format!("exec {}", command.trim())]);
        shell.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
        shell.current_dir(place.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // With all that it forks.
        let process = shell.process_group(0).spawn().expect("a shell");
        let running = Running { process, plain, tls };
        let addr = if proxy.settings == "stunnel-server" { tls } else { plain };
        until(&format!("{} listens", proxy.name), || TcpStream::connect(addr).is_ok());
        running
    }

    /// One more connection through it.
    fn connect(&self, proxy: &Proxy, place: &Place) -> Peer {
        if proxy.settings != "stunnel-server" {
            return Peer::connect(self.plain);
        }
        over_tls(self.tls, place)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let _ = self.process.wait();
    }
}

/// A client that half-closes over TLS.
fn over_tls(addr: SocketAddr, place: &Place) -> Peer {
    let certificate = place.certificate();
    let options = format!("OPENSSL:{addr},cafile={}", certificate.display());
    Peer::run(Command::new("socat").args(["-t", "30", "-", &options]))
}

#[test]
fn a_conversation_goes_through_each_proxy() {
    with_all(
        PROXIES,
        |proxy| proxy.name,
        |proxy| {
            if are_there(proxy.needs) && are_there(&["socat"]) {
                converse(proxy);
            }
        },
    );
}

fn converse(proxy: &Proxy) {
    let place = Place::new(&[]);
    let running = Running::start(proxy, &place);
    let mut ann = Peer::member(place.server.addr(), "ann@x/-");
    let mut bob = running.connect(proxy, &place);
    bob.expect("HELLO chat-room/…");
    bob.login("bob@x");
    bob.say("MSG grüße 日本");
    bob.expect("OK MSG 1 <time>");
    ann.say("MSG hello ü");
    ann.expect("OK MSG 2 <time>");
    bob.expect("MSG 2 <time> ann@x hello ü");
    until_delivered(&mut ann, 2);
    bob.say("QUIT");
    bob.expect("OK QUIT");
    bob.half_close();
    bob.expect_end();

    let mut bob = running.connect(proxy, &place);
    bob.expect("HELLO chat-room/…");
    bob.login("bob@x");
    ann.say("REMOVE bob@x");
    ann.expect("OK REMOVE bob@x");
    bob.expect("BYE removed …");
    bob.half_close();
    bob.expect_end();

    if proxy.tls == Tls::Yes {
        let mut cid = over_tls(running.tls, &place);
        cid.expect("HELLO chat-room/…");
        cid.say("QUIT");
        cid.expect("OK QUIT");
    }

    // The second wrong password is answered after two seconds: until then nothing comes.
    let mut script = running.connect(proxy, &place);
    script.send(b"LOGIN eve@x wrong-one\nLOGIN eve@x wrong-one\nPING the end\n");
    script.half_close();
    let mut answered = false;
    while let Some(line) = script.line() {
        answered |= line == "OK PING the end";
    }
    assert_eq!(answered, proxy.half_close == HalfClose::PassedOn, "{}", proxy.name);
}
