//! Our own server.

use std::io;
use std::rc::Rc;

use chat_room::limits::TIME_LEN;
use tempfile::TempDir;

use super::protocol::{Protocol, Stage, Stream, Taken, Until, lines, unexpected, until_line};
use super::texts::PUBLISHERS;
use crate::common::machine::Cores;
use crate::common::target::{HASH, History, PASSWORD, Target};

pub(crate) struct ChatRoom;

/// Everybody is a member.
pub(crate) fn start(cores: Cores, history: History, receivers: usize) -> io::Result<Target> {
    let readers = (0..receivers).map(|receiver| format!("{} {HASH}\n", reader(receiver)));
    // A group has an admin.
    let writers = (0..PUBLISHERS).map(|publisher| format!("{} {HASH} admin\n", writer(publisher)));
    let members: String = readers.chain(writers).collect();
    Target::server_of(&Rc::new(TempDir::new()?), &members, cores, history, &[])
}

fn reader(receiver: usize) -> String {
    format!("r{receiver}@b.c")
}

fn writer(publisher: usize) -> String {
    format!("p{publisher}@b.c")
}

fn login(name: &str) -> Vec<Stage> {
    let until = |bytes: &[u8]| -> io::Result<Until> {
        until_line(bytes, |line| match line {
            _ if line.starts_with(b"HELLO ") => Ok(false),
            _ if line.starts_with(b"OK LOGIN ") => Ok(true),
            _ => unexpected("in answer to LOGIN", line),
        })
    };
    vec![Stage { say: format!("LOGIN {name} {PASSWORD}\n").into_bytes(), until }]
}

impl Protocol for ChatRoom {
    fn stream(&self) -> Stream {
        Stream::Common
    }

    fn enter(&self, receiver: usize) -> Vec<Stage> {
        login(&reader(receiver))
    }

    fn take(
        &self,
        bytes: &[u8],
        each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
        _says: &mut Vec<u8>,
    ) -> Taken {
        let mut taken = 0;
        for line in lines(bytes) {
            taken += line.len();
            // `MSG <seq> <time> <mail> <text>`
            let mut words = line.splitn(5, |&byte| byte == b' ');
            let (verb, _, time) = (words.next(), words.next(), words.next());
            match (verb, time, words.nth(1)) {
                (Some(b"MSG"), Some(time), Some([text @ .., b'\n'])) if time.len() == TIME_LEN => each(text)?,
                _ => return unexpected("instead of a message", line),
            }
        }
        Ok(taken)
    }

    fn enter_to_publish(&self, publisher: usize) -> Vec<Stage> {
        login(&format!("{}/-", writer(publisher)))
    }

    fn publish(&self, out: &mut Vec<u8>, _publisher: usize, text: &[u8]) {
        out.extend_from_slice(b"MSG ");
        out.extend_from_slice(text);
        out.push(b'\n');
    }

    fn answers(&self, bytes: &[u8]) -> io::Result<(usize, u64)> {
        let (mut taken, mut answers) = (0, 0);
        for line in lines(bytes) {
            if !line.starts_with(b"OK MSG ") {
                return unexpected("in answer to MSG", line);
            }
            (taken, answers) = (taken + line.len(), answers + 1);
        }
        Ok((taken, answers))
    }
}
