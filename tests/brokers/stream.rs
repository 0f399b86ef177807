//! The stream of a group: made once, proved by each node, published to, heard and read.

use std::time::{Duration, Instant};

use chat_room::server::log::cluster::broker::{Asker, NoAnswer};
use chat_room::server::log::cluster::make::{Keep, MakeError, Plan, make};
use chat_room::server::log::cluster::nats::{Message, Sid, Subject};
use chat_room::server::log::cluster::parse_stamp;
use chat_room::server::log::cluster::prove::{
    self, DIRECT_GET, Own, Proof, Tolerance, Tolerated, Unfit, prove,
};
use serde_json::{Value, json};

use crate::broker::{Brokers, Login, Program, Setup, Sync, Transport};
use crate::{PATIENCE, access, connect, keeper, node, one};

/// What a node would find.
fn proved(asker: &mut Asker, own: Option<Own<'_>>, tolerance: Tolerance) -> Result<Proof, Vec<Unfit>> {
    let evidence = prove::ask(asker, own, PATIENCE).map_err(|why| vec![why])?;
    prove(&evidence, own, tolerance)
}

/// The first words of each sentence that refuses.
fn told(refused: Result<Proof, Vec<Unfit>>) -> Vec<String> {
    refused.expect_err("it is refused").iter().map(ToString::to_string).collect()
}

fn made(brokers: &Brokers, genesis: &[&str]) -> Result<Proof, MakeError> {
    let genesis: Vec<Vec<u8>> = genesis.iter().map(|batch| batch.as_bytes().to_vec()).collect();
    make(&mut keeper(brokers), Plan::default(), &genesis, Tolerance::None)
}

/// Publishes a batch as a node does, and gives the number that the acknowledgement has.
fn publish(node: &mut Asker, batch: &str) -> u64 {
    loop {
        match node.ask("room.n1", batch.as_bytes(), Duration::from_secs(5)) {
            Ok(ack) => {
                let ack: Value = serde_json::from_slice(&ack.payload).expect("JSON");
                return ack["seq"].as_u64().unwrap_or_else(|| panic!("{ack}"));
            }
            // Perhaps: then it is stored twice, which these tests do not mind.
            Err(NoAnswer::Late(_) | NoAnswer::NoResponders) => {}
            Err(why) => panic!("{why}"),
        }
    }
}

/// An answer to a batched direct get: the messages, and how many more there are.
fn read(node: &mut Asker, question: &Value) -> (Vec<Message>, Option<u64>) {
    let question = question.to_string();
    let answers =
        node.ask_all(DIRECT_GET, question.as_bytes(), PATIENCE, |message| message.status().is_some());
    let mut answers = answers.expect("it lasts");
    let last = answers.pop().expect("an end");
    (answers, if last.status() == Some(204) { last.pending() } else { None })
}

fn bodies(messages: &[Message]) -> Vec<(u64, &str)> {
    let body = |message: &Message| message.sequence().expect("a number");
    messages.iter().map(|message| (body(message), str::from_utf8(&message.payload).expect("text"))).collect()
}

#[test]
fn a_stream_is_made_once_and_then_heard_and_read() {
    let Some(mut brokers) = Brokers::start(Setup::default()) else { return };
    let mut node = node(&brokers);
    assert_eq!(
        told(proved(&mut node, None, Tolerance::None)),
        ["there is no stream ROOM; --make-cluster makes it, once, or --cluster-found from a history"]
    );
    let by_a_node = make(&mut node, Plan::default(), &[b"GENESIS".to_vec()], Tolerance::None);
    let by_a_node = by_a_node.expect_err("only the keeper may").to_string();
    assert!(
        by_a_node.starts_with("this login may not make the stream ROOM (Permissions Violation"),
        "{by_a_node}"
    );
    assert!(by_a_node.contains("name the keeper's with --cluster-credentials"), "{by_a_node}");

    let proof = made(&brokers, &["v1 - 1 1\nGENESIS", "v1 - 1 2\nMEMBER"]).expect("it is made");
    assert_eq!((proof.first, proof.last, proof.replicas.len()), (1, 2, 3));
    let again = made(&brokers, &["v1 - 1 1\nGENESIS"]).expect_err("it exists");
    assert!(matches!(again, MakeError::Exists { .. }), "{again}");

    let seen = proved(&mut node, None, Tolerance::None).expect("as it should be");
    assert_eq!((seen.first, seen.last, &seen.created, seen.silent.len()), (1, 2, &proof.created, 0));
    assert!(seen.tolerated.is_empty());

    // The keeper may not ask how they sync.
    let unknown = told(proved(&mut keeper(&brokers), None, Tolerance::None));
    let begins = "it is not known whether brokers ";
    assert!(unknown.len() == 1 && unknown[0].starts_with(begins), "{unknown:?}");

    // What is published is acknowledged, and comes again with its number and its time.
    node.link().subscribe(&Subject::word("live.>"), Sid(7));
    assert_eq!(publish(&mut node, "v1 n1 1 1\nJOIN"), 3);
    let heard = node.next(PATIENCE).expect("it lasts").expect("it comes");
    assert_eq!(
        (heard.sid, heard.subject.after("live."), heard.sequence()),
        (Sid(7), Some(&b"n1"[..]), Some(3))
    );
    assert_eq!(&heard.payload[..], b"v1 n1 1 1\nJOIN");

    // And can be read, from any number on, with the same time.
    let all = [(1, "v1 - 1 1\nGENESIS"), (2, "v1 - 1 2\nMEMBER"), (3, "v1 n1 1 1\nJOIN")];
    let read_all = |node: &mut Asker| loop {
        // A replica that is behind has fewer.
        let (found, pending) = read(node, &json!({ "seq": 1, "batch": 500, "max_bytes": 4 << 20 }));
        if found.len() == 3 {
            assert_eq!((bodies(&found), pending), (all.to_vec(), Some(0)));
            return found;
        }
    };
    let found = read_all(&mut node);
    let stamps = [found[2].stamp(), heard.stamp()];
    assert!(stamps[0].and_then(parse_stamp).is_some() && stamps[0] == stamps[1], "{stamps:?}");
    let (found, pending) = read(&mut node, &json!({ "seq": 1, "batch": 500, "max_bytes": 1 }));
    assert_eq!((bodies(&found), pending), (all[..1].to_vec(), Some(2)));
    let (found, pending) = read(&mut node, &json!({ "seq": 2, "batch": 1 }));
    assert_eq!((bodies(&found), pending), (all[1..2].to_vec(), Some(1)));
    let (found, pending) = read(&mut node, &json!({ "seq": 4, "batch": 500 }));
    assert_eq!((found.len(), pending), (0, None));

    // A node knows its stream again, and what it lacks or has too much.
    let own = |next| Some(Own { created: &proof.created, next });
    assert!(proved(&mut node, own(4), Tolerance::None).is_ok());
    let shorter = told(proved(&mut node, own(5), Tolerance::None));
    assert!(
        shorter[0].starts_with("the stream ROOM ends with message 3, and this node has message 4: "),
        "{shorter:?}"
    );
    let other = Some(Own { created: "2026-01-02T03:04:05Z", next: 1 });
    let other = told(proved(&mut node, other, Tolerance::None));
    assert!(
        other[0].contains("this node's history belongs to one made at 2026-01-02T03:04:05Z: "),
        "{other:?}"
    );

    // One may be lost, with all that it has acknowledged. Two may not.
    brokers.kill(0);
    let mut node = connect(&brokers.urls(), &access(&brokers, Login::Node)).expect("two are left");
    let seen = proved(&mut node, own(4), Tolerance::None).expect("two are enough");
    assert_eq!(seen.silent, ["n0"]);
    assert!(publish(&mut node, "v1 n1 1 2\nMSG ann@x hello") >= 4);
    brokers.kill(1);
    let mut node = connect(&brokers.urls(), &access(&brokers, Login::Node)).expect("one is left");
    // The leader does not know for some seconds that it is none any more.
    let alone = prove::ask(&mut node, own(5), Duration::from_secs(3)).map_err(|why| vec![why]);
    let alone =
        alone.and_then(|evidence| prove(&evidence, own(5), Tolerance::None)).expect_err("one is not enough");
    let [Unfit::NoLeader | Unfit::NoJetStream | Unfit::SyncUnknown(_)] = alone[..] else {
        panic!("{alone:?}")
    };

    // Those that have just started tell at first of the stream that they had.
    (0..2).for_each(|at| brokers.restart(at));
    let seen = proved(&mut node, own(5), Tolerance::None).expect("all are back");
    assert!(seen.last >= 4);
}

/// One of several keepers makes it, and only their batch is the first.
#[test]
fn of_several_who_make_it_one_succeeds() {
    let Some(brokers) = Brokers::start(Setup::default()) else { return };
    let outcomes: Vec<Result<Proof, MakeError>> = std::thread::scope(|scope| {
        let brokers = &brokers;
        let one = |name: &'static str| scope.spawn(move || made(brokers, &[name]));
        let all = ["v1 - 1 1\nGENESIS a", "v1 - 1 1\nGENESIS b", "v1 - 1 1\nGENESIS c"].map(one);
        all.map(|one| one.join().expect("no panic")).into()
    });
    let succeeded = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(succeeded, 1, "{outcomes:?}");
    let exists = |outcome: &&Result<Proof, MakeError>| matches!(outcome, Err(MakeError::Exists { .. }));
    assert_eq!(outcomes.iter().filter(exists).count(), 2, "{outcomes:?}");
    let seen = proved(&mut node(&brokers), None, Tolerance::None).expect("as it should be");
    assert_eq!((seen.first, seen.last), (1, 1));
}

/// What the keeper asks of JetStream's API. For a moment after a stream was deleted none of its name can be made
/// (2.15.0).
fn api(keeper: &mut Asker, subject: &str, body: &Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let begin = Instant::now();
    loop {
        let answer = keeper.ask(subject, body.as_bytes(), PATIENCE).expect("an answer");
        let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
        match answer["error"]["description"].as_str() {
            None => return,
            Some("error creating store for stream") if begin.elapsed() < PATIENCE => {}
            Some(_) => panic!("{subject} {body}: {answer}"),
        }
    }
}

/// As the keeper makes it, on one broker.
fn good() -> Value {
    json!({
        "name": "ROOM", "subjects": ["room.>"], "storage": "file", "num_replicas": 1, "retention": "limits",
        "discard": "old", "max_msg_size": 524_288, "allow_direct": true, "deny_delete": true, "deny_purge": true,
        "republish": { "src": "room.>", "dest": "live.>" },
    })
}

#[test]
fn streams_that_do_not_keep_what_is_promised() {
    let Some(brokers) = one(Transport::Plain) else { return };
    let (mut keeper, mut node) = (keeper(&brokers), node(&brokers));
    for (name, value) in [
        ("subjects", json!(["room.*"])),
        ("retention", json!("interest")),
        ("discard", json!("new")),
        ("storage", json!("memory")),
        ("persist_mode", json!("async")),
        ("no_ack", json!(true)),
        ("republish", Value::Null),
        ("republish", json!({ "src": "room.>", "dest": "live.>", "headers_only": true })),
        ("allow_direct", json!(false)),
        ("deny_delete", json!(false)),
        ("deny_purge", json!(false)),
        ("allow_msg_ttl", json!(true)),
        ("max_msgs_per_subject", json!(1)),
        ("max_msg_size", json!(65_536)),
        ("sources", json!([{ "name": "OTHER" }])),
    ] {
        let mut stream = good();
        stream[name] = value;
        api(&mut keeper, "$JS.API.STREAM.CREATE.ROOM", &stream);
        let wrong = told(proved(&mut node, None, Tolerance::Anyway));
        let begins = format!("the stream ROOM has {name} ");
        assert!(wrong.iter().any(|wrong| wrong.starts_with(&begins)), "{begins}: {wrong:?}");
        api(&mut keeper, "$JS.API.STREAM.DELETE.ROOM", &Value::Null);
    }

    // One broker is enough for trying, and nothing else.
    let one = "only one broker keeps the stream ROOM, so losing it would lose the group: use three brokers, or \
               --cluster-anyway to try it out";
    let plan = Plan { keep: Keep::Bytes(1 << 30), first: 1001, ..Plan::default() };
    let refused =
        make(&mut keeper, plan, &[b"GENESIS".to_vec()], Tolerance::None).expect_err("one is not enough");
    assert_eq!(refused.to_string(), one);
    assert_eq!(told(proved(&mut node, None, Tolerance::None)).len(), 1, "nothing was made");

    let proof = make(&mut keeper, plan, &[b"GENESIS".to_vec()], Tolerance::Anyway).expect("it is made");
    assert_eq!((proof.first, proof.last), (1001, 1001));
    assert_eq!(told(proved(&mut node, None, Tolerance::None)), [one]);
    let tolerated = proved(&mut node, None, Tolerance::Anyway).expect("it is wanted").tolerated;
    assert!(matches!(tolerated[..], [Tolerated(Unfit::FewReplicas(1))]), "{tolerated:?}");
}

/// A stream that was made before its first message could be stored is used.
#[test]
fn an_interrupted_making_goes_on() {
    let Some(brokers) = one(Transport::Plain) else { return };
    let (mut keeper, mut node) = (keeper(&brokers), node(&brokers));
    let plan = Plan::default();
    api(&mut keeper, "$JS.API.STREAM.CREATE.ROOM", &good());
    let proof =
        make(&mut keeper, plan, &[b"GENESIS".to_vec()], Tolerance::Anyway).expect("it is as it should be");
    assert_eq!((proof.first, proof.last), (1, 1));

    // Made once more it is another one, of the same name.
    let own = Some(Own { created: &proof.created, next: 1 });
    assert!(proved(&mut node, own, Tolerance::Anyway).is_ok());
    api(&mut keeper, "$JS.API.STREAM.DELETE.ROOM", &Value::Null);
    make(&mut keeper, plan, &[b"GENESIS".to_vec()], Tolerance::Anyway).expect("there is none");
    let other = told(proved(&mut node, own, Tolerance::Anyway));
    assert!(other.len() == 1 && other[0].contains(&proof.created), "{other:?}");

    // But a wrong one is not used, nor one that has messages.
    api(&mut keeper, "$JS.API.STREAM.DELETE.ROOM", &Value::Null);
    let mut stream = good();
    stream["deny_purge"] = json!(false);
    api(&mut keeper, "$JS.API.STREAM.CREATE.ROOM", &stream);
    let refused = make(&mut keeper, plan, &[b"GENESIS".to_vec()], Tolerance::Anyway).expect_err("it is not");
    assert!(matches!(refused, MakeError::Unfit(_)), "{refused}");
    assert_eq!(publish(&mut keeper, "x"), 1);
    let refused = make(&mut keeper, plan, &[b"GENESIS".to_vec()], Tolerance::Anyway).expect_err("it is not");
    assert!(matches!(refused, MakeError::Exists { .. }), "{refused}");
}

#[test]
fn brokers_that_sync_lazily() {
    let Some(brokers) = Brokers::start(Setup { sync: Sync::Lazy, ..Setup::default() }) else { return };
    // The keeper may not ask for that, the nodes do.
    made(&brokers, &["v1 - 1 1\nGENESIS"]).expect("it is made");
    let mut node = node(&brokers);
    let [lazy] = &told(proved(&mut node, None, Tolerance::None))[..] else { panic!("one reason") };
    assert!(
        lazy.contains(" would lose acknowledged messages in a power cut: add sync_interval: always "),
        "{lazy}"
    );
    assert!(["n0", "n1", "n2"].iter().all(|broker| lazy.contains(broker)), "{lazy}");
    let tolerated = proved(&mut node, None, Tolerance::Anyway).expect("it is wanted").tolerated;
    assert!(matches!(tolerated[..], [Tolerated(Unfit::LazySync(_))]), "{tolerated:?}");
}

/// As for a login of an account without it.
#[test]
fn no_jetstream() {
    let Some(brokers) = one(Transport::Plain) else { return };
    let mut system = connect(&brokers.urls(), &access(&brokers, Login::System)).expect("a broker lets it in");
    let evidence = prove::ask(&mut system, None, Duration::from_secs(1));
    let none = evidence.map_err(|why| vec![why]).and_then(|evidence| prove(&evidence, None, Tolerance::None));
    let none = none.expect_err("it is refused");
    assert!(matches!(none[..], [.., Unfit::NoJetStream]), "{none:?}");
}

/// Debian 12 has a broker that is too old.
#[test]
fn an_old_broker() {
    // It has no sync_interval either.
    let setup =
        Setup { program: Program::Debian, brokers: 1, transport: Transport::TlsAfterInfo, sync: Sync::Lazy };
    let Some(brokers) = Brokers::start(setup) else { return };
    let old = "broker n0 is nats-server 2.9.10, and a group needs 2.15 or newer, which syncs many messages together: \
               install the release of nats.io";
    let told = told(proved(&mut node(&brokers), None, Tolerance::Anyway));
    assert!(told.iter().any(|told| told == old), "{told:?}");
    let refused = made(&brokers, &["v1 - 1 1\nGENESIS"]).expect_err("it is too old").to_string();
    assert!(refused.contains(old), "{refused}");
}
