//! Who is shown as what, found, completed and mentioned.

use super::*;
use crate::protocol::Author;

fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

fn name(text: &str) -> DisplayName {
    DisplayName::kept(text.as_bytes()).expect("text")
}

/// Ann among others: mails, each with a name if one follows.
fn group(members: &[&str]) -> Names {
    let mut names = Names::new(&mail("ann@x"));
    for member in members {
        let (who, called) =
            member.split_once(' ').map_or((*member, None), |(who, called)| (who, Some(called)));
        names.call(&mail(who), called.map(name));
    }
    names
}

/// `\u{…}` is a character by its number.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').expect("a number in braces");
        plain.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
        plain += rest;
    }
    plain
}

/// The cases that the page has, too.
#[test]
fn nobody_is_shown_like_somebody_else() {
    let cases = include_str!("../../../../tests/names.txt");
    for case in cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (members, expected) = case.split_once(" => ").expect("members => what they are called");
        let members: Vec<String> = members.split(", ").map(unescaped).collect();
        let names = group(&members.iter().map(String::as_str).collect::<Vec<_>>());
        let mails = members.iter().map(|member| member.split(' ').next().expect("a mail"));
        let shown: Vec<String> = mails.map(|who| names.shown(&mail(who))).collect();
        assert_eq!(shown, expected.split(", ").map(unescaped).collect::<Vec<_>>(), "{case}");
    }
}

#[test]
fn a_mail_that_is_gone_makes_no_other_long() {
    let mut names = group(&["bob@x", "bob@y"]);
    for _ in 0..2 {
        names.forget(&mail("bob@y"));
        assert_eq!(names.shown(&mail("bob@x")), "bob");
    }
    assert_eq!([mail("dan@x"), mail("bob@z")].map(|who| names.shown(&who)), ["dan", "bob@z"], "not known");
}

#[test]
fn a_name_that_is_given_up_is_free() {
    let mut names = group(&["bob@x Max", "cid@x Max"]);
    names.call(&mail("cid@x"), Some(name("Cid")));
    assert_eq!(["bob@x", "cid@x"].map(|who| names.shown(&mail(who))), ["Max", "Cid"]);
    names.call(&mail("cid@x"), None);
    names.call(&mail("dan@x"), Some(name("CID")));
    assert_eq!(["cid@x", "dan@x"].map(|who| names.shown(&mail(who))), ["cid@x", "CID (dan@x)"]);
    names.forget(&mail("dan@x"));
    assert_eq!(["cid@x", "dan@x"].map(|who| names.shown(&mail(who))), ["cid", "dan"]);
    assert_eq!(names.looks.len(), 4, "ann, bob, Max, cid: {:?}", names.looks);
}

/// What happened before the list is in it already, and comes again when the past is shown.
#[test]
fn the_past_does_not_bring_old_names_back() {
    let mut names = Names::new(&mail("ann@x"));
    names.will_be_listed(Seq(10));
    let called = |mail: &Mail, text: &str| Event::Named {
        by: Author::Member(mail.clone()),
        mail: mail.clone(),
        name: (!text.is_empty()).then(|| name(text)),
    };
    let bob = mail("bob@x");
    names.call(&bob, Some(name("Bob")));
    names.follow(&called(&bob, "Old"), Seq(9));
    names.follow(&Event::Removed { by: Author::HandEdit, mail: bob.clone() }, Seq(10));
    assert_eq!(names.shown(&bob), "Bob");
    names.follow(&called(&bob, "New"), Seq(12));
    // Fetched later.
    names.follow(&called(&bob, "Between"), Seq(11));
    assert_eq!(names.shown(&bob), "New");
    names.follow(&called(&bob, ""), Seq(13));
    assert_eq!(names.shown(&bob), "bob");
    names.follow(&Event::Removed { by: Author::HandEdit, mail: bob.clone() }, Seq(14));
    assert!(!names.known.contains_key(&bob));
}

#[test]
fn colours_are_constant() {
    let names = group(&[]);
    assert_eq!(names.style(&mail("ann@x")), Style::Own);
    assert_eq!(names.style(&mail("bob@example.org")), Style::Name(colour(&mail("bob@example.org"))));
    let others = ["bob@x", "cid@x", "dan@x", "eve@x", "fay@x"].map(|who| colour(&mail(who)));
    assert!(others.iter().collect::<BTreeSet<_>>().len() >= 3, "{others:?}");
}

#[track_caller]
fn check_mentions(names: &Names, text: &str, expected: &[&str]) {
    let found: Vec<&str> = names.mentions(text).into_iter().map(|at| &text[at]).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn mentions() {
    let names = group(&[]);
    let check = |text: &str, expected: &[&str]| check_mentions(&names, text, expected);
    check("ann", &["ann"]);
    check("Ann: look, ANN!", &["Ann", "ANN"]);
    check("ask ann@x, or ann.", &["ann@x", "ann"]);
    check("(ann) @ann ann's ann...", &["ann", "ann", "ann", "ann"]);
    check("annさん、漢ann 漢 ann", &["ann", "ann", "ann"]);
    for no in ["", "anna", "joann", "an n", "ann@y.org", "ann.lee", "x_ann", "ännann"] {
        check(no, &[]);
    }
}

#[test]
fn my_name_is_mentioned_whatever_the_case() {
    let names = group(&["ann@x Ännchen Bäcker"]);
    check_mentions(&names, "ÄNNCHEN bäcker, or ann, or ann@x?", &["ÄNNCHEN bäcker", "ann", "ann@x"]);
    check_mentions(&names, "Ännchen Bäckers, Ännchen, Kännchen Bäcker", &[]);
    check_mentions(&group(&["ann@x Ann Baker"]), "Ann Baker", &["Ann Baker"]);
}

#[test]
fn what_is_typed_finds_a_member() {
    let names = group(&["bob@x Robert", "cid@x Max", "dan@x max", "eve@x", "eve@y", "fay@x Eve of Y"]);
    let check =
        |typed: &str, expected: Option<&str>| assert_eq!(names.resolve(typed), expected.map(mail), "{typed}");
    check("BOB", Some("bob@x"));
    check("robert", Some("bob@x"));
    check("new@x", Some("new@x"));
    check("eve of Y", Some("fay@x"));
    check("dan", Some("dan@x"));
    for nobody in ["max", "eve", "nobody", "Rob", ""] {
        check(nobody, None);
    }
}

#[test]
fn completions() {
    let names = group(&["bob@x", "bert@x Robert", "bob@y", "cid@x Ännchen Bäcker", "ann@x Ben"]);
    let check =
        |begin: &str, expected: &[&str]| assert_eq!(names.complete(begin, Names::shown), expected, "{begin}");
    check("b", &["Robert", "bob@x", "bob@y"]);
    check("ROB", &["Robert"]);
    check("bert@", &["bert@x"]);
    check("änn", &["Ännchen Bäcker"]);
    check("ännchen b", &["Ännchen Bäcker"]);
    check("ben", &[]);
    assert_eq!(names.complete("rob", |names, mail| names.word(mail).to_owned()), ["bert"]);
}
