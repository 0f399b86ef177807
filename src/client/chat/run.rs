//! The shell of the chat: the terminal, the network and the clock.

use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGCONT, SIGINT, SIGWINCH};

use super::clock::Zone;
use super::out::Effect;
use super::output::Output;
use super::pace::{Resizes, Slept};
use super::view::{self, alarm};
use super::{Chat, Clock, Start};
use crate::client::connection::End;
use crate::client::credential::Credential;
use crate::client::failure::Failure;
use crate::client::inbox::{Net, News};
use crate::client::login::Entered;
use crate::client::network::Network;
use crate::client::options::Bell;
use crate::client::terminal::tty::{self, Echo, Raw};
use crate::client::terminal::{Key, Keys, Resizing};
use crate::limits::{CLIENT_LEAD_IN, CLIENT_MISSED_SHOWN};

/// News taken before the screen is drawn again.
const NEWS_PER_TURN: usize = 64;
/// Signals to continue within this time belong to one stop.
const CONTINUING: Duration = Duration::from_millis(500);

/// Chats with the person at the terminal until they leave.
pub(in super::super) fn run(entered: Entered, bell: Bell) -> Result<(), Failure> {
    let broken = |why: io::Error| Failure::failed(format!("the terminal failed: {why}"));
    let (sender, inbox) = sync_channel(NEWS_PER_TURN);
    let Entered { link, login, session, at } = entered;
    let clock = Clock::local();
    let zone = Zone::new(&clock);
    let start = Start {
        server: session.identity.servers.get(at).to_string(),
        servers: session.identity.servers.names.clone(),
        at,
        login,
        shown_before: session.shown.mine.clone(),
        shown_unasked: CLIENT_MISSED_SHOWN,
        lead_in: CLIENT_LEAD_IN,
        line_max: link.line_max(),
        bell,
        saves_token: session.saves_token,
        clock,
        reach: session.reach(),
    };
    let network = Network::new(link, session, sender.clone()).map_err(broken)?;
    let output = Output::new();
    // Where nothing is drawn, the terminal edits lines itself.
    let raw = output.draws().then(Raw::enter).transpose().map_err(broken)?;
    tty::listen(&sender).map_err(broken)?;
    let shell = Shell {
        chat: Chat::new(start, Instant::now()),
        output,
        keys: Keys::default(),
        keys_at: Instant::now(),
        raw,
        continued: None,
        resizes: Resizes::of(tty::size()),
        zone,
        network,
    };
    shell.run(&inbox)
}

#[derive(Debug)]
struct Shell {
    chat: Chat,
    output: Output,
    keys: Keys,
    /// When the last of them came.
    keys_at: Instant,
    raw: Option<Raw>,
    /// When the program continued after a stop.
    continued: Option<Instant>,
    resizes: Resizes,
    zone: Zone,
    network: Network,
}

/// How the chat ends.
enum Over {
    Left(Result<(), Failure>),
    Signal(i32),
}

impl Shell {
    fn run(mut self, inbox: &Receiver<News>) -> Result<(), Failure> {
        let mut slept = Slept::new();
        let over = loop {
            if let ControlFlow::Break(over) = self.turn(inbox, &mut slept) {
                break over;
            }
        };
        self.put_away();
        match over {
            Over::Left(result) => result,
            Over::Signal(signal) => {
                drop(self.raw);
                tty::die_of(signal).map_err(|why| Failure::failed(why.to_string()))
            }
        }
    }

    fn turn(&mut self, inbox: &Receiver<News>, slept: &mut Slept) -> ControlFlow<Over> {
        let size = tty::size();
        let settling = self.resizes.settling(size, Instant::now());
        if settling.is_none() {
            self.show(size)?;
        }
        let patience = [settling, self.rest_of_key(), Some(self.chat.deadline(Instant::now()))];
        let patience = patience.into_iter().flatten().min().expect("the chat always has a deadline");
        let first = match inbox.recv_timeout(patience) {
            Ok(news) => Some(news),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the network holds a sender"),
        };
        if slept.has_slept() {
            self.chat.out.connection.woke(Instant::now());
        }
        if let Some(clock) = self.zone.changed() {
            self.chat.moved(clock);
        }
        for news in first.into_iter().chain(inbox.try_iter().take(NEWS_PER_TURN)) {
            match news {
                // A terminal that edits lines itself does not give Ctrl-C any other way.
                News::Signal(SIGINT) if !self.output.draws() && self.chat.prompt.question().is_some() => {
                    self.chat.keys(vec![Key::Interrupt], Instant::now());
                }
                News::Signal(signal) if signal != SIGWINCH && signal != SIGCONT => {
                    return ControlFlow::Break(Over::Signal(signal));
                }
                news => self.take(news),
            }
        }
        if self.rest_of_key() == Some(Duration::ZERO) {
            let keys = self.keys.give_up();
            self.press(keys, Instant::now());
        }
        self.chat.tick(Instant::now());
        ControlFlow::Continue(())
    }

    /// Carries out effects, and draws.
    fn show(&mut self, size: (usize, usize)) -> ControlFlow<Over> {
        self.output.canvas.resize(size);
        self.carry_out()?;
        if self.output.draws() {
            self.output.canvas.draw(&self.chat.live(Instant::now()));
        } else {
            self.output.put_question(self.chat.question());
        }
        self.flush()
    }

    /// Gives the terminal all there is. If it is gone, so is the person.
    fn flush(&mut self) -> ControlFlow<Over> {
        self.write().map_or(ControlFlow::Break(Over::Left(Ok(()))), ControlFlow::Continue)
    }

    /// How long to wait for the rest of a key that has begun.
    fn rest_of_key(&self) -> Option<Duration> {
        self.keys.patience().map(|patience| patience.saturating_sub(self.keys_at.elapsed()))
    }

    fn take(&mut self, news: News) {
        let now = Instant::now();
        match news {
            News::Keys(bytes) if bytes.is_empty() => self.chat.quit(now),
            News::Keys(bytes) => {
                self.keys_at = now;
                let keys = self.keys.take_at_once(&bytes);
                self.press(keys, now);
            }
            News::Signal(SIGCONT) => self.go_on(),
            News::Signal(_) => self.resizes.changed(now),
            News::Unread | News::Input(_) => {}
            News::Net(number, _) if !self.network.is_present(number) => {}
            News::Net(_, Net::Up(login, remote)) => {
                if self.chat.enters(&login, remote.line_max, now, fastrand::f32()) {
                    self.network.remote = Some(remote);
                }
            }
            News::Net(_, Net::LoginFailed(why)) => self.chat.login_failed(&why, now, fastrand::f32()),
            News::Net(_, Net::Lines(lines)) => self.chat.lines(&lines, now),
            News::Net(_, Net::Down(end, why)) => self.down(end, &why),
        }
    }

    fn press(&mut self, mut keys: Vec<Key>, now: Instant) {
        if !self.output.draws() {
            // Such a terminal has its own keys for editing a line; others it takes for text.
            keys.retain(|key| matches!(key, Key::Char(_) | Key::Paste(_) | Key::Enter));
            for line in keys.split_inclusive(|key| *key == Key::Enter) {
                self.chat.keys(line.to_vec(), now);
                if line.ends_with(&[Key::Enter]) {
                    self.chat.prompt.clear();
                }
            }
            return;
        }
        keys.retain(|key| match key {
            Key::Terminal(name) => {
                self.output.canvas.resizing = Resizing::of(name);
                false
            }
            _ => true,
        });
        self.chat.keys(keys, now);
    }

    fn down(&mut self, end: End, why: &str) {
        self.network.down();
        self.chat.down(end, why, Instant::now(), fastrand::f32());
    }

    /// Carries out effects, and those that follow from them.
    fn carry_out(&mut self) -> ControlFlow<Over> {
        loop {
            let effects = self.chat.out.take();
            if effects.is_empty() {
                return ControlFlow::Continue(());
            }
            for effect in effects {
                match effect {
                    Effect::Print(line) => self.output.print(line, || self.chat.question()),
                    Effect::Ring => self.output.canvas.ring(),
                    Effect::Title(title) => self.output.title(&title),
                    Effect::Redraw => self.output.canvas.redraw(),
                    Effect::Clear if self.output.draws() => self.output.canvas.clear(),
                    Effect::Clear => self.chat.print(alarm("/clear: this terminal cannot be cleared")),
                    Effect::Send(line) => {
                        // What was shown is recorded before the server may take it for seen.
                        if self.output.has_marks() {
                            self.flush()?;
                        }
                        self.network.send(line);
                    }
                    Effect::More => self.network.more(),
                    Effect::Connect(at) => self.network.dial(at),
                    Effect::GiveUp(why) => {
                        self.network.hang_up();
                        if self.chat.out.connection.is_up() {
                            self.down(End::Silent, why);
                        }
                    }
                    Effect::SaveToken(token) => {
                        if let Err(why) = self.network.session.save_token(token) {
                            self.chat.print(alarm(why));
                        }
                    }
                    Effect::Shown(place) => self.output.mark(place),
                    // Where the terminal edits lines itself it would not show this one.
                    Effect::GiveBack(text) if self.output.draws() => self.chat.give_back(&text),
                    Effect::GiveBack(text) => self.chat.print(view::given_back(&text)),
                    Effect::NewPassword(password) => {
                        self.network.session.credential = Credential::Password(password);
                    }
                    Effect::Suspend => {
                        self.output.canvas.erase();
                        let _ = self.write();
                        tty::stop_group();
                        self.go_on();
                    }
                    Effect::Leave(result) => return ControlFlow::Break(Over::Left(result)),
                }
            }
        }
    }

    /// Continues after a stop, during which another program had the terminal. A shell may send the signal twice, and after a stop
    /// by ^Z the program has continued already: then no other program had the terminal in between.
    fn go_on(&mut self) {
        let before = self.continued.replace(Instant::now());
        // If that fails the terminal is gone, and the next write reports it.
        let _ = self.raw.as_ref().map(|_| tty::set_raw());
        self.output.title(&self.chat.transcript.title);
        if before.is_some_and(|at| at.elapsed() < CONTINUING) {
            self.output.canvas.erase();
        } else {
            self.output.canvas.forget_drawn();
        }
    }

    fn put_away(&mut self) {
        self.output.canvas.erase();
        let _ = self.write();
        // The terminal may be gone, and earlier errors were reported.
        let _ = self.network.session.shown.finish();
        if self.chat.prompt.hides_typing() {
            tty::forget_typed();
        }
        let _ = tty::set_echo(Echo::On);
        self.network.hang_up();
    }

    fn write(&mut self) -> io::Result<()> {
        let Shell { output, network, chat, .. } = self;
        output.write(|place| {
            if let Err(why) = network.session.record_shown(place) {
                chat.print(alarm(why));
            }
        })
    }
}
