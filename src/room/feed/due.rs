//! Connections that are owed something other than new events.

use std::collections::VecDeque;

use crate::room::ids::ConnId;

/// Each connection is in it at most once: its [`Peer`](crate::room::session::Peer) knows that it is.
#[derive(Debug, Default)]
pub(in crate::room) struct DueList {
    logged_in: VecDeque<ConnId>,
    before_login: VecDeque<ConnId>,
    /// Whether the last [`DueList::pop`] tried `before_login` first.
    was_before_login: bool,
}

impl DueList {
    pub(in crate::room) fn push(&mut self, id: ConnId, is_logged_in: bool) {
        if is_logged_in { &mut self.logged_in } else { &mut self.before_login }.push_back(id);
    }

    /// The next connection: logged in and not logged in alternate, so that answers to many that are not keep no member
    /// waiting.
    pub(in crate::room) fn pop(&mut self) -> Option<ConnId> {
        self.was_before_login = !self.was_before_login;
        let (first, second) = if self.was_before_login {
            (&mut self.before_login, &mut self.logged_in)
        } else {
            (&mut self.logged_in, &mut self.before_login)
        };
        first.pop_front().or_else(|| second.pop_front())
    }
}
