//! FIND: what a member is told, and who waits for whom.

use std::ops::RangeInclusive;

use super::{check, check_both};

/// Three messages, and both have them.
const THREE: &str = "
    ann> MSG Lunch at one?
    bob> MSG dinner
    ann> MSG LUNCH it is
    ann< OK MSG 1 <time>
    ann< MSG 2 <time> bob@x dinner
    ann< OK MSG 3 <time>
    bob< MSG 1 <time> ann@x Lunch at one?
    bob< OK MSG 2 <time>
    bob< MSG 3 <time> ann@x LUNCH it is
";

fn check_three(conversation: &str) {
    check_both(&format!("{THREE}{conversation}"));
}

#[test]
fn the_oldest_first_and_whatever_the_case() {
    check_three(
        "
        bob> FIND lunch
        bob< FOUND 2
        bob< MSG 1 <time> ann@x Lunch at one?
        bob< MSG 3 <time> ann@x LUNCH it is
        bob< OK FIND 2
        bob> find BEFORE 3 lunch
        bob< FOUND 1
        bob< MSG 1 <time> ann@x Lunch at one?
        bob< OK FIND 1
        bob> FIND  before   1 lunch
        bob< OK FIND 0
        bob> FIND before 0 lunch
        bob< OK FIND 0
        bob> FIND supper
        bob< OK FIND 0
        ",
    );
}

#[test]
fn the_text_is_the_rest_of_the_line() {
    check_both(
        "
        ann> MSG before noon
        ann> MSG before 9 cats
        ann< OK MSG 1 <time>
        ann< OK MSG 2 <time>
        ann> FIND before n
        ann< FOUND 1
        ann< MSG 1 <time> ann@x before noon
        ann< OK FIND 1
        ann> FIND BEFORE 18446744073709551615 before 9 cats
        ann< FOUND 1
        ann< MSG 2 <time> ann@x before 9 cats
        ann< OK FIND 1
        ann> FIND BEFORE 9  cats
        ann< FOUND 1
        ann< MSG 2 <time> ann@x before 9 cats
        ann< OK FIND 1
        ann> FIND BEFORE 9   cats
        ann< OK FIND 0
        ann> FIND  cats
        ann< FOUND 1
        ann< MSG 2 <time> ann@x before 9 cats
        ann< OK FIND 1
        ann> FIND
        ann< ERR FIND usage usage: FIND <text> | FIND BEFORE <seq> <text>
        ann> FIND BEFORE 9
        ann< FOUND 1
        ann< MSG 2 <time> ann@x before 9 cats
        ann< OK FIND 1
        ann> FIND BEFORE 99999999999999999999 cats
        ann< ERR FIND usage …
        bob< MSG 1 <time> ann@x before noon
        bob< MSG 2 <time> ann@x before 9 cats
        ",
    );
}

/// A text with these numbers.
fn each(numbers: RangeInclusive<u32>, line: impl Fn(u32) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().concat()
}

/// More than fit an answer: page by page, and of what follows each other nothing twice.
#[test]
fn pages() {
    let said = each(1..=45, |n| format!("ann> MSG number {n}\n"));
    let answered = each(1..=45, |n| format!("ann< OK MSG {n} <time>\n"));
    let heard = each(1..=45, |n| format!("bob< MSG {n} <time> ann@x number {n}\n"));
    let lines = |from: u32, to: u32| {
        let lines = each(from..=to, |n| format!("ann< MSG {n} <time> ann@x number {n}\n"));
        format!("ann< FOUND {}\n{lines}", to + 1 - from)
    };
    check_both(&format!(
        "{said}{answered}{heard}
        ann> FIND number
        {}ann< OK FIND 20 more=26
        ann> FIND BEFORE 26 number
        {}ann< OK FIND 20 more=6
        ann> FIND BEFORE 6 number
        {}ann< OK FIND 5
        ",
        lines(26, 45),
        lines(6, 25),
        lines(1, 5)
    ));
}

#[test]
fn only_what_is_said_counts_and_only_from_ones_own_beginning_on() {
    check_three(
        "
        ann> FIND example
        ann< OK FIND 0
        ann> FIND ann@x
        ann< OK FIND 0
        ann> ADD lunch@x password
        ann< OK ADD lunch@x
        ann< ADDED 4 <time> ann@x lunch@x
        bob< ADDED 4 <time> ann@x lunch@x
        eve> LOGIN lunch@x password
        eve< OK LOGIN lunch@x role=member last=4 missed=1 first=4 transcript=00000007
        eve< ADDED 4 <time> ann@x lunch@x
        eve> FIND lunch
        eve< OK FIND 0
        eve> FIND BEFORE 4 lunch
        eve< OK FIND 0
        bob> MSG lunch again
        bob< OK MSG 5 <time>
        ann< MSG 5 <time> bob@x lunch again
        eve< MSG 5 <time> bob@x lunch again
        eve> FIND lunch
        eve< FOUND 1
        eve< MSG 5 <time> bob@x lunch again
        eve< OK FIND 1
        ",
    );
    check(
        "
        past: all
        ann> LOGIN ann@x password
        ann< OK LOGIN …
        ann> MSG lunch
        ann< OK MSG 1 <time>
        ann> ADD eve@x password
        ann< OK ADD eve@x
        ann< ADDED 2 <time> ann@x eve@x
        eve> LOGIN eve@x password
        eve< OK LOGIN eve@x role=member last=2 missed=1 first=1 transcript=00000007
        eve< ADDED 2 <time> ann@x eve@x
        eve> FIND lunch
        eve< FOUND 1
        eve< MSG 1 <time> ann@x lunch
        eve< OK FIND 1
        ",
    );
}

/// The answer includes what was said before, in the same packet, too, and what is said meanwhile comes after or before it.
#[test]
fn it_knows_of_own_messages() {
    check_both(
        "
        disk holds
        ann> MSG lunch
        ann> FIND lunch
        ann> PING later
        ann has nothing
        disk stores
        ann< OK MSG 1 <time>
        ann< FOUND 1
        ann< MSG 1 <time> ann@x lunch
        ann< OK FIND 1
        ann< OK PING later
        bob< MSG 1 <time> ann@x lunch
        search holds
        ann> FIND lunch
        bob> MSG more lunch
        bob< OK MSG 2 <time>
        ann< MSG 2 <time> bob@x more lunch
        search goes
        ann< FOUND 1
        ann< MSG 1 <time> ann@x lunch
        ann< OK FIND 1
        ",
    );
}

#[test]
fn a_member_searches_once_at_a_time() {
    check_three(
        "
        two> LOGIN ann@x/two password
        two< OK LOGIN ann@x role=admin last=3 missed=0 first=1 transcript=00000007
        search holds
        ann> FIND dinner
        two> FIND dinner
        two> PING two
        bob> FIND dinner
        search goes on
        ann< FOUND 1
        ann< MSG 2 <time> bob@x dinner
        ann< OK FIND 1
        bob< FOUND 1
        bob< MSG 2 <time> bob@x dinner
        bob< OK FIND 1
        two has nothing
        search goes on
        two< FOUND 1
        two< MSG 2 <time> bob@x dinner
        two< OK FIND 1
        two< OK PING two
        ",
    );
}

/// Its connection is gone, and nothing is searched for it any more; the next one of its member is begun.
#[test]
fn a_search_ends_with_its_connection() {
    check_three(
        "
        search holds
        ann> FIND dinner
        two> LOGIN ann@x/two password
        two< OK LOGIN ann@x role=admin last=3 missed=0 first=1 transcript=00000007
        two> FIND dinner
        ann breaks
        two has nothing
        search goes on
        two has nothing
        search goes on
        two< FOUND 1
        two< MSG 2 <time> bob@x dinner
        two< OK FIND 1
        bob> FIND dinner
        two> REMOVE bob@x
        two< OK REMOVE bob@x
        two< REMOVED 4 <time> ann@x bob@x
        search goes
        bob< BYE removed you are no longer a member of this group
        bob is closed
        ",
    );
}

#[test]
fn a_search_that_takes_long_is_answered_with_what_was_found() {
    let long = "x".repeat(4000);
    let said = each(1..=100, |n| format!("ann> MSG number {n} {long}\nann< OK MSG {n} <time>\npass\n"));
    check(&format!(
        "
        ann> LOGIN ann@x password
        ann< OK LOGIN …
        {said}
        search holds
        ann> FIND number 99
        clock +4.9
        search goes on
        ann has nothing
        clock +0.2
        search goes on
        ann< FOUND 1
        ann< MSG 99 …
        ann< OK FIND 1
        ann> FIND number 1 x
        clock +5
        search goes on
        ann< OK FIND 0 more=37
        ann> FIND BEFORE 37 number 1 x
        search goes
        ann< FOUND 1
        ann< MSG 1 …
        ann< OK FIND 1
        ",
    ));
}

#[test]
fn history_that_cannot_be_read() {
    check_three(
        "
        search fails
        bob> FIND dinner
        bob< ERR FIND storage the history could not be read
        bob> PING
        bob< OK PING
        ",
    );
}

#[test]
fn a_search_costs_as_a_list() {
    check(
        "
        limits: 1 6 100
        ann> LOGIN ann@x password
        ann< OK LOGIN …
        ann> FIND a
        ann< OK FIND 0
        ann> MSG hi
        ann< OK MSG 1 <time>
        ann> FIND a
        ann has nothing
        clock +4.9
        ann has nothing
        clock +0.2
        ann< OK FIND 0
        ",
    );
}
