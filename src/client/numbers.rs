//! Which event comes next. The numbers of a transcript have no holes: what was shown before is dropped, and where
//! one is left out all from there on is asked for with HISTORY SINCE, in order, instead of being kept aside.

use super::said::Welcome;
use crate::protocol::Seq;

/// How far a reader of the transcript has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    transcript: String,
    /// Everything up to here was shown, or cannot be.
    shown: Seq,
    /// There are events up to here that the feed does not bring any more.
    told: Seq,
    /// The last event when this connection began: up to here it was missed.
    last: Seq,
    /// An answer to HISTORY SINCE is on its way.
    asked: bool,
    /// Ask although no hole is known.
    look: bool,
    /// The next event may have any greater number.
    open: bool,
}

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the next.
    Show,
    /// It is the next that there is; so many before it are not kept any more.
    ShowBehindGap(u64),
    /// It was shown before, or comes again in its place.
    Drop,
}

impl Numbers {
    /// The first connection: what it missed is the first to be shown.
    pub(super) fn start(welcome: &Welcome) -> Numbers {
        let before = Seq(welcome.last.0.saturating_sub(welcome.missed));
        Numbers {
            transcript: welcome.transcript.clone(),
            shown: before,
            told: before,
            last: welcome.last,
            asked: false,
            look: false,
            open: false,
        }
    }

    /// The first connection of somebody who has, or does not want, all up to `shown`.
    pub(super) fn start_behind(welcome: &Welcome, shown: Seq) -> Numbers {
        let mut numbers = Numbers::start(welcome);
        numbers.shown = shown.min(welcome.last);
        numbers
    }

    /// Another connection. Whether the numbers go on; otherwise the server has begun a new transcript.
    pub(super) fn resume(&mut self, welcome: &Welcome) -> bool {
        let fresh = Numbers::start(welcome);
        let goes_on = fresh.transcript == self.transcript && self.shown <= fresh.last;
        *self = if goes_on { Numbers { shown: self.shown, ..fresh } } else { fresh };
        goes_on
    }

    /// An event of the feed, or an own message that stands in the place of one.
    pub(super) fn of_feed(&mut self, seq: Seq) -> Verdict {
        if seq <= self.shown {
            return Verdict::Drop;
        }
        if seq == self.shown.next() || self.open {
            self.open = false;
            self.shown = seq;
            return Verdict::Show;
        }
        self.told = self.told.max(seq);
        Verdict::Drop
    }

    /// An event of the answer to what [`Numbers::wanted`] told to ask for.
    pub(super) fn of_history(&mut self, seq: Seq) -> Verdict {
        if seq <= self.shown {
            return Verdict::Drop;
        }
        let gap = seq.0 - self.shown.0 - 1;
        self.shown = seq;
        if gap == 0 { Verdict::Show } else { Verdict::ShowBehindGap(gap) }
    }

    /// After which event to ask, if something is to be asked for now.
    pub(super) fn wanted(&mut self) -> Option<Seq> {
        let wanted = !self.asked && (self.look || self.shown < self.told);
        if !wanted {
            return None;
        }
        self.asked = true;
        self.look = false;
        Some(self.shown)
    }

    /// The answer has ended with so many events. How many that are known of cannot be had.
    pub(super) fn answered(&mut self, events: u64) -> u64 {
        self.asked = false;
        if events > 0 || self.shown >= self.told {
            return 0;
        }
        let lost = self.told.0 - self.shown.0;
        self.shown = self.told;
        lost
    }

    /// What was missed is not to be shown: how many that are.
    pub(super) fn skip_missed(&mut self) -> u64 {
        let left = self.left();
        self.shown = self.shown.max(self.last);
        left
    }

    /// After the answer to SKIP: it passed over what was said meanwhile, too.
    pub(super) fn look_again(&mut self) {
        self.look = true;
    }

    /// After the answer to a SKIP that was to pass over whatever it does.
    pub(super) fn pass_over(&mut self) {
        self.told = self.shown;
        self.last = self.shown;
        self.open = true;
    }

    /// How many of the missed events are still to come.
    pub(super) fn left(&self) -> u64 {
        self.last.0.saturating_sub(self.shown.0)
    }

    /// Whether this event came after the connection began.
    pub(super) fn is_live(&self, seq: Seq) -> bool {
        seq > self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome(transcript: &str, last: u64, missed: u64) -> Welcome {
        Welcome { role: "member".to_owned(), last: Seq(last), missed, transcript: transcript.to_owned() }
    }

    /// Plays one story: `f7` the feed brings 7, `h7` the answer does, `?` something is to be asked for, `.3` the
    /// answer ends with 3 events. The outcome of each.
    fn check(numbers: &mut Numbers, story: &str, expected: &str) {
        let found = story.split(' ').map(|step| {
            let number = || Seq(step[1..].parse().expect("a number"));
            match step.as_bytes()[0] {
                b'f' => said(numbers.of_feed(number())),
                b'h' => said(numbers.of_history(number())),
                b'.' => format!("lost{}", numbers.answered(number().0)),
                _ => numbers.wanted().map_or("no".to_owned(), |after| format!("after{after}")),
            }
        });
        assert_eq!(found.collect::<Vec<_>>().join(" "), expected, "{story}");
    }

    fn said(verdict: Verdict) -> String {
        match verdict {
            Verdict::Show => "show".to_owned(),
            Verdict::ShowBehindGap(gap) => format!("show-behind-{gap}"),
            Verdict::Drop => "drop".to_owned(),
        }
    }

    #[test]
    fn a_feed_without_holes_is_shown() {
        let mut numbers = Numbers::start(&welcome("a", 5, 2));
        check(&mut numbers, "? f4 f5 f6 ?", "no show show show no");
        assert_eq!((numbers.left(), numbers.is_live(Seq(5)), numbers.is_live(Seq(6))), (0, false, true));
    }

    #[test]
    fn a_double_is_dropped() {
        let mut numbers = Numbers::start(&welcome("a", 5, 2));
        check(&mut numbers, "f4 f5", "show show");
        assert!(numbers.resume(&welcome("a", 7, 4)));
        assert_eq!(numbers.left(), 2);
        check(&mut numbers, "? f4 f5 f6 f7 f8 ?", "no drop drop show show show no");
    }

    #[test]
    fn a_hole_is_fetched_and_what_came_meanwhile_too() {
        let mut numbers = Numbers::start(&welcome("a", 5, 0));
        assert!(numbers.resume(&welcome("a", 20, 3)));
        check(&mut numbers, "? f18 f19 f20 f21 ?", "after5 drop drop drop drop no");
        check(&mut numbers, "h6 h7 .2 ?", "show show lost0 after7");
        for seq in 8..=21 {
            assert_eq!(numbers.of_history(Seq(seq)), Verdict::Show);
        }
        check(&mut numbers, ".14 ? f22", "lost0 no show");
    }

    #[test]
    fn a_hole_at_the_end_is_fetched_although_the_feed_brings_nothing() {
        let mut numbers = Numbers::start(&welcome("a", 5, 0));
        assert!(numbers.resume(&welcome("a", 6, 0)));
        check(&mut numbers, "? h6 .1 ?", "after5 show lost0 no");
    }

    #[test]
    fn what_is_not_kept_any_more_is_counted() {
        let mut numbers = Numbers::start(&welcome("a", 5, 0));
        assert!(numbers.resume(&welcome("a", 20, 2)));
        check(
            &mut numbers,
            "? f19 h18 h19 h20 .3 ? f20 f21",
            "after5 drop show-behind-12 show show lost0 no drop show",
        );
        assert!(numbers.resume(&welcome("a", 30, 0)));
        check(&mut numbers, "? .0 ? f31", "after21 lost9 no show");
    }

    #[test]
    fn another_transcript_begins_anew() {
        let mut numbers = Numbers::start(&welcome("a", 5, 2));
        assert!(!numbers.resume(&welcome("b", 9, 9)));
        check(&mut numbers, "? f1", "no show");
        assert!(!numbers.resume(&welcome("b", 0, 0)), "fewer events than were shown");
    }

    #[test]
    fn skipping() {
        let mut numbers = Numbers::start(&welcome("a", 500, 400));
        assert_eq!(numbers.skip_missed(), 400);
        check(&mut numbers, "f101 f102 f501", "drop drop show");
        numbers.look_again();
        check(&mut numbers, "? h502 .1 f504 ?", "after501 show lost0 drop after502");
        let mut numbers = Numbers::start(&welcome("a", 500, 400));
        check(&mut numbers, "f101", "show");
        numbers.pass_over();
        check(&mut numbers, "f520 f522 ?", "show drop after520");
    }

    #[test]
    fn starting_where_told() {
        let mut numbers = Numbers::start_behind(&welcome("a", 20, 2), Seq(10));
        check(&mut numbers, "? f19", "after10 drop");
        let mut numbers = Numbers::start_behind(&welcome("a", 20, 5), Seq(18));
        check(&mut numbers, "? f16 f18 f19", "no drop drop show");
        let mut numbers = Numbers::start_behind(&welcome("a", 20, 5), Seq(99));
        check(&mut numbers, "f20 f21", "drop show");
    }
}
