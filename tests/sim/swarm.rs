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
    pub(super) settled_late: usize,
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
    pub(super) own_first: usize,
    pub(super) repeated: usize,
    /// Events shown that are their reader's own beginning.
    pub(super) first_own: usize,
    pub(super) unannounced: usize,
    pub(super) old_tokens: usize,
    pub(super) before: usize,
    pub(super) typed: usize,
    pub(super) typed_over: usize,
    pub(super) same_again: usize,
    pub(super) taken_back: usize,
    pub(super) role_edits: usize,
    pub(super) stale_hashes: usize,
    pub(super) replaced: usize,
    pub(super) not_replaced: usize,
    pub(super) typed_busy: usize,
    pub(super) in_doubt: usize,
    pub(super) passwd_raced: usize,
    pub(super) infos: usize,
    pub(super) member_lists: usize,
    pub(super) stats: usize,
    pub(super) searches: usize,
    pub(super) finds: usize,
    pub(super) said_elsewhere: usize,
    pub(super) changed_elsewhere: usize,
    pub(super) changed_first: usize,
    pub(super) removed_first: usize,
    pub(super) cut_offs: usize,
    pub(super) fenced: usize,
    pub(super) logins_cut_off: usize,
    pub(super) roles: usize,
    pub(super) names: usize,
    pub(super) silenced: usize,
    pub(super) silenced_first: usize,
    pub(super) so_already: usize,
    pub(super) agreed: usize,
    pub(super) agreed_elsewhere: usize,
    pub(super) agreed_first: usize,
    pub(super) names_taken: usize,
    pub(super) name_edits: usize,
    pub(super) demoted_first: usize,
    pub(super) invited: usize,
    pub(super) joined: usize,
    pub(super) bad_invites: usize,
}

impl Report {
    pub(super) fn figures(&self) -> [(&'static str, usize); 65] {
        [
            ("line received", self.lines),
            ("client that fell out of the window", self.lagged),
            ("message lost to the disk", self.failed_messages),
            ("verdict for somebody gone", self.late_verdicts),
            ("login that waited for what was said elsewhere", self.settled_late),
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
            ("question that waited for the log's answer to own messages", self.own_first),
            ("answer of the log told twice", self.repeated),
            ("own ADDED line shown", self.first_own),
            ("login refused because the ADDED line could not be stored", self.unannounced),
            ("token of an earlier membership refused", self.old_tokens),
            ("event asked for that was said before", self.before),
            ("password typed by hand", self.typed),
            ("password typed over one that was not hashed yet", self.typed_over),
            ("typed password that was the one before", self.same_again),
            ("edit that brought back what stood there before", self.taken_back),
            ("role edited", self.role_edits),
            ("hash of a typed password that did not stand there any more", self.stale_hashes),
            ("typed password replaced by its hash", self.replaced),
            ("typed password that the file kept", self.not_replaced),
            ("typed password that had no place in the queue", self.typed_busy),
            ("login told busy while a typed password was in doubt", self.in_doubt),
            ("PASSWD told busy because of a change", self.passwd_raced),
            ("answer to INFO", self.infos),
            ("answer to MEMBERS", self.member_lists),
            ("answer to STATS", self.stats),
            ("part of the log searched", self.searches),
            ("message found", self.finds),
            ("message of another node", self.said_elsewhere),
            ("member changed on another node", self.changed_elsewhere),
            ("change that waited while another node changed the same member", self.changed_first),
            ("message of one whom another change had removed", self.removed_first),
            ("time that the node was cut off", self.cut_offs),
            ("message refused after that", self.fenced),
            ("login refused meanwhile", self.logins_cut_off),
            ("role given by a command", self.roles),
            ("name given by a command", self.names),
            ("message of one who may not speak at present", self.silenced),
            ("message of one who might not speak in its place", self.silenced_first),
            ("TITLE or ANNOUNCE that said what was so", self.so_already),
            ("title or mode changed", self.agreed),
            ("title or mode changed on another node", self.agreed_elsewhere),
            ("TITLE or ANNOUNCE that was so in its place", self.agreed_first),
            ("name that looks like another", self.names_taken),
            ("name edited", self.name_edits),
            ("command of an admin who was none any more in its place", self.demoted_first),
            ("invitation", self.invited),
            ("member by an invitation", self.joined),
            ("invitation that was used or had ended", self.bad_invites),
        ]
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Report) {
        self.lines += other.lines;
        self.lagged += other.lagged;
        self.failed_messages += other.failed_messages;
        self.late_verdicts += other.late_verdicts;
        self.settled_late += other.settled_late;
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
        self.own_first += other.own_first;
        self.repeated += other.repeated;
        self.first_own += other.first_own;
        self.unannounced += other.unannounced;
        self.old_tokens += other.old_tokens;
        self.before += other.before;
        self.typed += other.typed;
        self.typed_over += other.typed_over;
        self.same_again += other.same_again;
        self.taken_back += other.taken_back;
        self.role_edits += other.role_edits;
        self.stale_hashes += other.stale_hashes;
        self.replaced += other.replaced;
        self.not_replaced += other.not_replaced;
        self.typed_busy += other.typed_busy;
        self.in_doubt += other.in_doubt;
        self.passwd_raced += other.passwd_raced;
        self.infos += other.infos;
        self.member_lists += other.member_lists;
        self.stats += other.stats;
        self.searches += other.searches;
        self.finds += other.finds;
        self.said_elsewhere += other.said_elsewhere;
        self.changed_elsewhere += other.changed_elsewhere;
        self.changed_first += other.changed_first;
        self.removed_first += other.removed_first;
        self.cut_offs += other.cut_offs;
        self.fenced += other.fenced;
        self.logins_cut_off += other.logins_cut_off;
        self.roles += other.roles;
        self.names += other.names;
        self.silenced += other.silenced;
        self.silenced_first += other.silenced_first;
        self.so_already += other.so_already;
        self.agreed += other.agreed;
        self.agreed_elsewhere += other.agreed_elsewhere;
        self.agreed_first += other.agreed_first;
        self.names_taken += other.names_taken;
        self.name_edits += other.name_edits;
        self.demoted_first += other.demoted_first;
        self.invited += other.invited;
        self.joined += other.joined;
        self.bad_invites += other.bad_invites;
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
    /// How often the log tells what it has told.
    pub(super) repeats: usize,
    /// Whether there are other nodes, and how often they are out of reach.
    pub(super) has_nodes: bool,
    pub(super) cut_offs: usize,
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
        let (repeats, cut_offs) = (sometimes(20), sometimes(4));
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
            repeats,
            has_nodes: rng.percent(40),
            cut_offs,
            piece_max: *rng.pick(&[1, 5, 60, 5000]),
            text_max,
            steps: 50 + rng.below(250),
            rate: *rng.pick(&[None, None, Some(Rate { per_second: 30, burst: 7 })]),
            past: *rng.pick(&[PastShown::Own, PastShown::Own, PastShown::Own, PastShown::All]),
        }
    }
}
