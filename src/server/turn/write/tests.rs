use std::net::TcpStream;

use crate::protocol::framing::Line;
use crate::protocol::{LastIs, Mail, Role, Seq, Time};
use crate::room::{ConnId, Effect, Input, PasswordHash, Record, Room, Roster, Secret, Verdict};
use crate::server::log::Sequencer;
use crate::server::turn::tests::{Parts, config};
use crate::server::turn::write::*;

/// What a weak password would be; nobody computes it here.
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$YmVuY2gtYmVuY2gtc2FsdA$lIUYTIoA8WmcV5lqQ40KLNJe07/0jHclbaTZzFJ63iA";

/// A server's parts, with a log that stores all at once.
struct Stage {
    hub: Hub,
    sequencer: Sequencer,
    delivery: Delivery,
    /// In the order of their slots.
    conns: Vec<ConnId>,
    _peers: Vec<TcpStream>,
}

impl Stage {
    /// So many connections of one member.
    fn of(count: usize) -> Stage {
        let mut parts = Parts::with("--listen 127.0.0.1:0");
        let secret = Secret::Hash(PasswordHash::parse(HASH).expect("a hash"));
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let roster = Roster::from([(mail, Record { secret, role: Role::Admin, name: None })]);
        parts.hub.room = Room::new(config(), roster, &mut Vec::new());
        let peers = (0..count).map(|_| parts.connect()).collect();
        parts.accept_all(count);
        let conns = parts.hub.conns.ids().collect();
        let (sequencer, delivery) = (Sequencer::new(Seq(0), Time::default()), Delivery::default());
        let mut stage = Stage { hub: parts.hub, sequencer, delivery, conns, _peers: peers };
        for id in stage.conns.clone() {
            stage.hear(id, b"LOGIN ann@x secret");
        }
        stage.answer();
        stage
    }

    /// A line comes, and all that it asks for is done.
    fn hear(&mut self, id: ConnId, line: &[u8]) {
        let taken = self.hub.room.takes(id, Line::Whole(line)).expect("it waits for nothing");
        self.hub.tell(Input::Line(taken));
        let Hub { room, effects, .. } = &mut self.hub;
        room.poll_proposals(effects);
        while let Some(effect) = self.hub.effects.pop() {
            let answer = match effect {
                Effect::Check(job) => Input::Checked(job, Verdict::Match),
                Effect::Settle(job) => Input::Settled(job, LastIs::Certain),
                Effect::Propose(batch) => {
                    self.sequencer.propose(batch);
                    self.sequencer.begin(Duration::ZERO);
                    Input::Committed(self.sequencer.stored())
                }
                other => panic!("nobody wants {other:?}"),
            };
            self.hub.tell(answer);
        }
    }

    /// Writes what is not for all.
    fn answer(&mut self) {
        while let Some(id) = self.hub.room.pop_due() {
            let _ = write_to(id, &mut self.hub, &mut self.delivery.scratch);
        }
    }

    /// Which of the connections are written to in a pass, as a digit each.
    fn pass(&mut self) -> String {
        let sent = |hub: &Hub| -> Vec<u32> {
            self.conns.iter().map(|id| hub.conns.get(*id).expect("it is open").socket.sent).collect()
        };
        let before = sent(&self.hub);
        while write_slice_of_pass(&mut self.hub, &mut self.delivery) == Work::Remains {}
        before
            .iter()
            .zip(sent(&self.hub))
            .map(|(before, after)| if *before < after { '1' } else { '0' })
            .collect()
    }
}

#[test]
fn a_pass_leaves_the_sending_queue_alone_unless_a_flood_waits_for_it() {
    let mut stage = Stage::of(3);
    let [ann, _, late] = stage.conns[..] else { panic!("three") };
    stage.hear(ann, b"MSG hi");
    stage.answer();
    assert_eq!(stage.pass(), "011", "ann has been answered, and the others wait for nobody");
    stage.hub.conns.queue_sending(late);
    stage.hear(ann, b"MSG hi");
    stage.answer();
    assert_eq!(stage.pass(), "010");
    write_sending(&mut stage.hub, &mut stage.delivery);
    assert!(stage.hub.room.is_served(late) && stage.hub.conns.sending.is_empty());
    // A flood.
    stage.hub.conns.queue_sending(late);
    let long = [b"MSG ".as_slice(), &[b'x'; 4000]].concat();
    while !stage.hub.room.is_far_ahead() {
        stage.hear(ann, &long);
    }
    assert!(stage.pass().ends_with("11"));
}

#[test]
fn the_sending_queue_waits_for_the_disk_no_longer_than_it_was_written_to() {
    let mut delivery = Delivery::default();
    let ms = Duration::from_millis;
    // An append begins at this time, after so much writing; until when the queue waits.
    let mut append = |at: Duration, sent_for: Duration| {
        delivery.sent_for += sent_for;
        let (sending, _) = delivery.disk_first_until(at, Some(Pos(0)));
        assert_eq!(
            delivery.disk_first_until(at, Some(Pos(0))).0,
            sending,
            "asked again while it is under way"
        );
        assert_eq!(delivery.disk_first_until(at, None), (None, None));
        sending
    };
    assert_eq!(append(ms(0), ms(0)), None);
    assert_eq!(append(ms(10), ms(2)), Some(ms(12)));
    assert_eq!(append(ms(20), ms(0)), None, "what was written before counts once");
    assert_eq!(append(ms(30), ms(500)), Some(ms(30) + DISK_FIRST));
}
