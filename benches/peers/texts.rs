//! What is said, and whether it arrives: the same texts for everybody, each publisher's in order, none lost, none twice, no
//! byte changed.

use std::io;

use crate::common::fail;

/// So many talk.
pub(crate) const PUBLISHERS: usize = 4;
/// Bytes of a text: a line of a chat.
pub(crate) const TEXT: usize = 60;
/// Digits of a message's number.
const DIGITS: usize = 10;
/// What follows the publisher and the number.
const FILL: &[u8; TEXT - DIGITS - 3] = b" the build is green again, who wants some lunch";

/// What this publisher says as its message of this number.
pub(crate) fn text(publisher: usize, number: u64) -> [u8; TEXT] {
    let mut text = [0; TEXT];
    text[0] = b'p';
    text[1] = b"0123456789"[publisher];
    text[2] = b' ';
    let mut rest = number;
    for digit in text[3..3 + DIGITS].iter_mut().rev() {
        *digit = b"0123456789"[usize::try_from(rest % 10).expect("a digit")];
        rest /= 10;
    }
    text[3 + DIGITS..].copy_from_slice(FILL);
    text
}

/// What a receiver has had of each publisher.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Received {
    next: [u64; PUBLISHERS],
}

impl Received {
    /// A text that has come.
    pub(crate) fn take(&mut self, came: &[u8]) -> io::Result<()> {
        let publisher = came.get(1).map_or(PUBLISHERS, |&digit| usize::from(digit.wrapping_sub(b'0')));
        let Some(next) = self.next.get_mut(publisher) else { return wrong(came, "no publisher's text") };
        if came != text(publisher, *next) {
            return wrong(came, &format!("number {next} of that publisher"));
        }
        *next += 1;
        Ok(())
    }

    pub(crate) fn messages(&self) -> u64 {
        self.next.iter().sum()
    }
}

fn wrong<T>(came: &[u8], expected: &str) -> io::Result<T> {
    fail(format!("{expected} was expected, this came: {:?}", String::from_utf8_lossy(came)))
}

/// A yardstick that cannot fail measures nothing.
pub(crate) fn prove_itself() -> io::Result<()> {
    let [one, two, three] = [0, 1, 2].map(|number| text(2, number));
    let mut changed = two;
    changed[TEXT - 1] ^= 1;
    let wrong: [(&str, Vec<&[u8]>); 6] = [
        ("lost", vec![&one, &three]),
        ("doubled", vec![&one, &two, &two]),
        ("swapped", vec![&two, &one]),
        ("cut", vec![&one, &two[..TEXT - 1]]),
        ("changed", vec![&one, &changed]),
        ("empty", vec![b""]),
    ];
    for (what, texts) in wrong {
        let mut received = Received::default();
        if texts.iter().try_for_each(|text| received.take(text)).is_ok() {
            return fail(format!("a {what} text is not noticed"));
        }
    }
    let mut received = Received::default();
    [one, two, three].iter().try_for_each(|text| received.take(text))?;
    let (first, last) = (received.messages(), text(PUBLISHERS - 1, 0));
    received.take(&last)?;
    if (first, received.messages()) == (3, 4) { Ok(()) } else { fail("texts are not counted") }
}
