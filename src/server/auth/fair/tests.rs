//! Items are words: the first two letters are the path, and `+5` holds a word back for five seconds.

use proptest::prelude::*;

use crate::server::auth::fair::*;

const NOW: Duration = Duration::from_secs(100);

type Words = FairQueue<char, String>;

fn path(word: &str) -> [char; 2] {
    let mut letters = word.chars();
    let mut next = || letters.next().expect("two letters");
    [next(), next()]
}

fn not_before(word: &str) -> Duration {
    NOW + Duration::from_secs(word.split_once('+').map_or(0, |(_, wait)| wait.parse().expect("seconds")))
}

fn push(queue: &mut Words, word: &str) {
    queue.push(&path(word), not_before(word), word.to_owned());
    queue.check();
}

fn queue(words: &str) -> Words {
    let mut queue = Words::default();
    words.split(' ').for_each(|word| push(&mut queue, word));
    queue
}

fn pop(queue: &mut Words, after: u64) -> Option<String> {
    let word = queue.pop(NOW + Duration::from_secs(after));
    queue.check();
    word
}

fn rest(queue: &mut Words, after: u64) -> String {
    let words: Vec<String> = std::iter::from_fn(|| pop(queue, after)).collect();
    words.join(" ")
}

fn evict_for(queue: &mut Words, newcomer: &str) -> Option<String> {
    let evicted = queue.evict_for(&path(newcomer));
    queue.check();
    evicted
}

#[test]
fn keys_take_turns() {
    let mut queue = queue("ax1 ax2 ax3 ax4 bx1 bx2 cx1");
    assert_eq!(rest(&mut queue, 0), "ax1 bx1 cx1 ax2 bx2 ax3 ax4");
    assert_eq!((queue.len(), queue.next_at()), (0, None));
    assert!(queue.entries.is_empty());
}

#[test]
fn and_so_do_the_keys_within_them() {
    let mut queue = queue("ax1 ax2 ax3 ay1 bx1 bx2 bx3");
    assert_eq!(rest(&mut queue, 0), "ax1 bx1 ay1 bx2 ax2 bx3 ax3");
}

#[test]
fn some_are_held_back() {
    let mut queue = queue("ax+5 ax0 ay0 bx+2 cx0 cx+9");
    assert_eq!(rest(&mut queue, 0), "ay0 cx0");
    assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(2)));
    assert_eq!(rest(&mut queue, 4), "bx+2");
    assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(5)));
    // An item that comes later may be taken first.
    push(&mut queue, "ay+3");
    assert_eq!(queue.next_at(), Some(NOW + Duration::from_secs(3)));
    assert_eq!(rest(&mut queue, 9), "ay+3 cx+9 ax+5 ax0");
    assert!(queue.entries.is_empty());
}

#[test]
fn the_longest_queue_gives_up_its_last() {
    let mut queue = queue("ax1 ax2 ay1 bx1 cx1");
    assert_eq!(evict_for(&mut queue, "dx").as_deref(), Some("ax2"));
    assert_eq!(evict_for(&mut queue, "bx"), None);
    assert_eq!(evict_for(&mut queue, "az"), None);
    assert!(evict_for(&mut queue, "dx").is_some_and(|word| word.starts_with('a')));
    assert_eq!(evict_for(&mut queue, "dx"), None);
    assert_eq!(queue.len(), 3);
    assert!(rest(&mut queue, 0).ends_with("bx1 cx1"));
}

#[test]
fn within_the_longest_queue_too() {
    let mut queue = queue("ax1 ax2 ax3 ay1");
    assert_eq!(evict_for(&mut queue, "ax"), None);
    assert_eq!(evict_for(&mut queue, "az").as_deref(), Some("ax3"));
    assert_eq!(rest(&mut queue, 0), "ax1 ay1 ax2");
}

#[test]
fn some_are_no_longer_wanted() {
    let mut queue = queue("ax1 ax2 bx1 bx+3 cx1 dx1");
    queue.wake(NOW);
    queue.retain(&|word| !word.ends_with('1'));
    queue.check();
    assert_eq!(queue.len(), 2);
    assert_eq!(rest(&mut queue, 0), "ax2");
    assert_eq!(rest(&mut queue, 3), "bx+3");
    assert!(queue.entries.is_empty());
}

/// Each corruption of what `check` protects is found by it.
#[test]
fn a_check_can_fail() {
    let is_found = |corrupt: fn(&mut Words)| {
        let mut queue = queue("ax1 ax2 bx+5 cx1");
        queue.wake(NOW);
        queue.check();
        corrupt(&mut queue);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queue.check())).is_err()
    };
    assert!(!is_found(|_| {}));
    assert!(is_found(|queue| queue.len += 1));
    assert!(is_found(|queue| _ = queue.numbers.remove(&'a')));
    assert!(is_found(|queue| _ = queue.numbers.insert('z', 0)));
    assert!(is_found(|queue| _ = queue.ready.pop_front()));
    assert!(is_found(|queue| queue.ready.push_back(queue.ready[0])));
    assert!(is_found(|queue| _ = queue.later.pop_first()));
    assert!(is_found(|queue| _ = queue.later.insert((NOW, 0))));
    assert!(is_found(|queue| _ = queue.lengths.pop_first()));
    assert!(is_found(|queue| _ = queue.lengths.insert((7, 0))));
    assert!(is_found(|queue| queue.entries[0].turn = Turn::Unlisted));
    // On the level within, too.
    assert!(is_found(|queue| queue.entries[0].queue.len += 1));
}

#[derive(Clone, Debug)]
enum Step {
    Push(char, char, u64),
    /// After so many more seconds.
    Pop(u64),
    EvictFor(char, char),
    /// Without those of this path.
    Retain(char, char),
}

fn step() -> impl Strategy<Value = Step> {
    let (outer, inner) = (prop::char::range('a', 'd'), prop::char::range('x', 'z'));
    prop_oneof![
        6 => (outer.clone(), inner.clone(), prop_oneof![3 => Just(0), 1 => 1u64..20])
            .prop_map(|(outer, inner, wait)| Step::Push(outer, inner, wait)),
        4 => (0u64..3).prop_map(Step::Pop),
        1 => (outer.clone(), inner.clone()).prop_map(|(outer, inner)| Step::EvictFor(outer, inner)),
        1 => (outer, inner).prop_map(|(outer, inner)| Step::Retain(outer, inner)),
    ]
}

proptest! {
    /// Against a list of all that waits, in the order in which it came.
    #[test]
    fn nothing_is_lost_or_doubled_and_each_path_keeps_its_order(steps in prop::collection::vec(step(), 0..200)) {
        let (mut queue, mut waiting, mut now) = (Words::default(), Vec::<(Duration, String)>::new(), NOW);
        for (serial, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push(outer, inner, wait) => {
                    let (at, word) = (now + Duration::from_secs(wait), format!("{outer}{inner}{serial}"));
                    queue.push(&path(&word), at, word.clone());
                    waiting.push((at, word));
                }
                Step::Pop(after) => {
                    now += Duration::from_secs(after);
                    let first_of = |word: &str| waiting.iter().position(|(_, other)| path(other) == path(word));
                    match queue.pop(now) {
                        Some(word) => {
                            let first = first_of(&word).expect("it waits");
                            prop_assert_eq!(&waiting[first].1, &word, "the first of its path");
                            prop_assert!(waiting.remove(first).0 <= now, "its time has come");
                        }
                        None => {
                            let may_go = |(at, word): &(Duration, String)| {
                                *at <= now && first_of(word).is_some_and(|first| waiting[first].1 == *word)
                            };
                            prop_assert!(!waiting.iter().any(may_go), "somebody may go: {waiting:?}");
                            prop_assert!(queue.next_at().is_none_or(|at| at > now));
                        }
                    }
                }
                Step::EvictFor(outer, inner) => {
                    if let Some(word) = queue.evict_for(&[outer, inner]) {
                        let last = waiting.iter().rposition(|(_, other)| path(other) == path(&word));
                        let last = last.expect("it waits");
                        prop_assert_eq!(&waiting.remove(last).1, &word, "the last of its path");
                    }
                }
                Step::Retain(outer, inner) => {
                    queue.retain(&|word| path(word) != [outer, inner]);
                    waiting.retain(|(_, word)| path(word) != [outer, inner]);
                }
            }
            queue.check();
            prop_assert_eq!(queue.len(), waiting.len());
        }
    }
}
