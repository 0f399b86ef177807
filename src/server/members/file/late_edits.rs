//! Watches replaced files for a while. An editor that had one open and writes to it in place writes to a file without a name;
//! its edit is found here.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use crate::limits::MEMBERS_OLD_MAX;
use crate::server::members::file::{Debounce, FileRead, Stamp, Write, read_whole};

/// The files that were replaced lately.
#[derive(Debug, Default)]
pub(super) struct ReplacedFiles(Vec<ReplacedFile>);

#[derive(Debug)]
struct ReplacedFile {
    file: File,
    /// Its bytes, as far as they are known.
    known: Known,
    /// The stamp when it was last read.
    read: Option<Stamp>,
    /// How long it was members.txt.
    stood: Duration,
    until: Instant,
    /// What we have written since it was replaced: an edit of it does not have that.
    since: Vec<Write>,
    settling: Debounce<Stamp>,
    /// Whether somebody is writing to it; then it is watched until that is finished.
    unsettled: bool,
}

/// Bytes to compare others with.
#[derive(Debug)]
enum Known {
    /// Of the file that was replaced last: whoever changed a large one does not wait for its hash.
    Bytes(Vec<u8>),
    Hash(u64),
}

impl ReplacedFiles {
    /// Adds a file that was replaced by one with these writes. If there are too many, the one that was in place for the shortest
    /// time is dropped, because an editor is least likely to have it open.
    pub(super) fn add(&mut self, old: FileRead, stood: Duration, until: Instant, writes: &[Write]) {
        let ReplacedFiles(list) = self;
        for old in &mut *list {
            old.known.hash();
        }
        list.push(ReplacedFile {
            file: old.file,
            known: Known::Bytes(old.bytes),
            read: None,
            stood,
            until,
            since: Vec::new(),
            settling: Debounce { last: None },
            unsettled: false,
        });
        for old in &mut *list {
            old.since.extend_from_slice(writes);
        }
        if list.len() > MEMBERS_OLD_MAX {
            let shortest = (0..list.len()).min_by_key(|&at| list[at].stood);
            list.remove(shortest.expect("one was pushed"));
        }
    }

    /// An edit that has settled: its bytes, and the writes to apply to them. Forgets files whose time is up.
    pub(super) fn edited(&mut self, now: Instant, settle: Duration) -> Option<(Vec<u8>, Vec<Write>)> {
        let mut found = None;
        self.0.retain_mut(|old| {
            if found.is_some() {
                // Checked with the next look.
                return true;
            }
            found = old.edited(now, settle);
            now < old.until || old.unsettled
        });
        found
    }
}

impl ReplacedFile {
    fn edited(&mut self, now: Instant, settle: Duration) -> Option<(Vec<u8>, Vec<Write>)> {
        // A write within the same tick of the clock does not change the stamp, so the last look reads in any case.
        let stamp = self.file.metadata().ok().map(|meta| Stamp::of(&meta));
        if stamp.is_some() && stamp == self.read && now < self.until {
            return None;
        }
        self.unsettled = false;
        // If it can no longer be read, its edit is lost.
        let (bytes, stamp) = read_whole(&self.file).ok()?;
        let hash = hash(&bytes);
        let edited = hash != self.known.hash();
        if edited && self.settling.calm_for(stamp, now) < settle {
            self.read = None;
            self.unsettled = true;
            return None;
        }
        self.read = Some(stamp);
        self.known = Known::Hash(hash);
        edited.then(|| (bytes, self.since.clone()))
    }
}

impl Known {
    /// From now on the hash is all that is kept.
    fn hash(&mut self) -> u64 {
        let hash = match self {
            Known::Bytes(bytes) => hash(bytes),
            Known::Hash(hash) => *hash,
        };
        *self = Known::Hash(hash);
        hash
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
