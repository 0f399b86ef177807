//! The raw limit: a bare epoll loop in a process of its own that writes equally long lines to as many
//! sockets as the server does, as many per write. It knows no members, no commands and no disk. It speaks
//! just enough of the protocol that the same receivers, with the same code, can stand before it.
//!
//! On a second address it speaks TLS, with the library that the server has.
//!
//! `RUN <lines> <passes>` on any connection makes it write `lines` lines at once to each receiver, `passes`
//! times, or until `STOP`. The answer, `OK RUN <last> <writes>`, tells the last number and the calls made.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{SocketFlags, accept_with};
use socket2::{Domain, Socket, Type};

use super::raw_peer::{self, Heard, Peer};
use super::transcript::write_line;
use super::{SEND_BUFFER, fail};

const LISTENER: u64 = u64::MAX;
const TLS_LISTENER: u64 = u64::MAX - 1;

/// As the server's: accepted sockets inherit its options.
fn listen() -> io::Result<(Socket, SocketAddr)> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.set_send_buffer_size(SEND_BUFFER)?;
    listener.set_tcp_nodelay(true)?;
    listener.set_nonblocking(true)?;
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    listener.listen(chat_room::limits::BACKLOG)?;
    let address = listener.local_addr()?.as_socket().expect("bound to an IPv4 address");
    Ok((listener, address))
}

/// Serves until a peer goes. Lines are numbered from `first`.
pub(crate) fn serve(first: u64) -> io::Result<()> {
    let ((listener, address), (tls_listener, tls_address)) = (listen()?, listen()?);
    let config = raw_peer::config()?;
    writeln!(io::stderr(), "listening with TLS on {tls_address},\nlistening on {address}")?;

    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    epoll::add(&epoll, &tls_listener, epoll::EventData::new_u64(TLS_LISTENER), epoll::EventFlags::IN)?;
    let (mut peers, mut receivers) = (Vec::<Peer>::new(), Vec::<usize>::new());
    let (mut events, mut heard, mut batch) = (Vec::with_capacity(1024), [0; 256], Vec::new());
    let (mut seq, mut asked_by, mut lines, mut passes, mut writes) = (first, 0, 0, 0_u64, 0_u64);
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        epoll::wait(&epoll, spare_capacity(&mut events), (passes > 0).then_some(&now))?;
        for event in events.drain(..) {
            let (data, flags) = (event.data.u64(), SocketFlags::NONBLOCK | SocketFlags::CLOEXEC);
            if data == LISTENER || data == TLS_LISTENER {
                let listener = if data == LISTENER { &listener } else { &tls_listener };
                while let Ok(socket) = accept_with(listener, flags) {
                    let peer_data = epoll::EventData::new_u64(peers.len() as u64);
                    epoll::add(&epoll, &socket, peer_data, epoll::EventFlags::IN)?;
                    peers.push(match data {
                        LISTENER => Peer::bare(socket)?,
                        _ => Peer::with_tls(socket, &config)?,
                    });
                }
                continue;
            }
            let index = usize::try_from(data).expect("an index was put in");
            let length = match peers[index].hear(&mut heard) {
                Ok(Heard::Bytes(length)) => length,
                Ok(Heard::Nothing) => continue,
                Ok(Heard::End) | Err(_) => return Ok(()),
            };
            let line = str::from_utf8(&heard[..length]).map_err(io::Error::other)?;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["LOGIN", who, _] => {
                    if !who.ends_with("/-") {
                        receivers.push(index);
                    }
                    peers[index].say(format!("OK LOGIN {who} last={} missed=0\n", seq - 1).as_bytes())?;
                }
                ["RUN", line_count, pass_count] => {
                    lines = line_count.parse().map_err(io::Error::other)?;
                    passes = pass_count.parse().map_err(io::Error::other)?;
                    (asked_by, writes) = (index, 0);
                }
                ["STOP"] => passes = 1,
                _ => return fail(format!("the bare loop does not understand {line:?}")),
            }
        }
        if passes > 0 {
            batch.clear();
            (seq..seq + lines).for_each(|number| write_line(&mut batch, number, 0, number - first));
            writes += write_to_all(&mut peers, &receivers, &batch)?;
            (seq, passes) = (seq + lines, passes - 1);
            if passes == 0 {
                peers[asked_by].say(format!("OK RUN {} {writes}\n", seq - 1).as_bytes())?;
            }
        }
    }
}

/// One pass; those whose socket was full come again at its end. Returns the number of writes.
fn write_to_all(peers: &mut [Peer], receivers: &[usize], batch: &[u8]) -> io::Result<u64> {
    let mut late = Vec::new();
    for &index in receivers {
        if !peers[index].write(batch)? {
            late.push(index);
        }
    }
    let mut writes = receivers.len() as u64;
    for index in late {
        writes += peers[index].finish(batch)?;
    }
    Ok(writes)
}
