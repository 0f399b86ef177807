//! What happened in one seed or in many.

use std::ops::AddAssign;

macro_rules! figures {
    ($($name:ident: $what:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum What {
            $($name,)*
        }

        /// What can happen.
        const ALL: &[&str] = &[$($what,)*];
    };
}

figures! {
    Line: "line of the transcript",
    Applied: "batch applied by a node",
    Double: "message of the stream that did not count",
    Said: "proposal told that it is said or made",
    Judged: "proposal refused in its place",
    Fenced: "proposal refused by a fence",
    Orphan: "proposal whose node ended before the answer",
    Accepted: "member by an invitation",
    EndedInvite: "invitation that something had ended",
    SaidAgain: "line said again on another node",
    SaidAgainAtLogin: "line said again after a login, because its last event is certain",
    PublishLost: "publish lost",
    PublishLate: "publish that failed, and was stored many seconds later",
    PublishTwice: "publish stored twice",
    PublishCut: "publish of a node cut off",
    Reordered: "publish stored before an earlier one of its node",
    AckLost: "ack lost",
    AckWrong: "publish told as not stored, and stored",
    LiveLost: "live message lost",
    LiveLate: "live message late",
    LiveAhead: "live message heard before an earlier one",
    LiveTwice: "live message heard twice",
    Leader: "leader that told old messages again",
    ClockAhead: "leader with a clock a minute or more ahead",
    FetchNever: "fetch without an answer",
    FetchFailed: "fetch that failed",
    FetchLate: "fetch answered after it was asked again",
    FetchPart: "answer to a fetch cut in the middle",
    FetchHole: "answer to a fetch with a hole",
    FetchStale: "answer of a replica that had less",
    FetchCut: "fetch of a node cut off",
    Down: "connection to a broker lost",
    CutPublish: "node cut off from publishing",
    CutRead: "node cut off from reading",
    CutBoth: "node cut off",
    CutOff: "node that said it is cut off",
    Back: "node that said it is back",
    HereLost: "word about who is at a node lost",
    Asked: "node asked who is there",
    AskedPlaces: "node asked for places that were lost",
    LeftUnsettled: "member who left with something unsettled",
    Fence: "fence by another node",
    Login: "login",
    LetIn: "login let in",
    LetInAlone: "login let in by a node that was alone",
    WentOn: "member who went on from there, because something had no answer",
    NewDevice: "login of a device that was new to its node",
    LoginOver: "login let in by a node whose start was over",
    Question: "question of a gate",
    Probe: "probe of a gate",
    GateFence: "fence by a gate",
    Restart: "start begun anew after a fence",
    Rechosen: "start chosen anew before it had begun",
    Crash: "node crashed",
    Torn: "history torn at a crash, and written again",
    NoNote: "node that came back without its note",
    ClockBack: "node that came back with a clock behind",
    Joined: "node that joined by replay",
    Copied: "node that joined with another's history",
    Trimmed: "stream that dropped its first messages",
    Gone: "node that stopped because the stream dropped what it needed",
    Namesake: "second machine with a node's name",
    NameTaken: "node that stopped because of its name",
    Split: "batch that was full",
    Waited: "proposal that waited for eight batches",
    Sum: "sum compared",
    Altered: "node whose note was altered",
    Differs: "node that went on because most have what it has",
    AlteredStopped: "node that stopped because its lines are not those of most",
    RightStopped: "the same, and its lines were the right ones",
    JudgedSums: "group in which only those with a majority went on in the end",
    NobodyKnows: "group in which all stopped, because nobody had a majority",
}

#[derive(Clone, Debug)]
pub(super) struct Report {
    counts: Vec<usize>,
}

impl Default for Report {
    fn default() -> Report {
        Report { counts: vec![0; ALL.len()] }
    }
}

impl Report {
    pub(super) fn count(&mut self, what: What) {
        self.add(what, 1);
    }

    pub(super) fn add(&mut self, what: What, times: usize) {
        self.counts[what as usize] += times;
    }

    pub(super) fn figures(&self) -> impl Iterator<Item = (&'static str, usize)> {
        ALL.iter().copied().zip(self.counts.iter().copied())
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Report) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }
}
