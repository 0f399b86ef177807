//! A small fuzzer for the stable toolchain: inputs are changed at random, and those that led to something new are
//! changed further. What is new the target says itself ([`Seen::mark`]) instead of a compiler that instruments.
//!
//! In `cargo test` the same inputs come in every run, a fixed number of them. `FUZZ_SECONDS=n` goes on for so long
//! with others; `FUZZ_INPUT=hex` tries just that input, which is what a failure prints.
#![expect(clippy::print_stdout, reason = "a fuzzer tells what it did, and how a failure is replayed")]

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::{Duration, Instant};

use fastrand::Rng;

/// What is tried, and on what.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// What it begins with: good inputs, and all that were ever found to fail.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// What is put into inputs, because chance alone would not find it.
    pub(crate) words: &'static [&'static str],
    /// Inputs in `cargo test`.
    pub(crate) runs: u64,
    /// Longer inputs are cut.
    pub(crate) len_max: usize,
}

/// What inputs have led to so far.
#[derive(Default)]
pub(crate) struct Seen {
    known: HashSet<u64>,
    is_new: bool,
}

impl Seen {
    /// The input has led to this: a kind of outcome, of which there are some hundreds and not millions.
    pub(crate) fn mark(&mut self, what: impl Hash) {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        self.is_new |= self.known.insert(hasher.finish());
    }
}

/// Inputs kept to be changed further.
const KEPT_MAX: usize = 4096;
/// Tries to make a failing input shorter.
const SHRINKS_MAX: usize = 5000;

/// Tries inputs until the time is over; a failure panics with the shortest input found that fails.
pub(crate) fn fuzz(target: &Target, check: impl Fn(&[u8], &mut Seen)) {
    if let Some(hex) = variable("FUZZ_INPUT") {
        check(&from_hex(&hex), &mut Seen::default());
        return;
    }
    let seconds = variable("FUZZ_SECONDS").map(|text| text.parse().expect("FUZZ_SECONDS is a number"));
    let (begin, span) = (Instant::now(), seconds.map(Duration::from_secs));
    let mut rng = if span.is_some() { Rng::new() } else { Rng::with_seed(7) };
    let mut seen = Seen::default();
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut runs = 0;
    let goes_on = |runs| span.map_or(runs < target.runs, |span| begin.elapsed() < span);
    while runs < target.seeds.len() as u64 || goes_on(runs) {
        let given = usize::try_from(runs).ok().and_then(|at| target.seeds.get(at));
        let input = given.cloned().unwrap_or_else(|| changed(&mut rng, &kept, target));
        if fails(&check, &input, &mut seen) {
            let input = shrunk(&check, input);
            println!("{0}: fails, replay with: make fuzz TARGET={0} INPUT={1}", target.name, to_hex(&input));
            println!("  {}", input.escape_ascii());
            check(&input, &mut Seen::default());
            panic!("{}: the input fails only now and then", target.name);
        }
        runs += 1;
        if std::mem::take(&mut seen.is_new) && kept.len() < KEPT_MAX || given.is_some() {
            kept.push(input);
        }
    }
    let (kinds, took) = (seen.known.len(), begin.elapsed().as_secs_f32());
    println!("{}: {runs} inputs in {took:.1} s, {kinds} kinds of outcome", target.name);
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

thread_local! {
    /// What panics in this thread is caught, and its message is nobody's business.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

fn fails(check: &impl Fn(&[u8], &mut Seen), input: &[u8], seen: &mut Seen) -> bool {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(|| check(input, seen)));
    QUIET.set(false);
    outcome.is_err()
}

/// The same failure, or another one, from less.
fn shrunk(check: &impl Fn(&[u8], &mut Seen), mut input: Vec<u8>) -> Vec<u8> {
    let mut left = SHRINKS_MAX;
    let mut still_fails = |input: &[u8]| {
        left = left.saturating_sub(1);
        left > 0 && fails(check, input, &mut Seen::default())
    };
    let mut len = input.len().div_ceil(2);
    while len > 0 {
        let mut at = 0;
        while at < input.len() {
            let end = input.len().min(at + len);
            let less = [&input[..at], &input[end..]].concat();
            if still_fails(&less) {
                input = less;
            } else {
                at = end;
            }
        }
        len /= 2;
    }
    for at in 0..input.len() {
        let before = std::mem::replace(&mut input[at], b'x');
        if before != b'x' && !still_fails(&input) {
            input[at] = before;
        }
    }
    input
}

const BYTES: &[u8] = b"\0\t\n\r\x16\x1b  !#$-./09:;@AZaz\x7f\x80\x9b\xc2\xe2\xf0\xff";
const NUMBERS: &[&str] =
    &["0", "1", "9", "10", "255", "256", "1000", "4096", "65536", "4294967296", "18446744073709551615"];

/// One of the inputs kept, with some changes.
fn changed(rng: &mut Rng, kept: &[Vec<u8>], target: &Target) -> Vec<u8> {
    let pick = |rng: &mut Rng| {
        // Half of them from those found last.
        let newest = kept.len().saturating_sub(32);
        let from = if rng.bool() { newest } else { 0 };
        kept.get(rng.usize(from..kept.len().max(from + 1))).cloned().unwrap_or_default()
    };
    let mut input = pick(rng);
    for _ in 0..1 << rng.u32(0..5) {
        let at = rng.usize(0..=input.len());
        let most = 1 << rng.u32(0..8);
        let end = input.len().min(at + 1 + rng.usize(0..most));
        match rng.u32(0..14) {
            0 if at < end => input[at] ^= 1 << rng.u32(0..8),
            1 if at < end => input[at] = rng.u8(..),
            2 if at < end => input[at] = BYTES[rng.usize(..BYTES.len())],
            3 => input.insert(at, BYTES[rng.usize(..BYTES.len())]),
            4 => drop(input.drain(at..end)),
            5 => {
                let copy = input[at..end].to_vec();
                let to = rng.usize(0..=input.len());
                input.splice(to..to, copy);
            }
            6 => {
                let copy = input[at..end].repeat(1 << rng.u32(0..8));
                input.splice(at..end, copy);
            }
            7 | 8 if !target.words.is_empty() => {
                let word = target.words[rng.usize(..target.words.len())];
                let end = if rng.bool() { at } else { end };
                input.splice(at..end, word.bytes());
            }
            9 => {
                let other = pick(rng);
                let from = rng.usize(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            10 => number(rng, &mut input, at),
            11 => input.truncate(at),
            12 if at < end => input[at] ^= 0x20,
            _ => {
                let most = 1 << rng.u32(8..21);
                let c = char::from_u32(rng.u32(0..most)).unwrap_or('\u{fffd}');
                input.splice(at..at, c.to_string().bytes());
            }
        }
    }
    input.truncate(target.len_max);
    input
}

/// Another number in the place of the next one.
fn number(rng: &mut Rng, input: &mut Vec<u8>, at: usize) {
    let Some(start) = input[at..].iter().position(u8::is_ascii_digit).map(|offset| at + offset) else {
        return;
    };
    let len = input[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let old: u64 =
        std::str::from_utf8(&input[start..start + len]).map_or(0, |text| text.parse().unwrap_or(0));
    let new = match rng.u32(0..3) {
        0 => old.wrapping_add(1).to_string(),
        1 => old.wrapping_sub(1).to_string(),
        _ => NUMBERS[rng.usize(..NUMBERS.len())].to_owned(),
    };
    input.splice(start..start + len, new.bytes());
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).expect("below 16");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(|pair| byte(pair).expect("FUZZ_INPUT is pairs of hex digits")).collect()
}
