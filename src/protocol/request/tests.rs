//! Lines and the requests they are parsed into.

use crate::protocol::request::*;

/// Compares a line's request, or its refusal as verb and code.
fn check(line: &str, expected: &str) {
    let found = match Request::parse(line.as_bytes()) {
        Ok(request) => format!("{request:?}"),
        Err(refusal) => format!("{} {}", refusal.verb, refusal.code),
    };
    assert_eq!(found, expected, "{line:?}");
}

#[test]
fn accepted() {
    check("MSG  two  blanks ", "Msg(Text(\" two  blanks \"))");
    check("mSg QUIT", "Msg(Text(\"QUIT\"))");
    check("  PING", "Ping(None)");
    check("ping  a b", "Ping(Some(Text(\" a b\")))");
    check("who", "Who { after: None }");
    check("WHO  bob@x ", "Who { after: Some(bob@x) }");
    check("REMOVE   Bob@X", "Remove(bob@x)");
    check("promote Bob@X", "Promote(bob@x)");
    check("DEMOTE bob@x ", "Demote(bob@x)");
    check("name  Ann B.", "Name(Some(Text(\" Ann B.\")))");
    check("NAME", "Name(None)");
    check("title The Choir ", "Title(Some(Text(\"The Choir \")))");
    check("TITLE", "Title(None)");
    check("ANNOUNCE  On ", "Announce(Some(On))");
    check("announce off", "Announce(Some(Off))");
    check("ANNOUNCE", "Announce(None)");
    check(
        "login ann@x/laptop geheim",
        "Login { mail: ann@x, subscription: Feed(Named(\"laptop\")), proof: Password(<password>) }",
    );
    check(
        "LOGIN ann@x/- geheim",
        "Login { mail: ann@x, subscription: Feedless, proof: Password(<password>) }",
    );
    check("HELP msg", "Help(Some(Msg))");
    check("RESUME Ann@x/- a-b_0", "Login { mail: ann@x, subscription: Feedless, proof: Token(<token>) }");
    check("token", "Token");
    check("QUIT", "Quit");
    check("HISTORY", "History(Last(20))");
    check("history 5000", "History(Last(1000))");
    check("HISTORY since 7", "History(Since(Seq(7), 1000))");
    check("HISTORY SINCE 7 3", "History(Since(Seq(7), 3))");
    check("INFO 12", "Info { seq: Seq(12), after: None }");
    check("INFO 12 Bob@X", "Info { seq: Seq(12), after: Some(bob@x) }");
}

#[test]
fn refused() {
    check("hello all", "HELLO unknown-command");
    check("hello, all", "- unknown-command");
    check("abcdefghijklmnopq", "- unknown-command");
    for invisible in
        ["\u{7f}\u{1b}", "\u{4}MSG hello", "\u{1b}[AMSG hello", "\u{feff}MSG hello", "\u{200b}MSG hello"]
    {
        check(invisible, "- bad-text");
    }
    check("MSG", "MSG usage");
    check("MSG ", "MSG usage");
    check("MSG a\u{1b}b", "MSG bad-text");
    check("PING \u{202e}", "PING bad-text");
    check("LOGIN ann@x", "LOGIN usage");
    check("LOGIN ann@x a b", "LOGIN usage");
    check("LOGIN ann secret", "LOGIN bad-mail");
    check("LOGIN ann@x/ä secret", "LOGIN usage");
    check("RESUME ann@x", "RESUME usage");
    check("RESUME ann@x/ä token", "RESUME usage");
    check("RESUME ann token", "RESUME bad-mail");
    check("RESUME ann@x a+b", "RESUME usage");
    check("TOKEN ann@x", "TOKEN usage");
    check("ADD bob@x short", "ADD bad-password");
    check("ADD bob@x two words", "ADD usage");
    check("QUIT now", "QUIT usage");
    check("PROMOTE", "PROMOTE usage");
    check("DEMOTE bob", "DEMOTE bad-mail");
    check("NAME \u{1b}", "NAME bad-text");
    check("TITLE \u{1b}", "TITLE bad-text");
    check("ANNOUNCE maybe", "ANNOUNCE usage");
    check("ANNOUNCE on off", "ANNOUNCE usage");
    check("HELP me please", "HELP usage");
    check("HISTORY SINCE", "HISTORY usage");
    check("HISTORY -1", "HISTORY usage");
    check("HISTORY 1 2", "HISTORY usage");
    check("INFO", "INFO usage");
    check("INFO x", "INFO usage");
    check("INFO 1 x", "INFO bad-mail");
    check("SKIP 3", "SKIP usage");
    check("HELP dance", "HELP unknown-command");
}

#[test]
fn names_begin_usages() {
    for verb in Verb::ALL {
        assert_eq!(verb.usage().split(' ').next(), Some(verb.name()));
        assert_eq!(Verb::parse(verb.name().to_ascii_lowercase().as_bytes()), Some(verb));
    }
}

#[test]
fn http() {
    assert!(Command::of(b"GET / HTTP/1.1").is_http());
    assert!(!Command::of(b"GET up and dance").is_http());
    assert!(!Command::of(b"MSG look HTTP/1.1 is here").is_http());
}
