//! What bytes are which keys.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(bytes: &[u8], expected: &[Key]) {
    assert_eq!(Keys::default().take(bytes), expected, "{bytes:?}");
    let mut keys = Keys::default();
    let one_by_one: Vec<Key> = bytes.iter().flat_map(|byte| keys.take(&[*byte])).collect();
    assert_eq!(one_by_one, expected, "{bytes:?} byte by byte");
}

#[test]
fn characters() {
    check("aß漢👩".as_bytes(), &[Key::Char('a'), Key::Char('ß'), Key::Char('漢'), Key::Char('👩')]);
    let unknown = Key::Char('\u{fffd}');
    check(b"\xff\xe9a", &[unknown.clone(), unknown.clone(), Key::Char('a')]);
    check(b"caf\xe9\r", &[Key::Char('c'), Key::Char('a'), Key::Char('f'), unknown.clone(), Key::Enter]);
    check(b"\xe9\x03\xf0\x9f\x1b[A\xed\xa0\x80", &{
        let mut keys = vec![unknown.clone(), Key::Interrupt, unknown.clone(), Key::Up];
        keys.extend(vec![unknown.clone(); 3]);
        keys
    });
    check(
        b"\r\n\t\x7f\x03\x04\x1a\x00\x1f",
        &[Key::Enter, Key::Enter, Key::Tab, Key::Backspace, Key::Interrupt, Key::Eof, Key::Suspend],
    );
}

#[test]
fn sequences() {
    check(
        b"\x1b[A\x1bOB\x1b[1;5C\x1b[1;3D\x1b[3~",
        &[Key::Up, Key::Down, Key::WordRight, Key::WordLeft, Key::Delete],
    );
    check(
        b"\x1bb\x1bd\x1b\x7f\x1b\x1b[C",
        &[Key::WordLeft, Key::KillWordRight, Key::KillWordLeft, Key::Escape, Key::Right],
    );
    check(b"\x1b[H\x1b[4~\x1bOH", &[Key::Home, Key::End, Key::Home]);
    check(b"\x1b[>84;0;0ca", &[Key::Terminal("84;0;0".to_owned()), Key::Char('a')]);
}

#[test]
fn what_is_unknown_leaves_nothing_behind() {
    check(b"\x1b[15~a", &[Key::Char('a')]);
    check(b"\x1b[<0;3;4Mb", &[Key::Char('b')]);
    check(b"\x1bxc", &[Key::Char('c')]);
    check(b"\x1b[I\x1b[?62;c\x1b[6;1Rd", &[Key::Char('d')]);
    let endless = [b"\x1b[".as_slice(), &[b'1'; 30]].concat();
    check(&[&endless, b"x".as_slice()].concat(), &[Key::Char('x')]);
}

#[test]
fn pastes() {
    check(
        b"a\x1b[200~one\rtwo\x1b[A\x03\x1b[201~b",
        &[Key::Char('a'), Key::Paste("one\rtwo\x1b[A\x03".to_owned()), Key::Char('b')],
    );
}
#[test]
fn what_breaks_off_leaves_the_next_key() {
    check(b"\x1b\r", &[Key::Escape, Key::Enter]);
    check(b"\x1b[\r\x1b[1;\x03", &[Key::Enter, Key::Interrupt]);
    check(b"\x1bO\r\x1b[[\r", &[Key::Enter, Key::Enter]);
    check("\x1bé\x1b[1é".as_bytes(), &[Key::Escape, Key::Char('é'), Key::Char('é')]);
    check(b"\x1b[1\x1b[A", &[Key::Up]);
    check(b"\x1b[[Aa\x07", &[Key::Char('a'), Key::Escape]);
}

#[test]
fn what_does_not_come_is_not_waited_for() {
    let given_up = |bytes: &[u8]| {
        let mut keys = Keys::default();
        assert_eq!((keys.take(bytes), keys.patience().is_some()), (Vec::new(), true), "{bytes:?}");
        let given_up = keys.give_up();
        assert_eq!((keys.take(b"a"), keys.patience().is_some()), (vec![Key::Char('a')], false), "{bytes:?}");
        given_up
    };
    assert_eq!(given_up(b"\xe9"), [Key::Char('\u{fffd}')]);
    assert_eq!(given_up(b"\x1b"), [Key::Escape]);
    assert_eq!(given_up(b"\x1b[1;"), []);
    assert_eq!(given_up(b"\x1b[200~one\rtwo\x1b[20"), [Key::Paste("one\rtwo\u{1b}[20".to_owned())]);
}

#[test]
fn an_unmarked_paste() {
    let check = |bytes: &str, expected: &[Key]| {
        assert_eq!(Keys::default().take_at_once(bytes.as_bytes()), expected, "{bytes:?}");
    };
    let paste = |text: &str| Key::Paste(text.to_owned());
    check("1\r2\r3\r4\r5\r6\r", &[paste("1\r2\r3\r4\r5\r6\r"), Key::Enter]);
    check("1\n/quit", &[paste("1\n/quit")]);
    check("a\r\n", &[Key::Char('a'), Key::Enter, Key::Enter]);
    check("\x1b[200~a\r/b\x1b[201~\r", &[paste("a\r/b"), Key::Enter]);
    let mut keys = Keys::default();
    assert_eq!(keys.take_at_once(b"\x1b[200~a\r"), []);
    assert_eq!(keys.take_at_once(b"/b\r/c\x1b[201~"), [paste("a\r/b\r/c")]);
}

proptest! {
    /// Garbage, then Enter, then a line: the Enter and the line are what they are. A paste that never ends takes
    /// them until it is given up.
    #[test]
    fn any_garbage_leaves_the_keys_after_it(
        garbage in prop::collection::vec(
            prop_oneof![
                any::<u8>().prop_map(|byte| vec![byte]),
                prop::sample::select(vec![
                    b"\x1b".to_vec(), b"\x1b[".to_vec(), b"\x1bO".to_vec(), b"\x1b[[".to_vec(), b"1;".to_vec(),
                    b"\xe9".to_vec(), b"\xf0\x9f".to_vec(), PASTE_BEGIN.to_vec(), PASTE_END.to_vec(),
                    b"\x1b[>84;0;0c".to_vec(), b"\x1b]0;x".to_vec(),
                ]),
            ],
            0..12,
        ),
        split in any::<usize>(),
    ) {
        let garbage = garbage.concat();
        let (first, second) = garbage.split_at(split % (garbage.len() + 1));
        let mut keys = Keys::default();
        keys.take(first);
        keys.take(second);
        if keys.paste.is_some() {
            keys.give_up();
        }
        let mut found = keys.take("\rcafé\x03".as_bytes());
        let expected: Vec<Key> =
            [Key::Enter].into_iter().chain("café".chars().map(Key::Char)).chain([Key::Interrupt]).collect();
        // What was not complete may be a key by itself.
        found.drain(..found.len().saturating_sub(expected.len()));
        prop_assert_eq!(found, expected);
    }
}
