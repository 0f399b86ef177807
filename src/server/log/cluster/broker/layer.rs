//! Bytes of the protocol over a socket: as they are, or in TLS.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::broken::Why;

/// A socket, and what the kernel has reported about it and we have not used up.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) stream: TcpStream,
    pub(super) readable: bool,
    pub(super) writable: bool,
}

impl io::Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.readable {
            return Err(ErrorKind::WouldBlock.into());
        }
        let read = uninterrupted(|| self.stream.read(buf));
        self.readable = !would_block(&read);
        read
    }
}

impl io::Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.writable {
            return Err(ErrorKind::WouldBlock.into());
        }
        let written = uninterrupted(|| self.stream.write(bytes));
        self.writable = !would_block(&written);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn uninterrupted(mut attempt: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match attempt() {
            Err(why) if why.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn would_block(outcome: &io::Result<usize>) -> bool {
    outcome.as_ref().is_err_and(|why| why.kind() == ErrorKind::WouldBlock)
}

/// What reading has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// Nothing more.
    End,
}

/// See the module.
#[derive(Debug)]
pub(super) enum Layer {
    Plain,
    Tls(Box<ClientConnection>),
}

impl Layer {
    /// Before the handshake, which reading and writing carry out.
    pub(super) fn tls(config: &Arc<ClientConfig>, host: &str) -> Result<Layer, Why> {
        let name = ServerName::try_from(host.to_owned());
        let name =
            name.map_err(|_| Why::Tls(rustls::Error::General(format!("{host} is not a name for TLS"))))?;
        let session = ClientConnection::new(Arc::clone(config), name).map_err(Why::Tls)?;
        Ok(Layer::Tls(Box::new(session)))
    }

    /// Reads at most once into `buf`, and continues the handshake.
    pub(super) fn read(&mut self, socket: &mut Socket, buf: &mut [u8]) -> Result<Got, Why> {
        let Layer::Tls(session) = self else { return got(socket.read(buf)) };
        loop {
            match session.reader().read(buf) {
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                Err(why) if why.kind() == ErrorKind::UnexpectedEof => return Ok(Got::End),
                read => return got(read),
            }
            match session.read_tls(socket) {
                Ok(_) => {}
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(Got::Nothing),
                Err(why) => return Err(Why::Failed(why)),
            }
            let processed = session.process_new_packets();
            // TLS may have something to say by itself, for example why it fails. If that cannot be sent, the next write
            // tells.
            let _ = send(session, socket);
            processed.map_err(Why::Tls)?;
        }
    }

    /// Gives the socket what it takes of `out`, after what TLS has to say by itself.
    pub(super) fn write(&mut self, socket: &mut Socket, out: &mut BytesMut) -> Result<(), Why> {
        match self.try_write(socket, out) {
            Err(why) if why.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(why) => Err(Why::Failed(why)),
            Ok(()) => Ok(()),
        }
    }

    fn try_write(&mut self, socket: &mut Socket, out: &mut BytesMut) -> io::Result<()> {
        match self {
            Layer::Plain => {
                while !out.is_empty() {
                    match socket.write(out) {
                        Ok(0) => return Err(ErrorKind::WriteZero.into()),
                        Ok(n) => out.advance(n),
                        Err(why) => return Err(why),
                    }
                }
            }
            Layer::Tls(session) => loop {
                send(session, socket)?;
                if session.is_handshaking() || out.is_empty() {
                    break;
                }
                // Some records at a time; the rest stays in `out`.
                let n = session.writer().write(out)?;
                out.advance(n);
            },
        }
        Ok(())
    }
}

/// Gives the socket all ciphertext.
fn send(session: &mut ClientConnection, socket: &mut Socket) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(socket)?;
    }
    Ok(())
}

fn got(read: io::Result<usize>) -> Result<Got, Why> {
    match read {
        Ok(0) => Ok(Got::End),
        Ok(n) => Ok(Got::Bytes(n)),
        Err(why) if why.kind() == ErrorKind::WouldBlock => Ok(Got::Nothing),
        Err(why) => Err(Why::Failed(why)),
    }
}
