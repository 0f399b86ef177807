use super::*;
use crate::protocol::{LastIs, Mail, Role};

fn welcome(transcript: &str, last: u64, missed: u64) -> LoginOk {
    let mail = Mail::parse(b"ann@x").expect("a mail");
    let (transcript, last, first) = (transcript.to_owned(), Seq(last), Seq(1));
    LoginOk { mail, role: Role::Member, last, missed, first, transcript, last_is: LastIs::Certain }
}

/// Plays a story: `f7` the feed brings 7, `h7` the answer does, `?` whether to fetch, `.3/9` the answer ends with 3 events, the
/// last one that exists being 9. The outcome of each.
fn check(numbers: &mut Numbers, story: &str, expected: &str) {
    let found = story.split(' ').map(|step| {
        let number = || Seq(step[1..].parse().expect("a number"));
        match step.as_bytes()[0] {
            b'f' => (if numbers.of_feed(number()) { "show" } else { "drop" }).to_owned(),
            b'h' => said(numbers.of_history(number())),
            b'.' => {
                format!("lost{}", numbers.fetched(Some(HistoryOk::parse(&step[1..].replace('/', " last=")))))
            }
            _ => numbers.fetch_after().map_or("no".to_owned(), |after| format!("after{after}")),
        }
    });
    assert_eq!(found.collect::<Vec<_>>().join(" "), expected, "{story}");
}

fn said(gone: Option<u64>) -> String {
    match gone {
        Some(0) => "show".to_owned(),
        Some(gap) => format!("show-after-gap-{gap}"),
        None => "drop".to_owned(),
    }
}

#[test]
fn a_feed_without_gaps_is_shown() {
    let mut numbers = Numbers::start(&welcome("a", 5, 2));
    check(&mut numbers, "? f4 f5 f6 ?", "no show show show no");
    assert_eq!((numbers.left(), numbers.is_live(Seq(5)), numbers.is_live(Seq(6))), (0, false, true));
}

#[test]
fn a_duplicate_is_dropped() {
    let mut numbers = Numbers::start(&welcome("a", 5, 2));
    check(&mut numbers, "f4 f5", "show show");
    assert!(numbers.resume(&welcome("a", 7, 4), false));
    assert_eq!(numbers.left(), 2);
    check(&mut numbers, "? f4 f5 f6 f7 f8 ?", "no drop drop show show show no");
}

#[test]
fn a_gap_is_fetched_and_what_came_meanwhile_too() {
    let mut numbers = Numbers::start(&welcome("a", 5, 0));
    assert!(numbers.resume(&welcome("a", 20, 3), false));
    check(&mut numbers, "? f18 f19 f20 f21 ?", "after5 drop drop drop drop no");
    check(&mut numbers, "h6 h7 .2 ?", "show show lost0 after7");
    for seq in 8..=21 {
        assert_eq!(numbers.of_history(Seq(seq)), Some(0));
    }
    check(&mut numbers, ".14 ? f22", "lost0 no show");
}

#[test]
fn a_gap_at_the_end_is_fetched_although_the_feed_brings_nothing() {
    let mut numbers = Numbers::start(&welcome("a", 5, 0));
    assert!(numbers.resume(&welcome("a", 6, 0), false));
    check(&mut numbers, "? h6 .1 ?", "after5 show lost0 no");
}

#[test]
fn what_is_not_kept_any_more_is_counted() {
    let mut numbers = Numbers::start(&welcome("a", 5, 0));
    assert!(numbers.resume(&welcome("a", 20, 2), false));
    check(
        &mut numbers,
        "? f19 h18 h19 h20 .3 ? f20 f21",
        "after5 drop show-after-gap-12 show show lost0 no drop show",
    );
    assert!(numbers.resume(&welcome("a", 30, 0), false));
    check(&mut numbers, "? .0 ? f31", "after21 lost9 no show");
}

#[test]
fn another_transcript_starts_from_its_own_numbers() {
    let mut numbers = Numbers::start(&welcome("a", 5, 2));
    assert!(!numbers.resume(&welcome("b", 9, 9), false));
    check(&mut numbers, "? f1", "no show");
    assert!(!numbers.resume(&welcome("b", 0, 0), false), "fewer events than were shown");
}

#[test]
fn skipping() {
    let mut numbers = Numbers::start(&welcome("a", 500, 400));
    assert_eq!(numbers.skip_left(), 400);
    check(&mut numbers, "f101 f102 f501 ?", "drop drop show no");
    let mut numbers = Numbers::start(&welcome("a", 500, 400));
    check(&mut numbers, "f101", "show");
    numbers.skipped(399);
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
    // In the middle of a page.
    assert_eq!(numbers.skip_left(), 402);
    check(&mut numbers, "h103 h104 .2 ? f505", "drop drop lost0 no show");
    // What was said before the server skipped it is not known.
    let mut numbers = held();
    assert_eq!(numbers.skip_left(), 403);
    check(
        &mut numbers,
        "? h504 .1/505 ? h505 .1/505 f506 ?",
        "after503 show lost0 after504 show lost0 show no",
    );
    // After a break the question is put again.
    let mut numbers = held();
    assert!(numbers.resume(&welcome("a", 503, 0), false));
    assert_eq!((numbers.left(), numbers.is_held()), (403, false));
}

#[test]
fn starting_where_told() {
    let mut numbers = Numbers::start_after(&welcome("a", 20, 2), Seq(10), false);
    check(&mut numbers, "? f19", "after10 drop");
    let mut numbers = Numbers::start_after(&welcome("a", 20, 5), Seq(18), false);
    check(&mut numbers, "? f16 f18 f19", "no drop drop show");
    let mut numbers = Numbers::start_after(&welcome("a", 20, 5), Seq(99), false);
    check(&mut numbers, "f20 f21", "drop show");
}

fn recorded(welcome: &LoginOk, transcript: &str, shown: u64) -> Numbers {
    let place = Place { transcript: transcript.to_owned(), shown: Seq(shown) };
    Numbers::start_at(welcome, Some(&place), false)
}

#[test]
fn what_was_never_shown_is_fetched_whatever_the_server_thinks() {
    let mut numbers = recorded(&welcome("a", 20, 0), "a", 17);
    assert_eq!(numbers.left(), 3);
    check(
        &mut numbers,
        "? f21 h18 h19 h20 h21 .4/21 ? f22",
        "after17 drop show show show show lost0 no show",
    );
    // What was shown is not shown twice, whatever the server thinks.
    let mut numbers = recorded(&welcome("a", 20, 5), "a", 18);
    check(&mut numbers, "? f16 f18 f19 f20 ?", "no drop drop show show no");
    // Of another transcript; beyond its end; without a record.
    for mut numbers in [
        recorded(&welcome("b", 20, 2), "a", 3),
        recorded(&welcome("a", 20, 2), "a", 21),
        Numbers::start_at(&welcome("a", 20, 2), None, false),
    ] {
        check(&mut numbers, "? f18 f19 f20 f21", "no drop show show show");
    }
}

#[test]
fn what_can_no_longer_be_read_is_reported_and_not_waited_for() {
    let cut = |last, missed, first| LoginOk { first: Seq(first), ..welcome("a", last, missed) };
    let mut numbers = recorded(&cut(20, 0, 15), "a", 10);
    assert_eq!((numbers.left(), numbers.take_gone(), numbers.take_gone()), (6, 4, 0));
    check(&mut numbers, "? h15", "after14 show");
    // All of it; some of what was missed; over a break.
    let mut numbers = recorded(&cut(20, 0, 21), "a", 10);
    assert_eq!((numbers.left(), numbers.take_gone()), (0, 10));
    check(&mut numbers, "? f21", "no show");
    let mut numbers = Numbers::start(&cut(20, 10, 15));
    assert_eq!((numbers.left(), numbers.take_gone()), (6, 4));
    check(&mut numbers, "? f15", "no show");
    assert!(numbers.resume(&cut(30, 10, 18), false));
    assert_eq!((numbers.left(), numbers.take_gone()), (13, 2));
    check(&mut numbers, "? f21", "after17 drop");
}

#[test]
fn a_server_that_is_behind_catches_up() {
    let mut numbers = Numbers::start(&welcome("a", 9, 0));
    assert!(numbers.resume(&welcome("a", 6, 4), true));
    assert_eq!(numbers.left(), 0);
    check(&mut numbers, "? f3 f6 f7 f8 ? f9 f10", "no drop drop drop drop no drop show");
    // A chat or a tail that begins there.
    let place = Place { transcript: "a".to_owned(), shown: Seq(9) };
    let mut numbers = Numbers::start_at(&welcome("a", 6, 0), Some(&place), true);
    check(&mut numbers, "? f7 f8 f9 f10", "no drop drop drop show");
    let mut numbers = Numbers::start_after(&welcome("a", 6, 0), Seq(7), true);
    check(&mut numbers, "? f7 f8", "no drop show");
}

/// A server that does not know how far this device has come skips what was shown before, too.
#[test]
fn what_was_shown_before_is_not_skipped_once_more() {
    let mut numbers = Numbers::start(&welcome("a", 20, 0));
    assert!(numbers.resume(&welcome("a", 20, 9), true));
    check(&mut numbers, "f12 f13", "drop drop");
    numbers.skipped(8);
    assert_eq!(numbers.place().shown, Seq(21));
    check(&mut numbers, "f22", "show");
    // After an earlier one that nothing was shown of.
    let mut numbers = Numbers::start(&welcome("a", 500, 400));
    numbers.hold();
    numbers.passed(400);
    numbers.release();
    check(&mut numbers, "? h101 .1", "after100 show lost0");
    numbers.skip_left();
    numbers.skipped(3);
    assert_eq!(numbers.place().shown, Seq(503));
}
