//! The connection without a network and without a clock.

mod servers;

use super::again::back_off;
use super::*;
use crate::client::connection::said::Refusal;
use crate::client::failure::LoginError;
use crate::limits::CLIENT_RETRY_FIRST;
use crate::protocol::{Code, LastIs, LoginOk, Mail, Role, Seq};

fn login(last: u64) -> LoginOk {
    let mail = Mail::parse(b"ann@x").expect("a mail");
    let transcript = "0123abcd".to_owned();
    LoginOk {
        mail,
        role: Role::Member,
        last: Seq(last),
        missed: 0,
        first: Seq(1),
        transcript,
        last_is: LastIs::Certain,
    }
}

fn sent(line: Option<CommandLine>) -> String {
    line.map_or("-".to_owned(), |line| String::from_utf8_lossy(&line).trim_end().to_owned())
}

fn heard(heard: Heard<'_, String>) -> String {
    match heard {
        Heard::Feed(event) => format!("feed {}", event.seq),
        Heard::Fetched(event, gone) => format!("fetched {}, {gone} gone", event.seq),
        Heard::Page(event) => format!("page {}", event.seq),
        Heard::Listed(text) => format!("listed {text}"),
        Heard::Answered(what, Ok(rest)) => format!("{what}: {rest}"),
        Heard::Answered(what, Err(why)) => format!("{what} refused: {}", why.word),
        Heard::Lost(lost) => format!("{lost} lost"),
        Heard::Token(token) => format!("token {}", token.expose()),
        Heard::Useless(why) => format!("useless: {why}"),
        Heard::Nothing => "-".to_owned(),
    }
}

/// A connection that logged in after 5 events, through a story: each step and what comes of it. A step in capitals is a line of
/// the server; others are what the owner does, what the network does, and seconds that pass.
#[track_caller]
fn check(story: &[(&str, &str)]) {
    check_with("a:1", story);
}

/// The same with several servers.
#[track_caller]
fn check_with(servers: &str, story: &[(&str, &str)]) {
    let servers = servers.split(',').map(str::to_owned).collect();
    let mut now = Instant::now();
    let mut connection = Connection::<String>::new(Numbers::start(&login(5)), servers, 0, true, now);
    for (step, expected) in story {
        let words: Vec<&str> = step.split(' ').collect();
        let down = |down: Down<String>| {
            let next = match down.next {
                Ok(why) => format!("again: {why}"),
                Err(failure) => format!("over: {failure:?}"),
            };
            format!("{:?} {:?} {next}", down.end, down.unanswered)
        };
        let found = match words[..] {
            ["ask", what] => sent(Some(connection.ask(what.to_owned(), Verb::Who, what))),
            ["renew"] => sent(connection.renew_token()),
            ["fill"] => sent(connection.fill_gap()),
            ["show", seq] => {
                let is_next = connection.numbers.of_feed(Seq(seq.parse().expect("a number")));
                (if is_next { "Show" } else { "Drop" }).to_owned()
            }
            ["up", last] => {
                format!("{}", connection.up(&login(last.parse().expect("a number")), now))
            }
            ["closed"] => down(connection.down(End::Closed, "it broke", now, 0.0)),
            ["silent"] => down(connection.down(End::Silent, "it broke", now, 0.0)),
            ["refused", code] => {
                let why = LoginError::Refused(Refusal::read(&format!("{code} no"), Code::parse));
                let me = Mail::parse(b"ann@x").expect("a mail");
                match connection.login_failed(&why, &me, now, 0.0) {
                    Ok(_) => "again".to_owned(),
                    Err(_) => "over".to_owned(),
                }
            }
            ["distrusted"] => {
                let why = LoginError::OtherGroup("another group".to_owned());
                let me = Mail::parse(b"ann@x").expect("a mail");
                format!("{:?}", connection.login_failed(&why, &me, now, 0.0))
            }
            ["server"] => connection.turns.name().unwrap_or("-").to_owned(),
            ["slept"] => {
                connection.woke(now);
                "-".to_owned()
            }
            ["seconds", seconds] => {
                now += Duration::from_secs(seconds.parse().expect("a number"));
                match connection.tick(now) {
                    Some(Due::Connect(0)) => "connect".to_owned(),
                    Some(Due::Connect(at)) => format!("connect to {at}"),
                    Some(Due::Send(line)) => sent(Some(line)),
                    Some(Due::GiveUp(why)) => format!("give up: {why}"),
                    None => format!("{} s", connection.deadline(now).as_secs()),
                }
            }
            _ => {
                connection.heard(now);
                heard(connection.take(step.replace("TIME", "2026-01-02T03:04:05.678Z").as_bytes()))
            }
        };
        assert_eq!(found, *expected, "{step}");
    }
}

#[test]
fn answers_belong_to_commands_in_their_order() {
    check(&[
        ("renew", "TOKEN"),
        ("ask a", "WHO a"),
        ("ask b", "WHO b"),
        ("ask c", "WHO c"),
        ("OK TOKEN abc", "token abc"),
        ("WHO ann@x devices=1", "listed WHO ann@x devices=1"),
        ("OK WHO 1", "a: 1"),
        ("MSG 6 TIME bob@x hi", "feed 6"),
        ("HISTORY 3 4", "-"),
        ("MSG 3 TIME bob@x hi", "page 3"),
        ("ERR WHO brand-new who knows", "b refused: brand-new"),
        ("MSG 7 TIME bob@x hi", "feed 7"),
        ("OK WHO 0", "c: 0"),
        ("OK WHO 0", "useless: the server sent an answer that was not asked for"),
        ("HISTORY 3 4", "-"),
        ("MSG 3 TIME bob@x hi", "-"),
    ]);
}

#[test]
fn an_event_of_a_kind_that_is_not_known_has_its_number() {
    check(&[
        ("POLLED 6 TIME ann@x the heating", "feed 6"),
        ("show 6", "Show"),
        ("fill", "-"),
        ("closed", "Closed [] again: it broke"),
        ("up 8", "true"),
        ("fill", "HISTORY SINCE 6 1000"),
        ("HISTORY 7 8", "-"),
        ("POLLED 7 TIME ann@x the heating", "fetched 7, 0 gone"),
        ("PINNED 8 TIME - ann@x", "fetched 8, 0 gone"),
        ("OK HISTORY 2 last=8", "-"),
        ("fill", "-"),
        ("ask a", "WHO a"),
        ("HISTORY 7 7", "-"),
        ("POLLED 7 TIME ann@x the heating", "page 7"),
        ("POLLED 7", "listed POLLED 7"),
        ("OK WHO 0", "a: 0"),
    ]);
}

#[test]
fn what_is_missing_is_fetched() {
    check(&[
        ("fill", "-"),
        ("closed", "Closed [] again: it broke"),
        ("up 7", "true"),
        ("fill", "HISTORY SINCE 5 1000"),
        ("fill", "-"),
        ("HISTORY 7 7", "-"),
        ("MSG 5 TIME bob@x hi", "-"),
        ("MSG 7 TIME bob@x hi", "fetched 7, 1 gone"),
        ("OK HISTORY 1 last=7", "-"),
        ("show 8", "Show"),
        ("show 10", "Drop"),
        ("fill", "HISTORY SINCE 8 1000"),
        ("ERR HISTORY no-such-message no", "2 lost"),
        ("show 12", "Drop"),
        ("fill", "HISTORY SINCE 10 1000"),
        ("ERR HISTORY storage no", "useless: the server cannot read its history at present"),
        ("closed", "Closed [] again: it broke"),
        ("fill", "-"),
        ("up 3", "false"),
    ]);
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    check(&[
        ("ask a", "WHO a"),
        ("silent", "Silent [\"a\"] again: it broke"),
        ("seconds 0", "1 s"),
        ("seconds 1", "connect"),
        ("seconds 1", "5 s"),
        ("refused busy", "again"),
        ("seconds 1", "1 s"),
        ("slept", "-"),
        ("seconds 0", "connect"),
        ("refused busy", "again"),
        ("seconds 1", "connect"),
        ("up 5", "true"),
        ("BYE shutdown see you", "-"),
        ("silent", "Closed [] again: the server ended the connection: see you"),
        // As after the first break: that one was mended.
        ("seconds 0", "1 s"),
        ("seconds 1", "connect"),
        ("refused bad-login", "over"),
    ]);
}

#[test]
fn a_server_that_is_cut_off_is_left_at_once() {
    check(&[
        ("ask a", "WHO a"),
        ("BYE cut-off go elsewhere", "-"),
        // The next login waits until it is certain what was said there.
        ("closed", "Closed [\"a\"] again: the server ended the connection: go elsewhere"),
        ("seconds 0", "connect"),
        ("refused storage", "again"),
        ("seconds 0", "1 s"),
    ]);
}

#[test]
fn last_words_after_which_no_other_attempt_makes_sense() {
    for (code, exit) in
        [("removed", "Removed"), ("left", "Removed"), ("bad-login", "Refused"), ("replaced", "Lost")]
    {
        let bye = format!("BYE {code} so long");
        let mut connection = Connection::<()>::new(
            Numbers::start(&login(0)),
            vec!["a:1".to_owned()],
            0,
            false,
            Instant::now(),
        );
        connection.take(bye.as_bytes());
        let over = connection.down(End::Closed, "it broke", Instant::now(), 0.0).next;
        assert!(format!("{over:?}").starts_with(&format!("Err(Told({exit}, ")), "{code}: {over:?}");
    }
    // A newer server's may pass.
    check(&[
        ("BYE brand-new wait", "-"),
        ("closed", "Closed [] again: the server ended the connection: wait"),
    ]);
}

#[test]
fn silence() {
    check(&[
        ("seconds 29", "5 s"),
        ("seconds 1", "PING"),
        ("seconds 29", "5 s"),
        ("OK PING", "-"),
        ("seconds 29", "5 s"),
        ("seconds 1", "PING"),
        ("seconds 30", "give up: the server is silent"),
    ]);
}

#[test]
fn waits_double_up_to_a_minute() {
    let mut next = CLIENT_RETRY_FIRST;
    let waits: Vec<u64> = (0..8).map(|_| back_off(&mut next, 0.0).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(back_off(&mut next, 1.0), Duration::from_secs(45));
    for chance in [-1.0, 0.0, 0.3, 1.0, 2.0] {
        let wait = back_off(&mut next, chance);
        assert!((45..=60).contains(&wait.as_secs()), "{chance}: {wait:?}");
    }
}
