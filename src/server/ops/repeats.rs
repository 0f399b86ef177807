//! Repeated warnings and errors, as from a full disk: the first is logged, those in the following minute are counted,
//! and so on. This keeps the log readable and the disk from filling up.

use std::time::{Duration, Instant};

use crate::limits::{REPEATS_KEPT, REPEATS_MINUTE};

#[derive(Debug, Default)]
pub(super) struct Repeats(Vec<Known>);

/// A text that was logged recently.
#[derive(Debug)]
struct Known {
    /// Without its time.
    text: Vec<u8>,
    until: Instant,
    /// How often it was repeated, and the last of these lines.
    count: u32,
    last: Vec<u8>,
}

impl Repeats {
    /// Whether to write this line, which includes its LF, now. If not, it was counted.
    pub(super) fn admit(&mut self, line: &[u8], now: Instant) -> bool {
        let Some(text) = repeatable(line) else { return true };
        if let Some(known) = self.0.iter_mut().find(|known| known.text == text) {
            known.count += 1;
            known.last.clear();
            known.last.extend_from_slice(line);
            return false;
        }
        // Beyond that they are different texts each time, not repetitions.
        if self.0.len() < REPEATS_KEPT {
            let until = now + REPEATS_MINUTE;
            self.0.push(Known { text: text.to_vec(), until, count: 0, last: Vec::new() });
        }
        true
    }

    /// How long until a count is due.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.0.iter().map(|known| known.until.saturating_duration_since(now)).min()
    }

    /// The lines that say how often a text was repeated in the past minute. A text that was not is forgotten.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        self.0.retain_mut(|known| {
            if known.until > now {
                return true;
            }
            if known.count == 0 {
                return false;
            }
            lines.push(known.counted());
            (known.count, known.until) = (0, now + REPEATS_MINUTE);
            true
        });
        lines
    }

    /// The same for all texts. All are forgotten: the process ends, or something is over, and if it comes back that is news.
    pub(super) fn rest(&mut self) -> Vec<Vec<u8>> {
        self.0.drain(..).filter(|known| known.count > 0).map(|known| known.counted()).collect()
    }
}

impl Known {
    /// The last of the lines, and how many they were.
    fn counted(&self) -> Vec<u8> {
        let mut line = self.last.trim_ascii_end().to_vec();
        line.extend(format!(" (the last of {} more)\n", self.count).into_bytes());
        line
    }
}

/// The text after the time, if this is a warning or an error.
fn repeatable(line: &[u8]) -> Option<&[u8]> {
    let time = line.iter().position(|&byte| byte == b' ')?;
    let text = &line[time + 1..];
    (text.starts_with(b"[WARN] ") || text.starts_with(b"[ERROR] ")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Vec<u8>]) -> String {
        String::from_utf8(lines.concat()).expect("text")
    }

    #[test]
    fn one_line_then_a_count_a_minute() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(repeats.wait(at(0)), None);
        assert!(repeats.admit(b"t0 [WARN] full\n", at(0)));
        assert!(repeats.admit(b"t0 [WARN] other\n", at(5)));
        for second in 1..60 {
            assert!(!repeats.admit(format!("t{second} [WARN] full\n").as_bytes(), at(second)));
        }
        // Other lines are all written.
        for _ in 0..2 {
            assert!(repeats.admit(b"t9 [INFO] login refused: x\n", at(9)));
            assert!(repeats.admit(b"no time\n", at(9)));
        }
        assert_eq!(repeats.wait(at(59)), Some(Duration::from_secs(1)));
        assert!(repeats.due(at(59)).is_empty());
        assert_eq!(text(&repeats.due(at(60))), "t59 [WARN] full (the last of 59 more)\n");
        assert!(!repeats.admit(b"t61 [WARN] full\n", at(61)), "it goes on");
        assert_eq!(text(&repeats.due(at(120))), "t61 [WARN] full (the last of 1 more)\n");
        assert!(repeats.due(at(180)).is_empty());
        assert!(repeats.admit(b"t181 [WARN] full\n", at(181)), "it was over");
        assert!(!repeats.admit(b"t182 [WARN] full\n", at(182)));
        assert_eq!(text(&repeats.rest()), "t182 [WARN] full (the last of 1 more)\n");
        assert!(repeats.rest().is_empty());
        assert!(repeats.admit(b"t184 [WARN] full\n", at(184)), "it came back");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for n in 0..REPEATS_KEPT + 10 {
            assert!(repeats.admit(format!("t [ERROR] {n}\n").as_bytes(), now));
        }
        assert_eq!(repeats.0.len(), REPEATS_KEPT);
    }
}
