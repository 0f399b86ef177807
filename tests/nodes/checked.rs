//! The checker itself: a record without a fault passes, and with each of these faults it is refused, by name.

use super::checker::{Checker, Figures};
use super::record::{PlacesAre, records};

const MEMBERS: [&str; 4] = ["ann@x", "ada@x", "bob@x", "cid@x"];

/// Node b dies while bob waits for two answers; the first of the two messages was stored. Then b is cut off. An admin
/// removes a member who is connected to another node; an edit adds one. At last bob moves, after everything was at rest.
const GOOD: &str = "
    ann1: a
    ann1+ 0 0
    ada1: b -
    ada1+ 0 0
    bob1: b laptop
    bob1+ 0 0
    bob1> MSG one
    bob1< OK MSG 1 @
    ann1< MSG 1 @ bob@x one
    ann1> ADD eve@x secret
    ann1< OK ADD eve@x
    ada1> ADD eve@x secret
    ada1< ERR ADD already-member eve@x is a member
    ann1< ADDED 2 @ ann@x eve@x
    eve1: c
    eve1+ 2 1
    eve1< ADDED 2 @ ann@x eve@x
    eve1> MSG two
    eve1< OK MSG 3 @
    bob1< ADDED 2 @ ann@x eve@x
    bob1< MSG 3 @ eve@x two
    ann1< MSG 3 @ eve@x two
    ann1> MSG hello
    ann1< OK MSG 4 @
    eve1< MSG 4 @ ann@x hello
    bob1> MSG three
    bob1> MSG four
    bob1. MSG 4 @ an
    ada1.
    bob2: c laptop
    bob2+ 5 2
    bob2< MSG 4 @ ann@x hello
    bob2< MSG 5 @ bob@x three
    ann1< MSG 5 @ bob@x three
    eve1< MSG 5 @ bob@x three
    cid1: b
    cid1+ 5 5
    cid1< MSG 1 @ bob@x one
    cid1< ADDED 2 @ ann@x eve@x
    cid1< MSG 3 @ eve@x two
    cid1< MSG 4 @ ann@x hello
    cid1< MSG 5 @ bob@x three
    cid1> PING 1
    cid1< OK PING 1
    cid1> MSG never
    cid1< ERR MSG storage the group's brokers cannot be reached
    cid1< BYE cut-off this node has lost the group, connect to another node
    cid1.
    cid2: a
    cid2+ 5 0
    ann1> REMOVE eve@x
    ann1< OK REMOVE eve@x
    eve1< BYE removed you were removed from the group
    eve1.
    ann1< REMOVED 6 @ ann@x eve@x
    bob2< REMOVED 6 @ ann@x eve@x
    cid2< REMOVED 6 @ ann@x eve@x
    bob2> HISTORY SINCE 4 2
    bob2< HISTORY 5 6
    bob2< MSG 5 @ bob@x three
    bob2< REMOVED 6 @ ann@x eve@x
    bob2< OK HISTORY 2 last=6
    - ADDED gus@x
    ann1< ADDED 7 @ - gus@x
    bob2< ADDED 7 @ - gus@x
    cid2< ADDED 7 @ - gus@x
    | MSG 1 @ bob@x one
    | ADDED 2 @ ann@x eve@x
    | MSG 3 @ eve@x two
    | MSG 4 @ ann@x hello
    | MSG 5 @ bob@x three
    | REMOVED 6 @ ann@x eve@x
    | ADDED 7 @ - gus@x
    members ann ada bob cid gus
    places ann@x=7 bob@x/laptop=7 cid@x=7 eve@x=5
    at rest
    bob2/
    bob3: a laptop
    bob3+ 7 0
    bob3> MSG six
    bob3< OK MSG 8 @
    ann1< MSG 8 @ bob@x six
    cid2< MSG 8 @ bob@x six
    bob4: b phone
    bob4+ 8 0
    gus1: c
    gus1+ 8 2
    gus1< ADDED 7 @ - gus@x
    gus1< MSG 8 @ bob@x six
    cid2> MSG more
    cid2/
    cid3: c
    cid3+ 8 1
    cid3< MSG 8 @ bob@x six
    ann1< MSG 9 @ cid@x more
    bob3< MSG 9 @ cid@x more
    bob4< MSG 9 @ cid@x more
    cid3< MSG 9 @ cid@x more
    gus1< MSG 9 @ cid@x more
    | MSG 8 @ bob@x six
    | MSG 9 @ cid@x more
    places ann@x=9 bob@x/laptop=9 bob@x/phone=9 cid@x=9 gus@x=9
    at rest";

/// What is there, what is put in its place, and what the checker has to say.
type Fault = (&'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    // What was acknowledged is lost, or is another event.
    ("| MSG 9 @ cid@x more\n", "", "ann@x at a was shown an event that is missing in the files"),
    (
        "| MSG 8 @ bob@x six\n    | MSG 9 @ cid@x more\n",
        "| MSG 8 @ cid@x more\n",
        "bob@x/laptop at a was told OK, and the files have MSG 8",
    ),
    (
        "bob2< ADDED 7 @ - gus@x\n",
        "bob2< ADDED 7 @ - gus@x\n bob2> MSG x\n bob2< OK MSG 99 @\n",
        "bob@x/laptop at c was told OK of a message that is missing",
    ),
    ("bob1< OK MSG 1 @", "bob1< OK MSG 2 @", "was told OK, and the files have ADDED 2"),
    ("bob1< OK MSG 1 @", "bob1< OK MSG 1 2026-01-02T03:04:05.679Z", "was told OK, and the files have MSG 1"),
    (
        "places ann@x=9",
        "forgotten\n | MSG 1 @ bob@x one\n places ann@x=9",
        "event 2 was in the files and is not there",
    ),
    (
        "at rest\n    bob2/",
        "at rest\n forgotten\n | MSG 1 @ bob@x One\n bob2/",
        "event 1 was MSG 1 2026-01-02T03:04:05.678Z bob@x one and is now",
    ),
    // What was shown is lost, or is another event; also a part of it.
    ("bob2< MSG 4 @ ann@x hello", "bob2< MSG 4 @ ann@x Hello", "another in the files"),
    (
        "bob2< MSG 5 @ bob@x three\n    bob2< REM",
        "bob2< MSG 5 @ bob@x Three\n bob2< REM",
        "another in the files",
    ),
    ("bob1. MSG 4 @ an", "bob1. MSG 4 @ bo", "a part of an event that is not event 4"),
    ("gus1+ 8 2", "gus1+ 11 5", "was told a number that no event in the files has"),
    // Doubled, or said by nobody, or by somebody else.
    (
        "| MSG 9 @ cid@x more",
        "| MSG 9 @ bob@x six\n | MSG 10 @ cid@x more",
        "event 9 was said before, as event 8",
    ),
    (
        "| MSG 9 @ cid@x more",
        "| MSG 9 @ cid@x more\n | MSG 10 @ cid@x else",
        "event 10 of cid@x was said by nobody",
    ),
    ("| MSG 5 @ bob@x three", "| MSG 5 @ cid@x three", "event 5, three, is not in the name of bob@x"),
    // A number twice, a hole, time that steps back, a line that is none.
    ("| MSG 8 @ bob@x six", "| MSG 8 @ bob@x six\n | MSG 8 @ cid@x seven", "a has event 8 twice"),
    ("| MSG 8 @ bob@x six\n", "", "a has a hole, event 8 is missing"),
    ("| MSG 9 @ cid", "| MSG 9 2026-01-02T03:04:05.677Z cid", "in a time steps back"),
    ("| MSG 9 @ cid@x more", "| MSG nine", "a has a line that is no event: MSG nine"),
    // Two histories that differ.
    ("| MSG 9 @ cid@x more", "a| MSG 9 @ cid@x more\n b| MSG 9 @ cid@x more", "of a and c differ in line 9"),
    (
        "| MSG 9 @ cid@x more",
        "a| MSG 9 @ cid@x more\n b| MSG 9 @ cid@x mere\n c| MSG 9 @ cid@x more",
        "the histories of a and b differ in line 9: MSG 9 2026-01-02T03:04:05.678Z cid@x more and MSG 9",
    ),
    // Twice, out of order, or not at all on one connection.
    (
        "bob2< MSG 4 @ ann@x hello",
        "bob2< MSG 4 @ ann@x hello\n bob2< MSG 4 @ ann@x hello",
        "again or out of order",
    ),
    (
        "cid1< MSG 3 @ eve@x two\n    cid1< MSG 4 @ ann@x hello",
        "cid1< MSG 4 @ ann@x hello\n    cid1< MSG 3 @ eve@x two",
        "cid@x at b has a hole, event 3 was to come",
    ),
    ("bob4< MSG 9 @ cid@x more\n", "", "bob@x/phone at b has read up to 8 and the last event is 9"),
    ("ann1< MSG 3 @ eve@x two\n", "", "ann@x at a has a hole, event 3 was to come"),
    (
        "bob1< ADDED 2 @ ann@x eve@x\n",
        "bob1< BYE shutdown x\n bob1< ADDED 2 @ ann@x eve@x\n",
        "more after BYE",
    ),
    // Refused, and there nevertheless.
    (
        "| MSG 9 @ cid@x more",
        "| MSG 9 @ cid@x more\n | MSG 10 @ cid@x never",
        "event 10, never, had been refused",
    ),
    // A node had ended the connection, its author was let in elsewhere without the message, and then it came.
    (
        "| MSG 9 @ cid@x more",
        "| MSG 9 @ cid@x more\n | MSG 10 @ bob@x four",
        "event 10, four, has come although",
    ),
    // Another order than it was sent in, on a connection or between two.
    (
        "bob1> MSG three\n    bob1> MSG four",
        "bob1> MSG four\n    bob1> MSG three",
        "event 5, three, was sent after four, which is missing",
    ),
    (
        "| MSG 4 @ ann@x hello\n    | MSG 5 @ bob@x three",
        "| MSG 4 @ bob@x four\n | MSG 5 @ bob@x three",
        "event 4, four, was sent after event 5",
    ),
    (
        "cid2> MSG more",
        "ann2: b -\n ann2+ 9 0\n ann2/\n cid2> MSG more",
        "event 9, more, was sent when event 9 had been told",
    ),
    // After a removal.
    (
        "| ADDED 7 @ - gus@x",
        "| ADDED 7 @ - gus@x\n | MSG 8 @ eve@x late",
        "event 8 is of eve@x, who is no member",
    ),
    (
        "| MSG 5 @ bob@x three\n    | REMOVED 6 @ ann@x eve@x",
        "| MSG 5 @ bob@x three\n",
        "REMOVED eve@x was acknowledged 1 times, and the files say it 0 times",
    ),
    (
        "eve1< BYE removed you were removed from the group\n    eve1.",
        "eve1< REMOVED 6 @ ann@x eve@x\n eve1< ADDED 7 @ - gus@x\n eve1.",
        "eve@x at c is shown event 7, and its member was removed by event 6",
    ),
    (
        "eve1< BYE removed you were removed from the group\n    eve1.\n",
        "",
        "eve@x at c is still connected and is no",
    ),
    (
        "eve1> MSG two\n",
        "ann1> REMOVE eve@x\n ann1< OK REMOVE eve@x\n eve1> MSG two\n",
        "event 3, two, was sent after OK REMOVE eve@x",
    ),
    ("bob4+ 8 0", "bob4+ 8 0\n eve2: a\n eve2+ 8 0", "eve@x at a was let in and is no member"),
    (
        "cid2< REMOVED 6",
        "cid2< BYE removed x\n cid2< REMOVED 6",
        "cid@x at a was told BYE removed and is a member",
    ),
    // Changes of the group.
    ("| ADDED 2 @ ann@x eve@x", "| ADDED 2 @ ada@x eve@x", "ADDED eve@x by ada@x, who asked for it 0 times"),
    ("- ADDED gus@x\n", "", "the files say 1 times ADDED gus@x, and only 0 times"),
    ("| ADDED 7 @ - gus@x", "| ADDED 7 @ - gus@x\n | ADDED 8 @ - gus@x", "event 8 says ADDED of gus@x twice"),
    (
        "members ann ada bob cid gus",
        "members ann ada bob cid gus\n members-b ann ada bob cid",
        "members.txt of b and",
    ),
    (
        "ann1< ADDED 7",
        "ann1< BYE password-changed x\n ann1< ADDED 7",
        "last words that nothing is the reason for",
    ),
    // Moved to another node, and something is missing, or comes again although that was recorded.
    (
        "bob2+ 5 2",
        "bob2+ 5 1",
        "bob@x/laptop at c begins after event 4, and misses something: its client has read",
    ),
    ("bob2< MSG 4 @ ann@x hello\n", "", "bob@x/laptop at c has a hole, event 4 was to come"),
    ("cid2+ 5 0", "cid2+ 7 0", "cid@x at a begins after event 7, and misses something"),
    ("gus1+ 8 2", "gus1+ 8 1", "gus@x at c begins after event 7, and misses something: it is new"),
    ("gus1+ 8 2", "gus1+ 8 3", "begins after event 5, before its member was added by event 7"),
    (
        "bob3+ 7 0",
        "bob3+ 7 2",
        "begins after event 5, again: all nodes had recorded that its client has read up to 7",
    ),
    ("cid@x=9 gus@x=9", "cid@x=10 gus@x=9", "a has recorded cid@x at 10, and its client has read up to 9"),
    (
        "cid@x=9 gus@x=9",
        "cid@x=8 gus@x=9",
        "at rest a has recorded cid@x at 8, and its client has read up to 9",
    ),
    (
        "gus@x=9",
        "gus@x=9\n places-c ann@x=8 bob@x/laptop=9 bob@x/phone=9 cid@x=9 gus@x=9",
        "at rest c has recorded ann@x at 8",
    ),
    // Answers.
    (
        "gus1+ 8 2",
        "ann2: c -\n ann2+ 8 0\n ann2> MSG early\n gus1+ 8 2",
        "ann@x/- at c waits for an answer to MSG early",
    ),
    ("cid1< OK PING 1", "cid1< OK PING 2", "asked PING 1 and got: OK PING 2"),
    ("cid1< ERR MSG storage", "cid1< ERR MSG busy", "asked MSG never and got"),
    (
        "cid1< ERR MSG storage",
        "cid1< ERR MSG no-such-member",
        "cid@x at b is a member and was told: ERR MSG no-such",
    ),
    ("bob2< OK HISTORY 2", "bob2< OK HISTORY 3", "asked for history and got less than was said"),
    ("bob2< HISTORY 5 6", "bob2< HISTORY 4 6", "asked for history and event 4 was to come"),
    ("bob3< OK MSG 8 @", "bob3< OK MSG 8 @\n bob3< OK MSG 8 @", "got an answer to nothing"),
    (
        "ada1+ 0 0",
        "ada1> LOGIN ada@x/- secret\n ada1< OK LOGIN ada@x role=admin last=0 missed=0 first=1 transcript=89abcdef",
        "ada@x/- at b is told transcript=89abcdef, it was 01234567",
    ),
];

fn judge(places: PlacesAre, text: &str) -> (Vec<String>, Figures) {
    let mut checker = Checker::new(&MEMBERS, places);
    let complaints = records(text).iter().flat_map(|record| checker.record(record)).collect();
    (complaints, checker.figures())
}

#[test]
fn a_record_without_a_fault_passes() {
    let (complaints, figures) = judge(PlacesAre::Shared, GOOD);
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(
        figures.to_string(),
        "judged 2 times, 2 of them at rest; 9 events, 11 connections, 36 events told or shown, 3 changes of the group; \
         messages: 4 answered, 1 refused, 2 said without an answer (1 of them late), 1 not said; 4 moves between nodes; \
         after 1 logins 1 events came again, 1 at most"
    );
}

#[test]
fn every_fault_is_found() {
    for (from, to, complaint) in FAULTS {
        assert_eq!(GOOD.matches(from).count().min(1), 1, "{from}");
        let (complaints, _) = judge(PlacesAre::Shared, &GOOD.replacen(from, to, 1));
        let found = complaints.iter().any(|said| said.contains(complaint));
        assert!(found, "{from} => {to}: {complaint} is not said, but {complaints:#?}");
    }
}

/// A login at a node that is alone does not say what became of a message; one at another node does.
#[test]
fn a_login_that_is_not_certain_promises_nothing() {
    let late = GOOD.replacen("| MSG 9 @ cid@x more", "| MSG 9 @ cid@x more\n | MSG 10 @ bob@x four", 1);
    let logins = ["bob2+ 5 2", "bob3+ 7 0", "bob4+ 8 0"];
    for uncertain in [&logins[..0], &logins, &logins[..2], &logins[1..]] {
        let text = uncertain
            .iter()
            .fold(late.clone(), |text, login| text.replacen(login, &format!("{login} quorum=no"), 1));
        let (complaints, _) = judge(PlacesAre::Shared, &text);
        let found = complaints.iter().any(|said| said.contains("event 10, four, has come although"));
        assert_eq!(found, uncertain.len() < logins.len(), "{uncertain:?}: {complaints:#?}");
    }
}

/// Who was removed and added again is who they were before at a node that does not know that yet.
#[test]
fn a_node_that_is_behind_knows_an_earlier_membership() {
    for (reads, is_wrong) in [("eve1< MSG 2 @ ann@x x", false), ("", true)] {
        let text = format!(
            "ann1: a\n ann1+ 0 0\n ann1> ADD eve@x s\n ann1< OK ADD eve@x\n ann1< ADDED 1 @ ann@x eve@x\n ann1> MSG x\n \
             ann1< OK MSG 2 @\n eve1: b\n eve1+ 2 2\n eve1< ADDED 1 @ ann@x eve@x\n {reads}\n eve1.\n \
             ann1> REMOVE eve@x\n ann1< OK REMOVE eve@x\n \
             ann1< REMOVED 3 @ ann@x eve@x\n ann1> ADD eve@x s\n ann1< OK ADD eve@x\n ann1< ADDED 4 @ ann@x eve@x\n \
             eve2: a\n eve2+ 4 1\n eve2< ADDED 4 @ ann@x eve@x\n eve2.\n eve3: b\n eve3+ 2 0 quorum=no\n \
             | ADDED 1 @ ann@x eve@x\n | MSG 2 @ ann@x x\n | REMOVED 3 @ ann@x eve@x\n | ADDED 4 @ ann@x eve@x\n \
             members ann ada bob cid eve\n judged"
        );
        let (complaints, _) = judge(PlacesAre::Shared, &text);
        let missed = "eve@x at b begins after event 2, and misses something: its client has read up to 1";
        let expected: &[&str] = if is_wrong { &[missed] } else { &[] };
        assert_eq!(complaints, expected);
    }
}

/// Where nodes do not tell each other how far a device has come, it begins at another node as a new one does; at the same node
/// it misses nothing.
#[test]
fn places_may_be_separate() {
    let from_the_beginning =
        "bob2+ 5 5\n bob2< MSG 1 @ bob@x one\n bob2< ADDED 2 @ ann@x eve@x\n bob2< MSG 3 @ eve@x two";
    for (from, to, is_wrong) in [
        ("bob2+ 5 2", "bob2+ 5 2", true),
        ("bob2+ 5 2", from_the_beginning, false),
        ("bob1: b laptop", "bob1: c laptop", false),
    ] {
        let (complaints, _) = judge(PlacesAre::Separate, &GOOD.replacen(from, to, 1));
        let begins = "bob@x/laptop at c begins after event 3, and misses something: it is new";
        let found = complaints.iter().any(|said| said.contains(begins));
        assert_eq!(found, is_wrong, "{from} => {to}: {complaints:#?}");
    }
}

/// What a node had recorded it knows, unless its disk was lost: then a device is new to it.
#[test]
fn a_wiped_node_knows_no_places() {
    for (wiped, again, is_wrong) in [
        ("", "1 1", true),
        ("wiped b", "1 1", true),
        ("wiped a", "1 1", false),
        ("bob1: a phone\n bob1+ 1 1\n bob1< MSG 1 @ ann@x x", "1 0", false),
        ("wiped a", "1 0", true),
    ] {
        let event = if again == "1 1" { "ann2< MSG 1 @ ann@x x" } else { "" };
        let text = format!(
            "ann1: a\n ann1+ 0 0\n ann1> MSG x\n ann1< OK MSG 1 @\n | MSG 1 @ ann@x x\n members ann ada bob cid\n \
             places ann@x=1 bob@x/phone=1\n at rest\n {wiped}\n ann1.\n ann2: a\n ann2+ {again}\n {event}\n at rest"
        );
        let (complaints, _) = judge(PlacesAre::Separate, &text);
        assert_eq!(!complaints.is_empty(), is_wrong, "{wiped}: {complaints:#?}");
    }
}
