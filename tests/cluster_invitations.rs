//! Invitations in a group on many nodes: a word is good on all of them, and once.

#[path = "common/broker.rs"]
mod broker;
mod common;
#[path = "common/invited.rs"]
mod invited;
#[path = "common/nodes.rs"]
mod nodes;

use common::peer::Peer;
use common::server::{GROUP, Server, folder_with, members_txt};
use invited::{BAD, invite, joining};
use nodes::{Stage, same_events};

#[test]
fn a_word_of_one_node_is_good_on_all_and_once() {
    let Some(stage) = Stage::start() else { return };
    // The group was one server's before; what was invited then is not known to the others.
    let mut alone = Server::in_folder(folder_with(&members_txt(&GROUP)), &[]);
    let old = invite(&alone, "ann", "old");
    let mut ann = Peer::member(alone.addr(), "ann@x");
    ann.say("MSG hello");
    ann.expect("OK MSG 1 <time>");
    alone.stop();
    let folder = alone.into_folder();
    stage.found(folder.path());
    let one = stage.node("n0", folder);
    let two = stage.node("n1", tempfile::tempdir().expect("a folder"));
    joining(&two, "old", &old).expect(BAD);

    // A word of one on the other, which gets it in its place in the stream.
    let (kim, lea, mia, nia) = (
        invite(&one, "ann", "kim"),
        invite(&two, "ann", "lea"),
        invite(&one, "ann", "mia"),
        invite(&one, "ann", "nia"),
    );
    joining(&one, "old", &old).expect(BAD);
    let mut inside = joining(&two, "kim", &kim);
    inside.expect("OK JOIN kim@x");
    inside.login("kim@x");
    joining(&one, "kim", &kim).expect(BAD);

    // Two at once: one is in.
    let mut both = [joining(&one, "lea", &lea), joining(&two, "lea", &lea)];
    let mut answers: Vec<String> = both.iter_mut().map(|peer| peer.line().expect("an answer")).collect();
    answers.sort();
    let [refused, joined] = &answers[..] else { panic!("two have asked") };
    assert!(refused.starts_with("ERR JOIN bad-invite "), "{answers:?}");
    assert_eq!(joined, "OK JOIN lea@x");

    // What has ended on one node has ended on all, also on one that was away.
    let folder = two.into_folder();
    let mut ann = Peer::member(one.addr(), "ann@x/-");
    ann.say("REMOVE kim@x\nPROMOTE bob@x\nDEMOTE bob@x");
    for verb in ["REMOVE kim@x", "PROMOTE bob@x", "DEMOTE bob@x"] {
        ann.expect(&format!("OK {verb}"));
    }
    let two = stage.node("n1", folder);
    joining(&two, "kim", &kim).expect(BAD);
    joining(&two, "mia", &mia).expect("OK JOIN mia@x");
    same_events(&[&one, &two]);

    // A node that is taken out knows all that.
    let mut one = one;
    one.stop();
    let alone = Server::in_folder(one.into_folder(), &[]);
    joining(&alone, "kim", &kim).expect(BAD);
    joining(&alone, "mia", &mia).expect(BAD);
    joining(&alone, "nia", &nia).expect("OK JOIN nia@x");
}
