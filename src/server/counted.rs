//! Counts in sentences.

use std::fmt::Display;

/// `1 byte`, `2 bytes`.
pub(in crate::server) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, one: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {one}{ending}")
}

/// Numbers that follow each other: `no events`, `event 1`, `events 1 to 9`.
pub(in crate::server) fn numbered<N: Copy + Display + PartialOrd>(one: &str, first: N, last: N) -> String {
    if last < first {
        format!("no {one}s")
    } else if last == first {
        format!("{one} {first}")
    } else {
        format!("{one}s {first} to {last}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        assert_eq!([0_u64, 1, 2].map(|count| counted(count, "byte")), ["0 bytes", "1 byte", "2 bytes"]);
        assert_eq!(
            [(1, 0), (1, 1), (1, 9)].map(|(first, last)| numbered("event", first, last)),
            ["no events", "event 1", "events 1 to 9"]
        );
    }
}
