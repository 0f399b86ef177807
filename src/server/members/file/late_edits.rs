//! Files that were replaced, watched for a while: an editor that had one open and writes to it in place
//! wrote to a file that has no name any more. Its edit is found here.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use crate::limits::MEMBERS_OLD_MAX;
use crate::room::Change;
use crate::server::members::file::atomic_file::{Stamp, read_whole};
use crate::server::members::file::debounce::Debounce;

/// The files that went out lately.
#[derive(Debug)]
pub(super) struct ReplacedFiles {
    list: Vec<ReplacedFile>,
}

#[derive(Debug)]
struct ReplacedFile {
    file: File,
    /// Of its bytes as they are accounted for.
    hash: u64,
    /// The stamp under which they were read last.
    read: Option<Stamp>,
    /// How long it was members.txt.
    stood: Duration,
    until: Instant,
    /// What was changed by commands since it went out: an edit made in it has none of that.
    since: Vec<Change>,
    settling: Debounce<Stamp>,
    /// Somebody is writing to it: it is kept until that is over.
    unsettled: bool,
}

impl ReplacedFiles {
    pub(super) fn new() -> ReplacedFiles {
        ReplacedFiles { list: Vec::new() }
    }

    /// A file went out, and `changes` came in with the new one. When there are too many, the one goes in which
    /// an editor is the least likely: that which stood the shortest.
    pub(super) fn add(
        &mut self,
        file: File,
        bytes: &[u8],
        stood: Duration,
        until: Instant,
        changes: &[Change],
    ) {
        let (hash, settling) = (hash(bytes), Debounce::new());
        self.list.push(ReplacedFile {
            file,
            hash,
            read: None,
            stood,
            until,
            since: Vec::new(),
            settling,
            unsettled: false,
        });
        for old in &mut self.list {
            old.since.extend_from_slice(changes);
        }
        if self.list.len() > MEMBERS_OLD_MAX {
            let shortest = (0..self.list.len()).min_by_key(|&at| self.list[at].stood);
            self.list.remove(shortest.expect("one was pushed"));
        }
    }

    /// An edit that has settled: the bytes, and the changes to be made to them. Forgets files whose time is up.
    pub(super) fn edited(&mut self, now: Instant, settle: Duration) -> Option<(Vec<u8>, Vec<Change>)> {
        let mut found = None;
        self.list.retain_mut(|old| {
            if found.is_some() {
                // Its turn comes with the next look.
                return true;
            }
            found = old.edited(now, settle);
            now < old.until || old.unsettled
        });
        found
    }
}

impl ReplacedFile {
    fn edited(&mut self, now: Instant, settle: Duration) -> Option<(Vec<u8>, Vec<Change>)> {
        // A stamp may miss a write within the same tick of the clock: the last look reads in any case.
        let stamp = self.file.metadata().ok().map(|meta| Stamp::of(&meta));
        if stamp.is_some() && stamp == self.read && now < self.until {
            return None;
        }
        self.unsettled = false;
        // What cannot be read any more cannot be taken over.
        let (bytes, stamp) = read_whole(&self.file).ok()?;
        let hash = hash(&bytes);
        let edited = hash != self.hash;
        if edited && self.settling.calm_for(stamp, now) < settle {
            self.read = None;
            self.unsettled = true;
            return None;
        }
        self.read = Some(stamp);
        self.hash = hash;
        edited.then(|| (bytes, self.since.clone()))
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
