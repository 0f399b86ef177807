//! What the group has agreed on for all its members. It follows from the events alone.

use crate::protocol::{Announce, Event, EventLine, Title, Verb, ok};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupSettings {
    /// What the group is called.
    pub title: Option<Title>,
    /// Whether only admins speak.
    pub announce: Announce,
}

impl GroupSettings {
    /// Follows an event. Those that are followed already may come again, if all after them do.
    pub fn follow(&mut self, event: &Event<'_>) {
        match event {
            Event::Titled { title, .. } => self.title = Some(title.clone()),
            Event::Announce { mode, .. } => self.announce = *mode,
            Event::Msg { .. }
            | Event::Added { .. }
            | Event::Removed { .. }
            | Event::Role { .. }
            | Event::Named { .. } => {}
        }
    }

    /// The answer to whoever has changed it, and to TITLE alone.
    pub(crate) fn answer(&self, verb: Verb) -> Vec<u8> {
        match &self.title {
            Some(title) if verb == Verb::Title => ok(verb, title),
            _ => ok(verb, ""),
        }
    }

    /// Whether an event would change nothing.
    pub fn has(&self, event: &Event<'_>) -> bool {
        let mut after = self.clone();
        after.follow(event);
        after == *self
    }
}

/// The event in a line of the transcript, if it changes what is agreed on. Other lines cost next to nothing.
pub(crate) fn setting_in(line: &[u8]) -> Option<Event<'static>> {
    let is_one = line.starts_with(b"TITLED ") || line.starts_with(b"ANNOUNCE ");
    let event = EventLine::parse(line.strip_suffix(b"\n").filter(|_| is_one)?)?.event;
    event.into_change()
}
