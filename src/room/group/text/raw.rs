//! The bytes of the lines of members.txt. Those that nobody has changed lie one after the other, as the file was read, so that
//! a large file is compared and copied at the speed of memory, and not line by line.

use std::mem;
use std::ops::Range;

use crate::protocol::framing::wipe;

/// A line's bytes, with its end.
#[derive(Clone)]
pub(super) enum Raw {
    /// They are here in the file as it was read.
    Read(Range<usize>),
    /// The line was changed or added.
    Written(Vec<u8>),
}

impl Raw {
    pub(super) fn bytes<'f>(&'f self, read: &'f [u8]) -> &'f [u8] {
        match self {
            Raw::Read(place) => &read[place.clone()],
            Raw::Written(bytes) => bytes,
        }
    }

    /// To be changed. What was read may have been a password, so it is not kept.
    pub(super) fn written(&mut self, read: &mut [u8]) -> &mut Vec<u8> {
        if let Raw::Read(place) = self {
            let place = &mut read[place.clone()];
            let bytes = place.to_vec();
            wipe(place);
            *self = Raw::Written(bytes);
        }
        match self {
            Raw::Written(bytes) => bytes,
            Raw::Read(_) => unreachable!("it was just made"),
        }
    }
}

/// The bytes of some lines of a file in few pieces, in order, after a head that was read before them. Ends when `take` says no,
/// and returns whether it never did.
pub(super) fn in_pieces<'f>(
    read: &'f [u8],
    head: usize,
    lines: impl Iterator<Item = &'f Raw>,
    mut take: impl FnMut(&'f [u8]) -> bool,
) -> bool {
    // Lines that lie one after the other are one piece.
    let mut piece = 0..head;
    for raw in lines {
        match raw {
            Raw::Read(place) if place.start == piece.end => piece.end = place.end,
            Raw::Read(place) => {
                if !take(&read[mem::replace(&mut piece, place.clone())]) {
                    return false;
                }
            }
            Raw::Written(bytes) => {
                let next = piece.end..piece.end;
                if !take(&read[mem::replace(&mut piece, next)]) || !take(bytes) {
                    return false;
                }
            }
        }
    }
    take(&read[piece])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces<'f>(read: &'f [u8], lines: &'f [Raw]) -> Vec<&'f [u8]> {
        let mut pieces = Vec::new();
        in_pieces(read, 1, lines.iter(), |piece| {
            pieces.push(piece);
            true
        });
        pieces
    }

    #[test]
    fn what_nobody_has_changed_is_one_piece() {
        let mut read = b"^one\ntwo\nthree\nfour\n".to_vec();
        let mut lines: Vec<Raw> = [1..5, 5..9, 9..15, 15..20].map(Raw::Read).to_vec();
        assert_eq!(pieces(&read, &lines), [&read[..]]);
        lines[1].written(&mut read).insert(0, b'2');
        assert_eq!(pieces(&read, &lines), [&b"^one\n"[..], b"2two\n", b"", b"three\nfour\n"]);
        assert!(!read.windows(3).any(|bytes| bytes == b"two"));
        lines.remove(2);
        assert_eq!(pieces(&read, &lines), [&b"^one\n"[..], b"2two\n", b"", b"four\n"]);
    }

    #[test]
    fn whoever_has_enough_gets_no_more() {
        let lines = [Raw::Read(0..1), Raw::Written(vec![2]), Raw::Read(1..2)];
        for most in 1..=3 {
            let mut taken = 0;
            let all = in_pieces(b"13", 0, lines.iter(), |_| {
                taken += 1;
                taken < most
            });
            assert_eq!((all, taken), (false, most));
        }
    }
}
