//! Events on the screen: their lines, the names in them, the bell, and how far the transcript was shown.

use super::clock::Clock;
use super::names::Names;
use super::out::{Effect, Out};
use super::view::{View, notice};
use crate::client::connection::numbers::Place;
use crate::client::connection::said::Happened;
use crate::client::options::Bell;
use crate::protocol::{Event, Mail};

/// See the module.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) names: Names,
    pub(super) view: View,
    bell: Bell,
    /// The last [`Effect::Shown`].
    marked: Option<Place>,
}

impl Screen {
    pub(super) fn new(me: &Mail, clock: Clock, bell: Bell) -> Screen {
        Screen { names: Names::new(me), view: View::new(clock), bell, marked: None }
    }

    /// Shows an event of the feed.
    pub(super) fn show(&mut self, event: &Happened<'_>, out: &mut Out) {
        if let Some(Event::Msg { mail, .. } | Event::Added { mail, .. }) = &event.event {
            self.names.learn(mail);
        }
        self.ring_for(event, out);
        for line in self.view.event(event, &self.names) {
            out.print(line);
        }
        if let Some(Event::Removed { mail, .. }) = &event.event {
            self.names.forget(mail);
        }
    }

    /// Shows an event from before those that were missed.
    pub(super) fn show_quietly(&mut self, event: &Happened<'_>, out: &mut Out) {
        for line in self.view.event(event, &self.names) {
            out.print(line.quiet());
        }
    }

    /// Shows an event again.
    pub(super) fn show_again(&self, event: &Happened<'_>, out: &mut Out) {
        out.print(self.view.old_event(event, &self.names));
    }

    /// Rings for an event that was not missed, if that is wanted.
    pub(super) fn ring_for(&self, event: &Happened<'_>, out: &mut Out) {
        let Some(Event::Msg { mail, text }) = &event.event else { return };
        let rings = match self.bell {
            Bell::Off => false,
            Bell::Mention => !self.names.mentions(text.as_str()).is_empty(),
            Bell::All => true,
        };
        if rings && mail != self.names.me() && out.connection.numbers.is_live(event.seq) {
            out.push(Effect::Ring);
        }
    }

    /// All events that count as shown are shown when the terminal has taken the effects so far.
    pub(super) fn mark(&mut self, out: &mut Out) {
        let place = out.connection.numbers.place();
        if self.marked.as_ref() != Some(&place) {
            self.marked = Some(place.clone());
            out.push(Effect::Shown(place));
        }
    }

    /// Sets the bell, or only says how it is set.
    pub(super) fn set_bell(&mut self, when: Option<Bell>, out: &mut Out) {
        self.bell = when.unwrap_or(self.bell);
        out.print(notice(match self.bell {
            Bell::Off => "the bell is off",
            Bell::Mention => "the bell rings when somebody says your name",
            Bell::All => "the bell rings when somebody says anything",
        }));
    }
}
