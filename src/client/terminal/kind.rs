//! What a terminal does with existing rows when its width changes. Terminals do it before any program is told, and differ.
//! Which kind one is, it says when it is asked (secondary device attributes, `ESC [ > c`).

/// What happens to rows in another width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Resizing {
    /// They are wrapped: a row longer than the window becomes several.
    Wraps,
    /// Each stays one row, and is cut off where the window ends. Also for one that does not answer: the Linux console, st, older
    /// emulators. Erasing too few rows leaves something drawn, erasing too many loses something said.
    #[default]
    Cuts,
}

/// Asks for the answer that [`Resizing::of`] reads.
pub(super) const ASK: &[u8] = b"\x1b[>c";

impl Resizing {
    /// By the parameters of the answer: a kind, a version, and a third. Unknown ones wrap, as nearly all of today's do: tmux
    /// (84), VTE (61, 65), kitty, foot, Konsole, Alacritty, Windows Terminal, GNU screen (83).
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
