use proptest::prelude::*;

use super::*;
use crate::server::log::cluster::stage::{Stage, text_of};

#[test]
fn a_note_that_was_changed_is_refused() {
    let mut stage = Stage::new();
    stage.say("v1 a 5 1\nMSG ann@x hi\nFENCE b 7\n");
    let text = text_of(&stage.state);
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        State::parse(text.replacen(from, to, 1).as_bytes()).expect_err("it is refused")
    };
    assert_eq!(replaced("applied 1\n", "applied 2\n"), NoteError::Version);
    assert_eq!(replaced("\nend\n", "\n"), NoteError::Torn);
    assert_eq!(replaced("\nend\n", "\nend"), NoteError::Torn);
    assert_eq!(replaced("\nend\n", "\nend\nend\n"), NoteError::Place(14));
    assert_eq!(replaced("next 9\n", ""), NoteError::Place(3));
    assert_eq!(replaced("last 1 ", "last 2 "), NoteError::Contradiction("the last sum is that of all lines"));
    assert_eq!(replaced("node b 7 fenced", "node b 7 fence"), NoteError::Line(9, CommandError::Number));
    assert_eq!(
        replaced("node a 5 1", "node a 5 0"),
        NoteError::Contradiction("batches are counted from the first on")
    );
    assert_eq!(replaced(" 0\nend", " 5\nend"), NoteError::Contradiction("ADDED lines are among the lines"));
    assert_eq!(replaced("end", "end more"), NoteError::Line(13, CommandError::TooMany));
    let agreed = "title The Choir\nannounce on\n";
    let sum = format!("{agreed}sum 0 ");
    let with = text.replacen("sum 0 ", &sum, 1);
    let parsed = State::parse(with.as_bytes()).expect("it is in order");
    assert_eq!(text_of(&parsed), with);
    let order = |lines: &str| State::parse(text.replacen("sum 0 ", &format!("{lines}sum 0 "), 1).as_bytes());
    assert_eq!(order("announce on\ntitle The Choir\n"), Err(NoteError::Place(7)));
    assert_eq!(order("announce off\n"), Err(NoteError::Order));
    assert_eq!(order("title The Choir \n"), Err(NoteError::Line(6, CommandError::Title)));
    let (before, members) = text.split_once("member ann@x ").expect("a member");
    let (ann, bob) = members.split_once("member bob@x ").expect("another one");
    let order = |lines: String| State::parse(format!("{before}{lines}").as_bytes());
    assert_eq!(order(format!("member bob@x {ann}member ann@x {bob}")), Err(NoteError::Order));
    assert_eq!(order(format!("member ann@x {ann}member ann@x {bob}")), Err(NoteError::Order));
    assert_eq!(State::parse(b""), Err(NoteError::Version));
    for end in 0..text.len() {
        assert!(State::parse(&text.as_bytes()[..end]).is_err(), "cut after {end} bytes");
    }
}

#[test]
fn ends_of_invitations_are_in_the_note_once_somebody_was_invited() {
    let mut stage = Stage::new();
    stage.say("v1 a 5 1\nREMOVE ann@x bob@x\n");
    assert!(!text_of(&stage.state).contains("ended") && !text_of(&stage.state).contains("invitations"));
    stage.say("v1 a 5 2\nINVITE ann@x bob@x\n");
    assert!(text_of(&stage.state).ends_with("\ninvitations 1\nend\n"), "{}", text_of(&stage.state));
    stage.say("v1 a 5 3\nACCEPT ann@x bob@x 1 PHC\nREMOVE ann@x bob@x\n");
    let text = text_of(&stage.state);
    assert!(text.ends_with("\ninvitations 1\nended 3 1970-01-01T00:00:01.000Z bob@x\nend\n"), "{text}");
    assert_eq!(State::parse(text.as_bytes()).as_ref(), Ok(&stage.state));
    let lost = text.replace("invitations 1\n", "");
    assert!(matches!(State::parse(lost.as_bytes()), Err(NoteError::Line(_, CommandError::Missing))));
}

proptest! {
    /// A state that was written and read back goes on as the one that was not.
    #[test]
    fn a_note_changes_nothing(
        batches in proptest::collection::vec((0..3usize, 1..4u64, 1..4u64, 0..17usize, 0..99_000_000u64), 0..40),
        cut in 0..40usize,
    ) {
        let commands = [
            "MSG ann@x hi\n", "MSG bob@x hi\n", "ADD ann@x cid@x member PHC\n", "REMOVE ann@x bob@x\n",
            "ROLE ann@x cid@x admin\n", "REMOVE cid@x ann@x\n", "FENCE a 2\n", "FENCE b 3\n",
            "INVITE ann@x cid@x\n", "ACCEPT ann@x cid@x 0 PHC\n", "ACCEPT ann@x cid@x 2 PHC\n", "REMOVE ann@x cid@x\n",
            "DEMOTE - ann@x\n", "PROMOTE - bob@x\n",
            "TITLE ann@x The  Choir\n", "ANNOUNCE ann@x on\n", "ANNOUNCE cid@x off\n",
        ];
        let mut stage = Stage::new();
        let mut other: Option<Stage> = None;
        for (number, (node, start, n, command, clock)) in batches.into_iter().enumerate() {
            if number == cut {
                let state = State::parse(text_of(&stage.state).as_bytes()).expect("it was written");
                other = Some(Stage { state, clock: 0 });
            }
            let body = format!("v1 {} {start} {n}\n{}", ["a", "b", "c"][node], commands[command]);
            stage.clock = clock;
            let told = stage.say(&body);
            if let Some(other) = &mut other {
                other.clock = clock;
                prop_assert_eq!(told, other.say(&body));
                prop_assert_eq!(&other.state, &stage.state);
            }
        }
    }
}
