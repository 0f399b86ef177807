//! The loop's side of a members.txt that follows the group: one request at a time is at the thread, and what the group
//! decides meanwhile is the next, the last of each member.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use mio::Waker;

use crate::protocol::Mail;
use crate::room::Standing;
use crate::server::members::edits::Edits;
use crate::server::members::file;
use crate::server::members::file::{Changes, News, Seen, Timing, ViewDone, ViewJob};
use crate::server::threads::worker::Worker;

#[derive(Debug)]
pub(super) struct View {
    worker: Worker<ViewJob, ViewDone>,
    is_at_thread: bool,
    next: Changes,
    behind: usize,
    pub(super) edits: Edits,
}

impl View {
    pub(super) fn start(
        path: &Path,
        seen: Seen,
        group: &BTreeMap<Mail, Standing>,
        waker: Arc<Waker>,
    ) -> io::Result<View> {
        let worker = file::spawn_view(path.to_owned(), seen, group, Timing::default(), waker)?;
        Ok(View { worker, is_at_thread: false, next: Changes::new(), behind: 0, edits: Edits::default() })
    }

    pub(super) fn reload(&self) {
        let _ = self.worker.try_send(ViewJob::Reload);
    }

    pub(super) fn follow(&mut self, mail: Mail, standing: Option<Standing>) {
        self.next.insert(mail, standing);
        self.hand_over();
    }

    fn hand_over(&mut self) {
        if self.is_at_thread || self.next.is_empty() {
            return;
        }
        match self.worker.try_send(ViewJob::Follow(std::mem::take(&mut self.next))) {
            Ok(()) => self.is_at_thread = true,
            Err(ViewJob::Follow(changes)) => self.next = changes,
            Err(ViewJob::Reload) => unreachable!("what was sent comes back"),
        }
    }

    /// What the thread has told, without the edits, which are kept.
    pub(super) fn collect(&mut self) -> Option<News> {
        let ViewDone { followed, behind, mut news } = self.worker.try_recv()?;
        if followed > 0 {
            self.is_at_thread = false;
        }
        self.behind = behind;
        for edit in std::mem::take(&mut news.edits) {
            self.edits.push(edit);
        }
        self.hand_over();
        Some(news)
    }

    /// Requests that the thread has not tried yet.
    pub(super) fn pending(&self) -> usize {
        usize::from(self.is_at_thread) + self.next.len()
    }

    pub(super) fn behind(&self) -> usize {
        self.behind
    }
}
