//! The present connection, and how the next one is made. Connections are numbered, so that late news of an earlier one
//! can be dropped.

use std::io;
use std::sync::mpsc::SyncSender;

use super::connection::CommandLine;
use super::inbox::{News, Remote};
use super::link::Link;
use super::login::Session;
use super::network;

/// See the module.
#[derive(Debug)]
pub(super) struct Dialer {
    pub(super) session: Session,
    inbox: SyncSender<News>,
    number: u32,
    remote: Option<Remote>,
}

impl Dialer {
    /// With a connection that is logged in.
    pub(super) fn new(link: Link, session: Session, inbox: SyncSender<News>) -> io::Result<Dialer> {
        let remote = Some(network::attend(link, 0, inbox.clone())?);
        Ok(Dialer { session, inbox, number: 0, remote })
    }

    /// Connects again; what comes of it is news with the new number.
    pub(super) fn dial(&mut self) {
        self.number += 1;
        let (server, identity, credential) = self.session.login();
        network::dial(server, identity, credential, self.number, self.inbox.clone());
    }

    pub(super) fn is_present(&self, number: u32) -> bool {
        number == self.number
    }

    /// The connection that was dialled is logged in.
    pub(super) fn up(&mut self, remote: Remote) {
        self.remote = Some(remote);
    }

    /// The connection is gone.
    pub(super) fn down(&mut self) {
        self.remote = None;
        self.number += 1;
    }

    /// Sends a line, if there is a connection.
    pub(super) fn send(&self, line: CommandLine) {
        if let Some(remote) = &self.remote {
            remote.send(line);
        }
    }

    /// Takes the next lines.
    pub(super) fn more(&self) {
        self.remote.iter().for_each(Remote::more);
    }

    /// Ends the connection at once.
    pub(super) fn hang_up(&self) {
        self.remote.iter().for_each(Remote::hang_up);
    }
}
