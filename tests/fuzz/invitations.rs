//! The words of invitations: whatever somebody sends, only what was given is good, for whom it was given, and for its time.

use chat_room::limits::INVITE_LIFE;
use chat_room::protocol::{InviteWord, Mail, Password, Request, Seq, Time};
use chat_room::room::{ConnId, Invitation, InviteJob, JoinJob, Mark};
use chat_room::server::auth::tokens::Tokens;
use zeroize::Zeroizing;

use crate::engine::{Seen, Target, fuzz};

const CONN: ConnId = ConnId { slot: 0, serial: 1 };
const HOUR_MS: u64 = 60 * 60 * 1000;

/// An invitation, and when it was made.
struct Given {
    mail: Mail,
    invitation: Invitation,
    transcript: u32,
    at: Time,
    word: InviteWord,
}

fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

fn given(tokens: &Tokens) -> Vec<Given> {
    let mut all = Vec::new();
    for (whom, by, made, transcript, seconds) in [
        ("kim@x", "ann@x", 0, 7, 1_767_323_045),
        ("kim@x", "ann@x", 0, 7, 1_767_329_999),
        ("kim@x", "ann@x", 9, 7, 1_767_323_045),
        ("kim@x", "bob@example.org", 9, 7, 1_767_323_045),
        ("lea@example.org", "ann@x", 1 << 30, 7, 1_767_323_045),
        ("lea@example.org", "ann@x", u64::MAX, 8, 1_767_323_045),
    ] {
        let (mail, by, made) = (mail(whom), mail(by), Seq(made));
        let at = Time::from_unix_ms(seconds * 1000);
        let job = InviteJob { conn: CONN, mail: mail.clone(), by: by.clone(), made, transcript };
        let word = tokens.invite(&job, at);
        all.push(Given { mail, invitation: Invitation { by, made }, transcript, at, word });
    }
    all
}

fn check(tokens: &Tokens, others: &Tokens, given: &[Given], input: &[u8], seen: &mut Seen) {
    let line = [b"JOIN kim@x ", input, b" secret"].concat();
    let understood =
        matches!(Request::parse(&line), Ok(Request::Join { word, .. }) if word.expose().as_bytes() == input);
    let Some(word) = InviteWord::parse(input) else {
        assert!(!understood);
        seen.mark("no word");
        return;
    };
    assert!(understood);
    seen.mark(word.expose().len());
    let admins = [mail("ann@x"), mail("bob@example.org")];
    let span = u64::try_from(INVITE_LIFE.as_millis()).expect("some days");
    for Given { mail, transcript, at, .. } in given {
        let password = Password::parse(b"secret").expect("a password");
        let (mail, transcript, word) = (mail.clone(), *transcript, word.clone());
        let job = JoinJob { conn: CONN, mail, word, password, transcript };
        for now in [0, 1, span - 1, span + HOUR_MS, u64::MAX].map(|later| at.unix_ms().saturating_add(later))
        {
            let now = Time::from_unix_ms(now);
            let is_given = |other: &&Given| {
                (&other.mail, other.transcript, &other.word) == (&job.mail, transcript, &job.word)
            };
            let expected = given.iter().find(is_given);
            let read = |by: &Tokens| {
                by.read_invitation(
                    &job,
                    |mark| admins.iter().filter(move |admin| Mark::of(admin) == mark),
                    now,
                )
            };
            let (read, theirs) = (read(tokens), read(others));
            seen.mark(read.is_some());
            assert_eq!(theirs, None, "another server's key");
            match expected {
                None => assert_eq!(read, None, "{} {now}", job.mail),
                // What is over has ended, at the end of its hour; what is not has not.
                Some(other) if now.unix_ms() >= other.at.unix_ms() + span + HOUR_MS => assert_eq!(read, None),
                Some(other) if now.unix_ms() < other.at.unix_ms() + span => {
                    assert_eq!(read.as_ref(), Some(&other.invitation));
                }
                Some(_) => {}
            }
        }
    }
}

#[test]
fn fuzz_invitations() {
    let (tokens, others) = (Tokens::new(Zeroizing::new([7; 32])), Tokens::new(Zeroizing::new([8; 32])));
    let given = given(&tokens);
    let seeds = given.iter().map(|one| one.word.expose().as_bytes().to_vec()).collect();
    let words = &["AAAA", "-", "_", "=", "/", "+", "___8", " "];
    let target = Target { name: "invitations", seeds, words, runs: 3_000, len_max: 160 };
    fuzz(&target, |input, seen| check(&tokens, &others, &given, input, seen));
}
