//! A cable between two programs that speak TCP, made of sockets: each direction can stall, as when a network is
//! partitioned, or be cut.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// Listens for one side, which connects, and connects to the other, which listens. Ends when it is dropped.
pub(super) struct Proxy {
    addr: SocketAddr,
    cable: Arc<Cable>,
}

/// A direction: up is from the side that connects to the side that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

/// What becomes of the bytes of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Open,
    /// They wait; neither side is told. A connection that begins meanwhile comes about, and says nothing.
    Stalled,
    /// They are lost for good, and their receiver is told that no more will come, on each connection that there is or
    /// begins meanwhile.
    Cut,
}

struct Cable {
    to: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// By [`Way`].
    flows: [Flow; 2],
    /// The two ends of each connection: that which connected, and that which listens.
    connections: Vec<(TcpStream, TcpStream)>,
    is_over: bool,
}

impl Proxy {
    /// A cable to this address.
    pub(super) fn to(to: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let state = State { flows: [Flow::Open; 2], connections: Vec::new(), is_over: false };
        let cable = Arc::new(Cable { to, state: Mutex::new(state), changed: Condvar::new() });
        let proxy = Proxy { addr, cable: Arc::clone(&cable) };
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if cable.state().is_over {
                    return;
                }
                cable.connect(near);
            }
        });
        proxy
    }

    /// Where to connect instead of there where it leads.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn set(&self, way: Way, flow: Flow) {
        let mut state = self.cable.state();
        state.flows[way as usize] = flow;
        if flow == Flow::Cut {
            for (near, far) in &state.connections {
                let _ = receiver(way, near, far).shutdown(Shutdown::Write);
            }
        }
        self.cable.changed.notify_all();
    }

    /// Both directions.
    pub(super) fn set_both(&self, flow: Flow) {
        self.set(Way::Up, flow);
        self.set(Way::Down, flow);
    }

    /// Ends all connections at once, at both sides.
    pub(super) fn reset(&self) {
        let connections = std::mem::take(&mut self.cable.state().connections);
        for (near, far) in &connections {
            near.end();
            far.end();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cable.state().is_over = true;
        self.cable.changed.notify_all();
        self.reset();
        // For the thread that accepts.
        let _ = TcpStream::connect(self.addr);
    }
}

trait End {
    fn end(&self);
}

impl End for TcpStream {
    /// So that whoever reads it in another thread wakes up. What was not sent yet is lost.
    fn end(&self) {
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
        let _ = self.shutdown(Shutdown::Both);
    }
}

fn receiver<'a>(way: Way, near: &'a TcpStream, far: &'a TcpStream) -> &'a TcpStream {
    match way {
        Way::Up => far,
        Way::Down => near,
    }
}

impl Cable {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a direction does, as soon as that is not that it is stalled. Nothing: the proxy ends.
    fn until_it_flows(&self, way: Way) -> Option<Flow> {
        let stalled = |state: &mut State| !state.is_over && state.flows[way as usize] == Flow::Stalled;
        let state = self.changed.wait_while(self.state(), stalled).unwrap_or_else(PoisonError::into_inner);
        (!state.is_over).then(|| state.flows[way as usize])
    }

    /// Where nobody listens, the side that has connected is told by the end.
    fn connect(self: &Arc<Cable>, near: TcpStream) {
        let Ok(far) = TcpStream::connect(self.to) else { return };
        for stream in [&near, &far] {
            let _ = stream.set_nodelay(true);
        }
        let ends = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
        let mut state = self.state();
        for way in [Way::Up, Way::Down] {
            if state.flows[way as usize] == Flow::Cut {
                let _ = receiver(way, &near, &far).shutdown(Shutdown::Write);
            }
            let (from, to) = match way {
                Way::Up => (ends(&near), ends(&far)),
                Way::Down => (ends(&far), ends(&near)),
            };
            let cable = Arc::clone(self);
            thread::spawn(move || cable.carry(way, from, to));
        }
        state.connections.retain(|(near, _)| near.peer_addr().is_ok());
        state.connections.push((near, far));
    }

    /// Carries one direction of a connection to its end.
    fn carry(&self, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 1 << 16];
        loop {
            // The end waits like the bytes before it.
            let n = from.read(&mut bytes).unwrap_or(0);
            match self.until_it_flows(way) {
                None => break,
                Some(_) if n == 0 => break,
                Some(Flow::Cut) => {}
                Some(Flow::Open | Flow::Stalled) => {
                    // Who does not listen any more is told so when it writes itself.
                    if to.write_all(&bytes[..n]).is_err() {
                        let _ = from.shutdown(Shutdown::Read);
                    }
                }
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Plays a script with a proxy between who connects, and who listens. A step a line:
    ///
    /// - `a> TEXT` and `a< TEXT`: the near end of connection a, which is new, sends, and next gets this; `A>` and `A<`
    ///   the far end.
    /// - `a.` and `A.` have come to the end.
    /// - `stall up`, `open up`, `cut up`, the same with `down` and `both`; `reset`.
    /// - `a-` and `A-` have got nothing so far: what was sent that way was sent before something that has come
    ///   on the other way.
    fn check(script: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Proxy::to(listener.local_addr().expect("an address"));
        let mut ends: BTreeMap<String, TcpStream> = BTreeMap::new();
        for step in script.lines().map(str::trim).filter(|step| !step.is_empty()) {
            let words: Vec<&str> = step.split(' ').collect();
            let flow = match words[0] {
                "stall" => Flow::Stalled,
                "open" => Flow::Open,
                "cut" => Flow::Cut,
                "reset" => {
                    proxy.reset();
                    continue;
                }
                _ => {
                    let (name, sign) = step.split_at(1);
                    if !ends.contains_key(name) {
                        let near = TcpStream::connect(proxy.addr()).expect("it listens");
                        let (far, _) = listener.accept().expect("it connects");
                        for (name, end) in [(name.to_lowercase(), near), (name.to_uppercase(), far)] {
                            end.set_read_timeout(Some(Duration::from_secs(30))).expect("an option");
                            ends.insert(name, end);
                        }
                    }
                    play(ends.get_mut(name).expect("it was made"), &sign[..1], sign[1..].trim(), step);
                    continue;
                }
            };
            match words[1] {
                "up" => proxy.set(Way::Up, flow),
                "down" => proxy.set(Way::Down, flow),
                _ => proxy.set_both(flow),
            }
        }
    }

    fn play(end: &mut TcpStream, sign: &str, text: &str, step: &str) {
        match sign {
            ">" => drop(end.write_all(text.as_bytes())),
            "<" => {
                let mut bytes = vec![0; text.len()];
                end.read_exact(&mut bytes).unwrap_or_else(|error| panic!("{step}: {error}"));
                assert_eq!(String::from_utf8_lossy(&bytes), text, "{step}");
            }
            "." => {
                let mut bytes = Vec::new();
                // A reset is an end, too.
                let _ = end.read_to_end(&mut bytes);
                assert_eq!(String::from_utf8_lossy(&bytes), "", "{step}");
            }
            "-" => {
                end.set_nonblocking(true).expect("an option");
                let read = end.read(&mut [0]);
                assert!(
                    read.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock),
                    "{step}: {read:?}"
                );
                end.set_nonblocking(false).expect("an option");
            }
            _ => panic!("no such sign: {step}"),
        }
    }

    #[test]
    fn a_cable_carries_stalls_and_is_cut() {
        check(
            "a> hello
             A< hello
             A> welcome
             a< welcome
             b> too
             B< too",
        );
        // One direction stands still, and the other does not; what waits comes later, in its order.
        check(
            "a> one
             A< one
             stall up
             a> two
             a> three
             A> still here
             a< still here
             A-
             open up
             A< twothree",
        );
        check(
            "a> one
             A< one
             stall down
             A> late
             a> up
             A< up
             a-
             open both
             a< late",
        );
        // A connection that begins meanwhile comes about, and nothing passes.
        check(
            "stall both
             a> one
             A-
             open both
             A< one",
        );
        // Cut: what was on its way is lost, the receiver is told, the other direction goes on.
        check(
            "a> one
             A< one
             stall up
             a> lost
             cut up
             A.
             A> back
             a< back",
        );
        check(
            "cut down
             a> one
             A< one
             a.",
        );
        // Both, and it is open again for who comes later.
        check(
            "a> one
             A< one
             cut both
             A.
             a.
             open both
             b> two
             B< two",
        );
        check(
            "a> one
             A< one
             stall both
             a> two
             reset
             a.
             A.
             open both
             b> three
             B< three",
        );
    }
}
