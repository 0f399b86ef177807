//! What varies from seed to seed, and what came of it.

use std::ops::AddAssign;

use chat_room::room::{PastShown, Rate};

use super::rng::Rng;

/// Logins whose member was another when the verdict came than when it was asked for. `right`: the password had been the
/// right one, and nothing but the change kept them out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overtaken {
    pub(super) removed: usize,
    pub(super) changed: usize,
    pub(super) added: usize,
    pub(super) right: usize,
}

/// What happened in one seed or in many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Report {
    pub(super) lines: usize,
    pub(super) lagged: usize,
    pub(super) failed_messages: usize,
    /// Answers of threads whose connection is gone, with its slot empty or another's by then.
    pub(super) late_verdicts: usize,
    pub(super) late_in_used_slots: usize,
    pub(super) overtaken: Overtaken,
    pub(super) turns: usize,
    pub(super) cuts: usize,
    pub(super) broken: usize,
    pub(super) deferred: usize,
    pub(super) over_rate: usize,
    pub(super) located: usize,
    pub(super) blocks: usize,
    pub(super) crashes: usize,
    pub(super) postponed: usize,
    pub(super) dropped: usize,
    pub(super) leaped: usize,
    pub(super) timing_marks: usize,
    /// Events shown that are their reader's own beginning.
    pub(super) first_own: usize,
    pub(super) unannounced: usize,
    pub(super) old_tokens: usize,
    pub(super) before: usize,
}

impl Report {
    pub(super) fn figures(&self) -> [(&'static str, usize); 25] {
        [
            ("line received", self.lines),
            ("client that fell out of the window", self.lagged),
            ("message lost to the disk", self.failed_messages),
            ("verdict for somebody gone", self.late_verdicts),
            ("verdict for somebody gone whose slot is another's", self.late_in_used_slots),
            ("login overtaken by the member's removal", self.overtaken.removed),
            ("login overtaken by a new password", self.overtaken.changed),
            ("login overtaken by the member's addition", self.overtaken.added),
            ("login that a change alone kept out", self.overtaken.right),
            ("turn", self.turns),
            ("member cut", self.cuts),
            ("connection broken", self.broken),
            ("message deferred", self.deferred),
            ("line over the rate", self.over_rate),
            ("line found in the files", self.located),
            ("block read from the files", self.blocks),
            ("crash", self.crashes),
            ("login that waited for its ADDED line", self.postponed),
            ("file dropped", self.dropped),
            ("reader of a file that was dropped", self.leaped),
            ("timing mark asked for", self.timing_marks),
            ("own ADDED line shown", self.first_own),
            ("login refused because the ADDED line could not be stored", self.unannounced),
            ("token of an earlier membership refused", self.old_tokens),
            ("event asked for that was said before", self.before),
        ]
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Report) {
        self.lines += other.lines;
        self.lagged += other.lagged;
        self.failed_messages += other.failed_messages;
        self.late_verdicts += other.late_verdicts;
        self.late_in_used_slots += other.late_in_used_slots;
        self.overtaken.removed += other.overtaken.removed;
        self.overtaken.changed += other.overtaken.changed;
        self.overtaken.added += other.overtaken.added;
        self.overtaken.right += other.overtaken.right;
        self.turns += other.turns;
        self.cuts += other.cuts;
        self.broken += other.broken;
        self.deferred += other.deferred;
        self.over_rate += other.over_rate;
        self.located += other.located;
        self.blocks += other.blocks;
        self.crashes += other.crashes;
        self.postponed += other.postponed;
        self.dropped += other.dropped;
        self.leaped += other.leaped;
        self.timing_marks += other.timing_marks;
        self.first_own += other.first_own;
        self.unannounced += other.unannounced;
        self.old_tokens += other.old_tokens;
        self.before += other.before;
    }
}

/// Which faults this seed has, and how wild: some are off, the rest at any rate.
pub(super) struct Swarm {
    pub(super) window: usize,
    pub(super) chunk_max: usize,
    pub(super) slow_readers: usize,
    pub(super) worker_delay: usize,
    pub(super) disk_delay: usize,
    pub(super) disk_fails: usize,
    pub(super) breaks: usize,
    pub(super) edits: usize,
    pub(super) busy: usize,
    pub(super) crashes: usize,
    pub(super) drops: usize,
    pub(super) timing_marks: usize,
    pub(super) piece_max: usize,
    pub(super) text_max: usize,
    pub(super) steps: usize,
    pub(super) rate: Option<Rate>,
    pub(super) past: PastShown,
}

impl Swarm {
    pub(super) fn of(rng: &mut Rng) -> Swarm {
        let mut sometimes = |most: usize| if rng.percent(50) { 0 } else { rng.below(most) };
        let (slow_readers, worker_delay, disk_delay) = (sometimes(95), sometimes(95), sometimes(95));
        let (disk_fails, breaks, edits, busy) = (sometimes(40), sometimes(8), sometimes(10), sometimes(30));
        let (crashes, drops, timing_marks) = (sometimes(4), sometimes(6), sometimes(40));
        // Long lines, so that the log spans some blocks of the files; then a byte at a time would take for ever.
        let text_max = *rng.pick(&[1, 20, 120, 3000]);
        let chunk_max =
            *rng.pick(if text_max == 3000 { &[1000, 1 << 16] } else { &[1, 2, 30, 1000, 1 << 16][..] });
        Swarm {
            window: *rng.pick(&[800, 2000, 16 << 10, 1 << 20]),
            chunk_max,
            slow_readers,
            worker_delay,
            disk_delay,
            disk_fails,
            breaks,
            edits,
            busy,
            crashes,
            drops,
            timing_marks,
            piece_max: *rng.pick(&[1, 5, 60, 5000]),
            text_max,
            steps: 50 + rng.below(250),
            rate: *rng.pick(&[None, None, Some(Rate { per_second: 30, burst: 7 })]),
            past: *rng.pick(&[PastShown::Own, PastShown::Own, PastShown::Own, PastShown::All]),
        }
    }
}
