use super::stage::Stage;
use super::*;
use crate::limits::{BATCH_MAX, LINE_MAX_CEILING, TAIL_AHEAD_MAX, TAIL_GONE_ANSWERS};
use crate::server::log::cluster::ids::{StreamSeq, Sum};

#[test]
fn what_is_proposed_is_published_and_told_when_it_comes_back() {
    let mut stage = Stage::joined();
    assert_eq!(stage.says(1, &["one", "two"]), "publish v1 a 500 2 0 MSG ann@x one MSG ann@x two");
    assert_eq!(stage.hears(Heard::Ack { seq: StreamSeq(3) }), "", "an ack is a hint");
    assert_eq!(
        stage.stores_and_hears("v1 a 500 2 0\nMSG ann@x one\nMSG ann@x two\n"),
        "applied Said Said 1 2"
    );
    assert_eq!(stage.stores_and_hears("v1 a 500 2 0\nMSG ann@x one\nMSG ann@x two\n"), "", "a double");
    assert_eq!(stage.stores_and_hears("v1 b 1 1\nMSG bob@x hi\n"), "applied Said");
    assert_eq!(stage.replica.state().last(), Seq(3));
}

#[test]
fn the_round_trip_and_the_lag_are_known() {
    let mut stage = Stage::joined();
    stage.until(100);
    stage.says(1, &["one"]);
    stage.until(2150);
    assert_eq!((stage.replica.lag(), stage.replica.under_way()), (0, 1));
    stage.hears(Heard::Ack { seq: StreamSeq(5) });
    assert_eq!(stage.replica.lag(), 3);
    assert_eq!(stage.stores_and_hears("v1 a 500 2 0\nMSG ann@x one\n"), "applied Said 1");
    assert_eq!((stage.replica.lag(), stage.replica.under_way()), (2, 0));
    assert_eq!(stage.replica.round_trip(), Some(Duration::from_millis(2050)), "from its first sending");
}

#[test]
fn before_the_first_join_is_back_nothing_else_is_sent() {
    let mut stage = Stage::new();
    assert_eq!(stage.says(1, &["early"]), "");
    assert_eq!(stage.hears(Heard::FetchEnd { more: false }), "publish v1 a 500 1 JOIN");
    assert_eq!(stage.says(2, &["still early"]), "");
    assert_eq!(
        stage.stores_and_hears("v1 a 500 1\nJOIN\n"),
        "joined 500, publish v1 a 500 2 0 MSG ann@x early MSG ann@x still early"
    );
}

#[test]
fn it_joins_when_it_is_told_to() {
    let mut stage = Stage::new();
    stage.replica.heard(Duration::ZERO, Heard::FetchEnd { more: false });
    assert!(matches!(stage.replica.poll(), Some(Act::CaughtUp)));
    assert_eq!(stage.acts(), "", "nobody has heard of it");
    (0..2).for_each(|_| stage.replica.join_group(Duration::ZERO));
    assert_eq!(stage.acts(), "publish v1 a 500 1 JOIN", "once");
}

#[test]
fn eight_batches_are_under_way_and_the_rest_gathers() {
    let mut stage = Stage::joined();
    for n in 2..10 {
        assert_eq!(stage.says(n, &["x"]), format!("publish v1 a 500 {n} 0 MSG ann@x x"));
    }
    assert_eq!(stage.says(10, &["y", "y"]), "");
    assert_eq!(stage.says(12, &["z"]), "");
    let last = "publish v1 a 500 10 0 MSG ann@x y MSG ann@x y MSG ann@x z";
    assert_eq!(stage.stores_and_hears("v1 a 500 2 0\nMSG ann@x x\n"), format!("applied Said 2, {last}"));
}

#[test]
fn a_batch_is_no_longer_than_it_may_be() {
    let mut stage = Stage::joined();
    let text = "x".repeat(LINE_MAX_CEILING - 10);
    let texts = vec![text.as_str(); 10];
    stage.replica.check();
    let sent = stage.says(0, &texts);
    let bodies: Vec<&str> = sent.split(", ").collect();
    assert_eq!(bodies.len(), 4, "three of them fit");
    assert!(bodies.iter().all(|body| body.len() <= "publish ".len() + BATCH_MAX));
    assert_eq!(sent.matches("MSG ann@x").count(), 10);
}

#[test]
fn all_that_is_under_way_is_sent_again_in_order() {
    let mut stage = Stage::joined();
    let (one, two) = ("v1 a 500 2 0 MSG ann@x one", "v1 a 500 3 0 MSG ann@x two");
    assert_eq!(stage.says(1, &["one"]), format!("publish {one}"));
    stage.until(900);
    assert_eq!(stage.says(2, &["two"]), format!("publish {two}"));
    let again = format!("publish {one}, publish {two}");
    assert_eq!(stage.until_sends(3000), format!("2000: {again}"));
    assert_eq!(stage.hears(Heard::Down), "");
    assert_eq!(stage.until(9000), "", "nobody is there to take it");
    assert_eq!(stage.hears(Heard::Up), format!("{again}, fetch 3"));
    stage.now = 9100;
    assert_eq!(stage.hears(Heard::NoAck), "");
    assert_eq!(stage.until(9600), format!("9600: {again}"));
    // Behind a hole a batch does not count, so it comes again after the one before it.
    assert_eq!(stage.stores_and_hears("v1 a 500 3 0\nMSG ann@x two\n"), "");
    assert_eq!(stage.stores_and_hears("v1 a 500 2 0\nMSG ann@x one\n"), "applied Said 1");
    assert_eq!(stage.stores_and_hears("v1 a 500 3 0\nMSG ann@x two\n"), "applied Said 2");
}

#[test]
fn what_is_missing_is_asked_for() {
    let mut stage = Stage::joined();
    for n in 2..6 {
        stage.store(&format!("v1 b 1 {}\nMSG bob@x hi\n", n - 1));
    }
    stage.hears(Heard::FetchEnd { more: false });
    // A gap.
    assert_eq!(stage.live(5), "fetch 3");
    assert_eq!(stage.live(6), "");
    assert_eq!(stage.fetches(3), "applied Said");
    assert_eq!(stage.live(3), "", "it was applied already");
    assert_eq!(stage.fetches(4), "applied Said, applied Said, applied Said", "what came ahead follows");
    assert_eq!(stage.hears(Heard::FetchEnd { more: false }), "");
    // Silence.
    assert_eq!(stage.until(500), "500: fetch 7");
    assert_eq!(stage.until(1500), "1500: fetch 7", "no answer");
    assert_eq!(stage.hears(Heard::FetchFailed), "");
    assert_eq!(stage.until(1600), "1600: fetch 7");
    assert_eq!(stage.hears(Heard::FetchEnd { more: false }), "");
    // An ack ahead; an answer of a replica that is behind is not the end.
    assert_eq!(stage.hears(Heard::Ack { seq: StreamSeq(7) }), "");
    assert_eq!(stage.until(1650), "1650: fetch 7");
    assert_eq!(stage.hears(Heard::FetchEnd { more: false }), "");
    assert_eq!(stage.until(1750), "1750: fetch 7");
    stage.store("v1 b 1 5\nMSG bob@x hi\n");
    assert_eq!(stage.fetches(7), "applied Said");
    assert_eq!(stage.hears(Heard::FetchEnd { more: true }), "fetch 8");
    assert_eq!(stage.hears(Heard::Up), "fetch 8", "another broker is asked anew");
}

#[test]
fn what_came_ahead_is_bounded() {
    let mut stage = Stage::joined();
    let text = "x".repeat(90);
    let line = format!("MSG bob@x {text}\n");
    let body = format!("v1 b 1 1\n{}", line.repeat(200_000 / line.len()));
    let last = 3 + 2 * TAIL_AHEAD_MAX / 200_000;
    for _ in 3..=last {
        stage.store(&body);
    }
    for seq in (4..=last as u64).rev() {
        stage.live(seq);
        stage.replica.check();
        assert!(stage.replica.tail.deadline().is_some());
    }
}

#[test]
fn a_stream_that_begins_too_late_is_refused() {
    let mut stage = Stage::joined();
    for n in 1..5 {
        stage.store(&format!("v1 b 1 {n}\nMSG bob@x hi\n"));
    }
    stage.hears(Heard::FetchEnd { more: false });
    assert_eq!(stage.until(500), "500: fetch 3");
    assert_eq!(stage.fetches(5), "");
    assert_eq!(stage.hears(Heard::FetchEnd { more: false }), "");
    assert_eq!(stage.until(600), "600: fetch 3");
    assert_eq!(stage.fetches(5), "");
    // One that has lost its first messages on the way does not count if they come later.
    assert_eq!(stage.fetches(3), "applied Said");
    assert_eq!(stage.hears(Heard::FetchEnd { more: true }), "fetch 4");
    let stop = "stop: the stream begins with message 5, and this node needs 4: start it again, and it gets that from another node";
    for answer in 1..=TAIL_GONE_ANSWERS {
        assert_eq!(stage.fetches(5), "");
        let expected = if answer == TAIL_GONE_ANSWERS { stop } else { "" };
        assert_eq!(stage.hears(Heard::FetchEnd { more: true }), expected);
        stage.until(stage.now + 100);
    }
    assert_eq!((stage.says(1, &["x"]), stage.live(4)), (String::new(), String::new()), "it has stopped");
    assert_eq!(stage.replica.next_deadline(), None);
}

#[test]
fn after_a_fence_what_is_pending_is_refused_and_the_next_start_begins() {
    let mut stage = Stage::joined();
    for n in 2..=9 {
        stage.says(n, &["x"]);
    }
    assert_eq!(stage.says(10, &["gathers"]), "");
    stage.store("v1 a 500 2 0\nMSG ann@x x\n");
    assert_eq!(stage.stores_and_hears("v1 b 1 1\nFENCE a 499\n"), "fetch 3");
    assert_eq!(stage.live(3), "applied Said 2, applied Nothing, publish v1 a 500 10 0 MSG ann@x gathers");
    assert_eq!(
        stage.stores_and_hears("v1 b 1 2\nFENCE a 500\n"),
        "applied Nothing, fenced [3, 4, 5, 6, 7, 8, 9, 10], publish v1 a 501 1 JOIN"
    );
    assert_eq!(stage.stores_and_hears("v1 a 500 3 0\nMSG ann@x x\n"), "", "too late");
    assert_eq!(stage.says(11, &["new"]), "publish v1 a 501 2 0 MSG ann@x new");
    assert_eq!(stage.stores_and_hears("v1 a 501 1\nJOIN\n"), "joined 501");
    assert_eq!(stage.stores_and_hears("v1 a 501 2 0\nMSG ann@x new\n"), "applied Said 11");
}

#[test]
fn a_node_that_ends_ends_its_start() {
    let mut stage = Stage::joined();
    stage.says(1, &["one"]);
    stage.replica.leave(Duration::ZERO);
    assert_eq!(stage.acts(), "", "something is under way");
    stage.stores_and_hears("v1 a 500 2 0\nMSG ann@x one\n");
    stage.replica.leave(Duration::ZERO);
    assert_eq!(stage.acts(), "publish v1 a 500 3 FENCE a 500");
    assert_eq!(stage.stores_and_hears("v1 a 500 3\nFENCE a 500\n"), "", "it does not begin anew");
    assert_eq!(stage.replica.next_deadline(), None);
}

#[test]
fn another_machine_with_the_same_name_is_noticed() {
    let stop = "stop: another machine is node a now: start each node with a name of its own (--node)";
    let mut stage = Stage::joined();
    assert_eq!(stage.stores_and_hears("v1 a 501 1\nJOIN\n"), format!("applied Nothing, {stop}"));
    // With the same start: its batches are not ours.
    let mut stage = Stage::joined();
    assert_eq!(stage.stores_and_hears("v1 a 500 2 0\nMSG ann@x x\n"), format!("applied Said, {stop}"));
    let mut stage = Stage::joined();
    stage.says(1, &["y"]);
    assert_eq!(stage.stores_and_hears("v1 a 500 2 0\nMSG ann@x x\n"), format!("applied Said, {stop}"));
}

#[test]
fn a_start_is_greater_than_all_before_it() {
    // Of an earlier process, before the end of the stream and after it.
    let mut stage = Stage::new();
    stage.store("v1 a 700 1\nJOIN\n");
    assert_eq!(stage.fetches(2), "applied Nothing");
    assert_eq!(stage.hears(Heard::FetchEnd { more: false }), "publish v1 a 701 1 JOIN");
    assert_eq!(stage.stores_and_hears("v1 a 700 2 0\nMSG ann@x late\n"), "applied Said");
    assert_eq!(stage.stores_and_hears("v1 a 800 1\nJOIN\n"), "applied Nothing, publish v1 a 801 1 JOIN");
    assert_eq!(
        stage.stores_and_hears("v1 b 1 1\nFENCE a 900\n"),
        "applied Nothing, fenced [], publish v1 a 901 1 JOIN"
    );
    assert_eq!(stage.stores_and_hears("v1 a 901 1\nJOIN\n"), "joined 901");
}

#[test]
fn silence_is_probed_and_ends_in_being_cut_off() {
    let mut stage = Stage::joined().without_sums();
    let probe = "publish v1 a 500 2";
    let probes = format!("10000: {probe}; 12000: {probe}; 14000: {probe}; 15000: cut off; 16000: {probe}");
    assert_eq!(stage.until_sends(17_000), probes);
    stage.until(20_000);
    assert_eq!(stage.stores_and_hears("v1 a 500 2\n"), "back");
    // While others are heard, the oldest own batch tells.
    assert_eq!(stage.says(1, &["x"]), "publish v1 a 500 3 0 MSG ann@x x");
    for n in 1..=14 {
        stage.until(20_000 + 1000 * n);
        stage.stores_and_hears(&format!("v1 b 1 {n}\n"));
    }
    assert!(stage.until(35_000).contains("35000: cut off"));
    assert_eq!(stage.stores_and_hears("v1 b 1 15\n"), "", "others are no proof");
    assert_eq!(stage.stores_and_hears("v1 a 500 3 0\nMSG ann@x x\n"), "applied Said 1, back");
}

#[test]
fn without_a_broker_it_is_cut_off_too() {
    let mut stage = Stage::joined();
    stage.hears(Heard::Down);
    assert_eq!(stage.until(20_000), "15000: cut off");
    assert!(stage.hears(Heard::Up).starts_with("publish v1 a 500 2 SUM 0 "));
}

#[test]
fn sums_are_said_after_ten_seconds_and_then_every_ten_minutes() {
    let mut stage = Stage::joined();
    let mut said = Vec::new();
    for n in 1..=70 {
        said.push(stage.until_sends(9000 * n));
        stage.stores_and_hears(&format!("v1 b 1 {n}\n"));
        if let Some(number) = [2, 68].iter().position(|at| *at == n) {
            let (sum, number) = (stage.replica.state().sum(), number + 2);
            let told = stage.stores_and_hears(&format!("v1 a 500 {number}\nSUM 0 {sum}\n"));
            assert_eq!(told, "", "its own affair");
        }
    }
    said.retain(|said| !said.is_empty());
    let sum = stage.replica.state().sum();
    let expected = [(10_000, 2), (610_000, 3)].map(|(at, number)| {
        let publish = format!("publish v1 a 500 {number} SUM 0 {sum}");
        format!("{at}: {publish}; {}: {publish}", at + 2000)
    });
    assert_eq!(said.len(), expected.len());
    assert!(said.iter().zip(&expected).all(|(said, expected)| said.starts_with(expected)), "{said:?}");
}

fn sum_differs(node: &str) -> String {
    let node = NodeName::parse(node).expect("a name");
    format!("stop: {}", Stop::SumDiffers { node, event: Seq(0) })
}

#[test]
fn of_nodes_whose_sums_differ_those_go_on_that_have_a_majority() {
    let (joined, other) = (Stage::joined, Sum::default().after(b"x"));
    let ours = joined().replica.state().sum();
    let (mut stage, own) = (joined(), format!("v1 a 500 2\nSUM 0 {ours}\n"));
    assert_eq!(
        stage.stores_and_hears(&format!("v1 b 1 1\nSUM 0 {other}\n")),
        format!("applied Summed, publish v1 a 500 2 SUM 0 {ours}")
    );
    assert_eq!(stage.stores_and_hears(&own), "");
    assert_eq!(
        stage.stores_and_hears(&format!("v1 c 1 1\nSUM 0 {other}\n")),
        format!("applied Summed, {}", sum_differs("b"))
    );

    let mut stage = joined();
    stage.stores_and_hears(&format!("v1 b 1 1\nSUM 0 {other}\n"));
    stage.stores_and_hears(&own);
    assert_eq!(
        stage.stores_and_hears(&format!("v1 c 1 1\nSUM 0 {ours}\n")),
        "applied Summed, b differs at 0"
    );
    assert!(!stage.until(14_900).contains("differs"), "it is said once");
}

/// Before a node stops because nobody else has spoken it has heard all that was said.
#[test]
fn of_two_nodes_whose_sums_differ_nobody_knows_which_is_wrong() {
    let (mut stage, other) = (Stage::joined(), Sum::default().after(b"x"));
    let ours = stage.replica.state().sum();
    stage.stores_and_hears(&format!("v1 b 1 1\nSUM 0 {other}\n"));
    stage.stores_and_hears(&format!("v1 a 500 2\nSUM 0 {ours}\n"));
    assert!(stage.until_sends(10_000).starts_with("10000: publish v1 a 500 3 SUM"));
    stage.stores_and_hears(&format!("v1 a 500 3\nSUM 0 {ours}\n"));
    for n in 2..=15 {
        stage.until_sends(1000 * n);
        stage.stores_and_hears(&format!("v1 b 1 {n}\n"));
    }
    // Others are heard; it sends something to know that it has heard all of them.
    assert_eq!(stage.stores_and_hears("v1 b 1 16\n"), "");
    assert_eq!(stage.stores_and_hears("v1 a 500 4\n"), sum_differs("b"));
}

/// What was said before a node joined is settled.
#[test]
fn sums_of_before_a_start_do_not_count() {
    let (mut stage, other) = (Stage::new(), Sum::default().after(b"x"));
    stage.store(&format!("v1 b 1 1\nSUM 0 {other}\n"));
    stage.fetches(2);
    assert_eq!(stage.hears(Heard::FetchEnd { more: false }), "publish v1 a 500 1 JOIN");
    assert_eq!(stage.stores_and_hears("v1 a 500 1\nJOIN\n"), "joined 500");
    let said = format!("v1 b 1 2\nSUM 0 {other}\n");
    assert!(stage.stores_and_hears(&said).starts_with("applied Summed, publish v1 a 500 2 SUM 0 "));
    assert!(stage.stores_and_hears("v1 b 1 3\nFENCE a 500\n").contains("publish v1 a 501 1 JOIN"));
    assert_eq!(stage.stores_and_hears("v1 a 501 1\nJOIN\n"), "joined 501");
    assert_eq!(stage.stores_and_hears(&format!("v1 c 1 1\nSUM 0 {other}\n")).matches("publish").count(), 1);
}
