//! What a terminal does with the rows that are there when its width changes. They do it by themselves, before anybody is
//! told, and differ; which one it is it tells when it is asked (secondary device attributes, `ESC [ > c`).

/// What becomes of rows in another width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Resizing {
    /// They are wrapped anew: a row longer than the window becomes several.
    Wraps,
    /// Each stays one row, and is cut off where the window ends.
    Cuts,
}

/// Of one that does not answer: the Linux console, st, older emulators. With too few rows taken away something drawn
/// stays, with too many something said goes.
impl Default for Resizing {
    fn default() -> Resizing {
        Resizing::Cuts
    }
}

/// Asks for the answer that [`Resizing::of`] reads.
pub(super) const ASK: &[u8] = b"\x1b[>c";

impl Resizing {
    /// By the parameters of the answer: a kind, a version, and a third. Those that are not known wrap, as nearly all do
    /// that were made since: tmux (84), VTE (61, 65), kitty, foot, Konsole, Alacritty, Windows Terminal, GNU screen (83).
    pub(in super::super) fn of(answer: &str) -> Resizing {
        let mut parameters = answer.split(';').map(str::parse::<u32>);
        match (parameters.next(), parameters.next()) {
            // xterm; PuTTY; mosh, whatever it runs in.
            (Some(Ok(41)), _) | (Some(Ok(0)), Some(Ok(136))) | (Some(Ok(1)), Some(Ok(10))) => Resizing::Cuts,
            _ => Resizing::Wraps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (answer, expected) in [
            ("41;379;0", Resizing::Cuts),
            ("0;136;0", Resizing::Cuts),
            ("1;10;0", Resizing::Cuts),
            ("84;0;0", Resizing::Wraps),
            ("65;7006;1", Resizing::Wraps),
            ("0;10;1", Resizing::Wraps),
            ("1;4000;42", Resizing::Wraps),
            ("", Resizing::Wraps),
        ] {
            assert_eq!(Resizing::of(answer), expected, "{answer}");
        }
    }
}
