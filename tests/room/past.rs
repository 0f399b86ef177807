//! What a member may read of what was said before they came, and tokens of a membership that has ended.

use super::{BOTH, check, check_both};

/// Two messages, and then Eve is added by line 3.
const EVE_CAME_LATER: &str = "
    ann> MSG one
    bob> MSG two
    ann> ADD eve@x password
    ann< OK MSG 1 <time>
    ann< MSG 2 <time> bob@x two
    ann< OK ADD eve@x
    ann< ADDED 3 <time> ann@x eve@x
    bob< MSG 1 <time> ann@x one
    bob< OK MSG 2 <time>
    bob< ADDED 3 <time> ann@x eve@x
";

#[test]
fn whoever_came_later_reads_from_their_own_line_on() {
    check_both(&format!(
        "
        {EVE_CAME_LATER}
        eve> LOGIN eve@x password
        eve< OK LOGIN eve@x role=member last=3 missed=1 first=3 transcript=00000007
        eve< ADDED 3 <time> ann@x eve@x
        eve> HISTORY
        eve< HISTORY 3 3
        eve< ADDED 3 <time> ann@x eve@x
        eve< OK HISTORY 1 last=3
        eve> HISTORY 2
        eve< HISTORY 3 3
        eve< ADDED 3 <time> ann@x eve@x
        eve< OK HISTORY 1 last=3
        eve> HISTORY SINCE 0
        eve< HISTORY 3 3
        eve< ADDED 3 <time> ann@x eve@x
        eve< OK HISTORY 1 last=3
        eve> HISTORY SINCE 1 1
        eve< HISTORY 3 3
        eve< ADDED 3 <time> ann@x eve@x
        eve< OK HISTORY 1 last=3
        eve> HISTORY SINCE 3
        eve< OK HISTORY 0 last=3
        eve> INFO 1
        eve< ERR INFO no-such-message …
        eve> INFO 2
        eve< ERR INFO no-such-message …
        eve> INFO 3
        eve< ERR INFO no-such-message …
        eve> TOKEN
        eve< OK TOKEN eve-password-3
        bot> RESUME eve@x/- eve-password-3
        bot< OK RESUME eve@x role=member last=3 missed=0 first=3 transcript=00000007
        bot> HISTORY SINCE 0 2
        bot< HISTORY 3 3
        bot< ADDED 3 <time> ann@x eve@x
        bot< OK HISTORY 1 last=3
        new> RESUME eve@x/phone eve-password-3
        new< OK RESUME eve@x role=member last=3 missed=0 first=3 transcript=00000007
        # An admin who came later is a member like others.
        edit: ann@x password admin, bob@x password, eve@x password admin
        ann< PROMOTED 4 <time> - eve@x
        bob< PROMOTED 4 <time> - eve@x
        eve< PROMOTED 4 <time> - eve@x
        new< PROMOTED 4 <time> - eve@x
        eve> INFO 2
        eve< ERR INFO no-such-message …
        eve> HISTORY SINCE 0 1
        eve< HISTORY 3 3
        eve< ADDED 3 <time> ann@x eve@x
        eve< OK HISTORY 1 last=4
        # The others read as before.
        bob> HISTORY SINCE 0 1
        bob< HISTORY 1 1
        bob< MSG 1 <time> ann@x one
        bob< OK HISTORY 1 last=4
        bob> INFO 2 eve@x
        bob< OK INFO 2 delivered=1 pending=0
        "
    ));
}

#[test]
fn whoever_was_removed_and_added_again_begins_anew() {
    check_both(
        "
        bob> MSG one
        bob> TOKEN
        bob< OK MSG 1 <time>
        bob< OK TOKEN bob-password
        ann> REMOVE bob@x
        ann> MSG between
        ann> ADD bob@x password
        ann< MSG 1 <time> bob@x one
        ann< OK REMOVE bob@x
        ann< REMOVED 2 <time> ann@x bob@x
        ann< OK MSG 3 <time>
        ann< OK ADD bob@x
        ann< ADDED 4 <time> ann@x bob@x
        bob< BYE removed …
        new> LOGIN bob@x password
        new< OK LOGIN bob@x role=member last=4 missed=1 first=4 transcript=00000007
        new< ADDED 4 <time> ann@x bob@x
        new> INFO 1
        new< ERR INFO no-such-message …
        new> HISTORY 9
        new< HISTORY 4 4
        new< ADDED 4 <time> ann@x bob@x
        new< OK HISTORY 1 last=4
        ",
    );
}

#[test]
fn with_past_all_everybody_reads_everything() {
    check(&format!(
        "
        past: all
        {BOTH}
        {EVE_CAME_LATER}
        eve> LOGIN eve@x password
        eve< OK LOGIN eve@x role=member last=3 missed=1 first=1 transcript=00000007
        eve< ADDED 3 <time> ann@x eve@x
        eve> HISTORY SINCE 0 1
        eve< HISTORY 1 1
        eve< MSG 1 <time> ann@x one
        eve< OK HISTORY 1 last=3
        edit: ann@x password admin, bob@x password, eve@x password admin
        ann< PROMOTED 4 <time> - eve@x
        bob< PROMOTED 4 <time> - eve@x
        eve< PROMOTED 4 <time> - eve@x
        eve> INFO 2 eve@x
        eve< OK INFO 2 delivered=1 pending=0
        "
    ));
}

#[test]
fn a_removal_ends_tokens_for_good() {
    check_both(
        "
        ann> ADD eve@x password
        ann< OK ADD eve@x
        ann< ADDED 1 <time> ann@x eve@x
        bob< ADDED 1 <time> ann@x eve@x
        eve> LOGIN eve@x/- password
        eve< OK LOGIN …
        eve> TOKEN
        eve< OK TOKEN eve-password-1
        bob> TOKEN
        bob< OK TOKEN bob-password
        ann> REMOVE eve@x
        ann< OK REMOVE eve@x
        ann< REMOVED 2 <time> ann@x eve@x
        bob< REMOVED 2 <time> ann@x eve@x
        eve< BYE removed …
        # The same line comes back, with the same hash.
        edit: ann@x password admin, bob@x password, eve@x password
        ann< ADDED 3 <time> - eve@x
        bob< ADDED 3 <time> - eve@x
        old> RESUME eve@x eve-password-1
        old< ERR RESUME bad-login …
        new> LOGIN eve@x/- password
        new< OK LOGIN eve@x role=member last=3 missed=0 first=3 transcript=00000007
        new> TOKEN
        new< OK TOKEN eve-password-3
        two> RESUME eve@x/- eve-password-3
        two< OK RESUME …
        # Of who was there from the beginning, too.
        edit: ann@x password admin, eve@x password
        bob< BYE removed …
        edit: ann@x password admin, bob@x password, eve@x password
        ann< REMOVED 4 <time> - bob@x
        ann< ADDED 5 <time> - bob@x
        old> RESUME bob@x bob-password
        old< ERR RESUME bad-login …
        ",
    );
}
