//! A chat without a terminal, a network or a clock, and its effects.

use std::time::{Duration, Instant};

use super::super::clock;
use super::super::out::Effect;
use super::super::{Chat, Start};
use crate::client::connection::End;
use crate::client::connection::numbers::Place;
use crate::client::options::Bell;
use crate::client::server::Reach;
use crate::client::terminal::keys::Keys;
use crate::protocol::{LastIs, LoginOk, Mail, Role, Seq};

/// A chat and its effects.
pub(super) struct Stage {
    pub(super) chat: Chat,
    pub(super) now: Instant,
    /// How far the transcript was shown.
    pub(super) shown: u64,
}

/// Ann's first line, of a group without a title.
pub(super) const GREETING: &str = "| * you are ann@x at here:1; /help lists the commands\n";

pub(super) const DAY: &str = "--- Fri 2026-01-02 ---";

pub(in crate::client::chat) fn welcome(last: u64, missed: u64) -> LoginOk {
    let mail = Mail::parse(b"ann@x").expect("a mail");
    let transcript = "0123abcd".to_owned();
    LoginOk {
        mail,
        role: Role::Member,
        last: Seq(last),
        missed,
        first: Seq(1),
        transcript,
        last_is: LastIs::Certain,
    }
}

/// Ann's chat.
pub(in crate::client::chat) fn start(welcome: LoginOk, shown_before: Option<Place>) -> Start {
    Start {
        server: "here:1".to_owned(),
        servers: vec!["here:1".to_owned()],
        at: 0,
        login: welcome,
        shown_before,
        shown_unasked: 300,
        lead_in: 0,
        line_max: 4095,
        bell: Bell::Mention,
        saves_token: false,
        clock: clock::utc(),
        reach: Reach { servers: vec!["here:1".to_owned()], ..Reach::default() },
    }
}

impl Stage {
    /// Ann is logged in. Neither the title nor the names are answered yet.
    pub(super) fn untitled(last: u64, missed: u64) -> Stage {
        let mut stage = Stage::with(start(welcome(last, missed), None), Instant::now());
        let skip = if missed > 300 { "< SKIP\n" } else { "" };
        assert_eq!(stage.effects(), format!("{skip}< TITLE\n< MEMBERS\n"));
        stage
    }

    /// Ann is logged in. The names are not answered yet; the greeting and what was missed wait for them.
    pub(super) fn new(last: u64, missed: u64) -> Stage {
        let mut stage = Stage::untitled(last, missed);
        if missed <= 300 {
            stage.server("OK TITLE\n", "");
        }
        stage
    }

    pub(super) fn with(start: Start, now: Instant) -> Stage {
        Stage { chat: Chat::new(start, now), now, shown: 0 }
    }

    /// Its effects, a line each: `| ` printed, `< ` sent, others in a word.
    pub(super) fn effects(&mut self) -> String {
        let mut effects = self.chat.out.take();
        // Where lines are drawn, nothing is printed when one is given back, or it is printed last.
        for effect in &effects {
            if let Effect::GiveBack(text) = effect {
                self.chat.give_back(text);
            }
        }
        effects.extend(self.chat.out.take());
        let shown = effects.into_iter().map(|effect| match effect {
            Effect::Print(line) => format!("| {}\n", line.text()),
            Effect::Send(line) => format!("< {}", String::from_utf8_lossy(&line)),
            Effect::More | Effect::GiveBack(_) => String::new(),
            Effect::Ring => "ring\n".to_owned(),
            Effect::Connect(0) => "connect\n".to_owned(),
            Effect::Connect(at) => format!("connect to {at}\n"),
            Effect::GiveUp(why) => format!("give up: {why}\n"),
            Effect::SaveToken(token) => format!("keep {}\n", token.expose()),
            Effect::Shown(place) => {
                self.shown = place.shown.0;
                String::new()
            }
            Effect::NewPassword(password) => format!("password {}\n", password.expose()),
            Effect::Title(title) => format!("title {title}\n"),
            Effect::Redraw => "redraw\n".to_owned(),
            Effect::Clear => "clear\n".to_owned(),
            Effect::Suspend => "suspend\n".to_owned(),
            Effect::Leave(Ok(())) => "leave\n".to_owned(),
            Effect::Leave(Err(failure)) => format!("leave: {failure:?}\n"),
        });
        shown.collect()
    }

    /// Keys, as a terminal sends them.
    #[track_caller]
    pub(super) fn keys(&mut self, bytes: &str, expected: &str) {
        self.chat.keys(Keys::default().take(bytes.as_bytes()), self.now);
        assert_eq!(self.effects(), expected, "after {bytes:?}");
    }

    /// Ctrl-D where the terminal edits lines itself, or the end of a pipe.
    #[track_caller]
    pub(super) fn end_of_input(&mut self, expected: &str) {
        self.chat.quit(self.now);
        assert_eq!(self.effects(), expected);
    }

    /// Lines of the server.
    #[track_caller]
    pub(super) fn server(&mut self, lines: &str, expected: &str) {
        self.chat.lines(lines.replace("TIME", "2026-01-02T03:04:05.678Z").as_bytes(), self.now);
        assert_eq!(self.effects(), expected, "after {lines:?}");
    }

    #[track_caller]
    pub(super) fn later(&mut self, seconds: u64, expected: &str) {
        self.now += Duration::from_secs(seconds);
        self.chat.tick(self.now);
        assert_eq!(self.effects(), expected, "{seconds} s later");
    }

    #[track_caller]
    pub(super) fn down(&mut self, end: End, expected: &str) {
        self.chat.down(end, "it broke", self.now, 0.0);
        assert_eq!(self.effects(), expected);
    }

    /// Connects again after the wait.
    #[track_caller]
    pub(super) fn up(&mut self, last: u64, missed: u64, expected: &str) {
        self.later(1, "connect\n");
        self.chat.up(&welcome(last, missed), 4095, self.now);
        assert_eq!(self.effects(), format!("| * connected again\n{expected}"));
    }

    /// The rows above what is typed, and what is typed.
    pub(super) fn live(&self) -> String {
        let live = self.chat.live(self.now);
        let above: String = live.above.iter().map(|line| line.text() + "\n").collect();
        format!("{above}{}{}", live.prompt, live.typed)
    }
}

/// Ann is logged in, and the names are known.
pub(super) fn ann(last: u64, missed: u64) -> Stage {
    let mut stage = Stage::new(last, missed);
    let members = "MEMBER ann@x role=member online=yes\nMEMBER bob@x role=admin online=no\nOK MEMBERS 2\n";
    stage.server(members, GREETING);
    stage
}
