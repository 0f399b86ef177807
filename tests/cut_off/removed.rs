//! Who is removed while the node cannot tell the others what they said.

use crate::common::peer::Peer;
use crate::group::Group;
use crate::proxy::Flow;

/// What waited is not said by the one who has the same mail later.
#[test]
fn what_a_removed_member_said_is_not_said_by_the_one_who_is_added() {
    let Some(mut group) = Group::start(2) else { return };
    let (mut bob, mut ann) = (group.member(0, "bob@x"), group.member(1, "ann@x"));
    ann.say("MSG one");
    ann.expect("OK MSG 1 <time>");
    bob.expect("MSG 1 <time> ann@x one");
    let mut cid = group.member(0, "cid@x/-");
    group.set(0, Flow::Stalled);
    bob.say("MSG of the one who was removed");
    // It was read before this.
    cid.fence();
    ann.say("REMOVE bob@x");
    ann.expect("OK REMOVE bob@x");
    ann.expect("REMOVED 2 <time> ann@x bob@x");
    ann.say("ADD bob@x another-secret");
    ann.expect("OK ADD bob@x");
    ann.expect("ADDED 3 <time> ann@x bob@x");
    group.set(0, Flow::Open);
    bob.expect("ERR MSG no-such-member …");
    bob.expect("BYE removed …");
    bob.expect_end();
    let mut bob = Peer::connect(group.node(0).addr());
    bob.expect("HELLO …");
    bob.say("LOGIN bob@x another-secret");
    bob.expect("OK LOGIN bob@x role=member last=3 …");
    bob.expect("ADDED 3 <time> ann@x bob@x");
    bob.say("MSG of the one who was added");
    bob.expect("OK MSG 4 <time>");
    ann.expect("MSG 4 <time> bob@x of the one who was added");
    assert_eq!(group.said(), ["ann@x one", "ann@x bob@x", "ann@x bob@x", "bob@x of the one who was added"]);
}
