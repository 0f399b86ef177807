//! The shell of the chat: the terminal, the network and the clock.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGCONT, SIGINT, SIGWINCH};

use super::clock::Zone;
use super::effect::Effect;
use super::pace::{Resizes, Slept};
use super::view::alarm;
use super::{Beginning, Chat, Clock};
use crate::client::connection::numbers::Place;
use crate::client::exit::{Exit, Failure};
use crate::client::inbox::{Net, News, Remote};
use crate::client::login::{Entered, Session};
use crate::client::network;
use crate::client::options::Bell;
use crate::client::outbox::End;
use crate::client::terminal::canvas::{Ability, Canvas};
use crate::client::terminal::keys::{Key, Keys};
use crate::client::terminal::kind::Resizing;
use crate::client::terminal::out;
use crate::client::terminal::tty::{self, Echo, Raw};
use crate::limits::{CLIENT_LEAD_IN, CLIENT_MISSED_SHOWN, CLIENT_PIECE};

/// News taken before the screen is drawn again.
const NEWS_PER_TURN: usize = 64;
/// Signals that it goes on tell of one stop within this time.
const CONTINUING: Duration = Duration::from_millis(500);

/// Talks with whoever sits at the terminal, until they go.
pub(in super::super) fn run(entered: Entered, bell: Bell) -> Result<(), Failure> {
    let broken = |why: io::Error| Failure::new(Exit::Failed, format!("the terminal failed: {why}"));
    let (sender, inbox) = sync_channel(NEWS_PER_TURN);
    let line_max = entered.link.line_max();
    let remote = network::attend(entered.link, 0, sender.clone()).map_err(broken)?;
    let ability = ability();
    let clock = Clock::local();
    let zone = Zone::new(&clock);
    let beginning = Beginning {
        me: entered.session.who.mail.clone(),
        server: entered.session.last.server.to_string(),
        welcome: entered.welcome,
        noted: entered.session.noted(),
        unasked: CLIENT_MISSED_SHOWN,
        lead_in: CLIENT_LEAD_IN,
        line_max,
        bell,
        stays: entered.session.stays,
        clock,
    };
    // A line at a time comes from the terminal as it is.
    let raw = (ability != Ability::Lines).then(Raw::enter).transpose().map_err(broken)?;
    tty::listen(&sender).map_err(broken)?;
    let shell = Shell {
        chat: Chat::new(beginning, Instant::now()),
        canvas: Canvas::new(tty::size(), ability),
        marks: VecDeque::new(),
        ability,
        asked: None,
        keys: Keys::default(),
        keys_at: Instant::now(),
        raw,
        continued: None,
        resizes: Resizes::of(tty::size()),
        zone,
        remote: Some(remote),
        number: 0,
        sender,
        session: entered.session,
    };
    shell.run(&inbox)
}

fn ability() -> Ability {
    // Into a pipe or a file, too, go lines, and nothing is drawn.
    if !io::stdout().is_terminal() {
        return Ability::Lines;
    }
    let value = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    // A dumb one: as in a shell of Emacs.
    match (value("TERM").filter(|term| term != "dumb"), value("NO_COLOR")) {
        (None, _) => Ability::Lines,
        (Some(_), None) => Ability::Colours,
        (Some(_), Some(_)) => Ability::Cursor,
    }
}

#[derive(Debug)]
struct Shell {
    chat: Chat,
    canvas: Canvas,
    /// Bytes of the canvas, and up to where all was shown when the terminal has taken so many.
    marks: VecDeque<(usize, Place)>,
    ability: Ability,
    /// Where nothing is drawn, the question that was put last.
    asked: Option<(String, Echo)>,
    keys: Keys,
    /// When the last of them came.
    keys_at: Instant,
    raw: Option<Raw>,
    /// When it went on after a stop.
    continued: Option<Instant>,
    resizes: Resizes,
    zone: Zone,
    remote: Option<Remote>,
    /// Of the present connection: news of those before it come too late.
    number: u32,
    sender: SyncSender<News>,
    session: Session,
}

/// How a turn ends.
enum Turn {
    GoesOn,
    Leaves(Result<(), Failure>),
    DiesOf(i32),
}

impl Shell {
    fn run(mut self, inbox: &Receiver<News>) -> Result<(), Failure> {
        let mut slept = Slept::new();
        loop {
            match self.turn(inbox, &mut slept) {
                Turn::GoesOn => {}
                Turn::Leaves(result) => {
                    self.put_away();
                    return result;
                }
                Turn::DiesOf(signal) => {
                    self.put_away();
                    let Shell { raw, .. } = self;
                    drop(raw);
                    let died = tty::die_of(signal);
                    return died.map_err(|why| Failure::new(Exit::Failed, why.to_string()));
                }
            }
        }
    }

    fn turn(&mut self, inbox: &Receiver<News>, slept: &mut Slept) -> Turn {
        let size = tty::size();
        let unrest = self.resizes.unrest(size, Instant::now());
        if unrest.is_none()
            && let Some(end) = self.show(size)
        {
            return end;
        }
        let patience = self.chat.deadline(Instant::now());
        let patience = unrest.map_or(patience, |unrest| unrest.min(patience));
        let patience = self.rest_of_key().map_or(patience, |rest| rest.min(patience));
        let first = match inbox.recv_timeout(patience) {
            Ok(news) => Some(news),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("we hold a sender ourselves"),
        };
        if slept.has_slept() {
            self.chat.woke(Instant::now());
        }
        if let Some(clock) = self.zone.changed() {
            self.chat.moved(clock);
        }
        for news in first.into_iter().chain(inbox.try_iter().take(NEWS_PER_TURN)) {
            match news {
                // Such a terminal gives Ctrl-C no other way.
                News::Signal(SIGINT) if self.ability == Ability::Lines && self.chat.is_asking() => {
                    self.chat.key(Key::Interrupt, Instant::now());
                }
                News::Signal(signal) if signal != SIGWINCH && signal != SIGCONT => {
                    return Turn::DiesOf(signal);
                }
                news => self.take(news),
            }
        }
        if self.rest_of_key() == Some(Duration::ZERO) {
            let keys = self.keys.give_up();
            self.press(keys, Instant::now());
        }
        self.chat.tick(Instant::now());
        Turn::GoesOn
    }

    /// Does what the chat wants, and shows it.
    fn show(&mut self, size: (usize, usize)) -> Option<Turn> {
        self.canvas.resize(size);
        if let Some(end) = self.carry_out() {
            return Some(end);
        }
        if self.ability == Ability::Lines {
            self.put_question();
        } else {
            self.canvas.draw(&self.chat.live(Instant::now()));
        }
        // The terminal is gone, and with it whoever sat there.
        self.write().is_err().then_some(Turn::Leaves(Ok(())))
    }

    /// How long the rest of a key that has begun is waited for.
    fn rest_of_key(&self) -> Option<Duration> {
        self.keys.patience().map(|patience| patience.saturating_sub(self.keys_at.elapsed()))
    }

    /// A line does not stand behind a question, which is put again below it.
    fn interrupt_question(&mut self) {
        let Some((text, echo)) = &self.asked else { return };
        if text.ends_with('\n') {
            return;
        }
        // The end of an answer that was shown is one of its row.
        if *echo == Echo::Off || self.chat.question() == self.asked {
            self.canvas.ask("\n");
        }
        self.asked = None;
    }

    /// Puts the question that is open, once.
    fn put_question(&mut self) {
        let question = self.chat.question();
        if question == self.asked {
            return;
        }
        // The end of an answer that was not shown was not shown either.
        if let Some((_, Echo::Off)) = self.asked {
            self.canvas.ask("\n");
        }
        let (text, echo) = question.as_ref().map_or(("", Echo::On), |(text, echo)| (text.as_str(), *echo));
        self.canvas.ask(text);
        // If that fails the terminal is gone, and writing to it tells.
        let _ = tty::set_echo(echo);
        self.asked = question;
    }

    fn take(&mut self, news: News) {
        let now = Instant::now();
        match news {
            News::Keys(bytes) if bytes.is_empty() => self.chat.keyboard_ended(now),
            News::Keys(bytes) => {
                self.keys_at = now;
                let keys = self.keys.take_at_once(&bytes);
                self.press(keys, now);
            }
            News::Signal(SIGCONT) => self.go_on(),
            News::Signal(_) => self.resizes.told(now),
            News::Unread => {}
            News::Net(number, _) if number != self.number => {}
            News::Net(_, Net::Up(welcome, remote)) => {
                self.chat.up(&welcome, remote.line_max, now);
                self.remote = Some(remote);
            }
            News::Net(_, Net::NotIn(why)) => self.chat.not_in(&why, now, fastrand::f32()),
            News::Net(_, Net::Lines(lines)) => self.chat.lines(&lines, now),
            News::Net(_, Net::Down(end, why)) => self.down(end, &why),
        }
    }

    fn press(&mut self, mut keys: Vec<Key>, now: Instant) {
        if self.ability == Ability::Lines {
            // Such a terminal has its own keys for editing a line; others it takes for text.
            keys.retain(|key| matches!(key, Key::Char(_) | Key::Paste(_) | Key::Enter));
            for line in keys.split_inclusive(|key| *key == Key::Enter) {
                self.chat.keys(line.to_vec(), now);
                if line.ends_with(&[Key::Enter]) {
                    self.chat.take_back_nothing();
                }
            }
            return;
        }
        keys.retain(|key| match key {
            Key::Terminal(name) => {
                self.canvas.set_resizing(Resizing::of(name));
                false
            }
            _ => true,
        });
        self.chat.keys(keys, now);
    }

    fn down(&mut self, end: End, why: &str) {
        self.remote = None;
        self.number += 1;
        self.chat.down(end, why, Instant::now(), fastrand::f32());
    }

    /// Does what the chat wants, and all that follows from it.
    fn carry_out(&mut self) -> Option<Turn> {
        loop {
            let effects = std::mem::take(&mut self.chat.effects);
            if effects.is_empty() {
                return None;
            }
            for effect in effects {
                match effect {
                    Effect::Print(line) => {
                        self.interrupt_question();
                        self.canvas.print(line);
                    }
                    Effect::Ring => self.canvas.ring(),
                    Effect::Redraw => self.canvas.redraw(),
                    Effect::Clear if self.ability == Ability::Lines => {
                        self.chat.print(alarm("/clear: this terminal cannot be cleared"));
                    }
                    Effect::Clear => self.canvas.clear(),
                    Effect::Send(line) => {
                        // What the server takes for shown from now on is noted before.
                        if !self.marks.is_empty() && self.write().is_err() {
                            return Some(Turn::Leaves(Ok(())));
                        }
                        if let Some(remote) = &self.remote {
                            remote.send(line);
                        }
                    }
                    Effect::More => self.remote.iter().for_each(Remote::more),
                    Effect::Connect => self.connect(),
                    Effect::GiveUp(why) => {
                        self.remote.iter().for_each(Remote::hang_up);
                        if self.chat.is_up() {
                            self.down(End::Silent, why);
                        }
                    }
                    Effect::KeepToken(token) => {
                        if let Err(why) = self.session.keep(token) {
                            self.chat.print(alarm(why));
                        }
                    }
                    Effect::Shown(place) => self.marks.push_back((self.canvas.len(), place)),
                    Effect::NewPassword(password) => self.session.set_password(password),
                    Effect::Suspend => {
                        self.canvas.erase();
                        let _ = self.write();
                        tty::stop_group();
                        self.go_on();
                    }
                    Effect::Leave(result) => return Some(Turn::Leaves(result)),
                }
            }
        }
    }

    fn connect(&mut self) {
        self.number += 1;
        self.session.dial(self.number, &self.sender);
    }

    /// After a stop somebody else had the terminal meanwhile. A shell may tell of its end twice, and after a stop by ^Z it
    /// was noticed before: then nobody had it.
    fn go_on(&mut self) {
        let before = self.continued.replace(Instant::now());
        // If that fails the terminal is gone, and writing to it tells.
        let _ = self.raw.as_ref().map(Raw::enter_again);
        if before.is_some_and(|at| at.elapsed() < CONTINUING) {
            self.canvas.erase();
        } else {
            self.canvas.forget_drawn();
        }
    }

    fn put_away(&mut self) {
        self.canvas.erase();
        let _ = self.write();
        self.session.finish();
        if self.chat.asks_for_password() {
            tty::forget_typed();
        }
        let _ = tty::set_echo(Echo::On);
        if let Some(remote) = &self.remote {
            remote.hang_up();
        }
    }

    /// Gives the terminal what is to stand there, a piece at a time, and notes up to where all was shown: what it has
    /// taken, and no more. Whoever is killed in between is shown a piece twice, rather than never.
    fn write(&mut self) -> io::Result<()> {
        let (bytes, mut marks) = (self.canvas.take(), std::mem::take(&mut self.marks));
        let mut taken = 0;
        loop {
            let mut place = None;
            while marks.front().is_some_and(|(end, _)| *end <= taken) {
                place = marks.pop_front().map(|(_, shown)| shown);
            }
            // Also what another chat of this device kept from being noted.
            if let Err(why) = self.session.note(place.as_ref()) {
                self.chat.print(alarm(why));
            }
            if taken == bytes.len() {
                return Ok(());
            }
            let piece = marks.iter().map(|(end, _)| *end).find(|end| *end >= taken + CLIENT_PIECE);
            taken += out::write(&bytes.as_bytes()[taken..piece.unwrap_or(bytes.len())])?;
        }
    }
}
