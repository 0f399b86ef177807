//! A queue of things that mostly settle themselves before their turn comes. Whatever goes through it, it takes no more memory
//! than those that are still needed, twice.

use std::collections::VecDeque;

/// So many are kept without a look at whether they are needed.
const FEW: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Thinned<T> {
    queue: VecDeque<T>,
    /// With so many it is thinned out.
    full: usize,
}

impl<T> Default for Thinned<T> {
    fn default() -> Thinned<T> {
        Thinned { queue: VecDeque::new(), full: FEW }
    }
}

impl<T> Thinned<T> {
    /// Adds one, after those that are not needed any more have been dropped, if there are many.
    pub(in crate::server) fn push_back(&mut self, item: T, is_needed: impl Fn(&T) -> bool) {
        if self.queue.len() >= self.full {
            self.queue.retain(is_needed);
            self.full = FEW.max(2 * self.queue.len());
            self.queue.shrink_to(self.full);
        }
        self.queue.push_back(item);
    }

    pub(in crate::server) fn front(&self) -> Option<&T> {
        self.queue.front()
    }

    pub(in crate::server) fn pop_front(&mut self) -> Option<T> {
        self.queue.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes numbers up to `end`, of which those from `needed` on are needed. Returns how many were kept at most.
    fn most_kept(queue: &mut Thinned<usize>, end: usize, needed: impl Fn(usize) -> usize) -> usize {
        let push = |number| {
            queue.push_back(number, |kept| *kept >= needed(number));
            queue.queue.len()
        };
        (0..end).map(push).max().expect("some")
    }

    #[test]
    fn what_is_not_needed_takes_no_memory() {
        let mut queue = Thinned::default();
        assert_eq!(most_kept(&mut queue, 100_000, |number| number), FEW);
        assert!(queue.queue.capacity() <= 2 * FEW, "{}", queue.queue.capacity());
        // The last 5,000 are needed: twice as many are there at most.
        assert_eq!(
            most_kept(&mut Thinned::default(), 100_000, |number| number.saturating_sub(5_000)),
            10_000
        );
    }

    #[test]
    fn what_is_needed_stays_in_order() {
        let mut queue = Thinned::default();
        assert_eq!(most_kept(&mut queue, 10_000, |_| 0), 10_000);
        assert_eq!(queue.front(), Some(&0));
        assert!(std::iter::from_fn(|| queue.pop_front()).eq(0..10_000));
    }
}
