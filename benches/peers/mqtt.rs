//! mosquitto: MQTT 3.1.1, quality of service 0.

use std::fs;
use std::io;
use std::process::Command;

use super::program::{Program, installed};
use super::protocol::{PASSWORD, Protocol, ROOM, Stage, Stream, Taken, unexpected, until_exactly};
use crate::common::fail;
use crate::common::machine::Cores;

pub(crate) struct Mqtt;

const USER: &str = "bench";

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const PINGREQ: &[u8] = &[0xc0, 0];
const PINGRESP: [u8; 2] = [0xd0, 0];
/// The session is new, and a name and a password are given.
const CLEAN_WITH_PASSWORD: u8 = 0xc2;
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
const CONNACK_SUBACK: [u8; 9] = [0x20, 2, 0, 0, 0x90, 3, 0, 1, 0];

pub(crate) fn start(cores: Cores) -> io::Result<Program> {
    Program::start(cores, |folder, address| {
        let passwords = folder.join("passwords");
        // One SHA-512, the cheapest that it has.
        let mut makes = Command::new(installed("mosquitto_passwd")?);
        makes.args(["-H", "sha512", "-b", "-c"]).arg(&passwords).args([USER, PASSWORD]);
        if !makes.output()?.status.success() {
            return fail("mosquitto_passwd fails");
        }
        let configuration = format!(
            "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {}\npersistence false\nuser root\n\
             max_queued_messages 0\nmax_connections -1\nlog_dest stderr\nlog_type error\n",
            address.port(),
            passwords.display()
        );
        let path = folder.join("mosquitto.conf");
        fs::write(&path, configuration)?;
        let mut command = Command::new(installed("mosquitto")?);
        command.arg("-c").arg(path);
        Ok(command)
    })
}

/// A string with its length.
fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short text");
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

/// All of ours are shorter than 128 bytes, so that their length is one byte.
fn packet(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u8::try_from(body.len()).ok().filter(|length| *length < 128).expect("a short packet");
    [&[kind, length], &body[..]].concat()
}

fn connect(client: &str) -> Vec<u8> {
    let strings = [string(client), string(USER), string(PASSWORD)].concat();
    packet(CONNECT, &[&string("MQTT"), &[4, CLEAN_WITH_PASSWORD, 0, 0], &strings])
}

impl Protocol for Mqtt {
    fn stream(&self) -> Stream {
        Stream::Common
    }

    fn at_once(&self) -> usize {
        64
    }

    fn enter(&self, receiver: usize) -> Vec<Stage> {
        let subscribe = packet(SUBSCRIBE, &[&[0, 1], &string(ROOM), &[0]]);
        let say = [connect(&format!("r{receiver}")), subscribe].concat();
        vec![Stage { say, until: |bytes| until_exactly(bytes, &CONNACK_SUBACK) }]
    }

    fn take(
        &self,
        bytes: &[u8],
        each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
        _says: &mut Vec<u8>,
    ) -> Taken {
        let mut rest = bytes;
        while let [kind, length, after @ ..] = rest {
            let Some((body, next)) = after.split_at_checked(usize::from(*length)) else { break };
            match body.split_at_checked(2 + ROOM.len()) {
                Some((topic, text))
                    if *kind == PUBLISH && *length < 128 && topic[2..] == *ROOM.as_bytes() =>
                {
                    each(text)?;
                }
                _ => return unexpected("instead of PUBLISH", rest),
            }
            rest = next;
        }
        Ok(bytes.len() - rest.len())
    }

    fn enter_to_publish(&self, publisher: usize) -> Vec<Stage> {
        let until = |bytes: &[u8]| until_exactly(bytes, &CONNACK);
        vec![Stage { say: connect(&format!("p{publisher}")), until }]
    }

    fn publish(&self, out: &mut Vec<u8>, _publisher: usize, text: &[u8]) {
        out.extend_from_slice(&packet(PUBLISH, &[&string(ROOM), text]));
    }

    fn ask(&self) -> Option<&'static [u8]> {
        Some(PINGREQ)
    }

    fn answers(&self, bytes: &[u8]) -> io::Result<(usize, u64)> {
        let (answers, rest) = bytes.as_chunks::<2>();
        match answers.iter().find(|answer| **answer != PINGRESP) {
            Some(other) => unexpected("instead of PINGRESP", other),
            None => Ok((bytes.len() - rest.len(), answers.len() as u64)),
        }
    }
}
