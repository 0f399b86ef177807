//! How a room begins: empty, or from the files.

use std::time::Duration;

use crate::protocol::{Author, Seq};
use crate::room::clock;
use crate::room::clock::Clock;
use crate::room::commands::last_minute::LastMinute;
use crate::room::commit::Proposals;
use crate::room::group::Group;
use crate::room::group::roster::Roster;
use crate::room::group::typed::TypedPasswords;
use crate::room::ids::Now;
use crate::room::interface::{Difference, Effect, Restored};
use crate::room::peers::Peers;
use crate::room::transcript::window::Transcript;
use crate::room::{PastShown, Rate, Room};

/// The room's settings.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Event bytes to keep; at least four times what a turn may append.
    pub window: usize,
    /// A command line with its end.
    pub line_max: usize,
    /// From connecting to being logged in.
    pub login_timeout: Duration,
    /// The transcript's id.
    pub transcript_id: u32,
    /// How many lines a member may send; `None`: any number.
    pub rate: Option<Rate>,
    /// Connections of one member.
    pub connections_per_member_max: usize,
    /// What members may read from before they were added.
    pub past: PastShown,
}

impl Room {
    /// A room with an empty transcript.
    pub fn new(config: Config, roster: Roster, effects: &mut Vec<Effect>) -> Room {
        let mut group = Group::new();
        for (mail, record) in roster {
            group.insert(mail, record, Some(Seq(0)));
        }
        Room::begin(config, Transcript::new(config.window), group, effects)
    }

    /// A room with the transcript of the files. Differences between its members and `roster` are announced as edits, made
    /// while no server was running.
    pub fn restore(
        config: Config,
        roster: &Roster,
        restored: Restored,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Room {
        let Restored { first, base, tail, members, devices } = restored;
        let transcript = Transcript::restore(config.window, first, base, tail);
        let mut group = Group::new();
        // A member whose ADDED line was lost with the end of the transcript is announced again.
        let announced = members.iter().filter(|(_, added)| **added <= transcript.last());
        for (mail, added) in announced {
            if let Some(record) = roster.get(mail) {
                group.insert(mail.clone(), record.clone(), Some(*added));
            }
        }
        for (mail, device, delivered, seen) in devices {
            // No device is further back than its member's ADDED line. One that is belonged to an earlier member with this
            // mail, and went with the removal.
            if let Some(member) = group.get_mut(&mail).filter(|member| Some(delivered.next()) >= member.added)
            {
                let (delivered, seen) = (delivered.min(transcript.last()), clock::seen_by(seen, now.wall));
                member.devices.restore(device, delivered, seen);
            }
        }
        let mut room = Room::begin(config, transcript, group, effects);
        for mail in members.into_keys().filter(|mail| !roster.contains_key(mail)) {
            room.record_change(&mail, Difference::Removed, Author::HandEdit);
            room.announce_removed(now, Author::HandEdit, mail);
        }
        for (mail, record) in roster {
            room.follow_record(now, mail.clone(), record.clone());
        }
        room.continue_typed(effects);
        room
    }

    /// Allocates the tables for so many connections: growing would copy all of them in the middle of a turn, and leave holes in
    /// the heap. Unused pages cost nothing.
    pub fn reserve(&mut self, connections: usize) {
        self.peers.reserve(connections);
    }

    /// All connections' slots are below this.
    pub fn slots(&self) -> usize {
        self.peers.slots()
    }

    fn begin(config: Config, transcript: Transcript, group: Group, effects: &mut Vec<Effect>) -> Room {
        let pass_began = transcript.end();
        let mut room = Room {
            config,
            transcript,
            group,
            peers: Peers::default(),
            proposals: Proposals::default(),
            turn_began: Duration::ZERO,
            clock: Clock::default(),
            pass_began,
            changed: Vec::new(),
            typed: TypedPasswords::default(),
            minute: LastMinute::default(),
        };
        room.find_typed_passwords();
        room.continue_typed(effects);
        room
    }
}
