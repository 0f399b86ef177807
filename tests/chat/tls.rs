//! A chat over TLS: it comes back over TLS, and to nobody else.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io, thread};

use chat_room::fingerprint::Fingerprint;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use rexpect::process::WaitStatus;

use crate::common::peer::Peer;
use crate::common::server::{GROUP, Server, members_txt};
use crate::pty::Pty;
use crate::{CLIENT, history};

fn tls_addr(server: &Server) -> String {
    let log = server.log();
    let (_, told) = log.split_once("listening with TLS on ").expect("it is logged before the plain listener");
    told.split(',').next().expect("split gives at least one piece").to_owned()
}

#[test]
fn a_stay_with_tls_comes_back_and_refuses_another_certificate() {
    let mut server = Server::with(&members_txt(&GROUP), &["--tls-listen", "127.0.0.1:0"]);
    let addr = tls_addr(&server);
    let state = tempfile::tempdir().expect("a folder");
    let window = |arguments: &str| {
        let script = format!("unset CHAT_ROOM_PASSWORD SSL_CERT_DIR; exec {CLIENT} --device pty {arguments}");
        let state = state.path().to_str().expect("temporary names are plain");
        Pty::run(200, 24, &script, &[("XDG_STATE_HOME", state), ("SSL_CERT_FILE", "/dev/null")])
    };
    // Nothing is sent to a server that the person has not confirmed.
    let mut ann = window(&format!("ann@x --server {addr} --tls"));
    ann.prompts("Is it the same? [y/N]");
    ann.keys("n\r");
    assert!(matches!(ann.wait(), WaitStatus::Exited(_, 4)), "{}", ann.screen());
    let mut ann = window(&format!("ann@x --server {addr} --tls"));
    ann.prompts("Is it the same? [y/N]");
    ann.shows(&format!("this is your first connection to {addr}"));
    let own = server.members().with_file_name("self-signed.pem");
    let own = Fingerprint::of(&CertificateDer::from_pem_file(&own).expect("a certificate")).to_string();
    let rows: Vec<String> = own.split(':').collect::<Vec<_>>().chunks(8).map(|row| row.join(":")).collect();
    ann.shows(&format!("\n    {}\n", rows.join(":\n    ")));
    ann.keys("y\r");
    ann.prompts("Password of ann@x:");
    ann.keys("ann-secret\r");
    ann.prompts("Stay logged in on this device? [y/N]");
    ann.keys("y\r");
    ann.shows(&format!("you are ann@x (admin) at {addr} with TLS"));
    ann.keys("one\r");
    ann.shows("ann: one");
    ann.keys("/invite zoe@x\r");
    ann.shows(&format!("  chat-room-client --tls --server {addr} \\\n    --join "));
    ann.shows(&format!(
        "{addr} shows a certificate with the fingerprint\n      {}\n",
        rows.join(":\n      ")
    ));
    ann.keys("/quit\r");
    assert!(matches!(ann.wait(), WaitStatus::Exited(_, 0)));
    let chat_room = state.path().join("chat-room");
    let last = fs::read_to_string(chat_room.join("last")).expect("it is remembered");
    assert_eq!(last, format!("mail ann@x\nserver {addr}\ntls yes\n"));
    assert!(chat_room.join(format!("tokens/{addr}+tls/ann@x")).exists());

    // Nothing has to be said a second time.
    let mut ann = window("");
    ann.shows(&format!("you are ann@x (admin) at {addr} with TLS"));
    ann.prompts(">");
    server.kill();
    ann.shows("no connection; trying");
    ann.keys("two\r");
    ann.shows("[not sent] two");
    server = server.again_with(&["--tls-listen", &addr]);
    ann.shows("ann: two");
    ann.prompts(">");

    // Somebody else at that address, for a chat that goes on and for one that begins.
    server.kill();
    let own = server.members().with_file_name("self-signed.pem");
    fs::remove_file(own).expect("it was made");
    let _stranger = server.again_with(&["--tls-listen", &addr]);
    for mut ann in [ann, window("")] {
        assert!(matches!(ann.wait(), WaitStatus::Exited(_, 4)), "{}", ann.screen());
        let place = format!("{}:1 says ", chat_room.join("known_servers").display());
        for part in [&format!("no connection to {addr}: THE CERTIFICATE HAS CHANGED: "), &place] {
            // A row ends where the window does.
            assert!(ann.screen().replace('\n', "").contains(part), "{part} is not in {}", ann.screen());
        }
    }
}

/// Passes bytes on, until `cut`: then those that come from the client next are dropped, and its connection ends.
fn in_between(server: String, cut: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("somebody comes");
            let mut server = TcpStream::connect(&server).expect("it runs");
            let (mut down, mut to) = (server.try_clone().expect("two"), client.try_clone().expect("two"));
            thread::spawn(move || io::copy(&mut down, &mut to));
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = client.read(&mut bytes) {
                if cut.swap(false, Ordering::Relaxed) || server.write_all(&bytes[..n]).is_err() {
                    break;
                }
            }
            for socket in [client, server] {
                // It may be gone already.
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
    });
    addr
}

#[test]
fn a_line_lost_where_tls_was_cut_is_said_once() {
    let server = Server::with(&members_txt(&GROUP), &["--tls-listen", "127.0.0.1:0"]);
    let cut = Arc::new(AtomicBool::new(false));
    let addr = in_between(tls_addr(&server), Arc::clone(&cut));
    let state = tempfile::tempdir().expect("a folder");
    let state = state.path().to_str().expect("temporary names are plain");
    let own = server.members().with_file_name("self-signed.pem");
    let script = format!("exec {CLIENT} --device pty ann@x --server {addr} --tls --ca {}", own.display());
    let environment = [("XDG_STATE_HOME", state), ("CHAT_ROOM_PASSWORD", "ann-secret")];
    let mut ann = Pty::run(100, 24, &script, &environment);
    ann.prompts(">");
    ann.keys("one\r");
    ann.shows("ann: one");
    cut.store(true, Ordering::Relaxed);
    ann.keys("two\r");
    ann.shows("the connection to the server was lost: it was cut; trying to connect again");
    ann.shows("connected again");
    ann.shows("ann: two");
    let mut bob = Peer::member(server.addr(), "bob@x");
    assert_eq!(history(&mut bob), ["ann@x one", "ann@x two"]);
}
