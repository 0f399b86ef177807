//! A majority of the brokers is away for a while: members come in and read all the same, and what they say waits.

use std::time::{Duration, Instant};

use chat_room::limits::CUT_OFF_AFTER;

use crate::common::peer::Peer;
use crate::group::{Group, is_nc_there};

/// So soon a member is let in.
const IN_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn members_come_in_and_read_and_what_they_say_waits() {
    if !is_nc_there() {
        return;
    }
    // An election may take longer than the node waits.
    while let Some(mut group) = Group::start(2) {
        if goes_on_in_time(&mut group) {
            break;
        }
    }
}

/// False: the brokers did not have a leader again in time, and the node was cut off.
fn goes_on_in_time(group: &mut Group) -> bool {
    // A device that has been here.
    drop(group.member(0, "bob@x"));
    let mut ann = group.member(1, "ann@x");
    ann.say("MSG one");
    ann.expect("OK MSG 1 <time>");
    assert_eq!(group.said(), ["ann@x one"]);
    let addr = group.node(0).addr();
    group.lose_the_quorum();
    let asked_at = Instant::now();
    let mut bob = group.nc(0);
    bob.say("LOGIN bob@x bob-secret");
    bob.expect("OK LOGIN bob@x role=member last=1 missed=1 first=1 transcript=<id> quorum=no");
    let waited = asked_at.elapsed();
    assert!(waited < IN_WITHIN, "let in after {waited:?}");
    bob.expect("MSG 1 <time> ann@x one");
    bob.say("HISTORY");
    bob.expect("HISTORY 1 1");
    bob.expect("MSG 1 <time> ann@x one");
    bob.expect("OK HISTORY 1 last=1");
    bob.say("WHO");
    bob.expect("WHO ann@x devices=1");
    bob.expect("WHO bob@x devices=1");
    bob.expect("OK WHO 2");
    bob.fence();
    bob.say("MSG two\nPING after it");
    // Whoever is there already notices nothing.
    ann.fence();
    for at in [0, 1] {
        group.brokers.restart(at);
    }
    let told = bob.line().expect("an answer");
    if told.starts_with("BYE cut-off ") {
        assert!(asked_at.elapsed() > CUT_OFF_AFTER, "{told}");
        return false;
    }
    assert_eq!(told, "OK MSG 2 <time>");
    bob.expect("OK PING after it");
    ann.expect("MSG 2 <time> bob@x two");
    let mut cid = Peer::connect(addr);
    cid.expect("HELLO …");
    cid.say("LOGIN cid@x cid-secret");
    cid.expect("OK LOGIN cid@x role=member last=2 missed=2 first=1 transcript=<id>");
    let told = "members are let in with quorum=no until they do";
    assert_eq!(group.node(0).log().matches(told).count(), 1, "{}", group.node(0).log());
    assert_eq!(group.said(), ["ann@x one", "bob@x two"]);
    true
}
