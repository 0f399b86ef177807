//! Two servers of IRC: ngIRCd and `InspIRCd`.

use std::fs;
use std::io;
use std::process::Command;

use super::program::{Program, installed};
use super::protocol::{PASSWORD, Protocol, Stage, Stream, Taken, Until, lines, unexpected, until_line};
use crate::common::machine::Cores;

/// The two differ in how many may come in at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Irc {
    Ngircd,
    Inspircd,
}

const CHANNEL: &str = "#room";

/// Without the delays that it has for those who say much.
pub(crate) fn start_ngircd(cores: Cores) -> io::Result<Program> {
    Program::start(cores, |folder, address| {
        let configuration = format!(
            "[Global]\nName = irc.example.org\nInfo = bench\nListen = 127.0.0.1\nPorts = {}\nPassword = {PASSWORD}\n\
             ServerUID = root\nServerGID = root\nMotdPhrase = bench\n\
             [Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxNickLength = 20\nMaxPenaltyTime = 0\n\
             PingTimeout = 3600\nPongTimeout = 3600\n\
             [Options]\nDNS = no\nIdent = no\nPAM = no\n[Channel]\nName = {CHANNEL}\n",
            address.port()
        );
        let path = folder.join("ngircd.conf");
        fs::write(&path, configuration)?;
        let mut command = Command::new(installed("ngircd")?);
        command.arg("-n").arg("-f").arg(path);
        Ok(command)
    })
}

/// The same of its limits.
pub(crate) fn start_inspircd(cores: Cores) -> io::Result<Program> {
    Program::start(cores, |folder, address| {
        let folder_name = folder.display();
        let configuration = format!(
            "<path configdir=\"{folder_name}\" datadir=\"{folder_name}\" logdir=\"{folder_name}\" \
             runtimedir=\"{folder_name}\">\n\
             <server name=\"irc.example.org\" description=\"bench\" network=\"bench\">\n\
             <admin name=\"bench\" nick=\"bench\" email=\"bench@example.org\">\n\
             <bind address=\"127.0.0.1\" port=\"{}\" type=\"clients\">\n\
             <connect name=\"all\" allow=\"*\" password=\"{PASSWORD}\" timeout=\"600\" pingfreq=\"3600\" \
             threshold=\"1000000\" commandrate=\"1000000\" fakelag=\"no\" recvq=\"1M\" softsendq=\"64M\" \
             hardsendq=\"256M\" localmax=\"100000\" globalmax=\"100000\" limit=\"100000\" maxconnwarn=\"no\" \
             resolvehostnames=\"no\" useident=\"no\">\n\
             <options defaultmodes=\"t\">\n\
             <performance softlimit=\"100000\" somaxconn=\"4096\" nouserdns=\"yes\" clonesonconnect=\"no\" \
             netbuffersize=\"65534\">\n\
             <dns server=\"127.0.0.1\">\n\
             <pid file=\"{folder_name}/pid\">\n",
            address.port()
        );
        let path = folder.join("inspircd.conf");
        fs::write(&path, configuration)?;
        let mut command = Command::new(installed("inspircd")?);
        command.args(["--nofork", "--runasroot", "--nolog", "--config"]).arg(path);
        Ok(command)
    })
}

/// Whether a line is this reply or command of the server; a reply of an error is none.
fn is(line: &[u8], what: &[u8]) -> io::Result<bool> {
    let word = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    match word {
        // 422: there is no message of the day.
        [b'4' | b'5', _, _] if word != b"422" => unexpected("as an error", line),
        _ if line.starts_with(b"ERROR ") => unexpected("as an error", line),
        _ => Ok(word == what),
    }
}

fn enter(nick: &str) -> Stage {
    let say = format!("PASS {PASSWORD}\r\nNICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n").into_bytes();
    let until = |bytes: &[u8]| -> io::Result<Until> {
        until_line(bytes, |line| Ok(is(line, b"376")? || is(line, b"422")?))
    };
    Stage { say, until }
}

impl Protocol for Irc {
    fn stream(&self) -> Stream {
        Stream::Common
    }

    fn at_once(&self) -> usize {
        match self {
            // Its backlog is 10, and a connection that finds it full comes a second later.
            Irc::Ngircd => 8,
            // It looks once a second who has said all that it needs.
            Irc::Inspircd => 2000,
        }
    }

    fn enter(&self, receiver: usize) -> Vec<Stage> {
        let say = format!("JOIN {CHANNEL}\r\n").into_bytes();
        let join = Stage { say, until: |bytes| until_line(bytes, |line| is(line, b"366")) };
        vec![enter(&format!("r{receiver}")), join]
    }

    fn fence(&self) -> Option<Stage> {
        let say = b"PING fence\r\n".to_vec();
        Some(Stage { say, until: |bytes| until_line(bytes, |line| is(line, b"PONG")) })
    }

    fn take(&self, bytes: &[u8], each: &mut dyn FnMut(&[u8]) -> io::Result<()>, says: &mut Vec<u8>) -> Taken {
        let mut taken = 0;
        for line in lines(bytes) {
            taken += line.len();
            // `:<who> PRIVMSG #room :<text>`
            let mut words = line.splitn(4, |&byte| byte == b' ');
            match (words.next(), words.next(), words.nth(1)) {
                (Some(_), Some(b"PRIVMSG"), Some([b':', text @ .., b'\r', b'\n'])) => each(text)?,
                (Some(b"PING"), Some(asked), _) => {
                    says.extend_from_slice(b"PONG ");
                    says.extend_from_slice(asked);
                }
                // Others come in.
                (_, Some(b"JOIN" | b"MODE"), _) => {}
                _ => return unexpected("instead of a message", line),
            }
        }
        Ok(taken)
    }

    /// Outside the channel, so that it is not told what the others say there.
    fn enter_to_publish(&self, publisher: usize) -> Vec<Stage> {
        vec![enter(&format!("p{publisher}"))]
    }

    fn publish(&self, out: &mut Vec<u8>, _publisher: usize, text: &[u8]) {
        out.extend_from_slice(format!("PRIVMSG {CHANNEL} :").as_bytes());
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
    }

    fn ask(&self) -> Option<&'static [u8]> {
        Some(b"PING said\r\n")
    }

    fn answers(&self, bytes: &[u8]) -> io::Result<(usize, u64)> {
        let (mut taken, mut answers) = (0, 0);
        for line in lines(bytes) {
            taken += line.len();
            answers += u64::from(is(line, b"PONG")?);
        }
        Ok((taken, answers))
    }
}
