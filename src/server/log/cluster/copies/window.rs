//! Some bytes come in blocks: which to ask for next, several under way, and in which order they are taken. What is lost is
//! asked for again.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::limits::{COPY_ANSWER, COPY_BLOCK, COPY_SILENCE, COPY_UNDER_WAY};

/// See the module.
#[derive(Debug)]
pub(super) struct Window {
    /// Everything before this was taken.
    taken: u64,
    /// Nothing from here on was asked for.
    unasked: u64,
    /// How many bytes there are, as far as is known.
    len: Option<u64>,
    /// Blocks that were asked for, and when they are asked for again.
    asked: BTreeMap<u64, Duration>,
    /// Blocks that are here.
    here: BTreeMap<u64, Bytes>,
    heard: Duration,
}

const BLOCK: u64 = COPY_BLOCK as u64;

impl Window {
    /// From this offset on.
    pub(super) fn from(now: Duration, offset: u64) -> Window {
        let (asked, here) = (BTreeMap::new(), BTreeMap::new());
        Window { taken: offset, unasked: offset, len: None, asked, here, heard: now }
    }

    /// The offset of a block to ask for now.
    pub(super) fn ask(&mut self, now: Duration) -> Option<u64> {
        if let Some((offset, due)) = self.asked.iter_mut().find(|(_, due)| **due <= now) {
            *due = now + COPY_ANSWER;
            return Some(*offset);
        }
        // The first answer says how many there are.
        let is_there = match self.len {
            Some(len) => self.unasked < len,
            None => self.asked.is_empty(),
        };
        if !is_there || self.asked.len() + self.here.len() >= COPY_UNDER_WAY {
            return None;
        }
        let offset = self.unasked;
        self.asked.insert(offset, now + COPY_ANSWER);
        self.unasked += BLOCK;
        Some(offset)
    }

    /// A block is here, of so many bytes that there are. Ignored if it is none that was asked for, or not as long as it
    /// should be.
    pub(super) fn answer(&mut self, now: Duration, offset: u64, len: u64, bytes: Bytes) {
        let size = bytes.len() as u64;
        let fits = len.checked_sub(offset).is_some_and(|rest| size == rest.min(BLOCK));
        if !fits || !self.asked.contains_key(&offset) {
            return;
        }
        self.heard = now;
        if size < BLOCK && self.len.is_some_and(|known| len < known) {
            // There was more of it meanwhile.
            self.asked.insert(offset, now);
            return;
        }
        self.asked.remove(&offset);
        self.len = self.len.max(Some(len));
        if size < BLOCK {
            // The last one as yet. Nothing after it was asked for, because there was nothing.
            self.unasked = offset + size;
        }
        if size > 0 {
            self.here.insert(offset, bytes);
        }
    }

    /// The next bytes, and their offset.
    pub(super) fn take(&mut self) -> Option<(u64, Bytes)> {
        let offset = self.taken;
        let bytes = self.here.remove(&offset)?;
        self.taken += bytes.len() as u64;
        Some((offset, bytes))
    }

    /// Whether all there are were taken.
    pub(super) fn is_at_end(&self) -> bool {
        self.len.is_some_and(|len| len <= self.taken) && self.asked.is_empty()
    }

    /// Whether nothing has come yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.len.is_none()
    }

    /// When to call [`Window::ask`] even if nothing comes.
    pub(super) fn deadline(&self) -> Duration {
        let due = self.asked.values().min().copied().unwrap_or(self.heard);
        due.min(self.heard + COPY_SILENCE)
    }

    /// Whether nothing has come for so long that nothing will.
    pub(super) fn is_silent(&self, now: Duration) -> bool {
        now >= self.heard + COPY_SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    /// Bytes that tell where they are from.
    fn content(len: u64) -> Vec<u8> {
        (0..len).map(|at| u8::try_from(at / 7 % 251).expect("it is small")).collect()
    }

    fn block(of: &[u8], offset: u64) -> Bytes {
        let from = usize::try_from(offset).expect("it fits");
        let to = of.len().min(from + COPY_BLOCK);
        Bytes::copy_from_slice(&of[from..to])
    }

    fn asked(window: &mut Window, now: Duration) -> Vec<u64> {
        std::iter::from_fn(|| window.ask(now)).collect()
    }

    fn taken(window: &mut Window, into: &mut Vec<u8>) {
        while let Some((offset, bytes)) = window.take() {
            assert_eq!(offset, into.len() as u64, "one after the other");
            into.extend_from_slice(&bytes);
        }
    }

    #[test]
    fn blocks_come_in_any_order_and_are_taken_in_theirs() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 40 * BLOCK + 17] {
            for seed in 0..20 {
                let mut random = fastrand::Rng::with_seed(seed);
                let whole = content(len);
                let (mut window, mut now) = (Window::from(NOW, 0), NOW);
                let (mut came, mut under_way) = (Vec::new(), Vec::new());
                while !window.is_at_end() {
                    under_way.extend(asked(&mut window, now));
                    assert!(window.asked.len() + window.here.len() <= COPY_UNDER_WAY);
                    if under_way.is_empty() {
                        now += COPY_ANSWER;
                        continue;
                    }
                    let offset = under_way.swap_remove(random.usize(..under_way.len()));
                    match random.u8(..4) {
                        // Lost.
                        0 => {}
                        // Twice.
                        1 => {
                            window.answer(now, offset, len, block(&whole, offset));
                            window.answer(now, offset, len, block(&whole, offset));
                        }
                        _ => window.answer(now, offset, len, block(&whole, offset)),
                    }
                    taken(&mut window, &mut came);
                }
                assert_eq!(came, whole, "{len} bytes, seed {seed}");
            }
        }
    }

    #[test]
    fn what_grows_meanwhile_comes_without_a_hole() {
        let whole = content(3 * BLOCK);
        let until = |len: u64| &whole[..usize::try_from(len).expect("it fits")];
        let (mut window, mut came) = (Window::from(NOW, 0), Vec::new());
        assert_eq!(asked(&mut window, NOW), [0]);
        window.answer(NOW, 0, BLOCK + 100, block(until(BLOCK + 100), 0));
        assert_eq!(asked(&mut window, NOW), [BLOCK]);
        window.answer(NOW, BLOCK, BLOCK + 100, block(until(BLOCK + 100), BLOCK));
        taken(&mut window, &mut came);
        assert!(window.is_at_end() && asked(&mut window, NOW).is_empty());
        // Later there is more.
        let mut window = Window::from(NOW, BLOCK + 100);
        assert_eq!(asked(&mut window, NOW), [BLOCK + 100]);
        window.answer(NOW, BLOCK + 100, 3 * BLOCK, block(&whole, BLOCK + 100));
        assert_eq!(asked(&mut window, NOW), [2 * BLOCK + 100]);
        // One answer is older than another: that one is asked for again.
        window.answer(NOW, 2 * BLOCK + 100, 2 * BLOCK + 200, block(until(2 * BLOCK + 200), 2 * BLOCK + 100));
        assert_eq!(asked(&mut window, NOW), [2 * BLOCK + 100]);
        window.answer(NOW, 2 * BLOCK + 100, 3 * BLOCK, block(&whole, 2 * BLOCK + 100));
        taken(&mut window, &mut came);
        assert!(window.is_at_end());
        assert_eq!(came, whole);
    }

    #[test]
    fn nothing_but_what_was_asked_for_counts() {
        let mut window = Window::from(NOW, 10);
        assert_eq!(asked(&mut window, NOW), [10]);
        window.answer(NOW, 0, 100, Bytes::from_static(&[1; 100]));
        window.answer(NOW, 10, 100, Bytes::from_static(&[1; 91]));
        window.answer(NOW, 10, 9, Bytes::new());
        window.answer(NOW, 10, u64::MAX, Bytes::from_static(&[1; 5]));
        assert!(!window.is_at_end() && window.take().is_none());
        assert!(asked(&mut window, NOW).is_empty());
        assert_eq!((window.deadline(), asked(&mut window, NOW + COPY_ANSWER)), (NOW + COPY_ANSWER, vec![10]));
        assert!(!window.is_silent(NOW + COPY_ANSWER) && window.is_silent(NOW + COPY_SILENCE));
        window.answer(NOW + COPY_ANSWER, 10, 100, Bytes::from_static(&[1; 90]));
        assert_eq!(window.take().map(|(offset, bytes)| (offset, bytes.len())), Some((10, 90)));
        assert!(window.is_at_end());
    }
}
