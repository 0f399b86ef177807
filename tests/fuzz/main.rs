//! Random inputs, against what has to hold for any input. `make fuzz TARGET=lines SECONDS=60` goes on for so long, with
//! other inputs each time. The target for the client's display is in src/client/chat/fuzz.rs.

#[path = "../common/store.rs"]
mod store;

mod batches;
mod engine;
mod invitations;
mod lines;
mod members;
mod nats;
mod recovery;
mod requests;
mod tokens;
mod web;

use engine::{Seen, Target, fuzz};

/// The fuzzer finds what is there to be found, step by step.
#[test]
fn engine() {
    let target = Target {
        name: "engine",
        seeds: vec![b"seed".to_vec()],
        words: &["word"],
        runs: 300_000,
        len_max: 64,
    };
    let found = std::panic::catch_unwind(|| {
        fuzz(&target, |input, seen: &mut Seen| {
            let steps = ["word", "7", "word"].iter().scan(input, |rest, step| {
                let at = rest.windows(step.len()).position(|window| window == step.as_bytes())?;
                *rest = &rest[at + step.len()..];
                Some(())
            });
            let steps = steps.count();
            seen.mark(steps);
            assert!(steps < 3 || !input.ends_with(b"\xff"), "found {}", input.escape_ascii());
        });
    });
    let panic = found.expect_err("it is there");
    assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some(r"found word7word\xff"));
}
