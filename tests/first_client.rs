//! PROTOCOL.md begins with "A client in short". This is one, written from that section alone, step by step: it misses
//! nothing and shows nothing twice, though it dies with unread input and the server is killed.

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use common::peer::Peer;
use common::server::{PATIENCE, Server};

/// What it keeps from one connection to the next.
#[derive(Default)]
struct Memory {
    transcript: String,
    /// The number up to which it has everything.
    last: u64,
    /// Events by their numbers; of its own messages the text.
    shown: BTreeMap<u64, String>,
}

struct Client<'a> {
    memory: &'a mut Memory,
    reader: BufReader<TcpStream>,
    /// Commands that are not answered.
    queue: VecDeque<String>,
    /// The number of the next event of the feed.
    next: u64,
    /// The lines of the answer that is being read.
    answer: Vec<String>,
    answers: Vec<(String, Vec<String>)>,
    in_history: bool,
}

/// A field of a line, found by its key.
fn field<'l>(line: &'l str, key: &str) -> &'l str {
    let value = line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {key}= in {line}"))
}

impl<'a> Client<'a> {
    fn enter(addr: SocketAddr, memory: &'a mut Memory) -> Client<'a> {
        // 1. Connect.
        let stream = TcpStream::connect(addr).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        let reader = BufReader::new(stream);
        let (queue, answer, answers) = (VecDeque::new(), Vec::new(), Vec::new());
        let mut client = Client { memory, reader, queue, next: 0, answer, answers, in_history: false };
        let hello = client.line().expect("a line");
        assert!(hello.starts_with("HELLO ") && field(&hello, "max-line").parse::<usize>().is_ok());
        // 2. Log in.
        client.send("LOGIN cid@x cid-secret");
        let ok = client.line().expect("an answer");
        assert!(ok.starts_with("OK LOGIN "), "{ok}");
        client.queue.pop_front();
        let number = |key| field(&ok, key).parse::<u64>().expect("a number");
        client.next = number("last") - number("missed") + 1;
        // 6. Again.
        if client.memory.transcript != field(&ok, "transcript") {
            *client.memory = Memory { transcript: field(&ok, "transcript").to_owned(), ..Memory::default() };
            client.memory.last = client.next - 1;
        } else if client.next > client.memory.last + 1 {
            client.send(&format!("HISTORY SINCE {}", client.memory.last));
        }
        client
    }

    fn send(&mut self, line: &str) {
        self.queue.push_back(line.to_owned());
        self.reader.get_mut().write_all(format!("{line}\n").as_bytes()).expect("the server reads");
    }

    /// The next line. Nothing: the connection has ended.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line in time");
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// 3. Commands and 4. Events, until everything is answered, or so many events were shown.
    fn read(&mut self, until: impl Fn(&Client<'_>) -> bool) {
        while !until(self) {
            let line = self.line().expect("the connection goes on");
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                "OK" | "ERR" => {
                    let command = self.queue.pop_front().expect("it answers the oldest command");
                    if let ["OK", "MSG", number, ..] = words[..] {
                        self.count(number);
                        self.show(number, &command["MSG ".len()..]);
                    }
                    self.in_history = false;
                    let lines = std::mem::take(&mut self.answer);
                    self.answers.push((line, lines));
                }
                "MSG" | "ADDED" | "REMOVED" => self.event(words[1], &line),
                "HISTORY" => self.in_history = true,
                "WHO" | "MEMBER" | "PENDING" | "STAT" | "HELP" => self.answer.push(line),
                // A number and a time: an event of a later version. It is shown as it is.
                _ if is_number(words.get(1)) && is_time(words.get(2)) => self.event(words[1], &line),
                _ => {}
            }
        }
        self.memory.last = self.memory.shown.last_key_value().map_or(self.memory.last, |(last, _)| *last);
    }

    fn event(&mut self, number: &str, line: &str) {
        if !self.in_history {
            self.count(number);
        }
        self.show(number, line);
    }

    /// One more than the one before.
    fn count(&mut self, number: &str) {
        assert_eq!(number.parse(), Ok(self.next));
        self.next += 1;
    }

    /// What it has already is dropped.
    fn show(&mut self, number: &str, text: &str) {
        let number = number.parse().expect("a number");
        if number > self.memory.last {
            let before = self.memory.shown.insert(number, text.to_owned());
            assert_eq!(before, None, "shown twice: {text}");
        }
    }
}

fn is_number(word: Option<&&str>) -> bool {
    word.is_some_and(|word| word.parse::<u64>().is_ok())
}

/// Always 24 characters.
fn is_time(word: Option<&&str>) -> bool {
    word.is_some_and(|word| word.len() == 24 && word.contains('T') && word.ends_with('Z'))
}

fn is_idle(client: &Client<'_>) -> bool {
    client.queue.is_empty()
}

#[test]
fn a_client_of_one_page_misses_nothing_and_shows_nothing_twice() {
    let server = Server::start();
    let mut memory = Memory::default();
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    let mut client = Client::enter(server.addr(), &mut memory);
    client.send("MSG first");
    client.send("WHO");
    client.read(is_idle);
    assert_eq!(client.answers[1], ("OK WHO 1".to_owned(), vec!["WHO cid@x devices=1".to_owned()]));

    // It dies with unread input, which its system has acknowledged.
    ann.say("MSG two\nMSG three\nMSG four");
    for number in 2..=4 {
        ann.expect(&format!("OK MSG {number} <time>"));
    }
    client.read(|client| client.next > 2);
    drop(client);
    server.until_noted("cid@x", 4);
    let mut client = Client::enter(server.addr(), &mut memory);
    assert_eq!(client.queue.len(), 1, "the events begin later than where it was");
    client.read(is_idle);
    ann.say("MSG five");
    client.read(|client| client.memory.shown.len() == 5);
    drop(client);

    // The server is killed before it has noted anything, and perhaps sends some again.
    let server = server.again();
    let mut ann = Peer::member(server.addr(), "ann@x/-");
    ann.say("MSG six");
    ann.expect("OK MSG 6 <time>");
    let mut client = Client::enter(server.addr(), &mut memory);
    client.send("PING");
    client.read(|client| is_idle(client) && client.memory.shown.contains_key(&6));
    drop(client);
    let texts = memory.shown.values().map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned());
    assert_eq!(texts.collect::<Vec<_>>(), ["first", "two", "three", "four", "five", "six"]);
    assert_eq!(memory.shown.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

/// A server of a later version: it hears what follows `< `, and says all else.
fn later_version(connections: [&'static str; 2]) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || {
        for script in connections {
            let (mut stream, _) = listener.accept().expect("the client connects");
            stream.set_read_timeout(Some(PATIENCE)).expect("an option");
            let mut heard = BufReader::new(stream.try_clone().expect("a descriptor"));
            for line in script.replace("TIME", "2026-01-02T03:04:05.678Z").lines() {
                if let Some(expected) = line.strip_prefix("< ") {
                    let mut found = String::new();
                    heard.read_line(&mut found).expect("a line in time");
                    assert_eq!(found.trim_end(), expected);
                } else {
                    stream.write_all(format!("{line}\n").as_bytes()).expect("the client reads");
                }
            }
        }
    });
    (addr, server)
}

#[test]
fn an_event_of_a_later_version_is_counted_like_all_others() {
    let (addr, server) = later_version([
        "HELLO chat-room/9 max-line=4096\n< LOGIN cid@x cid-secret\n\
         OK LOGIN cid@x role=member last=2 missed=1 first=1 transcript=0123abcd\n\
         TITLED 2 TIME ann@x the heating\n< MSG three\nNEWS 3 is no event\nOK MSG 3 TIME\nPROMOTED 4 TIME - cid@x\n\
         MSG 5 TIME ann@x five\n",
        "HELLO chat-room/9 max-line=4096\n< LOGIN cid@x cid-secret\n\
         OK LOGIN cid@x role=member last=8 missed=0 first=1 transcript=0123abcd\n\
         < HISTORY SINCE 5\nHISTORY 6 8\nNAMED 6 TIME ann@x six\nMSG 7 TIME ann@x seven\n\
         TITLED 8 TIME ann@x eight\nOK HISTORY 3 last=8\nANNOUNCE 9 TIME ann@x on\n",
    ]);
    let mut memory = Memory::default();
    let mut client = Client::enter(addr, &mut memory);
    client.send("MSG three");
    client.read(|client| client.next > 5);
    drop(client);
    let mut client = Client::enter(addr, &mut memory);
    client.read(|client| is_idle(client) && client.next > 9);
    drop(client);
    server.join().expect("the conversation goes as in the script");
    let texts = memory.shown.values().map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned());
    let expected = ["heating", "three", "cid@x", "five", "six", "seven", "eight", "on"];
    assert_eq!(texts.collect::<Vec<_>>(), expected);
}
