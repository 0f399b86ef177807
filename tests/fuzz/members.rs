//! members.txt: what is read is kept byte for byte, and a change changes its line and nothing else, both for whoever
//! looks at the bytes and for anybody who reads the file again.

use chat_room::protocol::{DisplayName, Mail, Role, Seq};
use chat_room::room::{Change, ChangeError, MembersFile, PasswordHash, Record, Roster, Secret};

use crate::engine::{Seen, Target, fuzz};

const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
const OTHER: &str = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The file as people see it: lines with their ends, the mark at its beginning apart.
fn lines(bytes: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (bom, text) = bytes.split_at(if bytes.starts_with(BOM) { BOM.len() } else { 0 });
    (bom, text.split_inclusive(|&b| b == b'\n').collect())
}

/// The words of a line, and where they begin.
fn words(line: &[u8]) -> Vec<(usize, &[u8])> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = if text.len() < line.len() { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
    let mut at = 0;
    let pieces = text.split(|&b| b == b' ' || b == b'\t').map(|word| {
        at += word.len() + 1;
        (at - word.len() - 1, word)
    });
    pieces.filter(|(_, word)| !word.is_empty()).collect()
}

/// Whose line it is.
fn owner(line: &[u8]) -> Option<Mail> {
    let words = words(line);
    let (_, first) = words.first()?;
    (first[0] != b'#').then(|| Mail::parse(first).expect("the file was read"))
}

/// What has to become of the bytes.
fn edited(bytes: &[u8], change: &Change) -> Vec<u8> {
    let (bom, lines) = lines(bytes);
    let mut after = bom.to_vec();
    let hers = |line: &[u8], who: &Mail| owner(line).is_some_and(|mail| mail == *who);
    match change {
        Change::Remove { mail } => {
            lines.iter().filter(|line| !hers(line, mail)).for_each(|line| after.extend_from_slice(line));
        }
        Change::SetPassword { mail, hash, .. } => {
            for line in lines {
                if hers(line, mail) {
                    let (at, old) = words(line)[1];
                    after.extend([&line[..at], hash.as_str().as_bytes(), &line[at + old.len()..]].concat());
                } else {
                    after.extend_from_slice(line);
                }
            }
        }
        Change::Invite { .. } => after = bytes.to_vec(),
        Change::Add { mail, hash } | Change::Join { mail, hash, .. } => {
            let ended = lines.iter().rev().find(|line| line.ends_with(b"\n"));
            let end = if ended.is_some_and(|line| line.ends_with(b"\r\n")) { "\r\n" } else { "\n" };
            after = bytes.to_vec();
            if !bytes.ends_with(b"\n") {
                after.extend_from_slice(end.as_bytes());
            }
            after.extend(format!("{mail} {}{end}", hash.as_str()).bytes());
        }
        Change::SetRole { mail, role } => {
            for line in lines {
                let words = words(line);
                let (end, word) = match (hers(line, mail), &words[..]) {
                    (true, [_, (at, secret)]) => (at + secret.len(), None),
                    (true, [_, (at, secret), (word_at, word), ..]) => {
                        (at + secret.len(), Some((*word_at, word_at + word.len())))
                    }
                    _ => {
                        after.extend_from_slice(line);
                        continue;
                    }
                };
                let was_admin = word.is_some_and(|(from, to)| &line[from..to] == b"admin");
                let to = word.map_or(end, |(_, to)| to);
                after.extend_from_slice(&match (was_admin, *role) {
                    (true, Role::Admin) | (false, Role::Member) => line.to_vec(),
                    (true, Role::Member) if words.len() > 3 => {
                        [&line[..word.unwrap_or_default().0], b"member", &line[to..]].concat()
                    }
                    (true, Role::Member) => [&line[..end], &line[to..]].concat(),
                    (false, Role::Admin) => {
                        let blank =
                            if word.is_some() { &line[end..word.unwrap_or_default().0] } else { b" " };
                        [&line[..end], blank, b"admin", &line[to..]].concat()
                    }
                });
            }
        }
        Change::SetName { mail, name } => {
            for line in lines {
                let words = words(line);
                if !hers(line, mail) || words.len() < 2 {
                    after.extend_from_slice(line);
                    continue;
                }
                let end = |(at, word): &(usize, &[u8])| at + word.len();
                let last = end(words.last().expect("some"));
                let old = words.get(3).map(|(at, _)| &line[*at..last]);
                let old = old.map(|old| DisplayName::parse(old).expect("the file is without a mistake"));
                if old == *name {
                    after.extend_from_slice(line);
                    continue;
                }
                let is_role_said = words.len() > 2;
                let name_at = words.get(3).map_or(last, |(at, _)| *at);
                after.extend_from_slice(&match name {
                    // The word for what goes without saying may have come with the name, and goes with it.
                    None => {
                        let kept = if words[2].1 == b"member" { &words[1] } else { &words[2] };
                        [&line[..end(kept)], &line[last..]].concat()
                    }
                    Some(name) if old.is_some() => {
                        [&line[..name_at], name.as_str().as_bytes(), &line[last..]].concat()
                    }
                    Some(name) => {
                        let role: &[u8] = if is_role_said { b"" } else { b" member" };
                        [&line[..last], role, b" ", name.as_str().as_bytes(), &line[last..]].concat()
                    }
                });
            }
        }
    }
    after
}

/// The members that have to be in it then, or why the change cannot be made.
fn decided(before: &Roster, change: &Change) -> Result<Roster, ChangeError> {
    let mut roster = before.clone();
    match change {
        Change::Invite { mail } if roster.contains_key(mail) => return Err(ChangeError::AlreadyMember),
        Change::Invite { .. } => {}
        Change::Add { mail, hash } | Change::Join { mail, hash, .. } => {
            let record = Record { secret: Secret::Hash(hash.clone()), role: Role::Member, name: None };
            match roster.insert(mail.clone(), record) {
                Some(_) => return Err(ChangeError::AlreadyMember),
                None => return Ok(roster),
            }
        }
        Change::Remove { mail } => {
            roster.remove(mail).ok_or(ChangeError::NoSuchMember)?;
            if !roster.values().any(|record| record.role == Role::Admin) {
                return Err(ChangeError::LastAdmin);
            }
        }
        Change::SetPassword { mail, hash, expected } => {
            let record = roster.get_mut(mail).ok_or(ChangeError::NoSuchMember)?;
            if expected.as_ref().is_some_and(|expected| *expected != record.secret) {
                return Err(ChangeError::NotExpected);
            }
            record.secret = Secret::Hash(hash.clone());
        }
        Change::SetRole { mail, role } => {
            roster.get_mut(mail).ok_or(ChangeError::NoSuchMember)?.role = *role;
            if !roster.values().any(|record| record.role == Role::Admin) {
                return Err(ChangeError::LastAdmin);
            }
        }
        Change::SetName { mail, name } => {
            let look = |name: &Option<DisplayName>| name.as_ref().map(DisplayName::look);
            let mut others = roster.iter().filter(|(other, _)| *other != mail);
            if name.is_some() && others.any(|(_, other)| look(&other.name) == look(name)) {
                return Err(ChangeError::NameTaken);
            }
            roster.get_mut(mail).ok_or(ChangeError::NoSuchMember)?.name.clone_from(name);
        }
    }
    Ok(roster)
}

/// Applies the change and compares. The bytes afterwards.
fn change(file: &mut MembersFile, change: &Change, seen: &mut Seen) {
    let (bytes, roster) = (file.to_bytes(), file.roster());
    let outcome = file.apply(change);
    let expected = decided(&roster, change);
    seen.mark((std::mem::discriminant(change), format!("{outcome:?}")));
    assert_eq!(outcome, expected.as_ref().map(drop).map_err(|error| *error));
    let (wanted, wanted_bytes) = match expected {
        Ok(after) => (after, edited(&bytes, change)),
        Err(_) => (roster, bytes),
    };
    assert_eq!(file.to_bytes().escape_ascii().to_string(), wanted_bytes.escape_ascii().to_string());
    assert_eq!(file.roster(), wanted);
    let again = MembersFile::parse(&wanted_bytes).expect("what was written can be read");
    assert_eq!(again.roster(), wanted);
}

fn check(input: &[u8], seen: &mut Seen) {
    let mut file = match MembersFile::parse(input) {
        Ok(file) => file,
        Err(mistake) => {
            let told = mistake.in_file("members.txt");
            seen.mark((mistake.line.is_some(), told.split_whitespace().last().map(str::to_owned)));
            assert!(
                told.starts_with("members.txt:") && told.bytes().all(|b| b == b' ' || !b.is_ascii_control())
            );
            let (_, lines) = lines(input);
            assert!(mistake.line.is_none_or(|line| (1..=lines.len()).contains(&line)), "{told}");
            // Passwords have this in them; where a mail does not, nothing that is told does.
            let mails = lines.iter().filter_map(|line| words(line).first().map(|(_, word)| *word));
            let in_mail =
                mails.into_iter().any(|mail| mail.to_ascii_lowercase().windows(4).any(|w| w == b"hush"));
            assert!(in_mail || !told.to_ascii_lowercase().contains("hush"), "{told}");
            return;
        }
    };
    assert!(file.to_bytes() == input, "kept as it is");
    let (before, hash) = (file.clone(), PasswordHash::parse(OTHER).expect("a hash"));
    let roster = file.roster();
    assert_eq!(file.entries().count(), roster.len());
    // What another program has marked as a hash is nobody's password.
    for record in roster.values() {
        let Secret::Typed(typed) = &record.secret else { continue };
        let typed = typed.expose();
        let marked = typed.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let marked = marked.is_some_and(|(mark, hash)| !mark.is_empty() && !hash.is_empty());
        assert!(!typed.starts_with('$') && !marked, "taken for a password: {typed}");
    }
    seen.mark((
        roster.len().min(5),
        input.starts_with(BOM),
        input.ends_with(b"\n"),
        input.ends_with(b"\r\n"),
    ));

    let newcomer = Mail::parse(b"new@x").expect("a mail");
    for mail in roster.keys().take(4).chain([&newcomer]) {
        let expected = roster.get(mail).map(|record| record.secret.clone());
        let expected_wrong = Some(Secret::Hash(hash.clone()));
        let (who, new) = (|| mail.clone(), || hash.clone());
        for one in [
            Change::Add { mail: who(), hash: new() },
            Change::Join { mail: who(), hash: new(), made: Seq(7) },
            Change::Invite { mail: who() },
            Change::Remove { mail: who() },
            Change::SetPassword { mail: who(), hash: new(), expected: None },
            Change::SetPassword { mail: who(), hash: new(), expected },
            Change::SetPassword { mail: who(), hash: new(), expected: expected_wrong },
            Change::SetName { mail: who(), name: Some(DisplayName::parse(b"Ann  B.").expect("a name")) },
            Change::SetName { mail: who(), name: None },
            Change::SetRole { mail: who(), role: Role::Admin },
            Change::SetRole { mail: who(), role: Role::Member },
        ] {
            change(&mut before.clone(), &one, seen);
        }
        // And one after the other.
        change(&mut file, &Change::SetRole { mail: who(), role: Role::Admin }, seen);
        change(&mut file, &Change::SetPassword { mail: who(), hash: new(), expected: None }, seen);
        change(&mut file, &Change::Remove { mail: who() }, seen);
        change(&mut file, &Change::Add { mail: who(), hash: new() }, seen);
    }
}

#[test]
fn fuzz_members() {
    let seeds = [
        "ann@x hush-ann admin\n".to_owned(),
        format!("# a group\n\n\tann@x  {HASH} \t admin  \r\nBob@X hush-bob\tmember \r\n#"),
        format!("\u{feff}bob@x {HASH}\ncid@x hush-cid \n  \nann@x {HASH} admin"),
        "ann@x\tgeheim hush admin\nann@x hush admin\nhush\n".to_owned(),
        format!("ann@x {{ARGON2ID}}{HASH} admin\nbob@x hush-bob\n"),
    ];
    let seeds = seeds.map(String::into_bytes).to_vec();
    let words = &[
        "ann@x hush-ann admin\n",
        " admin",
        " member",
        "\r\n",
        "\n",
        "#",
        "\u{feff}",
        "\t",
        " ",
        "bob@x",
        "new@x hush-new\n",
        HASH,
        "$argon2id$v=19$m=",
        "hush-hush",
        "@",
        "NEW@X",
        "{ARGON2ID}",
        "{SHA}",
        "$2y$10$",
        ":",
        "\"",
    ];
    fuzz(&Target { name: "members", seeds, words, runs: 8_000, len_max: 1024 }, check);
}
