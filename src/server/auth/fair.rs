//! A queue that is fair between keys: a key with a thousand items waits for them itself, the others do not. Each key
//! has a queue of its own, and the keys take turns. A key's queue may again be fair between keys: by class, within it
//! by address, within that by mail. An item can be held back until a given time.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use slab::Slab;

/// What all levels can do: the innermost, which is first in, first out, and those made of other queues.
pub(in crate::server) trait Queue: Default {
    /// The key on this level, and those on the levels within.
    type Path;
    /// What waits.
    type Item;

    /// Adds an item after all of the same path. It is not taken before the given time.
    fn push(&mut self, path: Self::Path, not_before: Duration, item: Self::Item);

    /// Takes the next item whose time has come.
    fn pop(&mut self, now: Duration) -> Option<Self::Item>;

    /// The earliest time at which `pop` may find something.
    fn next_at(&self) -> Option<Duration>;

    /// Makes room for one item of this path by taking out the last of the longest queue; `None` if the newcomer's own
    /// queue would then be the longest, so that it is the newcomer who has to go.
    fn evict_for(&mut self, newcomer: &Self::Path) -> Option<Self::Item>;

    /// Takes out the last item of the longest queue.
    fn evict(&mut self) -> Option<Self::Item>;

    /// Keeps only the items that `is_wanted`.
    fn retain(&mut self, is_wanted: &dyn Fn(&Self::Item) -> bool);

    /// How many items wait.
    fn len(&self) -> usize;

    /// Panics if an invariant does not hold. Looks at every item.
    fn check(&self);
}

/// The innermost level. An item that is held back holds back those after it.
#[derive(Debug)]
pub(in crate::server) struct Fifo<T>(VecDeque<(Duration, T)>);

impl<T> Default for Fifo<T> {
    fn default() -> Fifo<T> {
        Fifo(VecDeque::new())
    }
}

impl<T> Queue for Fifo<T> {
    type Path = ();
    type Item = T;

    fn push(&mut self, (): (), not_before: Duration, item: T) {
        self.0.push_back((not_before, item));
    }

    fn pop(&mut self, now: Duration) -> Option<T> {
        let (at, _) = self.0.front()?;
        if *at <= now { self.0.pop_front().map(|(_, item)| item) } else { None }
    }

    fn next_at(&self) -> Option<Duration> {
        self.0.front().map(|&(at, _)| at)
    }

    fn evict_for(&mut self, (): &()) -> Option<T> {
        None
    }

    fn evict(&mut self) -> Option<T> {
        self.0.pop_back().map(|(_, item)| item)
    }

    fn retain(&mut self, is_wanted: &dyn Fn(&T) -> bool) {
        self.0.retain(|(_, item)| is_wanted(item));
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn check(&self) {}
}

/// One queue for each key, and whose turn it is.
#[derive(Debug)]
pub(in crate::server) struct FairQueue<K, Q> {
    numbers: HashMap<K, usize>,
    entries: Slab<Entry<K, Q>>,
    /// Keys that may go, in the order of their turns. Evictions may have emptied one of their queues.
    ready: VecDeque<usize>,
    /// Keys whose first item is held back, by the time until which it is.
    later: BTreeSet<(Duration, usize)>,
    /// Keys by the length of their queues; those with an empty one are not in it.
    lengths: BTreeSet<(usize, usize)>,
    len: usize,
}

#[derive(Debug)]
struct Entry<K, Q> {
    key: K,
    queue: Q,
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

impl<K, Q> Default for FairQueue<K, Q> {
    fn default() -> FairQueue<K, Q> {
        FairQueue {
            numbers: HashMap::new(),
            entries: Slab::new(),
            ready: VecDeque::new(),
            later: BTreeSet::new(),
            lengths: BTreeSet::new(),
            len: 0,
        }
    }
}

impl<K: Clone + Eq + Hash + fmt::Debug, Q: Queue> Queue for FairQueue<K, Q> {
    type Path = (K, Q::Path);
    type Item = Q::Item;

    fn push(&mut self, (key, rest): Self::Path, not_before: Duration, item: Q::Item) {
        let number = *self.numbers.entry(key).or_insert_with_key(|key| {
            let entry = Entry { key: key.clone(), queue: Q::default(), turn: Turn::Unlisted };
            self.entries.insert(entry)
        });
        self.change(number, |queue| queue.push(rest, not_before, item));
    }

    fn pop(&mut self, now: Duration) -> Option<Q::Item> {
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

    fn next_at(&self) -> Option<Duration> {
        if self.ready.is_empty() { self.later.first().map(|&(at, _)| at) } else { Some(Duration::ZERO) }
    }

    fn evict_for(&mut self, (key, rest): &Self::Path) -> Option<Q::Item> {
        let own = self.numbers.get(key).copied();
        let own_length = own.map_or(0, |own| self.entries[own].queue.len());
        match self.lengths.last() {
            Some(&(length, number)) if length >= own_length + 2 => self.change(number, Q::evict),
            _ => self.change(own?, |queue| queue.evict_for(rest)),
        }
    }

    fn evict(&mut self) -> Option<Q::Item> {
        let &(_, longest) = self.lengths.last()?;
        self.change(longest, Q::evict)
    }

    fn retain(&mut self, is_wanted: &dyn Fn(&Q::Item) -> bool) {
        let numbers: Vec<usize> = self.lengths.iter().map(|&(_, number)| number).collect();
        for number in numbers {
            self.change(number, |queue| queue.retain(is_wanted));
        }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn check(&self) {
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

impl<K: Eq + Hash, Q: Queue> FairQueue<K, Q> {
    /// Changes a key's queue, and then the lists by which the key is found.
    fn change<R>(&mut self, number: usize, change: impl FnOnce(&mut Q) -> R) -> R {
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
}

#[cfg(test)]
mod tests;
