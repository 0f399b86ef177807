//! The network for the main thread: the present connection with its two threads, and how the next one is made. One thread
//! reads and puts what comes into the inbox; it waits for [`Network::more`] before it reads on, so the inbox is not flooded. The
//! other writes what it is given. Connections are numbered, so that late news of an earlier one can be dropped.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::sync::mpsc::{Receiver, SyncSender, channel};
use std::thread;

use super::connection::CommandLine;
use super::failure::LoginError;
use super::inbox::{Net, News, Remote};
use super::link::Link;
use super::login::{self, Session};

/// See the module.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) session: Session,
    inbox: SyncSender<News>,
    number: u32,
    /// To be set when the connection that was dialled is logged in.
    pub(super) remote: Option<Remote>,
}

impl Network {
    /// With a connection that is logged in.
    pub(super) fn new(link: Link, session: Session, inbox: SyncSender<News>) -> io::Result<Network> {
        let remote = Some(attend(link, 0, inbox.clone())?);
        Ok(Network { session, inbox, number: 0, remote })
    }

    /// Connects to the server with this place in the list and logs in, in a thread; what comes of it is news with the new number.
    pub(super) fn dial(&mut self, at: usize) {
        self.number += 1;
        let (number, inbox) = (self.number, self.inbox.clone());
        let (identity, credential) = (self.session.identity.clone(), self.session.credential.clone());
        let group = self.session.group.clone();
        thread::spawn(move || {
            let entered = Link::connect(&identity.servers.get(at)).and_then(|mut link| {
                let login = link.login(&identity, &credential)?;
                login::check_group(&identity.servers, at, &login, &group)?;
                let remote = attend(link, number, inbox.clone());
                let remote = remote.map_err(|why| LoginError::Unreachable(why.to_string()))?;
                Ok(Net::Up(login, remote))
            });
            drop(credential);
            // The inbox is gone if the program is ending.
            let _ = inbox.send(News::Net(number, entered.unwrap_or_else(Net::LoginFailed)));
        });
    }

    pub(super) fn is_present(&self, number: u32) -> bool {
        number == self.number
    }

    /// The connection is gone.
    pub(super) fn down(&mut self) {
        self.remote = None;
        self.number += 1;
    }

    /// Sends a line, if there is a connection.
    pub(super) fn send(&self, line: CommandLine) {
        let _ = self.remote.as_ref().map(|remote| remote.lines.send(line));
    }

    /// Takes the next lines.
    pub(super) fn more(&self) {
        let _ = self.remote.as_ref().map(|remote| remote.more.send(()));
    }

    /// Ends the connection at once, if it has not ended already.
    pub(super) fn hang_up(&self) {
        let _ = self.remote.as_ref().map(|remote| remote.socket.shutdown(Shutdown::Both));
    }
}

/// Starts the two threads of a connection that is logged in.
fn attend(mut link: Link, number: u32, inbox: SyncSender<News>) -> io::Result<Remote> {
    let (mut writer, socket, line_max) = (link.take_writer(), link.socket.try_clone()?, link.line_max());
    let (lines, to_write) = channel::<CommandLine>();
    let (more, may_read) = channel();
    thread::spawn(move || {
        for line in to_write {
            if writer.write_all(&line).and_then(|()| writer.flush()).is_err() {
                // The reader notices the end, too, and reports it.
                break;
            }
        }
    });
    thread::spawn(move || read(&mut link, number, &may_read, &inbox));
    Ok(Remote { lines, more, socket, line_max })
}

fn read(link: &mut Link, number: u32, may_read: &Receiver<()>, inbox: &SyncSender<News>) {
    while may_read.recv().is_ok() {
        let net = link.next_lines();
        let is_over = net.is_err();
        let net = net.map_or_else(|ended| Net::Down(ended.end, ended.why), Net::Lines);
        if inbox.send(News::Net(number, net)).is_err() || is_over {
            return;
        }
    }
}
