//! The nodes of the recipe.

use crate::common::server::until;
use crate::machine::SAY;
use crate::{Group, blocks, steps};

/// Follows the recipe to its end. Then all nodes have the same history, also after one machine was lost for a while, and
/// another one for good.
pub(crate) fn are_one_group(group: &mut Group) {
    // The recipe begins without a stream.
    let gone = group.keeper().answer("$JS.API.STREAM.DELETE.ROOM", "").body;
    assert!(gone.contains("\"success\":true"), "{gone}");
    let [install, make, start, _] = &steps("4. The nodes, on each machine")[..] else {
        panic!("the recipe has other blocks than these four");
    };
    for machine in &group.machines {
        machine.done(&format!("set -e\n{}", blocks::with_our_settings_only(install)));
    }
    group.machine(1).done(&format!("set -e\nprintf 'ann-secret\\nann-secret\\n' | {{\n{make}}}"));
    for machine in &group.machines {
        machine.done(&format!("set -e\n{start}"));
    }

    for number in 1..=3 {
        say(group, number, "hello from");
    }
    until_the_same(group, &["hello from m1", "hello from m2", "hello from m3"]);

    // Power off, so to say, and on again.
    group.machine(2).done("systemctl kill -s KILL nats chat-room; systemctl stop nats chat-room");
    for number in [1, 3] {
        say(group, number, "without m2 from");
    }
    // Its network comes later than the node, and its broker last.
    group.switch.part(2);
    group.machine(2).done("systemctl start --no-block chat-room");
    until("the node starts", || group.machine(2).property("MainPID") != "0");
    assert_eq!(group.machine(2).property("ActiveState"), "activating");
    group.switch.join(2, group.machine(2)).expect("as before");
    group.machine(2).done("systemctl start nats");
    until("the node serves", || group.machine(2).property("SubState") == "running");
    say(group, 2, "back again from");
    until_the_same(group, &["without m2 from m1", "without m2 from m3", "back again from m2"]);

    group.replace(3);
    group.machine(3).done(&format!("set -e\n{}\n{start}", blocks::with_our_settings_only(install)));
    say(group, 3, "on another machine");
    until_the_same(group, &["hello from m1", "without m2 from m3", "on another machine m3"]);

    group.replace(3);
    group.machine(2).done("systemctl stop chat-room");
    let copy = group.machine(2).run("cd /var/lib/chat-room && tar -c members.txt history").stdout;
    group.machine(2).done("systemctl start chat-room");
    group.machine(3).done(&format!("set -e\n{}", blocks::with_our_settings_only(install)));
    let output =
        group.machine(3).run_with("cd /var/lib/chat-room && tar -x && chown -R chat-room:chat-room .", &copy);
    assert!(output.status.success());
    group.machine(3).done(&format!("set -e\n{start}"));
    say(group, 3, "with a copy");
    until_the_same(group, &["hello from m1", "on another machine m3", "with a copy m3"]);
}

fn say(group: &Group, number: u8, text: &str) {
    group.machine(number).done(&SAY.replace("hello", &format!("{text} m{number}")));
}

/// Waits until all nodes have the same files, with these messages, each of them once.
fn until_the_same(group: &Group, messages: &[&str]) {
    let histories = || {
        group
            .machines
            .iter()
            .map(|machine| machine.file("/var/lib/chat-room/history/*.txt"))
            .collect::<Vec<_>>()
    };
    until("all nodes have the same history", || {
        let histories = histories();
        let is_complete = |history: &String| {
            messages.iter().all(|text| history.matches(&format!(" {text}\n")).count() == 1)
        };
        histories.iter().all(|history| *history == histories[0]) && is_complete(&histories[0])
    });
}
