//! Lines sent before a connection was reset: whole lines count, half a line does not.

mod common;

use std::io::Write as _;
use std::net::TcpStream;

use common::peer::Peer;
use common::server::Server;

const ROUNDS: usize = 5;
const LINES: usize = 300;

#[test]
fn lines_before_a_reset_count() {
    let server = Server::start();
    let mut ann = Peer::member(server.addr(), "ann@x");
    for round in 0..ROUNDS {
        let lines: Vec<String> = (0..LINES).map(|n| format!("MSG {round} {n}\n")).collect();
        let lines = lines.concat();
        let mut stream = TcpStream::connect(server.addr()).expect("it listens");
        let all = format!("LOGIN bob@x/- bob-secret\n{lines}MSG half a li");
        stream.write_all(all.as_bytes()).expect("it reads");
        // Closed without having read the greeting: the kernel answers the server's words with a reset.
        drop(stream);
        for n in 0..LINES {
            ann.expect(&format!("MSG {} <time> bob@x {round} {n}", round * LINES + n + 1));
        }
    }
    ann.fence();
}
