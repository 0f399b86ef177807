//! A queue that is fair between keys: a key with a thousand items waits for them itself, the others do not. Each key
//! has a queue of its own, and the keys take turns. A key's queue may again be fair between keys: by class, within it
//! by address, within that by mail. So an item has a path, a key for each level. It can be held back until a given time.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use slab::Slab;

/// One queue for each key, and whose turn it is; at the end of the paths the items themselves.
#[derive(Debug)]
pub(super) struct FairQueue<K, T> {
    /// First in, first out. An item that is held back holds back those after it.
    items: VecDeque<(Duration, T)>,
    numbers: HashMap<K, usize>,
    entries: Slab<Entry<K, T>>,
    /// Keys that may go, in the order of their turns. Evictions may have emptied one of their queues.
    ready: VecDeque<usize>,
    /// Keys whose first item is held back, by the time until which it is.
    later: BTreeSet<(Duration, usize)>,
    /// Keys by the length of their queues; those with an empty one are not in it.
    lengths: BTreeSet<(usize, usize)>,
    /// The sum of their lengths.
    len: usize,
}

#[derive(Debug)]
struct Entry<K, T> {
    key: K,
    queue: FairQueue<K, T>,
    turn: Turn,
}

/// Where a key waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// In neither list: only while its queue is being changed.
    Unlisted,
    Ready,
    Later(Duration),
}

impl<K, T> Default for FairQueue<K, T> {
    fn default() -> FairQueue<K, T> {
        FairQueue {
            items: VecDeque::new(),
            numbers: HashMap::new(),
            entries: Slab::new(),
            ready: VecDeque::new(),
            later: BTreeSet::new(),
            lengths: BTreeSet::new(),
            len: 0,
        }
    }
}

impl<K: Clone + Eq + Hash + fmt::Debug, T> FairQueue<K, T> {
    /// Adds an item after all of the same path. It is not taken before the given time.
    pub(super) fn push(&mut self, path: &[K], not_before: Duration, item: T) {
        let Some((key, rest)) = path.split_first() else {
            return self.items.push_back((not_before, item));
        };
        let number = *self.numbers.entry(key.clone()).or_insert_with_key(|key| {
            let entry = Entry { key: key.clone(), queue: FairQueue::default(), turn: Turn::Unlisted };
            self.entries.insert(entry)
        });
        self.change(number, |queue| queue.push(rest, not_before, item));
    }

    /// Takes the next item whose time has come.
    pub(super) fn pop(&mut self, now: Duration) -> Option<T> {
        if self.items.front().is_some_and(|(at, _)| *at <= now) {
            return self.items.pop_front().map(|(_, item)| item);
        }
        self.wake(now);
        while let Some(number) = self.ready.pop_front() {
            self.entries[number].turn = Turn::Unlisted;
            let item = self.change(number, |queue| queue.pop(now));
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// The earliest time at which `pop` may find something.
    pub(super) fn next_at(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let item = self.items.front().map(|&(at, _)| at);
        item.or_else(|| self.later.first().map(|&(at, _)| at))
    }

    /// Makes room for one item of this path by taking out the last of the longest queue; `None` if the newcomer's own
    /// queue would then be the longest, so that it is the newcomer who has to go.
    pub(super) fn evict_for(&mut self, newcomer: &[K]) -> Option<T> {
        let (key, rest) = newcomer.split_first()?;
        let own = self.numbers.get(key).copied();
        let own_length = own.map_or(0, |own| self.entries[own].queue.len());
        match self.lengths.last() {
            Some(&(length, number)) if length >= own_length + 2 => self.change(number, FairQueue::evict),
            _ => self.change(own?, |queue| queue.evict_for(rest)),
        }
    }

    /// Takes out the last item of the longest queue.
    fn evict(&mut self) -> Option<T> {
        match self.lengths.last() {
            Some(&(_, longest)) => self.change(longest, FairQueue::evict),
            None => self.items.pop_back().map(|(_, item)| item),
        }
    }

    /// Keeps only the items that `is_wanted`.
    pub(super) fn retain(&mut self, is_wanted: &dyn Fn(&T) -> bool) {
        self.items.retain(|(_, item)| is_wanted(item));
        let numbers: Vec<usize> = self.lengths.iter().map(|&(_, number)| number).collect();
        for number in numbers {
            self.change(number, |queue| queue.retain(is_wanted));
        }
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.items.len() + self.len
    }

    /// Changes a key's queue, and then the lists by which the key is found.
    fn change<R>(&mut self, number: usize, change: impl FnOnce(&mut FairQueue<K, T>) -> R) -> R {
        let entry = &mut self.entries[number];
        let before = entry.queue.len();
        let result = change(&mut entry.queue);
        let (length, next) = (entry.queue.len(), entry.queue.next_at());
        self.len = self.len - before + length;
        self.lengths.remove(&(before, number));
        if length > 0 {
            self.lengths.insert((length, number));
        }
        // A key that is ready keeps its turn: `pop` sees what has changed.
        if entry.turn != Turn::Ready {
            if let Turn::Later(at) = entry.turn {
                self.later.remove(&(at, number));
            }
            if let Some(at) = next {
                entry.turn = Turn::Later(at);
                self.later.insert((at, number));
            } else {
                let entry = self.entries.remove(number);
                self.numbers.remove(&entry.key);
            }
        }
        result
    }

    fn wake(&mut self, now: Duration) {
        while let Some(&(at, number)) = self.later.first()
            && at <= now
        {
            self.later.pop_first();
            self.entries[number].turn = Turn::Ready;
            self.ready.push_back(number);
        }
    }

    /// Panics if an invariant does not hold. Looks at every item.
    pub(super) fn check(&self) {
        let (mut len, mut ready, mut later, mut lengths) = (0, 0, 0, 0);
        for (number, Entry { key, queue, turn }) in &self.entries {
            queue.check();
            assert_eq!(self.numbers.get(key), Some(&number), "{key:?} is known by its number");
            len += queue.len();
            if queue.len() > 0 {
                lengths += 1;
                assert!(self.lengths.contains(&(queue.len(), number)), "{key:?} is listed by its length");
            }
            match *turn {
                Turn::Unlisted => panic!("{key:?} waits for no turn"),
                Turn::Ready => ready += 1,
                Turn::Later(at) => {
                    later += 1;
                    assert!(self.later.contains(&(at, number)), "{key:?} is listed by its time");
                    assert_eq!(queue.next_at(), Some(at), "{key:?} has its turn when its first item has");
                }
            }
        }
        assert_eq!(len, self.len, "the length is the sum of all");
        // Each key above was found in its list, and each list has as many: so nothing else is in them.
        assert_eq!(self.numbers.len(), self.entries.len(), "no number without an entry");
        assert_eq!((self.later.len(), self.lengths.len()), (later, lengths), "nobody is listed twice");
        let listed: BTreeSet<usize> = self.ready.iter().copied().collect();
        assert_eq!((self.ready.len(), listed.len()), (ready, ready), "nobody has two turns");
        assert!(listed.iter().all(|&number| self.entries[number].turn == Turn::Ready));
    }
}

#[cfg(test)]
mod tests;
