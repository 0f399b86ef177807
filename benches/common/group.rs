//! The room without a server around it: one who talks, some who listen, and nothing that waits.

use std::io;
use std::time::Duration;

use chat_room::limits::{LINE_MAX_DEFAULT, LOGIN_TIMEOUT_DEFAULT, WINDOW_DEFAULT, WRITE_MAX};
use chat_room::protocol::framing::Line;
use chat_room::protocol::{LastIs, Mail, Role, Seq, Time};
use chat_room::room::{
    Chunk, Config, ConnId, Effect, Input, Now, PasswordHash, PastShown, Pos, Record, Room, Roster, Secret,
    Verdict,
};
use chat_room::server::log::Sequencer;

use super::fail;
use super::target::{HASH, PASSWORD};
use super::transcript::MAIL;

/// One reading of the clocks does for all.
const NOW: Duration = Duration::ZERO;

#[derive(Debug)]
pub(crate) struct Group {
    room: Room,
    sequencer: Sequencer,
    effects: Vec<Effect>,
    scratch: Vec<u8>,
    talker: ConnId,
    receivers: Vec<ConnId>,
    /// What all receivers have had.
    served: Pos,
}

impl Group {
    /// All are logged in and have read what they were told.
    pub(crate) fn of(receivers: u32) -> io::Result<Group> {
        let hash = PasswordHash::parse(HASH).expect("the hash of the benches' member");
        let mail = Mail::parse(MAIL.as_bytes()).expect("the mail of the benches' member");
        let roster =
            Roster::from([(mail, Record { secret: Secret::Hash(hash), role: Role::Admin, name: None })]);
        let config = Config {
            window: WINDOW_DEFAULT,
            line_max: LINE_MAX_DEFAULT,
            login_timeout: LOGIN_TIMEOUT_DEFAULT,
            transcript_id: 1,
            rate: None,
            connections_per_member_max: usize::MAX,
            past: PastShown::default(),
        };
        let mut effects = Vec::new();
        let room = Room::new(config, roster, &mut effects);
        let id = |slot| ConnId { slot, serial: u64::from(slot) };
        let receivers: Vec<ConnId> = (1..=receivers).map(id).collect();
        let mut group = Group {
            room,
            sequencer: Sequencer::new(Seq(0), Time::default()),
            effects,
            scratch: Vec::new(),
            talker: id(0),
            receivers,
            served: Pos(0),
        };
        group.enter(group.talker, &format!("LOGIN {MAIL}/- {PASSWORD}"))?;
        for receiver in group.receivers.clone() {
            group.enter(receiver, &format!("LOGIN {MAIL} {PASSWORD}"))?;
        }
        Ok(group)
    }

    fn enter(&mut self, id: ConnId, login: &str) -> io::Result<()> {
        self.handle(Input::Connected(id, Duration::ZERO));
        self.hear(id, login.as_bytes())?;
        self.carry_out()?;
        self.serve(id).map(drop)
    }

    fn hear(&mut self, id: ConnId, line: &[u8]) -> io::Result<()> {
        let Some(taken) = self.room.takes(id, Line::Whole(line)) else {
            return fail("the room does not take a line");
        };
        self.handle(Input::Line(taken));
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>) {
        self.room.handle(now(), input, &mut self.effects);
    }

    /// What the shell would do: every password fits, all that is proposed is stored at once.
    fn carry_out(&mut self) -> io::Result<()> {
        self.room.poll_proposals(&mut self.effects);
        while let Some(effect) = self.effects.pop() {
            match effect {
                Effect::Check(job) => self.handle(Input::Checked(job, Verdict::Match)),
                Effect::Settle(job) => self.handle(Input::Settled(job, LastIs::Certain)),
                Effect::Propose(batch) => {
                    self.sequencer.propose(batch);
                    self.sequencer.begin(now().mono);
                    let committed = self.sequencer.stored();
                    self.handle(Input::Committed(committed));
                }
                other => return fail(format!("the room wants {other:?}")),
            }
        }
        Ok(())
    }

    /// The talker says all of `lines` in one turn and reads the answers.
    pub(crate) fn say(&mut self, lines: &[&[u8]]) -> io::Result<()> {
        self.room.begin_turn(now());
        let before = self.room.transcript().last().0;
        for &line in lines {
            self.hear(self.talker, line)?;
        }
        self.carry_out()?;
        let answered = self.serve(self.talker)?;
        let said = self.room.transcript().last().0 - before;
        if said == lines.len() as u64 && answered > 0 { Ok(()) } else { fail("the room lost a message") }
    }

    /// Serves every receiver what it is owed.
    pub(crate) fn pass(&mut self) -> io::Result<()> {
        let from = self.served;
        self.served = self.room.transcript().end();
        self.room.begin_pass();
        for index in 0..self.receivers.len() {
            if self.serve(self.receivers[index])? != self.served.since(from) {
                return fail("the room served a receiver something else than was said");
            }
        }
        Ok(())
    }

    fn serve(&mut self, id: ConnId) -> io::Result<usize> {
        let mut served = 0;
        loop {
            let length = match self.room.chunk(id, &mut self.scratch, WRITE_MAX) {
                Chunk::Bytes(bytes) => std::hint::black_box(bytes).len(),
                Chunk::Nothing => return Ok(served),
                Chunk::Finished | Chunk::Missing(_) => {
                    return fail("the room gives up a receiver");
                }
            };
            self.room.advance(id, length);
            served += length;
        }
    }
}

/// The same moment all the time.
fn now() -> Now {
    Now { wall: Time::from_unix_ms(1_767_322_800_000), mono: NOW }
}
