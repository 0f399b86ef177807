//! The checker itself: a tale without a fault passes, and with each of these faults it is refused.

use std::collections::BTreeMap;

use super::check::Checker;
use super::tale::{lives, told};

/// A kill in the midst of a line; a message that was stored and not answered.
const FIRST: &str = "
    ann@x/-
      > LOGIN ann@x/- a
      < OK LOGIN ann@x role=admin last=0 missed=0 first=1 transcript=01234567
      > ADD cid@x c
      < OK ADD cid@x
    bob@x/-
      > LOGIN bob@x/- b
      < OK LOGIN bob@x role=member last=1 missed=0 first=1 transcript=01234567
      > MSG one
      > MSG two
      > MSG three
      < OK MSG 2 @
      < OK MSG 3 @
      > MSG four
    bob@x/laptop
      > LOGIN bob@x/laptop b
      < OK LOGIN bob@x role=member last=1 missed=1 first=1 transcript=01234567
      < ADDED 1 @ ann@x cid@x
      < MSG 2 @ bob@x one
      > PING a
      < MSG 3 @ bob@x two
      < OK PING a
      ~ MSG 4 @ bo
    cid@x
      > LOGIN cid@x c
      < OK LOGIN cid@x role=member last=1 missed=1 first=1 transcript=01234567
      < ADDED 1 @ ann@x cid@x
    | ADDED 1 @ ann@x cid@x
    | MSG 2 @ bob@x one
    | MSG 3 @ bob@x two
    | MSG 4 @ bob@x three
    | ~MSG 5 @ bob@x fo
    members ann@x=a bob@x=b cid@x=c
    recorded bob@x/laptop=1 cid@x=0
    killed";

/// What was not acknowledged comes again, then a second login in the same life; changes whose events the next life
/// has to announce.
const SECOND: &str = "
    bob@x/laptop
      > LOGIN bob@x/laptop b
      < OK LOGIN bob@x role=member last=4 missed=3 first=1 transcript=01234567
      < MSG 2 @ bob@x one
      < MSG 3 @ bob@x two
      < MSG 4 @ bob@x three
      > HISTORY SINCE 1 2
      < HISTORY 2 3
      < MSG 2 @ bob@x one
      < MSG 3 @ bob@x two
      < OK HISTORY 2 last=4
      > MSG five
      < OK MSG 5 @
      > QUIT
      < OK QUIT
    bob@x/laptop
      > LOGIN bob@x/laptop b
      < OK LOGIN bob@x role=member last=5 missed=1 first=1 transcript=01234567
      < MSG 5 @ bob@x five
      > PING b
      < OK PING b
    bob@x/phone
      > LOGIN bob@x/phone b
      < OK LOGIN bob@x role=member last=5 missed=0 first=1 transcript=01234567
    cid@x
      > LOGIN cid@x c
      < OK LOGIN cid@x role=member last=4 missed=4 first=1 transcript=01234567
      < ADDED 1 @ ann@x cid@x
      < MSG 2 @ bob@x one
      < BYE removed you were removed from the group
    ann@x/-
      > LOGIN ann@x/- a
      < OK LOGIN ann@x role=admin last=5 missed=0 first=1 transcript=01234567
      > REMOVE cid@x
      < OK REMOVE cid@x
      > ADD dan@x d
      < OK ADD dan@x
      > RESET dan@x d2
      < OK RESET dan@x
      > RESET bob@x b2
    | ADDED 1 @ ann@x cid@x
    | MSG 2 @ bob@x one
    | MSG 3 @ bob@x two
    | MSG 4 @ bob@x three
    | MSG 5 @ bob@x five
    | REMOVED 6 @ ann@x cid@x
    members ann@x=a bob@x=b2 dan@x=d2
    recorded bob@x/laptop=5 bob@x/phone=5 cid@x=2
    killed";

const THIRD: &str = "
    bob@x/laptop
      > LOGIN bob@x/laptop b2
      < OK LOGIN bob@x role=member last=7 missed=2 first=1 transcript=01234567
      < REMOVED 6 @ ann@x cid@x
      < ADDED 7 @ - dan@x
      > PING c
      < OK PING c
    bob@x/phone
      > LOGIN bob@x/phone b2
      < OK LOGIN bob@x role=member last=7 missed=2 first=1 transcript=01234567
      < REMOVED 6 @ ann@x cid@x
      < ADDED 7 @ - dan@x
    dan@x
      > LOGIN dan@x d2
      < OK LOGIN dan@x role=member last=7 missed=1 first=1 transcript=01234567
      < ADDED 7 @ - dan@x
    | ADDED 1 @ ann@x cid@x
    | MSG 2 @ bob@x one
    | MSG 3 @ bob@x two
    | MSG 4 @ bob@x three
    | MSG 5 @ bob@x five
    | REMOVED 6 @ ann@x cid@x
    | ADDED 7 @ - dan@x
    members ann@x=a bob@x=b2 dan@x=d2
    recorded bob@x/laptop=7 bob@x/phone=7 cid@x=2 dan@x=7
    stopped";

/// In which life, what is there, what is put in its place, and what the checker has to say.
type Fault = (usize, &'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    // An acknowledged event is gone.
    (0, "| MSG 3 @ bob@x two\n    | MSG 4 @ bob@x three\n", "", "was told OK of a message that is missing"),
    (0, "| MSG 3 @ bob@x two\n", "| MSG 3 @ bob@x three\n", "was told OK, and the files have"),
    (2, "| MSG 5 @ bob@x five\n", "", "event 5 was in the files and is not there any more"),
    // One that was shown is gone, or a part of it was.
    (1, "< MSG 5 @ bob@x five\n", "< MSG 5 @ bob@x five\n < MSG 7 @ bob@x six\n", "missing in the files"),
    (0, "| MSG 4 @ bob@x three\n", "", "a part of an event that is not event 4"),
    // Another text, mail, time.
    (0, "| MSG 2 @ bob@x one", "| MSG 2 @ bob@x One", "another in the files"),
    (0, "< MSG 2 @ bob@x one", "< MSG 2 @ bob@x One", "another in the files"),
    (0, "| MSG 2 @ bob@x one", "| MSG 2 @ ann@x one", "not in the name of bob@x"),
    (0, "< OK MSG 3 @", "< OK MSG 3 2026-01-02T03:04:05.679Z", "was told OK, and the files have"),
    (1, "< HISTORY 2 3\n      < MSG 2 @ bob@x one", "< HISTORY 2 3\n      < MSG 2 @ bob@x on", "another in"),
    // A number is used again.
    (1, "| MSG 4 @ bob@x three", "| MSG 4 @ bob@x four", "event 4 was MSG 4"),
    (0, "< OK MSG 3 @", "< OK MSG 2 @", "was told OK, and the files have"),
    (
        1,
        "last=5 missed=0 first=1 transcript=01234567\n    cid",
        "last=9 missed=4 first=1\n    cid",
        "was told a number",
    ),
    // Another order.
    (
        0,
        "| MSG 2 @ bob@x one\n    | MSG 3 @ bob@x two",
        "| MSG 2 @ bob@x two\n    | MSG 3 @ bob@x one",
        "was told OK, and the files have",
    ),
    (
        0,
        "< ADDED 1 @ ann@x cid@x\n      < MSG 2 @ bob@x one",
        "< MSG 2 @ bob@x one\n      < ADDED 1 @ ann@x cid@x",
        "bob@x/laptop has a hole, event 1 was to come",
    ),
    (0, "> MSG two\n      > MSG three", "> MSG three\n      > MSG two", "was told OK, and the files have"),
    (0, "| MSG 4 @ bob@x three", "| MSG 4 @ bob@x four", "was said behind three, which is missing"),
    // Doubles, and what nobody said.
    (0, "| ~MSG 5 @ bob@x fo", "| MSG 5 @ bob@x two", "was said before, as event 3"),
    (0, "| ~MSG 5 @ bob@x fo", "| MSG 5 @ bob@x something", "was said by nobody"),
    (
        1,
        "< MSG 4 @ bob@x three\n",
        "< MSG 4 @ bob@x three\n < MSG 4 @ bob@x three\n",
        "again or out of order",
    ),
    (0, "< OK MSG 3 @", "< OK MSG 3 @\n < OK MSG 3 @", "was told OK, and the files have"),
    // Holes.
    (1, "< MSG 3 @ bob@x two\n      < MSG 4", "< MSG 4", "has a hole, event 3 was to come"),
    (1, "last=4 missed=3", "last=4 missed=0", "a hole: its client has read up to 3"),
    (1, "last=5 missed=1", "last=5 missed=0", "was shown an event again"),
    (2, "last=7 missed=2", "last=7 missed=1", "a hole: its client has read up to 5"),
    (
        1,
        "missed=4 first=1 transcript=01234567\n      < ADDED 1",
        "missed=3 first=1\n      < ADDED 1",
        "recorded",
    ),
    (
        1,
        "recorded bob@x/laptop=5",
        "recorded bob@x/laptop=6",
        "recorded at 6, and its client has read up to 5",
    ),
    (1, "< MSG 4 @ bob@x three\n      > HISTORY", "> HISTORY", "asked QUIT and got"),
    // More comes again than was not acknowledged.
    (1, "last=4 missed=3", "last=4 missed=4", "begins behind 0, and 1 is recorded"),
    (1, "last=5 missed=1", "last=5 missed=5", "again: its client has acknowledged up to 1"),
    (1, "recorded bob@x/laptop=5", "recorded bob@x/laptop=0", "is recorded at 0, and was at 1"),
    (2, "recorded bob@x/laptop=7", "recorded bob@x/laptop=6", "not recorded at a clean stop"),
    // A new device, and a new member.
    (
        1,
        "last=5 missed=0 first=1 transcript=01234567\n    cid",
        "last=5 missed=5 first=1\n    cid",
        "it is new",
    ),
    (2, "missed=1", "missed=7", "before its member was added by event 7"),
    (
        2,
        "missed=1 first=1 transcript=01234567\n      < ADDED 7 @ - dan@x",
        "missed=1 first=1 transcript=01234567\n      < ADDED 7 @ - dan@x\n      > HISTORY\n      < HISTORY 6 7\n      \
         < REMOVED 6 @ ann@x cid@x\n      < ADDED 7 @ - dan@x\n      < OK HISTORY 2 last=7",
        "is shown event 6, its member was added by event 7",
    ),
    // Membership changes.
    (0, "| ADDED 1 @ ann@x cid@x\n", "", "missing in the files"),
    (0, "| ADDED 1 @ ann@x cid@x", "| ADDED 1 @ - cid@x", "ADDED by -"),
    (0, "cid@x=c", "", "cid@x: members.txt has None"),
    (1, "members ann@x=a", "members cid@x=c ann@x=a", "cid@x: members.txt has Some"),
    (1, "dan@x=d2", "dan@x=d", "dan@x: members.txt has Some(\"d\")"),
    (1, "bob@x=b2", "bob@x=b3", "bob@x: members.txt has Some(\"b3\")"),
    (1, "< OK REMOVE cid@x", "< ERR REMOVE no-such-member x", "REMOVE cid@x was refused"),
    (1, "| REMOVED 6 @ ann@x cid@x\n", "| REMOVED 6 @ ann@x cid@x\n | REMOVED 7 @ ann@x cid@x\n", "twice"),
    (2, "| ADDED 7 @ - dan@x\n", "", "was shown an event that is missing"),
    (2, "| ADDED 7 @ - dan@x", "| ADDED 7 @ ann@x dan@x", "dan@x: the files say ADDED by ann@x"),
    (2, "| ADDED 7 @ - dan@x", "| REMOVED 7 @ - dan@x", "dan@x: the files say REMOVED"),
    (2, "dan@x\n      > LOGIN dan@x d2", "cid@x\n > LOGIN cid@x c", "cid@x was let in and is no member"),
    // Answers.
    (1, "< OK PING b", "< OK PING c", "asked PING b and got"),
    (1, "< OK QUIT", "< OK PING", "asked QUIT and got"),
    (1, "< OK HISTORY 2", "< OK HISTORY 3", "got less than was said"),
    (0, "< OK MSG 3 @", "< ERR MSG storage no room", "asked MSG two and got"),
    (
        1,
        "< BYE removed you were removed from the group",
        "< BYE removed x\n < MSG 3 @ bob@x two",
        "after BYE",
    ),
];

fn judge(texts: &[String; 3]) -> Vec<String> {
    let passwords =
        BTreeMap::from([("ann@x".to_owned(), "a".to_owned()), ("bob@x".to_owned(), "b".to_owned())]);
    let mut checker = Checker::new("ann@x", passwords);
    let mut complaints = Vec::new();
    for life in texts.iter().flat_map(|text| lives(text)) {
        complaints.extend(checker.life(&life));
    }
    complaints.extend(checker.settled());
    complaints
}

#[test]
fn a_tale_without_a_fault_passes() {
    let texts = [FIRST, SECOND, THIRD].map(str::to_owned);
    assert_eq!(judge(&texts), Vec::<String>::new());
}

#[test]
fn every_fault_is_found() {
    for (life, from, to, complaint) in FAULTS {
        let mut texts = [FIRST, SECOND, THIRD].map(str::to_owned);
        assert!(texts[*life].contains(from), "{from}");
        texts[*life] = texts[*life].replacen(from, to, 1);
        let complaints = judge(&texts);
        let found = complaints.iter().any(|said| said.contains(complaint));
        assert!(found, "{from} => {to}: {complaint} is not said, but {complaints:#?}");
    }
}

#[test]
fn what_is_told_is_known() {
    for (text, highest) in [
        ("bob@x\n < OK LOGIN bob@x last=7 missed=3\n < MSG 5 @ a@x hi\n killed", 7),
        ("bob@x\n < ADDED 8 @ - a@x\n killed", 8),
        ("bob@x\n < OK MSG 9 @\n killed", 9),
        ("bob@x\n < MSG 5 @ a@x hi\n ~ MSG 1\n killed", 6),
        ("bob@x\n < OK PING last=99\n > MSG 20 @\n killed", 99),
    ] {
        assert_eq!(told(&lives(text)[0].sessions), highest, "{text}");
    }
}
