//! A connection as its owner sees it: what comes stands in the inbox, what is to go is handed over. Two threads
//! wait in its place, one reads and one writes. The reader waits for a word before it reads on, so who does not
//! take what comes is not flooded with it.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, channel};
use std::thread;

use zeroize::Zeroizing;

use super::credential::Credential;
use super::inbox::{Net, News, Remote};
use super::link::Link;
use super::not_in::NotIn;
use super::server::{Server, Who};

/// Connects and logs in, in a thread; all that follows is news of the connection with this number.
pub(super) fn dial(server: Server, who: Who, credential: Credential, number: u32, inbox: SyncSender<News>) {
    thread::spawn(move || {
        let entered = Link::connect(&server).and_then(|mut link| {
            let welcome = link.login(&who, &credential)?;
            Ok((link, welcome))
        });
        drop(credential);
        let net = match entered {
            Ok((link, welcome)) => match attend(link, number, inbox.clone()) {
                Ok(remote) => Net::Up(welcome, remote),
                Err(why) => Net::NotIn(NotIn::Unreachable(why.to_string())),
            },
            Err(not_in) => Net::NotIn(not_in),
        };
        // Nobody listens when the program is ending.
        let _ = inbox.send(News::Net(number, net));
    });
}

/// Starts the two threads of a connection that is logged in. The first lines come after [`Remote::more`].
pub(super) fn attend(mut link: Link, number: u32, inbox: SyncSender<News>) -> std::io::Result<Remote> {
    let (mut writer, hang_up) = link.split()?;
    let line_max = link.line_max();
    let (lines, to_write) = channel::<Zeroizing<Vec<u8>>>();
    let (more, may_read) = channel();
    thread::spawn(move || {
        for line in to_write {
            if writer.write_all(&line).and_then(|()| writer.flush()).is_err() {
                // The reader hears of the end, too, and tells.
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
