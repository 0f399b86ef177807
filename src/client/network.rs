//! The threads of a connection: one reads and puts what comes into the inbox, one writes what it is given. The reader waits
//! for [`Remote::more`] before it reads on, so the inbox is not flooded.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, channel};
use std::thread;

use super::connection::CommandLine;
use super::credential::Credential;
use super::inbox::{Net, News, Remote};
use super::link::Link;
use super::login_error::LoginError;
use super::server::{Identity, Server};

/// Connects and logs in, in a thread. What comes of it is news of the connection with this number.
pub(super) fn dial(
    server: Server,
    identity: Identity,
    credential: Credential,
    number: u32,
    inbox: SyncSender<News>,
) {
    thread::spawn(move || {
        let entered = Link::connect(&server).and_then(|mut link| {
            let login = link.login(&identity, &credential)?;
            Ok((link, login))
        });
        drop(credential);
        let net = match entered {
            Ok((link, login)) => match attend(link, number, inbox.clone()) {
                Ok(remote) => Net::Up(login, remote),
                Err(why) => Net::LoginFailed(LoginError::Unreachable(why.to_string())),
            },
            Err(why) => Net::LoginFailed(why),
        };
        // The inbox is gone if the program is ending.
        let _ = inbox.send(News::Net(number, net));
    });
}

/// Starts the two threads of a connection that is logged in. The first lines come after a call of [`Remote::more`].
pub(super) fn attend(mut link: Link, number: u32, inbox: SyncSender<News>) -> std::io::Result<Remote> {
    let (mut writer, hang_up) = link.split()?;
    let line_max = link.line_max();
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
    Ok(Remote { lines, more, hang_up, line_max })
}

fn read(link: &mut Link, number: u32, may_read: &Receiver<()>, inbox: &SyncSender<News>) {
    while may_read.recv().is_ok() {
        let net = link.next_lines();
        let is_over = net.is_err();
        let net = net.map_or_else(|ended| Net::Down(ended.kind(), ended.to_string()), Net::Lines);
        if inbox.send(News::Net(number, net)).is_err() || is_over {
            return;
        }
    }
}
