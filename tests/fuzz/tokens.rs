//! Tokens: whatever somebody sends, only what was given lets in, only whom it was given to, and only for its time.

use chat_room::limits::TOKEN_LIFE;
use chat_room::protocol::{Mail, Proof, Request, Seq, Time, Token};
use chat_room::room::PasswordHash;
use chat_room::server::auth::tokens::Tokens;
use zeroize::Zeroizing;

use crate::engine::{Seen, Target, fuzz};

/// A member at some time, with what they were given then.
struct Given {
    mail: Mail,
    hash: PasswordHash,
    added: Seq,
    at: Time,
    token: Token,
}

fn given(tokens: &Tokens) -> Vec<Given> {
    let mut all = Vec::new();
    for mail in ["ann@x", "bob@example.org"] {
        for salt in ["c2FsdHNhbHQ", "b2FsdHNhbHQ"] {
            let hash =
                format!("$argon2id$v=19$m=64,t=1,p=1${salt}$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
            let hash = PasswordHash::parse(&hash).expect("a hash");
            for (added, seconds) in [(0, 0), (0, 1_767_323_045), (7, 1_767_323_045), (7, 1_767_323_046)] {
                let (added, at) = (Seq(added), Time::from_unix_ms(seconds * 1000));
                let mail = Mail::parse(mail.as_bytes()).expect("a mail");
                let token = tokens.issue(&mail, &hash, added, at);
                all.push(Given { mail, hash: hash.clone(), added, at, token });
            }
        }
    }
    all
}

fn check(tokens: &Tokens, others: &Tokens, given: &[Given], input: &[u8], seen: &mut Seen) {
    let line = [b"RESUME ann@x ", input].concat();
    let understood = matches!(Request::parse(&line), Ok(Request::Login { proof: Proof::Token(token), .. }) if token.expose().as_bytes() == input);
    let Some(token) = Token::parse(input) else {
        assert!(!understood);
        seen.mark("no token");
        return;
    };
    assert!(understood);
    seen.mark(token.expose().len());
    let span = u64::try_from(TOKEN_LIFE.as_millis()).expect("some days");
    for Given { mail, hash, added, at, .. } in given {
        for now in [0, 1, span - 1000, span, u64::MAX].map(|later| at.unix_ms().saturating_add(later)) {
            let expected = given.iter().any(|other| {
                let theirs = other.mail == *mail && other.hash == *hash && other.added == *added;
                theirs
                    && other.token == token
                    && Time::from_unix_ms(now).unix_ms() < other.at.unix_ms() + span
            });
            let now = Time::from_unix_ms(now);
            seen.mark(expected);
            assert_eq!(tokens.fits(&token, mail, Some(hash), *added, now), expected, "{mail} {now}");
            assert!(!tokens.fits(&token, mail, None, *added, now), "who has no password is nobody");
            assert!(!others.fits(&token, mail, Some(hash), *added, now), "another server's key");
        }
    }
}

#[test]
fn fuzz_tokens() {
    let (tokens, others) = (Tokens::new(Zeroizing::new([7; 32])), Tokens::new(Zeroizing::new([8; 32])));
    let given = given(&tokens);
    let seeds = given.iter().map(|one| one.token.expose().as_bytes().to_vec()).collect();
    let words = &["AAAAAAAA", "-", "_", "=", "/", "+", "__________8", " "];
    let target = Target { name: "tokens", seeds, words, runs: 3_000, len_max: 160 };
    fuzz(&target, |input, seen| check(&tokens, &others, &given, input, seen));
}
