//! Which event comes next. The numbers of a transcript have no holes: what was shown before is dropped, and where
//! one is left out all from there on is asked for with HISTORY SINCE, in order, instead of being kept aside. So is
//! what came while nothing was to be shown.

use crate::protocol::{HistoryOk, LoginOk, Seq};

/// Up to where a transcript was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) transcript: String,
    pub(super) shown: Seq,
}

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
    /// So many events before what comes next cannot be read, and nobody was told yet.
    gone: u64,
    /// An answer to HISTORY SINCE is on its way.
    asked: bool,
    /// Ask although no hole is known.
    look: bool,
    feed: Feed,
}

/// What of the feed is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// The next number.
    Next,
    /// Any greater number, once.
    Open,
    /// Nothing now.
    Held,
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
    pub(super) fn start(welcome: &LoginOk) -> Numbers {
        let before = Seq(welcome.last.0.saturating_sub(welcome.missed));
        Numbers {
            transcript: welcome.transcript.clone(),
            shown: before,
            told: before,
            last: welcome.last,
            gone: 0,
            asked: false,
            look: false,
            feed: Feed::Next,
        }
        .begin_at_first(welcome)
    }

    /// The first connection of somebody who has, or does not want, all up to `shown`.
    pub(super) fn start_after(welcome: &LoginOk, shown: Seq) -> Numbers {
        let shown = shown.min(welcome.last);
        Numbers { shown, gone: 0, ..Numbers::start(welcome) }.begin_at_first(welcome)
    }

    /// The first connection of somebody for whom a chat before has noted how far it was shown. Where it was shown less
    /// than the server takes for shown, the rest is asked for. A note of another transcript says nothing, and neither does
    /// one that went further than this one goes.
    pub(super) fn start_at(welcome: &LoginOk, noted: Option<&Place>) -> Numbers {
        match noted {
            Some(place) if place.transcript == welcome.transcript && place.shown <= welcome.last => {
                Numbers::start_after(welcome, place.shown)
            }
            _ => Numbers::start(welcome),
        }
    }

    /// What is before the first event that can be read is not waited for.
    fn begin_at_first(mut self, welcome: &LoginOk) -> Numbers {
        let before = Seq(welcome.first.0.saturating_sub(1)).min(welcome.last);
        if self.shown < before {
            self.gone += before.0 - self.shown.0;
            self.shown = before;
        }
        self
    }

    /// How many events that were to come cannot be read, once.
    pub(super) fn take_gone(&mut self) -> u64 {
        std::mem::take(&mut self.gone)
    }

    /// Another connection. Whether the numbers go on; otherwise the server has begun a new transcript.
    pub(super) fn resume(&mut self, welcome: &LoginOk) -> bool {
        let fresh = Numbers::start(welcome);
        let goes_on = fresh.transcript == self.transcript && self.shown <= fresh.last;
        *self = if goes_on {
            Numbers { shown: self.shown, gone: 0, ..fresh }.begin_at_first(welcome)
        } else {
            fresh
        };
        goes_on
    }

    /// An event of the feed, or an own message that stands in the place of one.
    pub(super) fn of_feed(&mut self, seq: Seq) -> Verdict {
        if seq <= self.shown {
            return Verdict::Drop;
        }
        if self.feed == Feed::Open || self.feed == Feed::Next && seq == self.shown.next() {
            self.feed = Feed::Next;
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
        let wanted = !self.asked && !self.is_held() && (self.look || self.shown < self.told);
        if !wanted {
            return None;
        }
        self.asked = true;
        self.look = false;
        Some(self.shown)
    }

    /// The answer has ended, or is a refusal. How many events that are known of cannot be had.
    pub(super) fn answered(&mut self, ok: Option<HistoryOk>) -> u64 {
        let HistoryOk { count, last } = ok.unwrap_or(HistoryOk { count: 0, last: Seq(0) });
        // With a feed that was passed over, nothing else tells of the last ones.
        self.told = self.told.max(last);
        self.asked = false;
        if count > 0 || self.shown >= self.told {
            return 0;
        }
        let lost = self.told.0 - self.shown.0;
        self.shown = self.told;
        lost
    }

    /// From now on nothing is to be shown. The server is asked to pass over what was missed, and does so with what
    /// is said meanwhile, too: that is looked for afterwards.
    pub(super) fn hold(&mut self) {
        self.feed = Feed::Held;
        self.look = true;
    }

    pub(super) fn is_held(&self) -> bool {
        self.feed == Feed::Held
    }

    /// What was held back, if anything was, is to be shown, and counts as missed.
    pub(super) fn release(&mut self) {
        if self.is_held() {
            self.feed = Feed::Next;
            self.last = self.last.max(self.told);
            self.told = self.last;
        }
    }

    /// What is left is not to be shown: how many that are.
    pub(super) fn skip_left(&mut self) -> u64 {
        let left = self.left();
        self.shown.0 += left;
        self.feed = Feed::Next;
        left
    }

    /// After the answer to a SKIP that was to pass over whatever it does: `skipped` events.
    pub(super) fn pass_over(&mut self, skipped: u64) {
        self.shown = self.told.max(Seq(self.shown.0.saturating_add(skipped)));
        self.told = self.shown;
        self.last = self.shown;
        self.feed = Feed::Open;
    }

    /// The last event that is known of.
    pub(super) fn end(&self) -> Seq {
        self.last.max(self.told).max(self.shown)
    }

    /// How many events are known of and not shown.
    pub(super) fn left(&self) -> u64 {
        self.end().0 - self.shown.0
    }

    pub(super) fn place(&self) -> Place {
        Place { transcript: self.transcript.clone(), shown: self.shown }
    }

    /// Whether this event came after the connection began.
    pub(super) fn is_live(&self, seq: Seq) -> bool {
        seq > self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Mail, Role};

    fn welcome(transcript: &str, last: u64, missed: u64) -> LoginOk {
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let (transcript, last, first) = (transcript.to_owned(), Seq(last), Seq(1));
        LoginOk { mail, role: Role::Member, last, missed, first, transcript }
    }

    /// Plays one story: `f7` the feed brings 7, `h7` the answer does, `?` something is to be asked for, `.3/9` the
    /// answer ends with 3 events, the last there is being 9. The outcome of each.
    fn check(numbers: &mut Numbers, story: &str, expected: &str) {
        let found = story.split(' ').map(|step| {
            let number = || Seq(step[1..].parse().expect("a number"));
            match step.as_bytes()[0] {
                b'f' => said(numbers.of_feed(number())),
                b'h' => said(numbers.of_history(number())),
                b'.' => format!(
                    "lost{}",
                    numbers.answered(Some(HistoryOk::parse(&step[1..].replace('/', " last="))))
                ),
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
        assert_eq!(numbers.skip_left(), 400);
        check(&mut numbers, "f101 f102 f501 ?", "drop drop show no");
        let mut numbers = Numbers::start(&welcome("a", 500, 400));
        check(&mut numbers, "f101", "show");
        numbers.pass_over(399);
        assert_eq!(numbers.place().shown, Seq(500));
        check(&mut numbers, "f499 f520 f522 ?", "drop show drop after520");
    }

    #[test]
    fn what_is_held_back_is_fetched_or_skipped() {
        let held = || {
            let mut numbers = Numbers::start(&welcome("a", 500, 400));
            numbers.hold();
            check(&mut numbers, "f101 f102 f502 f503 ?", "drop drop drop drop no");
            assert_eq!(numbers.left(), 403);
            numbers
        };
        let mut numbers = held();
        numbers.release();
        check(&mut numbers, "? h101 h102 .2 ? f504", "after100 show show lost0 after102 drop");
        assert!(!numbers.is_live(Seq(503)) && numbers.is_live(Seq(504)));
        // In the midst of a page.
        assert_eq!(numbers.skip_left(), 402);
        check(&mut numbers, "h103 h104 .2 ? f505", "drop drop lost0 no show");
        // What was said before the server has passed over it is not known of.
        let mut numbers = held();
        assert_eq!(numbers.skip_left(), 403);
        check(
            &mut numbers,
            "? h504 .1/505 ? h505 .1/505 f506 ?",
            "after503 show lost0 after504 show lost0 show no",
        );
        // A break asks anew.
        let mut numbers = held();
        assert!(numbers.resume(&welcome("a", 503, 0)));
        assert_eq!((numbers.left(), numbers.is_held()), (403, false));
    }

    #[test]
    fn starting_where_told() {
        let mut numbers = Numbers::start_after(&welcome("a", 20, 2), Seq(10));
        check(&mut numbers, "? f19", "after10 drop");
        let mut numbers = Numbers::start_after(&welcome("a", 20, 5), Seq(18));
        check(&mut numbers, "? f16 f18 f19", "no drop drop show");
        let mut numbers = Numbers::start_after(&welcome("a", 20, 5), Seq(99));
        check(&mut numbers, "f20 f21", "drop show");
    }

    fn noted(welcome: &LoginOk, transcript: &str, shown: u64) -> Numbers {
        let place = Place { transcript: transcript.to_owned(), shown: Seq(shown) };
        Numbers::start_at(welcome, Some(&place))
    }

    #[test]
    fn what_was_never_shown_is_fetched_whatever_the_server_takes_for_shown() {
        let mut numbers = noted(&welcome("a", 20, 0), "a", 17);
        assert_eq!(numbers.left(), 3);
        check(
            &mut numbers,
            "? f21 h18 h19 h20 h21 .4/21 ? f22",
            "after17 drop show show show show lost0 no show",
        );
        // What the server does not know was shown is not shown twice.
        let mut numbers = noted(&welcome("a", 20, 5), "a", 18);
        check(&mut numbers, "? f16 f18 f19 f20 ?", "no drop drop show show no");
        // Of another transcript; of one that has begun anew with the same name; without a note.
        for mut numbers in [
            noted(&welcome("b", 20, 2), "a", 3),
            noted(&welcome("a", 20, 2), "a", 21),
            Numbers::start_at(&welcome("a", 20, 2), None),
        ] {
            check(&mut numbers, "? f18 f19 f20 f21", "no drop show show show");
        }
    }

    #[test]
    fn what_can_no_longer_be_read_is_told_and_not_waited_for() {
        let cut = |last, missed, first| LoginOk { first: Seq(first), ..welcome("a", last, missed) };
        let mut numbers = noted(&cut(20, 0, 15), "a", 10);
        assert_eq!((numbers.left(), numbers.take_gone(), numbers.take_gone()), (6, 4, 0));
        check(&mut numbers, "? h15", "after14 show");
        // All of it; some of what was missed; over a break.
        let mut numbers = noted(&cut(20, 0, 21), "a", 10);
        assert_eq!((numbers.left(), numbers.take_gone()), (0, 10));
        check(&mut numbers, "? f21", "no show");
        let mut numbers = Numbers::start(&cut(20, 10, 15));
        assert_eq!((numbers.left(), numbers.take_gone()), (6, 4));
        check(&mut numbers, "? f15", "no show");
        assert!(numbers.resume(&cut(30, 10, 18)));
        assert_eq!((numbers.left(), numbers.take_gone()), (13, 2));
        check(&mut numbers, "? f21", "after17 drop");
    }
}
