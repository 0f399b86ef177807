//! Connections with something new to be sent beside what others say.

use std::collections::VecDeque;

use crate::room::ids::ConnId;

/// See the module. Each is in it once: its [`Peer`](crate::room::session::Peer) knows that it is.
#[derive(Debug, Default)]
pub(in crate::room) struct DueList {
    logged_in: VecDeque<ConnId>,
    before_login: VecDeque<ConnId>,
    /// Whose turn was the last.
    was_before_login: bool,
}

impl DueList {
    pub(in crate::room) fn push(&mut self, id: ConnId, is_logged_in: bool) {
        if is_logged_in { &mut self.logged_in } else { &mut self.before_login }.push_back(id);
    }

    /// The next one: in turns one that is logged in and one that is not, so that the answers to many who are not keep no
    /// member waiting.
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
