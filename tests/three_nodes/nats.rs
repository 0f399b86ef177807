//! A client of NATS: requests and answers over TLS, one after the other. It is this test's own, so that a mistake of the
//! node's client cannot hide here.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A connection with TLS.
pub(crate) type Secure = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// TLS to the machine of this name, for whoever trusts this authority and shows the certificate in this folder, if one is
/// given. What goes wrong shows when it is used.
pub(crate) fn secure(stream: TcpStream, host: &str, ca: &Path, own: Option<&Path>) -> Secure {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).expect("a certificate")).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has suites for both versions")
        .with_root_certificates(roots);
    let config = match own {
        None => config.with_no_client_auth(),
        Some(folder) => {
            let certificate =
                CertificateDer::from_pem_file(folder.join("broker.pem")).expect("a certificate");
            let key = PrivateKeyDer::from_pem_file(folder.join("broker.key")).expect("a key");
            config.with_client_auth_cert(vec![certificate], key).expect("they belong together")
        }
    };
    let name = host.to_owned().try_into().expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a usable name");
    BufReader::new(StreamOwned::new(session, stream))
}

/// What a broker sends.
#[derive(Debug)]
pub(crate) enum Said {
    Message(Message),
    /// `-ERR`, with why.
    Refused(String),
    Pong,
}

/// A message, its headers and its body as they came.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// Somebody who has logged in at a broker.
pub(crate) struct Client {
    secure: Secure,
    /// Where answers come. All nodes have one login, and so could have one another's answers.
    inbox: u32,
    /// What came and was not taken.
    waiting: VecDeque<Message>,
    asked: u32,
    subscribed: u32,
}

static CLIENTS: AtomicU32 = AtomicU32::new(0);

impl Client {
    /// An error is the broker's.
    pub(crate) fn login(secure: Secure, user: &str, password: &str) -> Result<Client, String> {
        let inbox = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let mut client = Client { secure, inbox, waiting: VecDeque::new(), asked: 0, subscribed: 0 };
        let info = client.line().expect("the broker speaks first");
        assert!(info.starts_with("INFO {\"server_id\":"), "{info}");
        let login = format!("\"user\":\"{user}\",\"pass\":\"{password}\"");
        let options = "\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true";
        client
            .send(&format!("CONNECT {{{login},{options},\"lang\":\"test\",\"version\":\"1\"}}\r\nPING\r\n"));
        match client.next() {
            Said::Pong => {}
            Said::Refused(why) => return Err(why),
            said @ Said::Message(_) => panic!("{said:?}"),
        }
        client.send(&format!("SUB _INBOX.{inbox}.> 1\r\n"));
        Ok(client)
    }

    fn send(&mut self, text: &str) {
        self.secure.get_mut().write_all(text.as_bytes()).expect("the broker reads");
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.secure.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Said {
        self.read().expect("the broker goes on")
    }

    fn read(&mut self) -> io::Result<Said> {
        loop {
            let line = self.line()?;
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                "PONG" => return Ok(Said::Pong),
                "-ERR" => return Ok(Said::Refused(line["-ERR ".len()..].trim_matches('\'').to_owned())),
                "PING" => self.send("PONG\r\n"),
                "INFO" => {}
                "MSG" | "HMSG" => {
                    let size =
                        |from_end: usize| words[words.len() - from_end].parse::<usize>().expect("a size");
                    let head = if words[0] == "HMSG" { size(2) } else { 0 };
                    let mut all = vec![0; size(1) + 2];
                    self.secure.read_exact(&mut all)?;
                    all.truncate(size(1));
                    let body = String::from_utf8(all.split_off(head)).expect("text");
                    let headers = String::from_utf8(all).expect("text");
                    return Ok(Said::Message(Message { subject: words[1].to_owned(), headers, body }));
                }
                _ => panic!("what is {line}?"),
            }
        }
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Message {
        if let Some(message) = self.waiting.pop_front() {
            return message;
        }
        match self.next() {
            Said::Message(message) => message,
            said => panic!("no message: {said:?}"),
        }
    }

    pub(crate) fn subscribe(&mut self, subject: &str) {
        self.subscribed += 1;
        self.send(&format!("SUB {subject} s{}\r\n", self.subscribed));
    }

    pub(crate) fn publish(&mut self, subject: &str, reply: &str, body: &str) {
        self.send(&format!("PUB {subject} {reply} {}\r\n{body}\r\n", body.len()));
    }

    /// Asks. The answers come with this subject.
    pub(crate) fn ask(&mut self, subject: &str, body: &str) -> String {
        self.asked += 1;
        let reply = format!("_INBOX.{}.{}", self.inbox, self.asked);
        self.publish(subject, &reply, body);
        reply
    }

    /// The answer to a request. What else comes meanwhile is passed over.
    #[track_caller]
    pub(crate) fn answer(&mut self, subject: &str, body: &str) -> Message {
        let reply = self.ask(subject, body);
        loop {
            let message = self.message();
            if message.subject == reply {
                return message;
            }
        }
    }

    /// The answer to a request, unless there is none: it may have been put to a broker that is gone.
    pub(crate) fn answer_if_any(mut self, subject: &str, body: &str) -> Option<Message> {
        self.secure.get_ref().sock.set_read_timeout(Some(Duration::from_secs(2))).expect("an option");
        let reply = self.ask(subject, body);
        loop {
            match self.read().ok()? {
                Said::Message(message) if message.subject == reply => return Some(message),
                _ => {}
            }
        }
    }

    /// Why the broker refuses what was sent so far, if it does.
    pub(crate) fn refused(&mut self) -> Option<String> {
        self.send("PING\r\n");
        let mut refused = None;
        loop {
            match self.next() {
                Said::Pong => return refused,
                Said::Refused(why) => refused = Some(why),
                Said::Message(message) => self.waiting.push_back(message),
            }
        }
    }

    /// Whether the broker had a message for us when it had read all that was sent.
    pub(crate) fn has_message(&mut self) -> bool {
        assert_eq!(self.refused(), None);
        !self.waiting.is_empty()
    }
}
