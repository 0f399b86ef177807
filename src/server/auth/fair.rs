//! A queue that is fair by where things come from: whoever sends a thousand waits for them, not the others. Each key
//! has a line of its own, and the first of each line has its turn, round and round. A line may again be such a queue:
//! by class, in it by address, in it by mail. Something may also have to wait until a certain time.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use slab::Slab;

/// What a line can do, whether it is the last or is made of lines.
pub(in crate::server) trait Queue: Default {
    /// The key, and those of the lines in its line.
    type Path;
    /// What waits.
    type Thing;

    /// Behind all of the same path; not before this time.
    fn push(&mut self, path: Self::Path, not_before: Duration, thing: Self::Thing);

    /// The next whose time has come.
    fn pop(&mut self, now: Duration) -> Option<Self::Thing>;

    /// When the next has its turn at the soonest.
    fn next_at(&self) -> Option<Duration>;

    /// There is no place for one more of this path. Takes out the last of the longest line; none if that would not be
    /// longer than the newcomer's own even then: the newcomer has to go.
    fn give_way(&mut self, newcomer: &Self::Path) -> Option<Self::Thing>;

    /// Takes out the last of the longest line.
    fn take_last(&mut self) -> Option<Self::Thing>;

    /// Keeps those for which `wanted` says yes.
    fn retain(&mut self, wanted: &dyn Fn(&Self::Thing) -> bool);

    /// How many wait.
    fn len(&self) -> usize;
}

/// A line that is not divided further. What stands behind somebody who has to wait waits too.
#[derive(Debug)]
pub(in crate::server) struct Line<T>(VecDeque<(Duration, T)>);

impl<T> Default for Line<T> {
    fn default() -> Line<T> {
        Line(VecDeque::new())
    }
}

impl<T> Queue for Line<T> {
    type Path = ();
    type Thing = T;

    fn push(&mut self, (): (), not_before: Duration, thing: T) {
        self.0.push_back((not_before, thing));
    }

    fn pop(&mut self, now: Duration) -> Option<T> {
        let (at, _) = self.0.front()?;
        if *at <= now { self.0.pop_front().map(|(_, thing)| thing) } else { None }
    }

    fn next_at(&self) -> Option<Duration> {
        self.0.front().map(|&(at, _)| at)
    }

    fn give_way(&mut self, (): &()) -> Option<T> {
        None
    }

    fn take_last(&mut self) -> Option<T> {
        self.0.pop_back().map(|(_, thing)| thing)
    }

    fn retain(&mut self, wanted: &dyn Fn(&T) -> bool) {
        self.0.retain(|(_, thing)| wanted(thing));
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// See the module. Lines are known by number.
#[derive(Debug)]
pub(in crate::server) struct FairQueue<K, Q> {
    numbers: HashMap<K, usize>,
    lines: Slab<Turn<K, Q>>,
    /// Those that may go, in the order of their turns. One of them may have become empty.
    ready: VecDeque<usize>,
    /// Those that have to wait, and until when.
    later: BTreeSet<(Duration, usize)>,
    /// By length, without those that are empty.
    lengths: BTreeSet<(usize, usize)>,
    len: usize,
}

#[derive(Debug)]
struct Turn<K, Q> {
    key: K,
    line: Q,
    place: Place,
}

/// Where the number of a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Ready,
    Later(Duration),
}

impl<K, Q> Default for FairQueue<K, Q> {
    fn default() -> FairQueue<K, Q> {
        FairQueue {
            numbers: HashMap::new(),
            lines: Slab::new(),
            ready: VecDeque::new(),
            later: BTreeSet::new(),
            lengths: BTreeSet::new(),
            len: 0,
        }
    }
}

impl<K: Clone + Eq + Hash, Q: Queue> Queue for FairQueue<K, Q> {
    type Path = (K, Q::Path);
    type Thing = Q::Thing;

    fn push(&mut self, (key, rest): Self::Path, not_before: Duration, thing: Q::Thing) {
        let number = *self.numbers.entry(key).or_insert_with_key(|key| {
            let turn = Turn { key: key.clone(), line: Q::default(), place: Place::Nowhere };
            self.lines.insert(turn)
        });
        self.change(number, |line| line.push(rest, not_before, thing));
    }

    fn pop(&mut self, now: Duration) -> Option<Q::Thing> {
        self.wake(now);
        while let Some(number) = self.ready.pop_front() {
            self.lines[number].place = Place::Nowhere;
            let thing = self.change(number, |line| line.pop(now));
            if thing.is_some() {
                return thing;
            }
        }
        None
    }

    fn next_at(&self) -> Option<Duration> {
        if self.ready.is_empty() { self.later.first().map(|&(at, _)| at) } else { Some(Duration::ZERO) }
    }

    fn give_way(&mut self, (key, rest): &Self::Path) -> Option<Q::Thing> {
        let own = self.numbers.get(key).copied();
        let own_length = own.map_or(0, |own| self.lines[own].line.len());
        match self.lengths.last() {
            Some(&(length, number)) if length >= own_length + 2 => self.change(number, Q::take_last),
            _ => self.change(own?, |line| line.give_way(rest)),
        }
    }

    fn take_last(&mut self) -> Option<Q::Thing> {
        let &(_, longest) = self.lengths.last()?;
        self.change(longest, Q::take_last)
    }

    fn retain(&mut self, wanted: &dyn Fn(&Q::Thing) -> bool) {
        let numbers: Vec<usize> = self.lengths.iter().map(|&(_, number)| number).collect();
        for number in numbers {
            self.change(number, |line| line.retain(wanted));
        }
    }

    fn len(&self) -> usize {
        self.len
    }
}

impl<K: Eq + Hash, Q: Queue> FairQueue<K, Q> {
    /// Changes a line, and then where it stands.
    fn change<R>(&mut self, number: usize, change: impl FnOnce(&mut Q) -> R) -> R {
        let turn = &mut self.lines[number];
        let before = turn.line.len();
        let result = change(&mut turn.line);
        let (length, next) = (turn.line.len(), turn.line.next_at());
        self.len = self.len - before + length;
        self.lengths.remove(&(before, number));
        if length > 0 {
            self.lengths.insert((length, number));
        }
        // Whoever is ready keeps the turn: when it comes, what has changed is seen.
        if turn.place != Place::Ready {
            if let Place::Later(at) = turn.place {
                self.later.remove(&(at, number));
            }
            if let Some(at) = next {
                turn.place = Place::Later(at);
                self.later.insert((at, number));
            } else {
                let turn = self.lines.remove(number);
                self.numbers.remove(&turn.key);
            }
        }
        result
    }

    fn wake(&mut self, now: Duration) {
        while let Some(&(at, number)) = self.later.first()
            && at <= now
        {
            self.later.pop_first();
            self.lines[number].place = Place::Ready;
            self.ready.push_back(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    type Words = FairQueue<char, FairQueue<char, Line<String>>>;

    /// Of a word the first two letters are the path.
    fn path(word: &str) -> (char, (char, ())) {
        let mut letters = word.chars();
        let mut next = || letters.next().expect("two letters");
        (next(), (next(), ()))
    }

    fn queue(words: &str) -> Words {
        let mut queue = Words::default();
        for word in words.split(' ') {
            let wait = word.split_once('+').map_or(0, |(_, wait)| wait.parse().expect("seconds"));
            queue.push(path(word), NOW + Duration::from_secs(wait), word.to_owned());
        }
        queue
    }

    fn rest(queue: &mut Words, after: u64) -> String {
        let now = NOW + Duration::from_secs(after);
        let words: Vec<String> = std::iter::from_fn(|| queue.pop(now)).collect();
        words.join(" ")
    }

    fn give_way(queue: &mut Words, newcomer: &str) -> Option<String> {
        queue.give_way(&path(newcomer))
    }

    #[test]
    fn each_source_has_its_turn() {
        let mut queue = queue("ax1 ax2 ax3 ax4 bx1 bx2 cx1");
        assert_eq!(rest(&mut queue, 0), "ax1 bx1 cx1 ax2 bx2 ax3 ax4");
        assert_eq!((queue.len(), queue.next_at()), (0, None));
        assert!(queue.lines.is_empty() && queue.numbers.is_empty() && queue.lengths.is_empty());
    }

    #[test]
    fn and_in_its_line_each_of_them() {
        let mut queue = queue("ax1 ax2 ax3 ay1 bx1 bx2 bx3");
        assert_eq!(rest(&mut queue, 0), "ax1 bx1 ay1 bx2 ax2 bx3 ax3");
    }

    #[test]
    fn some_wait() {
        let mut queue = queue("ax+5 ax0 ay0 bx+2 cx0 cx+9");
        assert_eq!(rest(&mut queue, 0), "ay0 cx0");
        assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(2)));
        assert_eq!(rest(&mut queue, 4), "bx+2");
        assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(5)));
        // Who comes later may be first.
        queue.push(path("ay"), NOW + Duration::from_secs(3), "ay+3".to_owned());
        assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(3)));
        assert_eq!(rest(&mut queue, 9), "ay+3 cx+9 ax+5 ax0");
        assert!(queue.lines.is_empty());
    }

    #[test]
    fn the_longest_line_gives_way() {
        let mut queue = queue("ax1 ax2 ay1 bx1 cx1");
        assert_eq!(give_way(&mut queue, "dx").as_deref(), Some("ax2"));
        assert_eq!(give_way(&mut queue, "bx"), None);
        assert_eq!(give_way(&mut queue, "az"), None);
        assert!(give_way(&mut queue, "dx").is_some_and(|word| word.starts_with('a')));
        assert_eq!(give_way(&mut queue, "dx"), None);
        assert_eq!(queue.len(), 3);
        assert!(rest(&mut queue, 0).ends_with("bx1 cx1"));
    }

    #[test]
    fn within_the_longest_line_too() {
        let mut queue = queue("ax1 ax2 ax3 ay1");
        assert_eq!(give_way(&mut queue, "ax"), None);
        assert_eq!(give_way(&mut queue, "az").as_deref(), Some("ax3"));
        assert_eq!(rest(&mut queue, 0), "ax1 ay1 ax2");
    }

    #[test]
    fn some_are_not_wanted_any_more() {
        let mut queue = queue("ax1 ax2 bx1 bx+3 cx1 dx1");
        queue.wake(NOW);
        queue.retain(&|word| !word.ends_with('1'));
        assert_eq!(queue.len(), 2);
        assert_eq!(rest(&mut queue, 0), "ax2");
        assert_eq!(rest(&mut queue, 3), "bx+3");
        assert!(queue.lines.is_empty() && queue.numbers.is_empty());
    }
}
