//! The load generator itself: what is wrong with what two receivers get is noticed.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use super::chat_room::ChatRoom;
use super::readers::Readers;
use super::texts::text;
use crate::common::fail;

/// What a server sends to each of them.
type Sent = [Vec<u8>; 2];

pub(crate) fn prove_itself() -> io::Result<()> {
    let line = |number: u64| {
        let head = format!("MSG {} 2026-01-02T03:04:05.678Z p0@b.c ", number + 1);
        [head.as_bytes(), &text(0, number), b"\n"].concat()
    };
    let both = [line(0), line(1)].concat();
    let mut changed = both.clone();
    // In the head, which the texts do not tell.
    changed[4] = b'7';
    let right: Sent = [both.clone(), both.clone()];
    let wrong: [(&str, Sent); 5] = [
        ("changed", [both.clone(), changed]),
        ("doubled", [both.clone(), [&both[..], &line(1)].concat()]),
        ("swapped", [both.clone(), [line(1), line(0)].concat()]),
        ("swapped for all", [0, 1].map(|_| [line(1), line(0)].concat())),
        ("one too many for all", [0, 1].map(|_| [&both[..], &line(2)].concat())),
    ];
    if let Err(error) = receive(right, 2) {
        return fail(format!("what is right is refused: {error}"));
    }
    for (what, sent) in wrong {
        if receive(sent, 2).is_ok() {
            return fail(format!("a message that is {what} is not noticed"));
        }
    }
    Ok(())
}

/// Whether two receivers who are sent this have just so many messages.
fn receive(sent: Sent, messages: u64) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let (begin, begins) = mpsc::channel::<()>();
    let server = thread::spawn(move || -> io::Result<Vec<TcpStream>> {
        let mut sockets = Vec::new();
        for _ in &sent {
            let (socket, _) = listener.accept()?;
            BufReader::new(&socket).read_line(&mut String::new())?;
            (&socket).write_all(b"OK LOGIN x\n")?;
            sockets.push(socket);
        }
        // It ends with the one that tells it.
        let _ = begins.recv();
        sockets.iter_mut().zip(&sent).try_for_each(|(socket, bytes)| socket.write_all(bytes))?;
        Ok(sockets)
    });
    let mut readers = Readers::enter(&ChatRoom, address, 2)?;
    readers.begin()?;
    drop(begin);
    // They stay open until all is read.
    let Ok(sockets) = server.join() else { return fail("the server of the proof panics") };
    let sockets = sockets?;
    readers.until_all_have(messages)?;
    drop(sockets);
    // One that was said and does not come is waited for.
    if readers.have(messages + 1)? { fail("a message that is lost is not noticed") } else { Ok(()) }
}
