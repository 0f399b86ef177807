//! A queue that is fair by where things come from: whoever sends a thousand waits for them, not the others. Each
//! source has a line of its own, and the first of each line has its turn, round and round. Something may also
//! have to wait until a certain time; then what stands behind it in its line waits with it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::mem;
use std::time::Duration;

/// See the module.
#[derive(Debug)]
pub(super) struct FairQueue<S, T> {
    lines: HashMap<S, VecDeque<(Duration, T)>>,
    /// Sources whose first may go, in the order of their turns.
    ready: VecDeque<S>,
    /// Sources whose first has to wait, and until when.
    later: BTreeSet<(Duration, S)>,
    len: usize,
}

impl<S, T> Default for FairQueue<S, T> {
    fn default() -> FairQueue<S, T> {
        FairQueue { lines: HashMap::new(), ready: VecDeque::new(), later: BTreeSet::new(), len: 0 }
    }
}

impl<S: Copy + Eq + Hash + Ord, T> FairQueue<S, T> {
    /// Behind all that came from there; not before this time.
    pub(super) fn push(&mut self, source: S, not_before: Duration, thing: T) {
        let line = self.lines.entry(source).or_default();
        line.push_back((not_before, thing));
        self.len += 1;
        if line.len() == 1 {
            self.later.insert((not_before, source));
        }
    }

    /// The next whose time has come.
    pub(super) fn pop(&mut self, now: Duration) -> Option<(S, T)> {
        self.wake(now);
        let source = self.ready.pop_front()?;
        let line = self.lines.get_mut(&source).expect("it has its turn");
        let (_, thing) = line.pop_front().expect("it has its turn");
        self.len -= 1;
        match line.front() {
            None => drop(self.lines.remove(&source)),
            Some((at, _)) if *at <= now => self.ready.push_back(source),
            Some((at, _)) => drop(self.later.insert((*at, source))),
        }
        Some((source, thing))
    }

    /// Whether [`FairQueue::pop`] would give something.
    pub(super) fn is_ready(&mut self, now: Duration) -> bool {
        self.wake(now);
        !self.ready.is_empty()
    }

    /// When the next is ready: now, or later.
    pub(super) fn next_at(&self) -> Option<Duration> {
        if self.ready.is_empty() { self.later.first().map(|&(at, _)| at) } else { Some(Duration::ZERO) }
    }

    /// There is no place for one more from this source. Takes out the last of the longest line; none if that
    /// would not be longer than this source's own even then: the newcomer has to go.
    pub(super) fn give_way(&mut self, newcomer: S) -> Option<T> {
        let own = self.lines.get(&newcomer).map_or(0, VecDeque::len);
        let longest = self.lines.values_mut().max_by_key(|line| line.len())?;
        if longest.len() < own + 2 {
            return None;
        }
        self.len -= 1;
        longest.pop_back().map(|(_, thing)| thing)
    }

    /// Keeps those for which `wanted` says yes.
    pub(super) fn retain(&mut self, wanted: impl Fn(&T) -> bool) {
        let order = mem::take(&mut self.ready).into_iter();
        let order: Vec<S> = order.chain(mem::take(&mut self.later).into_iter().map(|(_, s)| s)).collect();
        let mut lines = mem::take(&mut self.lines);
        self.len = 0;
        for source in order {
            for (at, thing) in lines.remove(&source).into_iter().flatten() {
                if wanted(&thing) {
                    self.push(source, at, thing);
                }
            }
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn wake(&mut self, now: Duration) {
        while let Some(&(at, source)) = self.later.first()
            && at <= now
        {
            self.later.pop_first();
            self.ready.push_back(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn queue(words: &str) -> FairQueue<char, String> {
        let mut queue = FairQueue::default();
        for word in words.split(' ') {
            let source = word.chars().next().expect("a word");
            let wait = word.split_once('+').map_or(0, |(_, wait)| wait.parse().expect("seconds"));
            queue.push(source, NOW + Duration::from_secs(wait), word.to_owned());
        }
        queue
    }

    fn rest(queue: &mut FairQueue<char, String>, after: u64) -> String {
        let now = NOW + Duration::from_secs(after);
        let words: Vec<String> = std::iter::from_fn(|| queue.pop(now).map(|(_, word)| word)).collect();
        words.join(" ")
    }

    #[test]
    fn each_source_has_its_turn() {
        let mut queue = queue("a1 a2 a3 a4 b1 b2 c1");
        assert_eq!(rest(&mut queue, 0), "a1 b1 c1 a2 b2 a3 a4");
        assert_eq!((queue.len(), queue.next_at()), (0, None));
    }

    #[test]
    fn some_wait() {
        let mut queue = queue("a+5 a0 b+2 c0 c+9");
        assert_eq!(queue.next_at(), Some(NOW));
        assert_eq!(rest(&mut queue, 0), "c0");
        assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(2)));
        assert_eq!(rest(&mut queue, 4), "b+2");
        assert!(!queue.is_ready(NOW + Duration::from_secs(4)));
        assert_eq!(rest(&mut queue, 9), "a+5 c+9 a0");
    }

    #[test]
    fn the_longest_line_gives_way() {
        let mut queue = queue("a1 a2 a3 b1 c1");
        assert_eq!(queue.give_way('d').as_deref(), Some("a3"));
        assert_eq!(queue.give_way('b'), None);
        assert_eq!(queue.give_way('a'), None);
        assert_eq!(queue.give_way('d').as_deref(), Some("a2"));
        assert_eq!(queue.give_way('d'), None);
        assert_eq!(rest(&mut queue, 0), "a1 b1 c1");
    }

    #[test]
    fn some_are_not_wanted_any_more() {
        let mut queue = queue("a1 a2 b1 b+3 c1");
        queue.retain(|word| !word.ends_with('1'));
        assert_eq!(queue.len(), 2);
        assert_eq!(rest(&mut queue, 0), "a2");
        assert_eq!(rest(&mut queue, 3), "b+3");
    }
}
