//! Whether text that comes in pieces is UTF-8 (RFC 3629 section 4), with one byte kept from one piece to the next.

/// What the next byte may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Utf8 {
    /// The first of a character.
    #[default]
    First,
    /// The last one.
    One,
    /// Two are to come, or three.
    Two,
    Three,
    /// The same after a first byte that leaves less choice for the second: no longer form than is needed, no surrogate, nothing
    /// above U+10FFFF.
    AfterE0,
    AfterEd,
    AfterF0,
    AfterF4,
}

impl Utf8 {
    /// What may come after these bytes. An error: so many of them, and with the next one they are not UTF-8, whatever comes.
    pub(super) fn after(self, bytes: &[u8]) -> Result<Utf8, usize> {
        let (mut next, mut at) = (self, 0);
        while at < bytes.len() {
            if next == Utf8::First {
                let rest = &bytes[at..];
                at += std::str::from_utf8(rest).map_or_else(|error| error.valid_up_to(), str::len);
            }
            if let Some(byte) = bytes.get(at) {
                next = next.then(*byte).ok_or(at)?;
                at += 1;
            }
        }
        Ok(next)
    }

    /// `None`: a character is not complete.
    pub(super) fn whole(self) -> Option<Utf8> {
        (self == Utf8::First).then_some(self)
    }

    fn then(self, byte: u8) -> Option<Utf8> {
        Some(match (self, byte) {
            (Utf8::First, 0..=0x7F) | (Utf8::One, 0x80..=0xBF) => Utf8::First,
            (Utf8::First, 0xC2..=0xDF)
            | (Utf8::Two, 0x80..=0xBF)
            | (Utf8::AfterE0, 0xA0..=0xBF)
            | (Utf8::AfterEd, 0x80..=0x9F) => Utf8::One,
            (Utf8::First, 0xE0) => Utf8::AfterE0,
            (Utf8::First, 0xED) => Utf8::AfterEd,
            (Utf8::First, 0xE1..=0xEF)
            | (Utf8::Three, 0x80..=0xBF)
            | (Utf8::AfterF0, 0x90..=0xBF)
            | (Utf8::AfterF4, 0x80..=0x8F) => Utf8::Two,
            (Utf8::First, 0xF0) => Utf8::AfterF0,
            (Utf8::First, 0xF4) => Utf8::AfterF4,
            (Utf8::First, 0xF1..=0xF3) => Utf8::Three,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In two pieces, for each place between them, as the standard library has it in one.
    fn check(bytes: &[u8]) {
        let is_wrong =
            |len: &usize| std::str::from_utf8(&bytes[..*len]).is_err_and(|error| error.error_len().is_some());
        let expected = match (1..=bytes.len()).find(is_wrong) {
            Some(len) => Err(len - 1),
            None => Ok(std::str::from_utf8(bytes).is_ok()),
        };
        for at in 0..=bytes.len() {
            let (one, other) = bytes.split_at(at);
            let found = Utf8::First.after(one).and_then(|next| next.after(other).map_err(|len| at + len));
            assert_eq!(found.map(|next| next.whole().is_some()), expected, "{bytes:02x?} at {at}");
        }
    }

    #[test]
    fn pieces_are_judged_as_the_whole_is() {
        const BYTES: [u8; 20] = [
            0, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF,
            0xF0, 0xF3, 0xF4, 0xF5,
        ];
        for first in 0..=u8::MAX {
            check(&[first]);
            for second in 0..=u8::MAX {
                check(&[first, second]);
            }
            for rest in BYTES.iter().flat_map(|two| BYTES.map(|three| [*two, three])) {
                check(&[first, rest[0], rest[1]]);
                for four in BYTES {
                    check(&[first, rest[0], rest[1], four]);
                    check(&[b'a', first, rest[0], rest[1], four, b'z']);
                }
            }
        }
        check("What’s for lunch? 🍜 Ξεσκεπάζω".as_bytes());
    }
}
