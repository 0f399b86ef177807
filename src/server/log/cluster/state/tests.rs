//! Conversations with a state: each message of the stream, and what follows from it.

use super::*;
use crate::room::ChangeError;
use crate::server::log::cluster::applied::{Outcome, Refusal, Stop};
use crate::server::log::cluster::batch::BatchError;
use crate::server::log::cluster::stage::{PHC, Stage, genesis};

/// Messages, and what follows from each.
fn check(conversation: &[(&str, &str)]) {
    let mut stage = Stage::new();
    for (body, expected) in conversation {
        assert_eq!(stage.say(body), *expected, "{body}");
    }
}

#[test]
fn batches_count_once_in_order_and_from_the_newest_start() {
    check(&[
        ("v1 a 5 2\nMSG ann@x behind a hole\n", "-"),
        ("v1 a 5 1\nJOIN\n", "Nothing"),
        ("v1 a 5 1\nMSG ann@x a double\n", "-"),
        ("v1 a 5 2\nMSG ann@x one\nMSG ann@x two\n", "MSG 1 1000 ann@x one, MSG 2 1000 ann@x two"),
        ("v1 a 5 2\nMSG ann@x one\nMSG ann@x two\n", "-"),
        ("v1 a 5 4\nMSG ann@x behind a hole\n", "-"),
        ("v1 b 1 1\nMSG bob@x another node\n", "MSG 3 1000 bob@x another node"),
        ("v1 a 5 3\n", ""),
        ("v1 a 6 2\nMSG ann@x not the first\n", "-"),
        ("v1 a 6 1\nJOIN\n", "Nothing"),
        ("v1 a 5 4\nMSG ann@x of an earlier start\n", "-"),
        ("v1 a 6 2\nMSG ann@x three\n", "MSG 4 1000 ann@x three"),
    ]);
}

#[test]
fn after_a_fence_nothing_of_that_start_counts() {
    check(&[
        ("v1 a 5 1\nMSG ann@x one\n", "MSG 1 1000 ann@x one"),
        ("v1 b 1 1\nFENCE a 5\n", "Nothing"),
        ("v1 a 5 2\nMSG ann@x late\n", "-"),
        ("v1 a 5 1\nMSG ann@x later\n", "-"),
        ("v1 a 6 1\nMSG ann@x two\n", "MSG 2 1000 ann@x two"),
        // A fence of an earlier start ends nothing more.
        ("v1 b 1 2\nFENCE a 5\n", "Nothing"),
        ("v1 a 6 2\nMSG ann@x three\n", "MSG 3 1000 ann@x three"),
        // One of a start that was not seen yet.
        ("v1 b 1 3\nFENCE a 9\nFENCE c 3\n", "Nothing, Nothing"),
        ("v1 a 6 3\nMSG ann@x late\n", "-"),
        ("v1 a 9 1\nMSG ann@x late\n", "-"),
        ("v1 c 3 1\nMSG ann@x late\n", "-"),
        ("v1 c 4 1\nMSG ann@x four\n", "MSG 4 1000 ann@x four"),
        // One's own: the rest of this batch still counts.
        (
            "v1 c 4 2\nMSG ann@x five\nFENCE c 4\nMSG ann@x six\n",
            "MSG 5 1000 ann@x five, Nothing, MSG 6 1000 ann@x six",
        ),
        ("v1 c 4 3\nMSG ann@x late\n", "-"),
    ]);
}

#[test]
fn commands_are_judged_in_their_place() {
    check(&[
        ("v1 a 1 1\nMSG cid@x early\n", "NotAMember"),
        ("v1 a 1 2\nADD bob@x cid@x member PHC\n", "NotAllowed"),
        (
            "v1 a 1 3\nADD ann@x cid@x member PHC\nMSG cid@x hi\n",
            "ADDED 1 1000 ann@x cid@x, MSG 2 1000 cid@x hi",
        ),
        ("v1 b 1 1\nADD - cid@x admin PHC\n", "AlreadyMember"),
        (
            "v1 b 1 2\nREMOVE ann@x cid@x\nMSG cid@x late\nREMOVE ann@x cid@x\n",
            "REMOVED 3 1000 ann@x cid@x, NotAMember, NoSuchMember",
        ),
        ("v1 a 1 4\nREMOVE bob@x ann@x\nROLE bob@x bob@x admin\n", "NotAllowed, NotAllowed"),
        ("v1 a 1 5\nREMOVE ann@x ann@x\nROLE - ann@x member\n", "LastAdmin, LastAdmin"),
        (
            "v1 a 1 6\nROLE ann@x bob@x admin\nROLE ann@x bob@x admin\nREMOVE bob@x ann@x\n",
            "QuietRole  mail: bob@x, Nothing, REMOVED 4 1000 bob@x ann@x",
        ),
        ("v1 a 1 7\nADD ann@x cid@x member PHC\n", "NotAllowed"),
        // Everybody may change their own password, and leave.
        ("v1 a 1 8\nADD - cid@x member PHC\n", "ADDED 5 1000 - cid@x"),
        ("v1 a 1 9\nPASS cid@x cid@x PHC PHC\nPASS cid@x bob@x PHC\n", "Password  mail: cid@x, NotAllowed"),
        ("v1 a 1 10\nPASS - dan@x PHC\nREMOVE cid@x cid@x\n", "NoSuchMember, REMOVED 6 1000 cid@x cid@x"),
        (
            "v1 a 1 11\nADD - eve@x admin PHC\nROLE bob@x bob@x member\n",
            "ADDED 7 1000 - eve@x, QuietRole  mail: bob@x",
        ),
        (
            "v1 b 1 3\nPROMOTE eve@x bob@x\nPROMOTE - bob@x\nDEMOTE bob@x eve@x\nPROMOTE eve@x eve@x\n",
            "PROMOTED 8 1000 eve@x bob@x, Nothing, DEMOTED 9 1000 bob@x eve@x, NotAllowed",
        ),
        (
            "v1 b 1 4\nNAME bob@x bob@x bob_b. Bob B.\nNAME eve@x eve@x bob_b. B\u{43e}b B.\nNAME eve@x eve@x bob Bob\n",
            "NAMED 10 1000 bob@x Bob B., NameTaken, NameTaken",
        ),
        (
            "v1 b 1 5\nNAME bob@x bob@x bob_b. Bob B.\nNAME eve@x bob@x\nNAME bob@x eve@x\nNAME - bob@x\nNAME - eve@x bob Bob\n",
            "Nothing, NotAllowed, NotAllowed, NAMED 11 1000 - bob@x, NAMED 12 1000 - eve@x Bob",
        ),
        ("v1 b 1 6\nDEMOTE bob@x bob@x\nPROMOTE bob@x cid@x\n", "LastAdmin, NoSuchMember"),
    ]);
}

#[test]
fn an_invitation_is_good_once_and_until_something_ends_it() {
    check(&[
        // Nobody was invited yet.
        ("v1 a 1 1\nACCEPT ann@x cid@x 0 PHC\nINVITE bob@x cid@x\n", "NotAllowed, NotAllowed"),
        ("v1 a 1 2\nINVITE ann@x bob@x\nACCEPT ann@x cid@x 0 PHC\n", "AlreadyMember, NotAllowed"),
        ("v1 a 1 3\nMSG ann@x one\nINVITE ann@x cid@x\n", "MSG 1 1000 ann@x one, Nothing"),
        // Of before, and by somebody who may not invite.
        ("v1 a 1 4\nACCEPT ann@x cid@x 0 PHC\nACCEPT bob@x cid@x 1 PHC\n", "NotAllowed, NotAllowed"),
        // Two at once: one joins.
        ("v1 a 1 5\nACCEPT ann@x cid@x 1 PHC\n", "ADDED 2 1000 ann@x cid@x"),
        ("v1 b 1 1\nACCEPT ann@x cid@x 1 PHC\n", "AlreadyMember"),
        (
            "v1 b 1 2\nREMOVE cid@x cid@x\nACCEPT ann@x cid@x 1 PHC\n",
            "REMOVED 3 1000 cid@x cid@x, NotAllowed",
        ),
        (
            "v1 b 1 3\nACCEPT ann@x cid@x 2 PHC\nACCEPT ann@x dan@x 2 PHC\n",
            "NotAllowed, ADDED 4 1000 ann@x dan@x",
        ),
        ("v1 b 1 4\nACCEPT ann@x cid@x 3 PHC\n", "ADDED 5 1000 ann@x cid@x"),
        // Who has invited is no admin any more, and then one again.
        (
            "v1 b 1 5\nPROMOTE - bob@x\nDEMOTE bob@x ann@x\nACCEPT ann@x eve@x 5 PHC\nPROMOTE bob@x ann@x\n",
            "PROMOTED 6 1000 - bob@x, DEMOTED 7 1000 bob@x ann@x, NotAllowed, PROMOTED 8 1000 bob@x ann@x",
        ),
        (
            "v1 b 1 6\nACCEPT ann@x eve@x 6 PHC\nACCEPT bob@x eve@x 6 PHC\n",
            "NotAllowed, ADDED 9 1000 bob@x eve@x",
        ),
        // An edit on a node of an earlier version has no event: the next one counts.
        (
            "v1 b 1 7\nROLE - bob@x member\nROLE - bob@x admin\nACCEPT bob@x kim@x 9 PHC\nMSG bob@x two\n",
            "QuietRole  mail: bob@x, QuietRole  mail: bob@x, NotAllowed, MSG 10 1000 bob@x two",
        ),
        (
            "v1 b 1 8\nACCEPT bob@x kim@x 9 PHC\nACCEPT bob@x kim@x 10 PHC\n",
            "NotAllowed, ADDED 11 1000 bob@x kim@x",
        ),
        // What waited on a node is asked by whoever has invited then.
        (
            "v1 a 1 6 11\nREMOVE - ann@x\nADD - ann@x admin PHC\n",
            "REMOVED 12 1000 - ann@x, ADDED 13 1000 - ann@x",
        ),
        (
            "v1 a 1 7 11\nINVITE ann@x lea@x\nACCEPT ann@x lea@x 13 PHC\n",
            "NotAllowed, ADDED 14 1000 ann@x lea@x",
        ),
    ]);
}

/// Whoever is no admin is silent from `on` to `off`, whenever it was said; whoever is demoted meanwhile is silent from then on.
#[test]
fn what_the_group_has_agreed_on_is_judged_in_its_place() {
    check(&[
        (
            "v1 a 1 1\nTITLE ann@x Us\nTITLE ann@x Us\nTITLE bob@x We\nTITLE eve@x We\n",
            "TITLED 1 1000 ann@x Us, Nothing, NotAllowed, NotAllowed",
        ),
        (
            "v1 a 1 2\nANNOUNCE ann@x off\nANNOUNCE bob@x on\nMSG bob@x one\nANNOUNCE ann@x on\nMSG bob@x two\n",
            "Nothing, NotAllowed, MSG 2 1000 bob@x one, ANNOUNCE 3 1000 ann@x on, AnnounceOnly",
        ),
        (
            "v1 b 1 1\nMSG bob@x three\nPROMOTE ann@x bob@x\nMSG bob@x four\nMSG ann@x five\nDEMOTE ann@x bob@x\nMSG bob@x six\n",
            "AnnounceOnly, PROMOTED 4 1000 ann@x bob@x, MSG 5 1000 bob@x four, MSG 6 1000 ann@x five, \
             DEMOTED 7 1000 ann@x bob@x, AnnounceOnly",
        ),
        ("v1 b 1 2\nSETTINGS off Them\nMSG bob@x seven\n", "Nothing, AnnounceOnly"),
        (
            "v1 b 1 3\nANNOUNCE ann@x off\nMSG bob@x eight\n",
            "ANNOUNCE 8 1000 ann@x off, MSG 9 1000 bob@x eight",
        ),
    ]);
}

/// What waited on a node while its author was removed, and added again, is not the new member's.
#[test]
fn who_was_removed_does_not_speak_again_as_the_one_who_was_added() {
    check(&[
        (
            "v1 a 1 1 0\nMSG bob@x one\nADD ann@x cid@x member PHC\n",
            "MSG 1 1000 bob@x one, ADDED 2 1000 ann@x cid@x",
        ),
        ("v1 b 1 1 2\nMSG cid@x two\n", "MSG 3 1000 cid@x two"),
        (
            "v1 b 1 2 2\nREMOVE ann@x cid@x\nADD ann@x cid@x admin PHC\n",
            "REMOVED 4 1000 ann@x cid@x, ADDED 5 1000 ann@x cid@x",
        ),
        (
            "v1 a 1 2 2\nMSG cid@x late\nREMOVE cid@x cid@x\nPASS cid@x cid@x PHC\n",
            "NotAMember, NotAllowed, NotAllowed",
        ),
        (
            "v1 a 1 3 4\nMSG cid@x late\nROLE cid@x bob@x admin\nMSG bob@x three\n",
            "NotAMember, NotAllowed, MSG 6 1000 bob@x three",
        ),
        (
            "v1 a 1 4 5\nMSG cid@x four\nREMOVE cid@x cid@x\n",
            "MSG 7 1000 cid@x four, REMOVED 8 1000 cid@x cid@x",
        ),
    ]);
}

#[test]
fn a_password_is_changed_if_it_is_the_expected_one() {
    let other = PHC.replace("m=19456", "m=9728");
    check(&[
        (&format!("v1 a 1 1\nPASS bob@x bob@x {other} {other}\n"), "NotExpected"),
        (&format!("v1 a 1 2\nPASS bob@x bob@x {other} PHC\n"), "Password  mail: bob@x"),
        ("v1 a 1 3\nPASS bob@x bob@x PHC PHC\n", "NotExpected"),
        ("v1 a 1 4\nPASS ann@x bob@x PHC\n", "Password  mail: bob@x"),
    ]);
}

#[test]
fn a_line_is_no_longer_than_the_group_allows() {
    let text = "x".repeat(95);
    check(&[
        (&format!("v1 a 1 1\nMSG ann@x {text}\n"), &format!("MSG 1 1000 ann@x {text}")),
        (&format!("v1 a 1 2\nMSG ann@x {text}x\n"), "TooLong"),
    ]);
}

#[test]
fn times_are_the_streams_and_step_back_after_a_clock_that_was_wrong() {
    let mut stage = Stage::new();
    for (number, (clock, time)) in
        (1..).zip([(2000, 2000), (1999, 2000), (400_000, 400_000), (340_000, 400_000), (339_999, 339_999)])
    {
        stage.clock = clock;
        let told = stage.say(&format!("v1 a 1 {number}\nMSG ann@x hi\n"));
        assert_eq!(told, format!("MSG {number} {time} ann@x hi"));
    }
}

#[test]
fn a_group_is_founded_in_as_many_batches_as_it_takes() {
    let mut stage = Stage { state: State::new("now", StreamSeq(100)), clock: 5000 };
    let (key, sum) = ("07".repeat(32), Sum::default().after(b"before"));
    let first = format!("v1 keeper 3 1\nGENESIS 0123abcd {key} 4096 41 1970-01-01T00:00:09.000Z {sum} 2\n");
    assert_eq!(stage.say(&first), "Nothing");
    assert_eq!((stage.state.is_founded(), stage.state.sum()), (false, sum));
    assert_eq!(stage.say("v1 a 1 1\nJOIN\n"), "-", "only the founder's batches count");
    assert_eq!(
        stage.say("v1 keeper 3 2\nMEMBER ann@x admin PHC 40\nMEMBER bob@x admin PHC 99\n"),
        "Nothing, Nothing"
    );
    let added = |mail: &str| {
        let mail = Mail::parse(mail.as_bytes()).expect("a mail");
        stage.state.member(&mail).map(|member| member.added)
    };
    assert_eq!([added("ann@x"), added("bob@x"), added("cid@x")], [Some(Seq(40)), Some(Seq(41)), None]);
    assert!(stage.state.is_founded());
    assert_eq!((stage.state.transcript(), stage.state.line_max()), (Some(0x0123_abcd), Some(4096)));
    assert_eq!(stage.state.token_key().map(|key| key.expose()[0]), Some(7));
    // Another GENESIS is nothing, and so is one more member.
    assert_eq!(stage.say(&first.replace("keeper 3 1", "keeper 4 1")), "Nothing");
    assert_eq!(stage.say("v1 keeper 4 2\nMEMBER cid@x admin PHC 0\nMSG cid@x hi\n"), "Nothing, NotAMember");
    assert_eq!(stage.say("v1 a 1 1\nMSG ann@x hi\n"), "MSG 42 9000 ann@x hi");
}

#[test]
fn what_is_not_understood_stops_the_node() {
    let mut stage = Stage { state: State::new("now", StreamSeq(7)), clock: 1000 };
    assert_eq!(stage.stop("v1 a 1 1\nJOIN\n"), Stop::NoGenesis { seq: StreamSeq(7) });
    assert_eq!(stage.stop("v1 a 1 1\n"), Stop::NoGenesis { seq: StreamSeq(7) });
    stage.say(&genesis());
    let unknown = |error| Stop::Unknown { seq: StreamSeq(8), error };
    assert_eq!(stage.stop("v2 a 1 1\n"), unknown(BatchError::Version));
    assert_eq!(stage.stop("x"), unknown(BatchError::Torn));
    for body in ["v1 a 1 1\nMSG ann@x hi\nPIN ann@x us\n", "v1 a 1 1\nMSG ann@x hi\nMSG Ann@x hi\n"] {
        let Stop::Unknown { error: BatchError::Command(3, _), .. } = stage.stop(body) else {
            panic!("{body} is not understood")
        };
    }
    // What does not count need not be understood.
    assert_eq!(stage.say("v1 a 1 7\nPIN ann@x us\n"), "-");
    for seq in [StreamSeq(8), StreamSeq(10)] {
        let stop = stage.state.apply(seq, Time::default(), b"v1 a 1 1\n");
        assert_eq!(stop, Err(Stop::Hole { next: StreamSeq(9), found: seq }));
    }
}

#[test]
fn sums_are_compared_at_any_of_the_last_batches() {
    let mut stage = Stage::new();
    let mut sums = vec![(stage.state.last(), stage.state.sum())];
    for number in 1..=100 {
        stage.say(&format!("v1 a 1 {number}\nMSG ann@x hi\nMSG ann@x ho\n"));
        sums.push((stage.state.last(), stage.state.sum()));
    }
    for (number, (is_wrong, told)) in (1..).zip([(true, "differs"), (false, "the same")]) {
        let said = |(_, sum): &(Seq, Sum)| if is_wrong { sum.after(b"") } else { *sum };
        let all =
            sums.iter().map(|pair| format!("SUM {} {}\n", pair.0, said(pair))).collect::<Vec<_>>().concat();
        let kept = |(seq, _): &(Seq, Sum)| if seq.0 > 200 - 2 * SUMS_KEPT as u64 { told } else { "Nothing" };
        let expected = sums.iter().map(kept).collect::<Vec<_>>().join(", ");
        assert_eq!(stage.say(&format!("v1 b 1 {number}\n{all}")), expected);
    }
    // Within a batch there is no sum, and those of long ago are not kept.
    let other = Sum::default().after(b"x");
    assert_eq!(stage.say(&format!("v1 b 1 3\nSUM 199 {other}\nSUM 2 {other}\n")), "Nothing, Nothing");
}

#[test]
fn lines_are_written_as_a_single_node_writes_them() {
    use crate::protocol::{Event, Text};
    use crate::room::{Batch, ConnId, Proposer};
    use crate::server::log::Sequencer;

    let mail = |text: &str| Mail::parse(text.as_bytes()).expect("a mail");
    let time = Time::from_unix_ms(1_767_323_045_678);
    let speaker = Proposer::Speaker(ConnId { slot: 0, serial: 1 });
    let text = Text::parse("  ünï\tcode ".as_bytes()).expect("a text");
    let mut batch = Batch::default();
    batch.push(speaker, time, Seq(1), &Event::Msg { mail: mail("ann@x"), text });
    batch.push(
        Proposer::Roster,
        time,
        Seq(2),
        &Event::Added { by: crate::protocol::Author::HandEdit, mail: mail("cid@x") },
    );
    let by = crate::protocol::Author::Member(mail("ann@x"));
    batch.push(Proposer::Roster, time, Seq(3), &Event::Removed { by, mail: mail("cid@x") });
    let mut sequencer = Sequencer::new(Seq(0), Time::default());
    sequencer.propose(batch);
    sequencer.begin(std::time::Duration::ZERO).expect("it was proposed");

    let mut stage = Stage::new();
    let body = "v1 a 1 1\nMSG ann@x   ünï\tcode \nADD - cid@x member PHC\nREMOVE ann@x cid@x\n";
    let body = body.replace("PHC", PHC);
    let applied = stage.state.apply(StreamSeq(8), time, body.as_bytes()).expect("it is understood");
    assert_eq!(applied.expect("it counts").lines, sequencer.stored().lines);
}

#[test]
fn a_refusal_keeps_its_reason() {
    let mut stage = Stage::new();
    let applied = stage.state.apply(StreamSeq(8), Time::default(), b"v1 a 1 1\nREMOVE - ann@x\n");
    let outcomes = applied.expect("it is understood").expect("it counts").outcomes;
    assert_eq!(outcomes, [Outcome::Refused(Refusal::Change(ChangeError::LastAdmin))]);
}
