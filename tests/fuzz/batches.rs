//! The stream of a cluster: whatever is in it, a batch is no other than it is written, a message that is not understood
//! changes nothing, and all that follows from the others is lines of the transcript, in order.

use chat_room::protocol::{EventLine, Seq, Time};
use chat_room::server::log::cluster::{Batch, Outcome, State, StreamSeq};

use crate::engine::{Seen, Target, fuzz};

const PHC: &str = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

fn text(state: &State) -> String {
    let mut text = String::new();
    state.write(&mut text);
    text
}

fn message(state: &mut State, body: &[u8], seen: &mut Seen) -> bool {
    let batch = Batch::parse(body);
    if let Ok(batch) = &batch {
        let mut written = Vec::new();
        batch.write(&mut written);
        assert_eq!(written, body, "no batch but as it is written");
    }
    let (before, last) = (text(state), state.last());
    match state.apply(state.next(), Time::from_unix_ms(1_767_323_045_678), body) {
        Err(stop) => {
            seen.mark(std::mem::discriminant(&stop));
            seen.mark(batch.err().map(|error| error.to_string().split(' ').next_back().map(str::to_owned)));
            assert_eq!(text(state), before, "after an error the state is as it was");
            return false;
        }
        Ok(None) => seen.mark("does not count"),
        Ok(Some(applied)) => {
            let batch = batch.expect("what counts is understood");
            assert_eq!(applied.outcomes.len(), batch.commands.len());
            let (mut rest, mut seq) = (&applied.lines[..], applied.first);
            assert!(last == Seq(0) || seq == last.next());
            for (outcome, command) in applied.outcomes.iter().zip(&batch.commands) {
                seen.mark((std::mem::discriminant(outcome), std::mem::discriminant(command)));
                let (Outcome::Said(event) | Outcome::Changed { event: Some(event), .. }) = outcome else {
                    continue;
                };
                let (line, after) = rest.split_at(event.len);
                let parsed =
                    EventLine::parse(line.strip_suffix(b"\n").expect("a line ends")).expect("an event");
                assert_eq!((parsed.seq, parsed.time), (seq, event.time));
                (rest, seq) = (after, seq.next());
            }
            assert!(rest.is_empty());
        }
    }
    state.check();
    assert_eq!(State::parse(text(state).as_bytes()).as_ref(), Ok(&*state));
    true
}

/// Messages, with an empty line after each. A text that is a note is one.
fn check(input: &[u8], seen: &mut Seen) {
    let mut state = match State::parse(input) {
        Ok(state) => {
            seen.mark("a note");
            state.check();
            assert_eq!(text(&state).as_bytes(), input, "no note but as it is written");
            return;
        }
        Err(error) => {
            seen.mark(std::mem::discriminant(&error));
            State::new("now", StreamSeq(1))
        }
    };
    let mut rest = input;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
        if !message(&mut state, &rest[..=end], seen) {
            return;
        }
        rest = &rest[end + 2..];
    }
}

#[test]
fn fuzz_batches() {
    let genesis = format!(
        "v1 k 1 1\nGENESIS 0123abcd {} 40 0 1970-01-01T00:00:00.000Z {} 2\nSETTINGS off Us\nMEMBER a@x admin {PHC} 0\nMEMBER b@x member {PHC} 0\n\n",
        "07".repeat(32),
        "00".repeat(32)
    );
    let batches = format!(
        "v1 n 1 1\nJOIN\n\nv1 n 1 2\nMSG a@x hi\nMSG c@x hi\nADD a@x c@x member {PHC}\nROLE - c@x admin\nPROMOTE a@x b@x\nDEMOTE - b@x\nNAME a@x a@x ann_a. Ann  A.\nNAME - b@x\nTITLE a@x The  Choir\nANNOUNCE a@x on\nMSG b@x hi\n\nv1 m 7 1\nFENCE n 1\n\n\
         v1 n 1 3\nMSG a@x late\n\nv1 n 2 1\nREMOVE c@x a@x\nPASS b@x b@x {PHC} {PHC}\n\nv1 n 2 2\n\n"
    );
    let mut state = State::new("now", StreamSeq(1));
    let mut seen = Seen::default();
    let both = [genesis.as_str(), batches.as_str()].concat();
    for body in both.split_inclusive("\n\n") {
        assert!(message(&mut state, &body.as_bytes()[..body.len() - 1], &mut seen), "{body}");
    }
    let seeds = vec![genesis.into_bytes(), both.into_bytes(), text(&state).into_bytes()];
    let words = &[
        "v1 ",
        "v2 ",
        "\n",
        "\n\n",
        "MSG a@x ",
        "MSG b@x ",
        "ADD - c@x member ",
        "REMOVE a@x b@x",
        "PASS ",
        "ROLE a@x b@x admin",
        "PROMOTE a@x b@x",
        "DEMOTE b@x a@x",
        "NAME b@x b@x bob Bob",
        "NAME - a@x",
        "TITLE a@x ",
        "title ",
        "ANNOUNCE a@x off",
        "announce on\n",
        "SETTINGS on Us",
        "JOIN",
        "FENCE n 1",
        "SUM 1 ",
        "MEMBER c@x admin ",
        "n 1 3",
        "n 2 1",
        "0",
        "1",
        "18446744073709551615",
        " ",
        "-",
        "fenced",
        "end\n",
        PHC,
    ];
    fuzz(&Target { name: "batches", seeds, words, runs: 10_000, len_max: 3000 }, check);
}
