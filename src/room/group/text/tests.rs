//! Files as data: what becomes of each by a command.

use proptest::prelude::*;

use crate::protocol::Password;
use crate::room::group::roster::differences;
use crate::room::group::text::*;

const OLD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
const NEW: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRwZXA$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

fn hash(text: &str) -> PasswordHash {
    PasswordHash::parse(text).expect("a hash")
}

/// `add`, `remove`, `reset`, `promote` or `demote`, and a mail; `passwd` expects the password `secret`; `name` has a name after
/// the mail, which its member asks for; `admin`, `member` and `gone` set what the
/// group says.
fn apply(file: &mut MembersFile, command: &str) -> Result<(), ChangeError> {
    let (verb, mail) = command.split_once(' ').expect("verb and mail");
    let mail = Mail::parse(mail.split(' ').next().expect("a word").as_bytes()).expect("a mail");
    let typed = Secret::Typed(Password::parse(b"secret").expect("a password"));
    let set = |role| Some(Standing { hash: hash(NEW), role, name: None });
    let change = match verb {
        "add" => Change::Add { mail, hash: hash(NEW) },
        "remove" => Change::Remove { mail },
        "name" => {
            let (mail, name) =
                command["name ".len()..].split_once(' ').unwrap_or((&command["name ".len()..], ""));
            let mail = Mail::parse(mail.as_bytes()).expect("a mail");
            let name = DisplayName::parse(name.as_bytes()).ok();
            return file.ask(&Author::Member(mail.clone()), &Change::SetName { mail, name });
        }
        "promote" => Change::SetRole { mail, role: Role::Admin },
        "demote" => Change::SetRole { mail, role: Role::Member },
        "reset" => Change::SetPassword { mail, hash: hash(NEW), expected: None },
        "passwd" => Change::SetPassword { mail, hash: hash(NEW), expected: Some(typed) },
        "admin" => return file.set(&mail, set(Role::Admin).as_ref()),
        "member" => return file.set(&mail, set(Role::Member).as_ref()),
        "gone" => return file.set(&mail, None),
        _ => panic!("{command}"),
    };
    file.apply(&change)
}

/// What becomes of a file by a command: its bytes, or the reason why not. OLD and NEW stand for hashes.
#[track_caller]
pub(super) fn check(before: &[u8], command: &str, after: &str) {
    let before = filled(before);
    let seen = match MembersFile::parse(&before) {
        Err(mistake) => mistake.in_file("m"),
        Ok(mut file) => match (!command.is_empty()).then(|| apply(&mut file, command)) {
            Some(Err(error)) => {
                assert_eq!(file.to_bytes(), before, "a refused change changes nothing");
                format!("{error:?}")
            }
            None | Some(Ok(())) => {
                let bytes = file.to_bytes();
                let again = MembersFile::parse(&bytes).expect("still a members.txt");
                assert_eq!(again.roster(), file.roster());
                bytes.escape_ascii().to_string().replace(OLD, "OLD").replace(NEW, "NEW")
            }
        },
    };
    assert_eq!(seen, after);
}

/// The bytes with the hash in the place of every `OLD`.
fn filled(bytes: &[u8]) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(3).position(|word| word == b"OLD") {
        filled.extend_from_slice(&rest[..at]);
        filled.extend_from_slice(OLD.as_bytes());
        rest = &rest[at + 3..];
    }
    filled.extend_from_slice(rest);
    filled
}

#[test]
fn edits_change_their_line() {
    check(b"a@x secret admin\n", "add b@x", r"a@x secret admin\nb@x NEW\n");
    check(b"a@x secret admin", "add b@x", r"a@x secret admin\nb@x NEW\n");
    check(b"a@x secret admin\r\nb@x OLD", "add c@x", r"a@x secret admin\r\nb@x OLD\r\nc@x NEW\r\n");
    check(b"a@x secret admin\r\n# \xff", "add c@x", r"a@x secret admin\r\n# \xff\r\nc@x NEW\r\n");
    check(b"a@x secret admin\r\nb@x OLD\n\t", "add c@x", r"a@x secret admin\r\nb@x OLD\n\t\nc@x NEW\n");
    check(b"a@x secret admin\n", "add A@x", "AlreadyMember");
    check(b"A@X secret admin\nb@x OLD\n\n# end", "remove B@x", r"A@X secret admin\n\n# end");
    check(b"\xef\xbb\xbfb@x OLD\na@x secret admin", "remove b@x", r"\xef\xbb\xbfa@x secret admin");
    check(b"a@x secret admin\n", "remove b@x", "NoSuchMember");
    check(b"a@x secret admin\nb@x OLD\n", "remove a@x", "LastAdmin");
    check(b"a@x secret admin\nb@x OLD admin\n", "remove a@x", r"b@x OLD admin\n");
    check(b" \tA@x  OLD \t admin  \r\n#x\n", "reset a@x", r" \tA@x  NEW \t admin  \r\n#x\n");
    check(b"a@x secret admin", "passwd a@x", "a@x NEW admin");
    check(b"a@x Secret admin\n", "passwd a@x", "NotExpected");
    check(b"a@x secret admin\n", "reset b@x", "NoSuchMember");
    check(b"a@x {ARGON2ID}OLD admin\n", "add b@x", r"a@x {ARGON2ID}OLD admin\nb@x NEW\n");
    check(b"a@x {ARGON2ID}OLD\tadmin\n", "reset a@x", r"a@x NEW\tadmin\n");
}

#[test]
fn a_role_is_changed_and_all_around_it_stays() {
    check(
        b"a@x secret admin\n\tB@x  OLD \r\n#\n",
        "promote b@x",
        r"a@x secret admin\n\tB@x  OLD admin \r\n#\n",
    );
    check(b"a@x secret admin\nb@x\tOLD\t member ", "promote b@x", r"a@x secret admin\nb@x\tOLD\t admin ");
    check(b"a@x secret admin\nb@x OLD\t admin \r\n", "demote b@x", r"a@x secret admin\nb@x OLD \r\n");
    check(b"a@x secret  admin", "promote a@x", "a@x secret  admin");
    check(b"a@x secret admin\nb@x OLD  member\n", "demote b@x", r"a@x secret admin\nb@x OLD  member\n");
    check(b"a@x secret admin\nb@x OLD  member\n", "demote a@x", "LastAdmin");
    check(b"a@x secret admin\n", "promote b@x", "NoSuchMember");
}

#[test]
fn who_asks_has_to_be_an_admin_in_the_file() {
    let file = MembersFile::parse(&filled(b"a@x OLD admin\nb@x OLD\n")).expect("a members.txt");
    let mail = |text: &str| Mail::parse(text.as_bytes()).expect("a mail");
    let asked = |by: &str, change: &Change| {
        let by = if by == "-" { Author::HandEdit } else { Author::Member(mail(by)) };
        file.clone().ask(&by, change)
    };
    let not_allowed = Err(ChangeError::NotAllowed);
    let remove = |whom| Change::Remove { mail: mail(whom) };
    let reset = |whom| Change::SetPassword { mail: mail(whom), hash: hash(NEW), expected: None };
    let promote = |whom| Change::SetRole { mail: mail(whom), role: Role::Admin };
    assert_eq!(asked("a@x", &remove("b@x")), Ok(()));
    assert_eq!(asked("b@x", &remove("b@x")), Ok(()), "LEAVE");
    assert_eq!(asked("b@x", &reset("b@x")), Ok(()), "PASSWD");
    assert_eq!(asked("-", &reset("b@x")), Ok(()), "a typed password");
    assert_eq!(asked("b@x", &promote("b@x")), not_allowed);
    assert_eq!(asked("b@x", &Change::Add { mail: mail("c@x"), hash: hash(NEW) }), not_allowed);
    assert_eq!([asked("b@x", &remove("a@x")), asked("c@x", &reset("b@x"))], [not_allowed; 2]);
}

#[test]
fn a_line_becomes_what_the_group_says() {
    check(b"# x\na@x secret admin", "member b@x", r"# x\na@x secret admin\nb@x NEW\n");
    check(b"a@x secret admin\r\n", "admin b@x", r"a@x secret admin\r\nb@x NEW admin\r\n");
    check(
        b"a@x secret admin\n\tB@x  OLD \r\n#\n",
        "admin b@x",
        r"a@x secret admin\n\tB@x  NEW admin \r\n#\n",
    );
    check(b"a@x secret admin\nb@x  OLD\t admin \r\n", "member b@x", r"a@x secret admin\nb@x  NEW \r\n");
    check(b"a@x secret admin\nb@x secret admin", "member b@x", r"a@x secret admin\nb@x NEW");
    check(b"a@x secret admin\nb@x secret", "admin b@x", r"a@x secret admin\nb@x NEW admin");
    check(b"a@x secret admin\nb@x secret\n", "gone b@x", r"a@x secret admin\n");
    check(b"a@x secret  admin\n", "gone b@x", r"a@x secret  admin\n");
    check(b"a@x secret admin\n", "member a@x", "LastAdmin");
    check(b"a@x secret admin\n", "gone a@x", "LastAdmin");
    // A hash that stands there already stays as it was written.
    let marked = filled(b"a@x {ARGON2ID}OLD admin\n");
    let mut file = MembersFile::parse(&marked).expect("a members.txt");
    let standing = Standing { hash: hash(OLD), role: Role::Admin, name: None };
    file.set(&Mail::parse(b"a@x").expect("a mail"), Some(&standing)).expect("it stands there");
    assert!(file.is(&marked));
}

#[test]
fn mistakes_are_found_in_their_line() {
    let no_mail = "the line begins neither with a mail address nor with #";
    let no_password = "a password has 6 to 1024 bytes and no blanks";
    check(b"", "", "m: it has no members");
    check(b"\xef\xbb\xbf# ann@x secret admin\n \t\r\n", "", "m: it has no members");
    check(b"a@x secret\n", "", "m: nobody in it is an admin (the word admin after the password)");
    check(b"a@x secret admin\n\n#\nA@X OLD\n", "", "m:4: two entries for a@x (first in line 1)");
    check(b"a@x secret admin\nsecret\n", "", &format!("m:2: {no_mail}"));
    check(b"a@x secret admin\n\xef\xbb\xbfb@x secret", "", &format!("m:2: {no_mail}"));
    check(b"a@x secret admin\n\0\0\0\0", "", &format!("m:2: {no_mail}"));
    let none = "m:1: no password follows the mail";
    check(b"a@x\n", "", none);
    check(b"secret,a@x\n", "", none);
    check(b"a@x admin\n", "", none);
    check(b"a@x member \n", "", none);
    check(b"a@x member admin\n", "reset a@x", r"a@x NEW admin\n");
    check(b"a@x short admin\n", "", &format!("m:1: the password of a@x: {no_password}"));
    check(b"a@x secret\radmin", "", &format!("m:1: the password of a@x: {no_password}"));
    check(b"a@x B\xfcro123 admin", "", "m:1: the password of a@x: this is not UTF-8; save the file as UTF-8");
    let foreign =
        "and only Argon2id hashes are accepted; type a password instead, and it is replaced by its hash";
    check(
        b"a@x $2b$05$pPa4vq.HRRnVdPi.0pWlmOEQplhHp0 admin",
        "",
        &format!("m:1: the password of a@x: this looks like a bcrypt hash, {foreign}"),
    );
    check(
        b"a@x mgKw2rO3LZEIU admin",
        "",
        &format!(
            "m:1: the password of a@x: this looks like a DES crypt hash, {foreign}. \
             If this is the password, put one more character before it"
        ),
    );
    let broken = crate::room::HashError::Parts;
    check(b"a@x $argon2id$v=19$x admin", "", &format!("m:1: the password of a@x: {broken}"));
    check(b"a@x {ARGON2ID}$argon2id$v=19$x admin", "", &format!("m:1: the password of a@x: {broken}"));
    let joined =
        "m:1: a domain has no such character; put a blank, and nothing else, between mail and password";
    check(b"a@x:$2b$05$pPa4vq.HRRnVdPi.0pWlmOEQplhHp0", "", joined);
    check(b"a@x:{SHA}xWPcY6kQLMSmiTgDIUTzyMwlGs4=/", "", joined);
    check(b"a@x:secret admin", "", joined);
    check(b"a@x:secret member", "", joined);
    check(b"a@x:$1$abcdefgh$HbvkTmvYfShx4ct1DwD3b0 other-secret", "", joined);
    for line in
        ["a@x,secret", "a@x;secret admin", "a@x=secret member", "a@x|secret", "a@x>secret other-secret"]
    {
        check(format!("{line}\n").as_bytes(), "", joined);
    }
    check(b"\"a@x\",\"secret\"\n", "", joined);
    check(b"a@x:25 OLD admin\n", "reset a@x:25", r"a@x:25 NEW admin\n");
    check(b"a@[IPv6:::1] secret admin\n", "reset a@[ipv6:::1]", r"a@[IPv6:::1] NEW admin\n");
    check(
        b"a@x secret Admin\n",
        "",
        "m:1: after the password of a@x only the word admin or member may follow",
    );
    check(
        b"a@x secret admin #\n",
        "",
        "m:1: after the role of a@x only a name may follow: a name does not begin with #",
    );
}

/// Lines as people and editors leave them, and an admin somewhere.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let end = prop::sample::select(vec!["\n", "\r\n"]);
    let other = prop::collection::vec(any::<u8>().prop_filter("one line", |&b| b != b'\n'), 0..9)
        .prop_map(|noise| [b"\t#".as_slice(), &noise].concat());
    let blank = prop::sample::select(vec![" ", "\t", " \t  "]);
    let secret = prop::sample::select(vec!["secret", "ge$heim#", OLD]);
    let tail = prop::sample::select(vec!["", " ", "\tadmin", "  admin ", " member", "\tmember\t"]);
    let member = (blank, secret, tail);
    let line = prop_oneof![
        other.prop_map(|raw| (raw, None)),
        member.prop_map(|(blank, secret, tail)| (Vec::new(), Some((blank, secret, tail)))),
        prop::sample::select(vec!["", "  \t"]).prop_map(|raw| (raw.into(), None)),
    ];
    let lines = prop::collection::vec((line, end), 0..12);
    (any::<bool>(), lines, prop::sample::select(vec!["", "\n", "\r\n"])).prop_map(|(bom, lines, end)| {
        let mut bytes = if bom { BOM.to_vec() } else { Vec::new() };
        for (number, ((raw, member), end)) in lines.into_iter().enumerate() {
            bytes.extend_from_slice(&raw);
            if let Some((blank, secret, tail)) = member {
                bytes.extend_from_slice(format!("M{number}@x{blank}{secret}{tail}").as_bytes());
            }
            bytes.extend_from_slice(end.as_bytes());
        }
        bytes.extend_from_slice(b"boss@x secret admin");
        bytes.extend_from_slice(end.as_bytes());
        bytes
    })
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|&b| b == b'\n').collect()
}

proptest! {
    #[test]
    fn parsing_keeps_every_byte(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..99), file()]) {
        if let Ok(file) = MembersFile::parse(&bytes) {
            prop_assert_eq!(file.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_file_changed_often_is_as_if_read_afresh(
        bytes in file(),
        changes in prop::collection::vec((0..12_usize, 0..10_usize), 0..60),
    ) {
        let mut file = MembersFile::parse(&bytes).expect("made without a mistake");
        for (number, verb) in changes {
            // Twice as many go as come: the gaps they leave are closed now and then.
            let verbs = ["add", "remove", "remove", "reset", "admin", "member", "gone", "gone", "promote", "demote"];
            let verb = verbs[verb];
            let command = format!("{verb} m{number}@x");
            let mut afresh = MembersFile::parse(&file.to_bytes()).expect("a change makes no mistake");
            prop_assert_eq!(apply(&mut file, &command), apply(&mut afresh, &command));
            let bytes = afresh.to_bytes();
            prop_assert!(file.is(&bytes) && afresh.is(&file.to_bytes()));
            prop_assert!(!file.is(&bytes[1..]) && !file.is(&[&bytes[..], b"\n"].concat()));
            prop_assert!(file.entries().eq(afresh.entries()) && file.members().eq(afresh.members()));
            prop_assert!(file.lines.len() <= 2 * afresh.lines.len());
        }
    }

    #[test]
    fn who_differs_is_found_wherever_they_stand(before in file(), after in file()) {
        let [before, after] = [before, after].map(|bytes| MembersFile::parse(&bytes).expect("a file"));
        let mut patched = before.roster();
        for mail in differences(before.members(), after.members()) {
            prop_assert_ne!(before.get(&mail), after.get(&mail));
            match after.get(&mail) {
                Some(record) => patched.insert(mail, record.clone()),
                None => patched.remove(&mail),
            };
        }
        prop_assert_eq!(patched, after.roster());
    }

    #[test]
    fn an_edit_changes_only_its_line(bytes in file(), number in 0..12_usize, verb in 0..8_usize) {
        let mut file = MembersFile::parse(&bytes).expect("made without a mistake");
        let number_of = |file: &MembersFile, mail: &str| {
            file.entries().find(|(_, m, _)| m.as_str() == mail).map(|(number, _, _)| number - 1)
        };
        let mail = format!("m{number}@x");
        let index = number_of(&file, &mail);
        let edit = format!("{} {mail}", ["add", "remove", "reset", "member", "gone", "admin", "promote", "demote"][verb]);
        if apply(&mut file, &edit).is_err() {
            prop_assert_eq!(file.to_bytes(), bytes);
            return Ok(());
        }
        let after = file.to_bytes();
        prop_assert!(file.is(&after) && !file.is(&after[1..]) && !file.is(&after[..after.len() - 1]));
        let reread = MembersFile::parse(&after).expect("an edit makes no mistake");
        prop_assert_eq!(reread.roster(), file.roster());
        let (before, mut after) = (lines(&bytes), lines(&after));
        match (verb, index) {
            (0 | 3 | 5, None) => {
                after.pop();
                let (mut whole, mut begun) = (after.concat(), bytes.clone());
                while whole.last().is_some_and(u8::is_ascii_whitespace) { whole.pop(); }
                while begun.last().is_some_and(u8::is_ascii_whitespace) { begun.pop(); }
                prop_assert_eq!(whole, begun);
                prop_assert_eq!(after.len(), before.len());
            }
            (4, None) => prop_assert_eq!(before, after),
            (1 | 4, Some(index)) => {
                let mut kept = before.clone();
                let gone = kept.remove(index);
                let bom = if index == 0 && gone.starts_with(BOM) { BOM } else { b"" };
                prop_assert_eq!([bom, &kept.concat()].concat(), after.concat());
            }
            (_, Some(index)) => {
                prop_assert_eq!(after.len(), before.len());
                for (at, (was, is)) in before.iter().zip(&after).enumerate() {
                    prop_assert!(was == is || at == index);
                }
            }
            _ => prop_assert!(false, "a change of nobody was taken"),
        }
    }
}
