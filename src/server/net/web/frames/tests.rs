//! What RFC 6455 says of frames, case by case, in one piece and byte by byte.

use super::*;

/// A frame from a peer, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..126 => bytes.push(MASKED | u8::try_from(len).expect("short")),
        len @ 126..65536 => {
            bytes.push(MASKED | 0x7E);
            bytes.extend(u16::try_from(len).expect("16 bits").to_be_bytes());
        }
        len => {
            bytes.push(MASKED | 0x7F);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// What comes of these bytes, read in pieces of this size: text, answers to pings, the end.
fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<u8>, Option<u16>) {
    let mut reader = Reader::default();
    let (mut text, mut pongs) = (Vec::new(), Vec::new());
    for part in bytes.chunks(piece) {
        let mut buf = vec![0xAA; piece + 1];
        buf[1..=part.len()].copy_from_slice(part);
        let decoded = reader.decode(&mut buf, part.len());
        text.extend_from_slice(&buf[..decoded.text]);
        pongs.extend_from_slice(&decoded.pongs);
        if let Some(code) = decoded.end {
            return (text, pongs, Some(code.0));
        }
    }
    assert!(reader.gathered.len() < HEADER_MAX + CONTROL_MAX as usize);
    (text, pongs, None)
}

#[track_caller]
fn check(bytes: &[u8], text: &[u8], pongs: &[u8], end: Option<u16>) {
    for piece in [bytes.len().max(1), 1, 2, 3, 7, 64] {
        let got = read(bytes, piece);
        let expected = (text.to_vec(), pongs.to_vec(), end);
        assert!(
            got == expected,
            "{} in pieces of {piece}: {} {} {:?}",
            bytes.escape_ascii(),
            got.0.escape_ascii(),
            got.1.escape_ascii(),
            got.2
        );
    }
}

/// Frames one after the other.
fn all(frames: &[(u8, &[u8])]) -> Vec<u8> {
    frames.iter().flat_map(|(first, payload)| frame(*first, payload)).collect()
}

#[test]
fn messages_become_lines() {
    // The RFC's own example, section 5.7.
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    check(&hello, b"Hello\n", b"", None);
    for (frames, text) in [
        (&[(0x81, &b"PING"[..])][..], &b"PING\n"[..]),
        (&[(0x81, b"PING\n")], b"PING\n"),
        (&[(0x81, b"PING 1\nPING 2")], b"PING 1\nPING 2\n"),
        (&[(0x81, b"PING\r\n")], b"PING\r\n"),
        (&[(0x81, b"")], b""),
        (&[(0x81, b"\n")], b"\n"),
        (&[(0x01, b"PI"), (0x80, b"NG")], b"PING\n"),
        (&[(0x01, b"PI"), (0x00, b""), (0x00, b"NG"), (0x80, b"")], b"PING\n"),
        (&[(0x01, b""), (0x80, b"")], b""),
        (&[(0x01, b"PING\n"), (0x80, b"")], b"PING\n"),
        (&[(0x81, b"A"), (0x81, b"B")], b"A\nB\n"),
        // A letter in two frames.
        (&[(0x01, b"MSG \xc3"), (0x80, b"\xbc")], "MSG ü\n".as_bytes()),
        (&[(0x01, b"A"), (0x8A, b"unasked"), (0x80, b"B")], b"AB\n"),
    ] {
        check(&all(frames), text, b"", None);
    }
    for len in [125, 126, 127, 128, 65535, 65536, 70000] {
        let line = vec![b'x'; len];
        check(&frame(0x81, &line), &[&line[..], b"\n"].concat(), b"", None);
    }
}

#[test]
fn pings_are_answered_between_the_parts_of_a_message() {
    check(&all(&[(0x89, b"")]), b"", b"\x8a\x00", None);
    check(&all(&[(0x89, b"a"), (0x89, b"b")]), b"", b"\x8a\x01a\x8a\x01b", None);
    check(&all(&[(0x01, b"MS"), (0x89, b"now"), (0x80, b"G x")]), b"MSG x\n", b"\x8a\x03now", None);
    let longest = [7; 125];
    check(&frame(0x89, &longest), b"", &[&[0x8a, 125][..], &longest].concat(), None);
}

#[test]
fn a_close_is_answered_with_its_code_and_is_the_last() {
    for (payload, code) in [
        (&b""[..], 1000),
        (b"\x03\xe8", 1000),
        (b"\x03\xe9going", 1001),
        (b"\x0b\xb8", 3000),
        (b"\x13\x87mine", 4999),
        // Codes that nobody sends, a reason that is not UTF-8, half a code.
        (b"\x03\xe7", 1002),
        (b"\x03\xec", 1002),
        (b"\x03\xed", 1002),
        (b"\x03\xee", 1002),
        (b"\x03\xf7", 1002),
        (b"\x07\xd0", 1002),
        (b"\x13\x88", 1002),
        (b"\x03\xe8\xff", 1007),
        (b"\x03", 1002),
    ] {
        let bytes = all(&[(0x81, b"MSG x"), (0x88, payload), (0x81, b"MSG y")]);
        check(&bytes, b"MSG x\n", b"", Some(code));
    }
    // Within a message, which never ends.
    check(&all(&[(0x01, b"MSG x"), (0x88, b"")]), b"MSG x", b"", Some(1000));
}

#[test]
fn what_is_against_the_rules_ends_it() {
    let unmasked = |first: u8| vec![first, 1, b'x'];
    let long = |first: u8, len: u64| [&[first, MASKED | 0x7F][..], &len.to_be_bytes(), b"mask"].concat();
    let middle = |len: u16| [&[0x81, MASKED | 0x7E][..], &len.to_be_bytes(), b"mask"].concat();
    for (bytes, code) in [
        (unmasked(0x81), 1002),
        (unmasked(0x88), 1002),
        // Reserved bits.
        (frame(0xC1, b"x"), 1002),
        (frame(0xA1, b"x"), 1002),
        (frame(0x91, b"x"), 1002),
        (vec![0x40], 1002),
        // Opcodes without a meaning.
        (frame(0x83, b""), 1002),
        (frame(0x87, b""), 1002),
        (frame(0x8B, b""), 1002),
        (frame(0x8F, b""), 1002),
        // Binary.
        (frame(0x82, b"x"), 1003),
        (frame(0x02, b"x"), 1003),
        // A part of nothing, and a message within a message.
        (frame(0x80, b"x"), 1002),
        (frame(0x00, b"x"), 1002),
        // Control frames in parts, and too long ones.
        (frame(0x09, b""), 1002),
        (frame(0x08, b""), 1002),
        (frame(0x89, &[0; 126]), 1002),
        (frame(0x88, &[0; 126]), 1002),
        (long(0x8A, 126), 1002),
        // Lengths that are not in their shortest form, or absurd.
        (middle(125), 1002),
        (long(0x81, 125), 1002),
        (long(0x81, 65535), 1002),
        (long(0x81, 1 << 63), 1002),
        (long(0x81, u64::MAX), 1002),
        (long(0x81, u64::from(WEB_FRAME_TAKEN_MAX) + 1), 1009),
        (long(0x01, 1 << 40), 1009),
    ] {
        check(&bytes, b"", b"", Some(code));
        check(&[frame(0x81, b"MSG x"), bytes].concat(), b"MSG x\n", b"", Some(code));
    }
    check(&all(&[(0x01, b"a"), (0x81, b"b")]), b"a", b"", Some(1002));
    check(&all(&[(0x01, b"a"), (0x82, b"b")]), b"a", b"", Some(1002));
}

#[test]
fn text_is_utf8_however_it_is_split() {
    let noodles = "MSG 🍜\n".as_bytes();
    check(
        &all(&[(0x01, &noodles[..5]), (0x89, b""), (0x00, &noodles[5..7]), (0x80, &noodles[7..])]),
        noodles,
        b"\x8a\0",
        None,
    );
    for (bytes, good) in [
        (&b"PING\nPING \xff\xfd\x06"[..], 10),
        (b"MSG \xfe", 4),
        (b"MSG \xc0\xaf", 4),
        (b"MSG \xed\xa0\x80", 5),
        (&noodles[..6], 6),
    ] {
        check(&frame(0x81, bytes), &bytes[..good], b"", Some(1007));
    }
}

#[test]
fn the_longest_frame_is_taken() {
    let line = vec![b'x'; WEB_FRAME_TAKEN_MAX as usize];
    let (text, _, end) = read(&frame(0x81, &line), 16 << 10);
    assert_eq!((text.len(), end), (line.len() + 1, None));
}

/// The frames for these bytes, as a peer reads them: messages, the last of which may be unfinished.
fn messages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut in_message, mut found) = (bytes, false, vec![Vec::new()]);
    while !rest.is_empty() {
        let frame = Frame::of(rest, in_message);
        let header = frame.header();
        assert_eq!(header[0] & !FIN, if in_message { CONTINUATION } else { TEXT });
        assert_eq!(header[0] & FIN != 0, frame.ends_message);
        let len = match header {
            [_, len] => usize::from(*len),
            [_, 126, high, low] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => panic!("{header:?}"),
        };
        assert!(
            len == frame.payload && (1..=WEB_FRAME_MAX).contains(&len) && (len > 125) == (header.len() == 4)
        );
        let (payload, after) = rest.split_at(len);
        found.last_mut().expect("there is one").extend_from_slice(payload);
        in_message = !frame.ends_message;
        if frame.ends_message {
            found.push(Vec::new());
        }
        rest = after;
    }
    found
}

#[test]
fn a_message_has_whole_lines() {
    let long = [vec![b'x'; 3 * WEB_FRAME_MAX], b"\n".to_vec()].concat();
    let many = b"a line like any other\n".repeat(2000);
    for bytes in [&b"a\n"[..], b"a\nb\n", &long, &many, &[&many[..], &long, b"end\n"].concat()] {
        let messages = messages(bytes);
        assert_eq!(messages.concat(), bytes);
        let (last, whole) = messages.split_last().expect("there is one");
        assert!(last.is_empty() && whole.iter().all(|message| message.ends_with(b"\n")));
    }
    // A line that is not whole is a message that goes on.
    let (first, rest) = long.split_at(5);
    assert!(!Frame::of(first, false).ends_message && !Frame::of(first, true).ends_message);
    assert_eq!(Frame::of(b"x\n", true).header(), [0x80, 2]);
    assert!(!rest.is_empty());
}
