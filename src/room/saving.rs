//! Changes of members.txt that are under way and may end invitations. Until they are answered nobody knows whether they do.

use std::collections::BTreeMap;

use crate::protocol::Mail;
use crate::room::Change;

#[derive(Debug, Default)]
pub(crate) struct Saving(BTreeMap<Mail, usize>);

impl Saving {
    /// A command's change was asked for.
    pub(crate) fn begin(&mut self, change: &Change) {
        if may_end(change) {
            *self.0.entry(change.mail().clone()).or_default() += 1;
        }
    }

    /// It was answered.
    pub(crate) fn end(&mut self, change: &Change) {
        if may_end(change)
            && let Some(count) = self.0.get_mut(change.mail())
        {
            *count -= 1;
            if *count == 0 {
                self.0.remove(change.mail());
            }
        }
    }

    /// Whether a change of this member is under way that may end invitations.
    pub(crate) fn may_end(&self, mail: &Mail) -> bool {
        self.0.contains_key(mail)
    }
}

fn may_end(change: &Change) -> bool {
    matches!(change, Change::Remove { .. } | Change::SetRole { .. })
}
