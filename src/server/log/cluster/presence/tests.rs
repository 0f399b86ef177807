//! What a node knows of the others after what they tell, and what it does.

use super::*;
use crate::server::log::cluster::ids::BatchNumber;

struct Stage {
    presence: Presence,
    now: u64,
}

fn node(name: &str) -> NodeName {
    NodeName::parse(name).expect("a name")
}

fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

impl Stage {
    fn new() -> Stage {
        Stage { presence: Presence::new(), now: 0 }
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    /// A node tells `5 1 9 changes, ann@x *`. What is done then, and what is shown otherwise than before.
    fn hears(&mut self, name: &str, told: &str) -> String {
        let text = format!("v1 {}\n", told.replace(", ", "\n"));
        self.presence.heard(self.now(), &node(name), text.as_bytes());
        self.shows()
    }

    /// The stream has a batch of this start; `false`: a fence of it.
    fn in_stream(&mut self, name: &str, start: u64, is_there: bool) -> String {
        let known = Known { start: Start(start), last: is_there.then_some(BatchNumber::FIRST) };
        self.presence.in_stream(self.now(), [(&node(name), known)]);
        self.shows()
    }

    fn shows(&mut self) -> String {
        let mut shown: Vec<String> = std::iter::from_fn(|| self.presence.poll())
            .map(|act| match act {
                Act::Ask(name) => format!("ask {name}"),
                Act::AskPlaces(name, up_to) => format!("ask {name} for places up to {up_to}"),
                Act::Greet => "greet".to_owned(),
            })
            .collect();
        for (mail, devices) in self.presence.take_changes() {
            let devices = devices.iter().map(|device| match device {
                Device::Default => " *".to_owned(),
                Device::Named(name) => format!(" {name}"),
            });
            shown.push(format!("{mail}{}", devices.collect::<String>()));
        }
        shown.join(", ")
    }

    /// What happens until then while nothing is heard.
    fn until(&mut self, ms: u64) -> String {
        let mut told = Vec::new();
        while let Some(at) = self.presence.next_deadline().filter(|at| *at <= Duration::from_millis(ms)) {
            self.now = self.now.max(u64::try_from(at.as_millis()).expect("a few"));
            self.presence.tick(self.now());
            let shows = self.shows();
            if !shows.is_empty() {
                told.push(format!("{}: {shows}", self.now));
            }
        }
        self.now = ms;
        told.join("; ")
    }

    fn nodes(&self) -> String {
        let nodes = self.presence.nodes().map(|(name, start, life)| format!("{name} {start} {life:?}"));
        nodes.collect::<Vec<_>>().join(", ")
    }

    fn may_have(&self, name: &str, who: &str) -> bool {
        self.presence.may_have(&node(name), &mail(who))
    }
}

#[test]
fn who_is_at_any_node_is_there_with_the_devices_of_all() {
    let mut stage = Stage::new();
    assert_eq!(stage.hears("a", "5 0 9 0 0 hello"), "greet");
    assert_eq!(stage.hears("a", "5 1 9 0 0 changes, ann@x *, bob@x"), "ann@x *, bob@x");
    assert_eq!(stage.hears("b", "7 0 9 0 0 beat"), "");
    assert_eq!(stage.hears("b", "7 1 9 0 0 changes, ann@x * phone"), "ann@x * phone");
    assert_eq!(stage.hears("a", "5 2 9 0 0 changes, ann@x -"), "ann@x * phone");
    assert_eq!(stage.hears("b", "7 2 9 0 0 changes, ann@x -, cid@x tv"), "ann@x, cid@x tv");
    assert_eq!(stage.nodes(), "a 5 Live, b 7 Live");
    assert!(stage.may_have("a", "bob@x") && !stage.may_have("a", "ann@x") && !stage.may_have("b", "bob@x"));
}

#[test]
fn what_was_missed_is_asked_for() {
    let mut stage = Stage::new();
    // This node is younger.
    assert_eq!(stage.hears("a", "5 3 9 0 0 beat"), "ask a");
    assert!(stage.may_have("a", "anybody@x"));
    assert_eq!(stage.hears("a", "5 4 9 0 0 changes, bob@x *"), "");
    assert_eq!(stage.until(1000), "1000: ask a");
    assert_eq!(stage.hears("a", "5 4 9 0 0 whole 1 2, ann@x *"), "");
    assert_eq!(stage.hears("a", "5 4 9 0 0 whole 2 2, bob@x *"), "ann@x *, bob@x *");
    assert!(!stage.may_have("a", "anybody@x"));
    // What was told to others again, and what comes twice, is nothing.
    assert_eq!(stage.hears("a", "5 4 9 0 0 whole 1 2, ann@x *"), "");
    assert_eq!(stage.hears("a", "5 4 9 0 0 changes, ann@x -"), "");
    assert_eq!(stage.hears("a", "5 4 9 0 0 beat"), "");
    // One change is missing, and then a part.
    assert_eq!(stage.hears("a", "5 6 9 0 0 changes, cid@x *"), "ask a");
    assert!(stage.may_have("a", "anybody@x"));
    assert_eq!(stage.hears("a", "5 6 9 0 0 whole 1 3, ann@x *"), "");
    assert_eq!(stage.hears("a", "5 6 9 0 0 whole 3 3, dan@x *"), "");
    assert_eq!(stage.until(2500), "2000: ask a");
    // In the middle of the answer something changes.
    assert_eq!(stage.hears("a", "5 6 9 0 0 whole 1 2, ann@x tv"), "");
    assert_eq!(stage.hears("a", "5 7 9 0 0 changes, eve@x *"), "");
    assert_eq!(stage.hears("a", "5 6 9 0 0 whole 2 2, dan@x *"), "ask a, ann@x tv, bob@x, dan@x *");
    assert_eq!(stage.until(3500), "3500: ask a");
    assert_eq!(stage.hears("a", "5 7 9 0 0 whole 1 1, ann@x tv, dan@x *, eve@x *"), "eve@x *");
    assert_eq!(stage.until(5000), "");
}

#[test]
fn who_is_at_a_node_that_is_not_heard_is_gone_after_a_while() {
    let mut stage = Stage::new();
    stage.hears("a", "5 0 9 0 0 beat");
    assert_eq!(stage.hears("a", "5 1 9 0 0 changes, ann@x *, bob@x *"), "ann@x *, bob@x *");
    assert_eq!((stage.until(5999), stage.nodes()), (String::new(), "a 5 Live".to_owned()));
    assert_eq!((stage.until(14_999), stage.nodes()), (String::new(), "a 5 Silent".to_owned()));
    assert_eq!(stage.until(60_000), "15000: ann@x, bob@x");
    // But it may still say something to the stream.
    assert_eq!(stage.nodes(), "a 5 Forgotten");
    assert!(stage.may_have("a", "ann@x") && !stage.may_have("a", "cid@x"));
    // It was cut off. Whoever has left meanwhile is not there.
    assert_eq!(stage.hears("a", "5 2 9 0 0 beat"), "ask a, ann@x *, bob@x *");
    assert!(stage.may_have("a", "cid@x"));
    assert_eq!(stage.hears("a", "5 2 9 0 0 whole 1 1, ann@x *"), "bob@x");
    assert_eq!(stage.until(80_000), "75000: ann@x");
    // The stream ends what it is: nothing of it is left.
    assert_eq!(stage.in_stream("a", 5, false), "");
    assert!(!stage.may_have("a", "ann@x"));
    assert!(stage.presence.nodes.is_empty());
}

#[test]
fn a_node_that_starts_again_has_nobody() {
    let mut stage = Stage::new();
    stage.hears("a", "5 0 9 0 0 beat");
    assert_eq!(stage.hears("a", "5 1 9 0 0 changes, ann@x *"), "ann@x *");
    assert_eq!(stage.hears("a", "8 0 12 0 0 hello"), "greet, ann@x");
    // A word of the process before comes late.
    assert_eq!(stage.hears("a", "5 2 9 0 0 changes, bob@x *"), "");
    assert_eq!(stage.hears("a", "8 1 12 0 0 changes, cid@x *"), "cid@x *");
    assert_eq!(
        (stage.nodes(), stage.presence.next_of(&node("a"))),
        ("a 8 Live".to_owned(), Some(StreamSeq(12)))
    );
}

#[test]
fn a_fence_ends_a_start_and_not_the_connections() {
    let mut stage = Stage::new();
    stage.hears("a", "5 0 9 0 0 beat");
    assert_eq!(stage.hears("a", "5 1 9 0 0 changes, ann@x *"), "ann@x *");
    assert_eq!((stage.in_stream("a", 5, false), stage.nodes()), (String::new(), String::new()));
    assert!(!stage.may_have("a", "ann@x"), "nothing of hers can come");
    // It goes on under the next start, with the same members: who they are is not certain before it has said so.
    assert_eq!((stage.in_stream("a", 6, true), stage.nodes()), (String::new(), "a 6 Live".to_owned()));
    assert!(stage.may_have("a", "ann@x") && stage.may_have("a", "bob@x"));
    assert_eq!(stage.hears("a", "6 1 11 0 0 beat"), "ask a");
    assert_eq!(stage.hears("a", "6 1 11 0 0 whole 1 1, ann@x *"), "");
    assert!(stage.may_have("a", "ann@x") && !stage.may_have("a", "bob@x"));
}

#[test]
fn a_node_of_the_stream_that_was_never_heard_may_have_anybody() {
    let mut stage = Stage::new();
    assert_eq!(stage.in_stream("a", 5, true), "");
    stage.in_stream("b", 5, false);
    assert_eq!(stage.nodes(), "a 5 Live");
    assert_eq!((stage.until(6000), stage.nodes()), (String::new(), "a 5 Silent".to_owned()));
    assert!(stage.may_have("a", "ann@x") && !stage.may_have("b", "ann@x"));
    // The stream was slower.
    assert_eq!(stage.hears("a", "6 0 9 0 0 beat"), "");
    assert_eq!((stage.in_stream("a", 5, false), stage.nodes()), (String::new(), "a 6 Live".to_owned()));
    assert!(!stage.may_have("a", "ann@x"));
    stage.until(60_000);
    // One that was away for long has joined again: those of then are not shown once more.
    assert_eq!(stage.hears("a", "6 1 9 0 0 changes, ann@x *"), "ann@x *");
    assert_eq!(stage.until(90_000), "75000: ann@x");
    assert_eq!((stage.in_stream("a", 9, true), stage.nodes()), (String::new(), "a 9 Live".to_owned()));
    assert_eq!(stage.hears("a", "9 0 9 0 0 beat"), "");
}

#[test]
fn what_is_no_message_is_nothing() {
    let mut stage = Stage::new();
    for told in ["5 1 9 0", "5 1 9 0 0 whole 1", "x 1 9 0 beat", ""] {
        assert_eq!((stage.hears("a", told), stage.nodes()), (String::new(), String::new()), "{told}");
    }
}

#[test]
fn places_that_were_missed_are_asked_for() {
    let mut stage = Stage::new();
    assert_eq!(stage.hears("a", "5 0 9 1 0 hello"), "greet, ask a for places up to 1");
    stage.presence.heard_places(&node("a"), Start(5), 2);
    assert_eq!(stage.hears("a", "5 0 9 2 1 beat"), "");
    assert_eq!(stage.hears("a", "5 0 9 3 1 beat"), "ask a for places up to 3");
    assert_eq!(stage.until(2500), "1000: ask a for places up to 3; 2000: ask a for places up to 3");
    assert_eq!(stage.hears("a", "5 0 9 3 3 beat"), "");
    // Those of an earlier process are not counted.
    assert_eq!(stage.hears("a", "7 0 9 1 0 beat"), "ask a for places up to 1");
    stage.presence.heard_places(&node("a"), Start(5), 9);
    assert_eq!(stage.hears("a", "7 0 9 1 1 beat"), "");
    // A node that is not heard is not asked.
    assert_eq!(stage.hears("a", "7 0 9 2 1 beat"), "ask a for places up to 2");
    assert_eq!(stage.until(60_000).matches("ask").count(), 5);
}
