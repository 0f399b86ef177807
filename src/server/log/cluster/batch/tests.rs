use proptest::collection::vec;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::limits::{BATCH_LINE_MAX, LINE_MAX_CEILING, MAIL_MAX, NODE_NAME_MAX};
use crate::protocol::{
    Announce, Author, DisplayName, Mail, Role, Seq, Text, TextError, Time, Title, verb_echo,
};
use crate::room::{GroupSettings, HashError, PasswordHash};
use crate::server::log::cluster::command::Genesis;
use crate::server::log::cluster::ids::{Sum, TokenKey};
use crate::server::log::cluster::named::Named;

const PHC: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

fn any_mail() -> impl Strategy<Value = Mail> {
    "[a-z!$%+]{1,9}@[a-z.]{1,9}".prop_map(|text| mail(&text))
}

fn any_author() -> impl Strategy<Value = Author> {
    prop_oneof![Just(Author::HandEdit), any_mail().prop_map(Author::Member)]
}

fn named(number: u64) -> Named {
    Named::of(DisplayName::parse(format!("Nobody  {number}").as_bytes()).expect("a name"))
}

fn title(number: u64) -> Title {
    Title::parse(format!("Choir  {number}").as_bytes()).expect("a title")
}

fn mode(is_on: bool) -> Announce {
    if is_on { Announce::On } else { Announce::Off }
}

fn any_role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Member), Just(Role::Admin)]
}

fn any_hash() -> impl Strategy<Value = PasswordHash> {
    (8u32..10_000, 1u32..5).prop_map(|(memory, passes)| {
        let text = PHC.replace("m=19456,t=2", &format!("m={memory},t={passes}"));
        PasswordHash::parse(&text).expect("a hash")
    })
}

fn any_node() -> impl Strategy<Value = NodeName> {
    "[A-Za-z0-9-]{1,32}".prop_map(|text| NodeName::parse(&text).expect("a name"))
}

fn any_sum() -> impl Strategy<Value = Sum> {
    any::<[u8; 4]>().prop_map(|bytes| Sum::default().after(&bytes))
}

fn any_genesis() -> impl Strategy<Value = Command<'static>> {
    (any::<u32>(), any::<[u8; 32]>(), 0..u64::MAX, 0..1u64 << 47, any_sum()).prop_map(
        |(transcript, key, number, ms, sum)| {
            let token_key = TokenKey::new(Zeroizing::new(key));
            let (last, time) = (Seq(number), Time::from_unix_ms(ms));
            let (line_max, members) = (LINE_MAX_CEILING, number);
            Command::Genesis(Genesis { transcript, token_key, line_max, last, time, sum, members })
        },
    )
}

/// Each text lives for the test's whole run; there are some thousand short ones.
fn any_text() -> impl Strategy<Value = Text<'static>> {
    "[ -~\t\u{e4}\u{6f22}]{0,40}".prop_map(|text| Text::parse(text.leak().as_bytes()).expect("a text"))
}

fn any_command() -> impl Strategy<Value = Command<'static>> {
    prop_oneof![
        (any_mail(), any_text()).prop_map(|(mail, text)| Command::Msg { mail, text }),
        (any_author(), any_mail(), any_role(), any_hash()).prop_map(|(by, mail, role, hash)| Command::Add {
            by,
            mail,
            role,
            hash
        }),
        (any_author(), any_mail()).prop_map(|(by, mail)| Command::Invite { by, mail }),
        (any_mail(), any_mail(), 0..u64::MAX, any_hash())
            .prop_map(|(by, mail, made, hash)| Command::Accept { by, mail, made: Seq(made), hash }),
        (any_author(), any_mail()).prop_map(|(by, mail)| Command::Remove { by, mail }),
        (any_author(), any_mail(), any_hash(), proptest::option::of(any_hash()))
            .prop_map(|(by, mail, hash, expected)| Command::Pass { by, mail, hash, expected }),
        (any_author(), any_mail(), 0..9_u64).prop_map(|(by, mail, n)| Command::Name {
            by,
            mail,
            named: (n > 0).then(|| named(n)),
        }),
        (any_author(), any_mail(), any_role()).prop_map(|(by, mail, role)| Command::Role { by, mail, role }),
        (any_author(), any_mail(), any_role()).prop_map(|(by, mail, role)| Command::SetRole {
            by,
            mail,
            role
        }),
        (any_mail(), 0..9_u64).prop_map(|(by, n)| Command::Title { by, title: title(n) }),
        (any_mail(), any::<bool>()).prop_map(|(by, is_on)| Command::Announce { by, mode: mode(is_on) }),
        (any::<bool>(), 0..9_u64).prop_map(|(is_on, n)| {
            Command::Settings(GroupSettings { title: (n > 0).then(|| title(n)), announce: mode(is_on) })
        }),
        Just(Command::Join),
        (any_node(), 0..u64::MAX).prop_map(|(node, start)| Command::Fence { node, start: Start(start) }),
        any_genesis(),
        (any_mail(), any_role(), any_hash(), 0..u64::MAX).prop_map(|(mail, role, hash, added)| {
            Command::Member {
                mail,
                role,
                hash,
                added: Seq(added),
                named: (added % 3 == 0).then(|| named(added)),
            }
        }),
        (0..u64::MAX, any_sum()).prop_map(|(event, sum)| Command::Sum { event: Seq(event), sum }),
    ]
}

fn any_head() -> impl Strategy<Value = Head> {
    let shown = prop::option::of((0..u64::MAX).prop_map(Seq));
    (any_node(), 0..u64::MAX, 1..u64::MAX, shown).prop_map(|(node, start, number, shown)| Head {
        node,
        start: Start(start),
        number: BatchNumber(number),
        shown,
    })
}

/// A line that is nearly a command: a written one with a byte changed, added or left out.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    (any_command(), any::<prop::sample::Index>(), any::<u8>(), 0..3).prop_map(|(command, at, byte, how)| {
        let mut line = Vec::new();
        command.write(&mut line);
        line.pop();
        let at = at.index(line.len());
        match how {
            0 => line[at] = byte,
            1 => line.insert(at, byte),
            _ => drop(line.remove(at)),
        }
        line
    })
}

proptest! {
    #[test]
    fn what_is_written_is_parsed(head in any_head(), commands in vec(any_command(), 0..8)) {
        let batch = Batch { head, commands };
        let mut body = Vec::new();
        batch.write(&mut body);
        prop_assert_eq!(Batch::parse(&body), Ok(batch));
    }

    #[test]
    fn what_is_parsed_is_written(line in prop_oneof![nearly(), vec(any::<u8>(), 0..60)]) {
        if let Ok(command) = Command::parse(&line) {
            let mut written = Vec::new();
            command.write(&mut written);
            prop_assert_eq!(written.strip_suffix(b"\n"), Some(&line[..]));
        }
    }

    #[test]
    fn heads_are_written_as_they_are_parsed(
        head in any_head(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut line = Vec::new();
        head.write(&mut line);
        prop_assert_eq!(Head::parse(&line), Ok((head, &[][..])));
        let last = line.len() - 1;
        line[at.index(last)] = byte;
        if let Ok((head, [])) = Head::parse(&line) {
            let mut written = Vec::new();
            head.write(&mut written);
            prop_assert_eq!(written, line);
        }
    }
}

#[test]
fn commands_and_their_errors() {
    let text = |c| CommandError::Text(TextError::Character(c));
    let unknown = |line: &str| CommandError::Unknown(verb_echo(line.as_bytes()));
    let sum = Sum::default();
    let genesis = |members: &str| {
        let key = "07".repeat(32);
        format!("GENESIS 0123abcd {key} 4096 7 2026-01-02T03:04:05.678Z {sum} {members}")
    };
    for (line, error) in [
        ("MSG ann@x  two  blanks ", None),
        ("MSG ann@x ", None),
        ("MSG ann@x", Some(CommandError::Missing)),
        ("MSG", Some(CommandError::Missing)),
        ("MSG Ann@x hi", Some(CommandError::Mail)),
        ("MSG - hi", Some(CommandError::Mail)),
        ("MSG ann@x a\rb", Some(text('\r'))),
        (&format!("ADD - ann@x admin {PHC}"), None),
        (&format!("ADD bob@x ann@x member {PHC}"), None),
        (&format!("ADD bob@x ann@x guest {PHC}"), Some(CommandError::Role)),
        (&format!("ADD bob@x ann@x member {PHC} more"), Some(CommandError::TooMany)),
        ("ADD bob@x ann@x member secret", Some(CommandError::Hash(HashError::Form))),
        ("ADD bob@x ann@x member", Some(CommandError::Missing)),
        ("NAME - ann@x", None),
        ("NAME ann@x ann@x ann_b. Ann B.", None),
        ("NAME ann@x ann@x ann", Some(CommandError::Name)),
        ("NAME ann@x ann@x ann Ann ", Some(CommandError::Name)),
        ("NAME ann@x ann@x  Ann", Some(CommandError::Name)),
        ("TITLE ann@x The  Choir", None),
        ("TITLE ann@x The Choir ", Some(CommandError::Title)),
        ("TITLE ann@x", Some(CommandError::Title)),
        ("TITLE - The Choir", Some(CommandError::Mail)),
        ("ANNOUNCE ann@x on", None),
        ("ANNOUNCE ann@x off", None),
        ("ANNOUNCE ann@x On", Some(CommandError::Announce)),
        ("ANNOUNCE - on", Some(CommandError::Mail)),
        ("SETTINGS on The Choir", None),
        ("SETTINGS off", None),
        ("SETTINGS off ", Some(CommandError::Title)),
        ("SETTINGS The Choir", Some(CommandError::Announce)),
        ("PROMOTE - ann@x", None),
        ("DEMOTE bob@x ann@x", None),
        ("PROMOTE bob@x", Some(CommandError::Missing)),
        ("DEMOTE bob@x ann@x member", Some(CommandError::TooMany)),
        ("REMOVE - ann@x", None),
        ("REMOVE -  ann@x", Some(CommandError::Mail)),
        ("REMOVE -x ann@x", Some(CommandError::Mail)),
        ("REMOVE - ann@x ", Some(CommandError::TooMany)),
        (&format!("PASS ann@x ann@x {PHC}"), None),
        (&format!("PASS ann@x ann@x {PHC} {PHC}"), None),
        (&format!("PASS ann@x ann@x {PHC} {PHC} {PHC}"), Some(CommandError::TooMany)),
        (&format!("PASS ann@x ann@x {PHC} "), Some(CommandError::Hash(HashError::Form))),
        ("ROLE - ann@x admin", None),
        ("ROLE - ann@x Admin", Some(CommandError::Role)),
        ("JOIN", None),
        ("JOIN ", Some(CommandError::TooMany)),
        ("join", Some(unknown("join"))),
        ("FENCE node-1 7", None),
        ("FENCE node.1 7", Some(CommandError::Node)),
        ("FENCE node-1 07", Some(CommandError::Number)),
        ("FENCE node-1 18446744073709551615", Some(CommandError::Number)),
        ("FENCE node-1 18446744073709551614", None),
        ("FENCE node-1 18446744073709551616", Some(CommandError::Number)),
        ("FENCE node-1 +7", Some(CommandError::Number)),
        (&genesis("0"), None),
        (&genesis("-1"), Some(CommandError::Number)),
        (&genesis("0").replace("0123abcd", "0123ABCD"), Some(CommandError::Transcript)),
        (&genesis("0").replace("0123abcd", "123abcd"), Some(CommandError::Transcript)),
        (&genesis("0").replace(" 0707", " 07"), Some(CommandError::Key)),
        (&genesis("0").replace(".678Z", "Z"), Some(CommandError::Time)),
        (&format!("MEMBER ann@x admin {PHC} 0"), None),
        (&format!("MEMBER ann@x admin {PHC}"), Some(CommandError::Missing)),
        (&format!("SUM 7 {sum}"), None),
        ("SUM 7 00", Some(CommandError::Sum)),
        ("", Some(unknown(""))),
        (" MSG ann@x hi", Some(unknown("MSG"))),
        ("PIN ann@x hi", Some(unknown("PIN x"))),
    ] {
        let parsed = Command::parse(line.as_bytes());
        match error {
            Some(error) => assert_eq!(parsed, Err(error), "{line:?}"),
            None => {
                let mut written = Vec::new();
                parsed.unwrap_or_else(|why| panic!("{line:?}: {why}")).write(&mut written);
                assert_eq!(written, [line.as_bytes(), b"\n"].concat());
            }
        }
    }
    assert_eq!(Command::parse(b"FENCE \xff 7"), Err(CommandError::Node));
    assert_eq!(Command::parse(b"MSG ann@x \xff"), Err(CommandError::Text(TextError::Encoding)));
}

#[test]
fn batches_and_their_errors() {
    let command = |line, error| Some(BatchError::Command(line, error));
    for (body, error) in [
        ("v1 a 1 1\n", None),
        ("v1 a 0 1\nJOIN\nJOIN\n", None),
        ("", Some(BatchError::Torn)),
        ("v1 a 1 1", Some(BatchError::Torn)),
        ("v1 a 1 1\nJOIN", Some(BatchError::Torn)),
        ("v2 a 1 1\n", Some(BatchError::Version)),
        ("\n", Some(BatchError::Version)),
        ("v1\n", Some(BatchError::Head)),
        ("v1 a 1 0\n", Some(BatchError::Head)),
        ("v1 a 1 01\n", Some(BatchError::Head)),
        ("v1 a  1 1\n", Some(BatchError::Head)),
        ("v1 a 1 1 1\n", None),
        ("v1 a 1 1 01\n", Some(BatchError::Head)),
        ("v1 a 1 1 \n", Some(BatchError::Head)),
        ("v1 a 1 1 1 1\n", Some(BatchError::Head)),
        ("v1 a 1 1\r\n", Some(BatchError::Head)),
        ("v1 a 1 1\nJOIN\n\n", command(3, CommandError::Unknown(verb_echo(b"")))),
        ("v1 a 1 1\nJOIN\nJOIN\r\n", command(3, CommandError::Unknown(verb_echo(b"-")))),
    ] {
        assert_eq!(Batch::parse(body.as_bytes()).err(), error, "{body:?}");
    }
}

#[test]
fn the_longest_message_fits_and_nothing_longer_does() {
    let line = |text: usize| [b"MSG ann@x ".as_slice(), &vec![b'x'; text]].concat();
    let fits = BATCH_LINE_MAX - 1 - b"MSG ann@x ".len();
    assert!(Command::parse(&line(fits)).is_ok());
    assert_eq!(Command::parse(&line(fits + 1)), Err(CommandError::TooLong));
    // The longest that the room takes, by the member with the longest mail.
    assert!(b"MSG  ".len() + MAIL_MAX + (LINE_MAX_CEILING - b"MSG \n".len()) < BATCH_LINE_MAX);

    let mut body = b"v1 a 1 1\n".to_vec();
    while body.len() + BATCH_LINE_MAX <= BATCH_MAX {
        body.extend([line(fits), b"\n".to_vec()].concat());
    }
    let rest = BATCH_MAX - body.len() - b"MSG ann@x \n".len();
    body.extend([line(rest), b"\n".to_vec()].concat());
    assert_eq!(body.len(), BATCH_MAX);
    assert!(Batch::parse(&body).is_ok());
    body.extend(b"JOIN\n");
    assert_eq!(Batch::parse(&body), Err(BatchError::TooLong));
}

#[test]
fn a_large_group_is_founded_in_more_than_one_batch() {
    let hash = PasswordHash::parse(PHC).expect("a hash");
    let commands: Vec<Command<'_>> = (0..5000)
        .map(|n| {
            let (mail, hash) = (mail(&format!("m{n}@x")), hash.clone());
            Command::Member { mail, role: Role::Member, hash, added: Seq(n), named: None }
        })
        .collect();
    let node = NodeName::parse(&"n".repeat(NODE_NAME_MAX)).expect("a name");
    let texts = batches(&node, Start(u64::MAX - 1), commands.iter().cloned());
    assert!(texts.len() > 2 && texts.iter().all(|text| text.len() <= BATCH_MAX));
    let mut found = Vec::new();
    for (number, text) in (1..).zip(&texts) {
        let batch = Batch::parse(text).expect("a batch");
        assert_eq!((&batch.head.node, batch.head.number), (&node, BatchNumber(number)));
        found.extend(batch.commands);
    }
    assert_eq!(found, commands);
    assert_eq!(batches(&node, Start(1), []), [[0; 0]; 0]);
}
