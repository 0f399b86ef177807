//! Judges the segments: the older ones by their ends, or in full for `--check`; the last one in full.

use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::limits::HISTORY_SYNC_MAX;
use crate::protocol::{Seq, Time};
use crate::room::{StepBack, is_ahead};
use crate::server::counted::counted;
use crate::server::files::Problem;
use crate::server::log::local::disk::{Folder, RESTORE};
use crate::server::log::local::judge::{Depth, Evidence, Judgement, Last, Renewed, Whose};
use crate::server::log::local::scan::{self, LINE_MAX, Verified};
use crate::server::log::local::segments::{Segments, SharedSegments, segment_name};
use crate::server::log::local::state::{self, Stopped};

const GO_ON: &str = "restore the end of the history from a copy; or remove id, and the server goes on with what is here, \
                     as a new history for its clients";

impl Judgement {
    /// Lists all segments but the last.
    pub(super) fn older_segments(&mut self) {
        let mut segments = Segments::new(self.firsts[0]);
        for (first, next) in self.firsts.clone().into_iter().zip(self.firsts.clone().into_iter().skip(1)) {
            let ends = older(&self.folder, first, next);
            if self.case.depth == Depth::Whole {
                self.verify_older(first, ends.is_ok());
            }
            let (len, time) = self.found(ends).unwrap_or((0, self.last_time));
            segments.grow(len, next);
            segments.push(time);
            self.last_time = time;
        }
        self.segments = SharedSegments::new(Arc::clone(&self.folder), segments);
    }

    /// Verifies each line of an older segment.
    fn verify_older(&mut self, first: Seq, is_served: bool) {
        let name = segment_name(first);
        let file = File::open(self.folder.path(&name));
        let verified = file.and_then(|file| scan::verify(&file, first, self.last_time));
        let verified = verified.map_err(|error| self.folder.cannot(&name, "read it", &error));
        let Some(verified) = self.found(verified) else { return };
        self.step_back(&name, &verified);
        if let Some((line, what)) = verified.bad {
            if is_served {
                let what = format!("{what}; a start does not look there, and serves what it can: {RESTORE}");
                self.warnings.push(self.folder.problem_at(&name, line, what));
            } else {
                self.mistakes.push(self.folder.problem_at(&name, line, what));
            }
        }
    }

    fn step_back(&mut self, name: &str, verified: &Verified) {
        if let Some((line, StepBack { from, to })) = verified.step_back {
            let what = format!("the times step back, from {from} to {to}: a clock was wrong");
            self.warnings.push(self.folder.problem_at(name, line, what));
        }
    }

    /// Reads the last segment in full, and compares its end with what is recorded elsewhere.
    pub(super) fn last_segment(&mut self) {
        let (Evidence { seq: evident, file: evidence }, renewed) = (self.evidence, self.renewed);
        let first = self.firsts[self.firsts.len() - 1];
        let name = segment_name(first);
        let after = self.last_time;
        let read = || -> io::Result<_> {
            let file = File::open(self.folder.path(&name))?;
            let verified = scan::verify(&file, first, after)?;
            let len = file.metadata()?.len();
            let rest = scan::read(&file, verified.good, len.min(verified.good + LINE_MAX as u64))?;
            Ok((verified, len, !rest.contains(&b'\n')))
        };
        let read = read().map_err(|error| self.folder.cannot(&name, "read it", &error));
        let Some((mut verified, len, is_unfinished)) = self.found(read) else { return };
        let Some(stopped) = self.found(state::stopped(&self.folder, first, len)) else { return };
        // How the original's server stopped says nothing about a copy.
        let stopped = if renewed == Renewed::Copied { Stopped::Unclean } else { stopped };
        self.step_back(&name, &verified);
        if self.case.in_use && is_unfinished {
            verified.bad = None;
        }
        // What a node lacks comes again from the stream: places that others told it may be ahead of its own events.
        let is_promised = renewed == Renewed::No && self.case.whose == Whose::OneServers;
        let is_recorded_here = is_promised && verified.next <= evident;
        let mut torn_name = None;
        if let Some((line, what)) = &verified.bad {
            // After a clean stop nothing was in flight, so damage came later and is no torn tail.
            let torn_max = if stopped == Stopped::Unclean { (HISTORY_SYNC_MAX + LINE_MAX) as u64 } else { 0 };
            let bytes = len - verified.good;
            if bytes > torn_max || is_recorded_here {
                let advice =
                    "no crash does this; restore the file from a copy, or cut it before this line by hand";
                self.mistakes.push(self.folder.problem_at(&name, *line, format!("{what}; {advice}")));
            } else {
                let kept = free_name(&self.folder, verified.next);
                let bytes = counted(bytes, "byte");
                let what = format!("{what}: a start cuts a torn tail of {bytes}, and keeps it as {kept}");
                self.warnings.push(self.folder.problem_at(&name, *line, what));
                torn_name = Some(kept);
            }
        } else if is_recorded_here {
            let what = format!("event {evident} is recorded in {evidence}, but not here; {GO_ON}");
            self.mistakes.push(self.folder.problem(&name, what));
        } else if renewed == Renewed::No && stopped == Stopped::Cut {
            let what = format!("the history was longer when the server last stopped; {GO_ON}");
            self.mistakes.push(self.folder.problem(&name, what));
        }
        self.last_time = verified.last_time;
        if is_ahead(self.last_time, self.case.now) {
            let (last, now) = (self.last_time, self.case.now);
            // A node's events have the brokers' times.
            let then = match self.case.whose {
                Whose::OneServers => "; times go on from now",
                Whose::ANodes => "",
            };
            let what =
                format!("the last event is from {last}, but it is {now} now: a clock was wrong, or is{then}");
            self.warnings.push(self.folder.problem(&name, what));
        }
        self.segments.lock().grow(verified.good, verified.next);
        self.last = Some(Last { verified, len, stopped, torn_name });
    }
}

/// The length of an older segment and the time of its last line, if it begins and ends with the right events.
fn older(folder: &Folder, first: Seq, next: Seq) -> Result<(u64, Time), Problem> {
    let name = segment_name(first);
    let read = || -> io::Result<_> {
        let file = File::open(folder.path(&name))?;
        let len = file.metadata()?.len();
        Ok((scan::ends(&file, len)?, len))
    };
    let (ends, len) = read().map_err(|error| folder.cannot(&name, "read it", &error))?;
    match ends {
        Some((begins, last, time)) if begins == first && last.next() == next => Ok((len, time)),
        Some((begins, _, _)) if begins != first => {
            Err(folder.problem_at(&name, 1, format!("this is event {begins}; {RESTORE}")))
        }
        Some((_, last, _)) => {
            let next = segment_name(next);
            let what = format!("the file before it, {name}, ends with event {last}; {RESTORE}");
            Err(folder.problem(&next, what))
        }
        None => Err(folder.problem(&name, format!("does not begin or end with an event; {RESTORE}"))),
    }
}

fn free_name(folder: &Folder, seq: Seq) -> String {
    let names = (1..).map(|n| if n == 1 { format!("torn-{seq}") } else { format!("torn-{seq}.{n}") });
    let mut free = names.filter(|name| !folder.has(name));
    free.next().expect("there are more names than files")
}
