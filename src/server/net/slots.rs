//! A set of slots, with a bit for each. For a million connections that is 125 KB, however many of them are in it.

/// See the module.
#[derive(Debug, Default)]
pub(in crate::server) struct Slots {
    words: Vec<u64>,
}

impl Slots {
    /// Adds this slot, if it is not there.
    pub(in crate::server) fn insert(&mut self, slot: usize) {
        let (word, bit) = place(slot);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
    }

    /// Takes this slot out, if it is there.
    pub(in crate::server) fn remove(&mut self, slot: usize) {
        let (word, bit) = place(slot);
        if let Some(word) = self.words.get_mut(word) {
            *word &= !bit;
        }
    }

    /// The first one from this slot on.
    pub(in crate::server) fn next(&self, from: usize) -> Option<usize> {
        let (first, bit) = place(from);
        let mut bits = self.words.get(first)? & !(bit - 1);
        let mut word = first;
        while bits == 0 {
            word += 1;
            bits = *self.words.get(word)?;
        }
        Some(word * BITS + bits.trailing_zeros() as usize)
    }
}

const BITS: usize = u64::BITS as usize;

/// The word with the bit of this slot, and that bit.
fn place(slot: usize) -> (usize, u64) {
    (slot / BITS, 1 << (slot % BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((any::<bool>(), 0..300_usize), 0..100)) {
            let (mut slots, mut set) = (Slots::default(), BTreeSet::new());
            for (is_new, slot) in steps {
                if is_new {
                    slots.insert(slot);
                    set.insert(slot);
                } else {
                    slots.remove(slot);
                    set.remove(&slot);
                }
            }
            for from in 0..400 {
                prop_assert_eq!(slots.next(from), set.range(from..).next().copied());
            }
        }
    }
}
