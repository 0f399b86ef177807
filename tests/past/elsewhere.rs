//! Other nodes of the group show no more: those that heard of it by the stream, and those that have copied the history.

use crate::asked::reads_from;
use crate::common::server::{GROUP, folder_with, members_txt};
use crate::nodes::{Stage, login, same_events, says};
use crate::{reads_text, zoe_comes};

#[test]
fn no_node_shows_what_was_said_before() {
    let Some(stage) = Stage::start() else { return };
    let folder = folder_with(&members_txt(&GROUP));
    stage.found(folder.path());
    let empty = || tempfile::tempdir().expect("a folder");
    let n1 = stage.node("n1", empty());
    let n0 = zoe_comes(stage.node("n0", folder));
    same_events(&[&n0, &n1]);
    stage.forget();
    // The stream has nothing of it any more: all comes from another node.
    let mut ann = login(&n0, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
    says(&mut ann, "what the stream has", 6);
    let n2 = stage.node("n2", empty());
    let nodes = [&n0, &n1, &n2];
    same_events(&nodes);
    for node in nodes {
        reads_from(node, "zoe", 4);
        reads_text(node, "bob", 1, "one, between us");
    }
    // Removed and added again, elsewhere, with a device that each node knows.
    let mut ann = login(&n1, "LOGIN ann@x/- ann-secret", "OK LOGIN ann@x …");
    ann.send(b"REMOVE zoe@x\nMSG alone again\nADD zoe@x zoe-secret\n");
    for line in ["OK REMOVE zoe@x", "OK MSG 8 <time>", "OK ADD zoe@x"] {
        ann.expect(line);
    }
    same_events(&nodes);
    for node in nodes {
        reads_from(node, "zoe", 9);
    }
    // And after a restart, by the node's own files.
    let n2 = n2.again();
    reads_from(&n2, "zoe", 9);
    reads_text(&n2, "bob", 1, "one, between us");
}
