//! What brokers say, and what is told of it. The JSON is that of nats-server 2.15.0.

use serde_json::{Value, json};

use bytes::Bytes;

use super::*;
use crate::server::log::cluster::broker::Info;

/// A group as it should be.
struct Said {
    info: Value,
    stream: Value,
    brokers: Vec<Value>,
}

fn broker(name: &str) -> Value {
    json!({
        "server": { "name": name, "host": "127.0.0.1", "id": "N", "ver": "2.15.0", "jetstream": true },
        "data": { "config": { "max_memory": 1, "store_dir": "/x", "sync_interval": 120_000_000_000_u64, "sync_always": true } },
    })
}

fn good() -> Said {
    let stream = json!({
        "type": "io.nats.jetstream.api.v1.stream_info_response",
        "config": {
            "name": "ROOM", "subjects": ["room.>"], "retention": "limits", "max_consumers": -1, "max_msgs": -1,
            "max_bytes": -1, "max_age": 2_592_000_000_000_000_u64, "max_msgs_per_subject": -1, "max_msg_size": 524_288,
            "discard": "old", "storage": "file", "num_replicas": 3, "duplicate_window": 120_000_000_000_u64,
            "compression": "none", "allow_direct": true, "mirror_direct": false, "sealed": false, "deny_delete": true,
            "deny_purge": true, "allow_rollup_hdrs": false, "allow_msg_ttl": false, "consumer_limits": {},
            "republish": { "src": "room.>", "dest": "live.>" },
        },
        "created": "2026-11-28T21:00:00.123456789Z",
        "state": { "messages": 9, "bytes": 1000, "first_seq": 2, "last_seq": 10, "consumer_count": 0 },
        "cluster": {
            "name": "room", "leader": "n1",
            "replicas": [ { "name": "n0", "current": true, "active": 1 }, { "name": "n2", "current": true, "active": 1 } ],
        },
    });
    let info = json!({ "server_name": "n0", "version": "2.15.0", "headers": true, "jetstream": true });
    Said { info, stream, brokers: ["n0", "n1", "n2"].map(broker).to_vec() }
}

impl Said {
    fn evidence(&self) -> Evidence {
        let bytes = |value: &Value| Bytes::from(value.to_string());
        Evidence {
            info: Info::parse(&bytes(&self.info)).expect("INFO"),
            stream: bytes(&self.stream),
            brokers: self.brokers.iter().map(bytes).collect(),
        }
    }
}

fn judged(said: &Said, own: Option<Own<'_>>, tolerance: Tolerance) -> String {
    match prove(&said.evidence(), own, tolerance) {
        Ok(proof) => {
            let Proof { broker, created, first, last, replicas, silent, tolerated } = proof;
            let tolerated: Vec<String> = tolerated.iter().map(ToString::to_string).collect();
            format!("{broker} {created} {first}-{last} {replicas:?} {silent:?} {tolerated:?}")
        }
        Err(unfit) => {
            assert!(!unfit.is_empty());
            unfit.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
    }
}

/// What is told of a good group after a change.
#[track_caller]
fn check(change: impl FnOnce(&mut Said), expected: &str) {
    let mut said = good();
    change(&mut said);
    assert_eq!(judged(&said, None, Tolerance::None), expected);
}

const FINE: &str = r#"n0 2026-11-28T21:00:00.123456789Z 2-10 ["n1", "n0", "n2"] [] []"#;

#[test]
fn a_group_as_it_should_be() {
    check(|_| {}, FINE);
    check(|said| said.stream["config"]["max_msg_size"] = json!(-1), FINE);
    check(|said| said.stream["config"]["num_replicas"] = json!(5), FINE);
    check(|said| said.stream["config"]["sources"] = json!([]), FINE);
    for version in ["2.15.0-RC.1", "2.16.0", "3.0.0", "2.15"] {
        check(|said| said.info["version"] = json!(version), FINE);
    }
    check(
        |said| said.stream["state"]["last_seq"] = json!(u64::MAX),
        &FINE.replace("2-10", &format!("2-{}", u64::MAX)),
    );
    // Empty, and empty after everything was forgotten.
    let state = |first: u64, last: u64| json!({ "messages": 0, "first_seq": first, "last_seq": last });
    check(|said| said.stream["state"] = state(0, 0), &FINE.replace("2-10", "1-0"));
    check(|said| said.stream["state"] = state(11, 10), &FINE.replace("2-10", "11-10"));
}

#[test]
fn old_brokers() {
    let old = |broker: &str, version: &str| {
        format!(
            "broker {broker} is nats-server {version}, and a group needs 2.15 or newer, which syncs many messages \
             together: install the release of nats.io"
        )
    };
    for version in ["2.14.2", "2.9.10", "1.99.0", "", "2", "x.15.0", "2.15x.0"] {
        check(|said| said.info["version"] = json!(version), &old("n0", version));
    }
    check(|said| said.brokers[2]["server"]["ver"] = json!("2.14.0"), &old("n2", "2.14.0"));
    // Told once, though it has said so twice.
    let both = |said: &mut Said| {
        said.info["version"] = json!("2.14.0");
        said.brokers[0]["server"]["ver"] = json!("2.14.0");
    };
    check(both, &old("n0", "2.14.0"));
}

#[test]
fn a_broker_that_takes_no_long_batch() {
    let small = "broker n0 has max_payload 524287, and a group needs 524288, or long batches would be refused: change it \
                 in the configuration of all brokers and restart them";
    for (most, expected) in [(524_287, small), (524_288, FINE), (1 << 20, FINE)] {
        check(|said| said.info["max_payload"] = json!(most), expected);
    }
}

#[test]
fn wrong_streams() {
    for (name, value, told, wanted, why) in [
        ("subjects", json!(["room.*"]), r#"["room.*"]"#, r#"["room.>"]"#, "nodes would publish to nobody"),
        (
            "subjects",
            json!(["room.>", "x"]),
            r#"["room.>","x"]"#,
            r#"["room.>"]"#,
            "nodes would publish to nobody",
        ),
        ("retention", json!("workqueue"), "\"workqueue\"", "\"limits\"", "messages would be lost"),
        ("discard", json!("new"), "\"new\"", "\"old\"", "it would stand still when it is full"),
        ("storage", json!("memory"), "\"memory\"", "\"file\"", "messages would be lost"),
        ("persist_mode", json!("async"), "\"async\"", "\"default\"", "messages would be lost"),
        ("no_ack", json!(true), "true", "false", "nobody would know what is stored"),
        ("sealed", json!(true), "true", "false", "nothing could be published"),
        ("allow_direct", json!(false), "false", "true", "nodes could not read it"),
        ("deny_delete", json!(false), "false", "true", "messages could be removed from within it"),
        ("deny_purge", Value::Null, "null", "true", "messages could be removed from within it"),
        ("allow_rollup_hdrs", json!(true), "true", "false", "messages could be removed from within it"),
        ("allow_msg_ttl", json!(true), "true", "false", "messages could be removed from within it"),
        ("max_msgs_per_subject", json!(1), "1", "-1", "messages could be removed from within it"),
        ("max_msg_size", json!(65536), "65536", "524288", "long batches would be refused"),
        ("allow_msg_counter", json!(true), "true", "false", "it would take nothing but counters"),
        (
            "sources",
            json!([{ "name": "X" }]),
            r#"[{"name":"X"}]"#,
            "null",
            "it would hold messages that are none of the group's",
        ),
    ] {
        let sentence =
            format!("the stream ROOM has {name} {told}, and a group needs {wanted}, or {why}; change it");
        check(|said| said.stream["config"][name] = value, &sentence);
    }
    let wanted = r#"{"src":"room.>","dest":"live.>"}"#;
    for (republish, told) in [
        (Value::Null, "null"),
        (json!({ "src": "room.>", "dest": "x.>" }), r#"{"dest":"x.>","src":"room.>"}"#),
        (
            json!({ "src": "room.>", "dest": "live.>", "headers_only": true }),
            r#"{"dest":"live.>","headers_only":true,"src":"room.>"}"#,
        ),
    ] {
        let sentence = format!(
            "the stream ROOM has republish {told}, and a group needs {wanted}, or nodes would not hear of messages; change it"
        );
        check(|said| said.stream["config"]["republish"] = republish, &sentence);
    }
}

#[test]
fn no_stream() {
    let error = |code: u64, description: &str| json!({ "type": "x", "error": { "code": 404, "err_code": code, "description": description } });
    check(
        |said| said.stream = error(10_059, "stream not found"),
        "there is no stream ROOM; --make-cluster makes it, once, or --cluster-found from a history",
    );
    check(
        |said| said.stream = error(10_039, "JetStream not enabled for account"),
        "the brokers have no JetStream for this login: configure jetstream, in the brokers and in the account",
    );
    check(
        |said| said.stream = error(10_008, "JetStream system temporarily unavailable"),
        "nobody answers for the stream ROOM: most brokers have to run and reach each other; see \
         http://127.0.0.1:8222/healthz on their machines",
    );
    check(|said| said.stream = error(1, "so it is"), "JetStream refuses: so it is");
    for unreadable in [json!({}), json!([]), json!(null), json!({ "config": {}, "state": {} })] {
        let sentence = "a broker's answer is not understood; is it nats-server?";
        check(|said| said.stream = unreadable, sentence);
    }
    // All that is wrong is told at once.
    let two = |said: &mut Said| {
        said.info["version"] = json!("2.9.10");
        said.stream = error(10_059, "stream not found");
    };
    let mut said = good();
    two(&mut said);
    said.brokers[0]["data"]["config"] = json!({});
    assert_eq!(judged(&said, None, Tolerance::None).lines().count(), 3);
    assert_eq!(judged(&said, None, Tolerance::Anyway).lines().count(), 2);
}

#[test]
fn replicas_and_syncs() {
    let lazy = |brokers: &str| {
        format!(
            "{brokers} would lose acknowledged messages in a power cut: add sync_interval: always to jetstream in the \
             broker's configuration and restart it, or --cluster-anyway to try it out"
        )
    };
    let unknown = |brokers: &str| {
        format!(
            "it is not known whether {brokers} would lose acknowledged messages in a power cut: let this login ask \
             $SYS.REQ.SERVER.PING.JSZ, as in deploy/three-nodes/nats.conf, or --cluster-anyway to try it out"
        )
    };
    let config = |said: &mut Said, at: usize| {
        said.brokers[at]["data"]["config"].as_object_mut().expect("an object").remove("sync_always");
    };
    check(|said| config(said, 2), &lazy("broker n2"));
    check(|said| (0..3).for_each(|at| config(said, at)), &lazy("brokers n1, n0 and n2"));
    // Another broker of theirs that does not keep the stream does not matter.
    let other = |said: &mut Said| {
        said.brokers.push(broker("n7"));
        config(said, 3);
    };
    check(other, FINE);
    // One may be down, two may not.
    check(|said| drop(said.brokers.remove(2)), &FINE.replace("[] []", r#"["n2"] []"#));
    check(|said| said.brokers.truncate(1), &unknown("brokers n1 and n2"));
    check(|said| said.brokers.clear(), &unknown("brokers n1, n0 and n2"));

    check(
        |said| said.stream["config"]["num_replicas"] = json!(2),
        "2 brokers keep the stream ROOM, so it stands still without one of them: use 3, or --cluster-anyway to try it out",
    );
    // A broker without a cluster, with the default.
    let mut alone = good();
    alone.stream["config"]["num_replicas"] = json!(1);
    alone.stream.as_object_mut().expect("an object").remove("cluster");
    alone.brokers.truncate(1);
    config(&mut alone, 0);
    let one = "only one broker keeps the stream ROOM, so losing it would lose the group: use three brokers, or \
               --cluster-anyway to try it out";
    assert_eq!(judged(&alone, None, Tolerance::None), format!("{one}\n{}", lazy("broker n0")));
    let tolerated = judged(&alone, None, Tolerance::Anyway);
    let begins = r#"n0 2026-11-28T21:00:00.123456789Z 2-10 ["n0"] [] ["only one broker "#;
    assert!(tolerated.starts_with(begins) && tolerated.contains("sync_interval: always"), "{tolerated}");
    // Whoever has given the option is not told to give it.
    assert!(!tolerated.contains("--cluster-anyway"), "{tolerated}");
    // But nothing else is.
    alone.stream["config"]["deny_purge"] = json!(false);
    let told = judged(&alone, None, Tolerance::Anyway);
    assert!(
        told.starts_with("the stream ROOM has deny_purge false, ") && told.lines().count() == 1,
        "{told}"
    );
}

/// A replica's own answer, which may be an old one.
#[test]
fn an_answer_of_no_leader() {
    let mut answer = good();
    answer.stream["cluster"].as_object_mut().expect("an object").remove("leader");
    let unfit = prove(&answer.evidence(), None, Tolerance::Anyway).expect_err("nobody vouches for it");
    assert!(matches!(unfit[..], [Unfit::NoLeader]), "{unfit:?}");
}

#[test]
fn the_stream_of_this_node() {
    let judged = |created: &str, next: u64| judged(&good(), Some(Own { created, next }), Tolerance::Anyway);
    let created = "2026-11-28T21:00:00.123456789Z";
    // Also before what it still has: the rest is another node's to give.
    for next in [1, 2, 10, 11] {
        assert_eq!(judged(created, next), FINE);
    }
    let mut endless = good();
    endless.stream["state"]["last_seq"] = json!(u64::MAX);
    let own = Some(Own { created, next: u64::MAX });
    assert!(prove(&endless.evidence(), own, Tolerance::None).is_ok());
    assert_eq!(
        judged(created, 12),
        "the stream ROOM ends with message 10, and this node has message 11: the brokers have lost what was \
         acknowledged, so keep this history and restore them from a backup, or make the stream again from it \
         (--cluster-found)"
    );
    assert_eq!(
        judged("2026-01-01T00:00:00Z", 5),
        "the stream ROOM was made at 2026-11-28T21:00:00.123456789Z, and this node's history belongs to one made at \
         2026-01-01T00:00:00Z: use its own brokers, or move this history and the members file away to join the other group"
    );
}
