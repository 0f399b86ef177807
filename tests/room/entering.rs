//! Getting in, and how much is allowed inside: tokens, connections that were left behind, the rate.

use super::{check, check_both};

#[test]
fn a_token_lets_in_as_a_password_does() {
    check_both(
        "
        bob> TOKEN
        bob< OK TOKEN bob-password
        two> RESUME bob@x/phone bob-password
        two< OK RESUME bob@x role=member last=0 missed=0 first=1 transcript=00000007
        two> RESUME bob@x bob-password
        two< ERR RESUME already-logged-in …
        ann> MSG hi
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x hi
        two< MSG 1 <time> ann@x hi
        bot> RESUME bob@x/- bob-password
        bot< OK RESUME bob@x role=member last=1 missed=0 first=1 transcript=00000007
        new> TOKEN
        new< ERR TOKEN login-first …
        ",
    );
}

#[test]
fn a_wrong_token_is_a_wrong_password() {
    check(
        "
        new> RESUME bob@x ann-password
        new< ERR RESUME bad-login …
        new> LOGIN bob@x wrong-one
        new< ERR LOGIN bad-login …
        new> RESUME nobody@x bob-password
        new< ERR RESUME bad-login …
        new< BYE bad-login …
        new is closed
        ",
    );
}

#[test]
fn a_change_of_the_password_ends_tokens() {
    check_both(
        "
        bob> TOKEN
        bob< OK TOKEN bob-password
        bob> PASSWD password changed-one
        bob< OK PASSWD
        two> RESUME bob@x bob-password
        two< ERR RESUME bad-login …
        bob> TOKEN
        bob< OK TOKEN bob-changedo
        two> RESUME bob@x bob-changedo
        two< OK RESUME bob@x role=member last=0 missed=0 first=1 transcript=00000007
        ann> REMOVE bob@x
        ann< OK REMOVE bob@x
        ann< REMOVED 1 <time> ann@x bob@x
        bob< BYE removed …
        two< BYE removed …
        new> RESUME bob@x bob-changedo
        new< ERR RESUME bad-login …
        ",
    );
}

#[test]
fn while_a_typed_password_waits_for_its_hash_its_tokens_wait_too() {
    check_both(
        "
        hashes hold
        edit: ann@x =password admin, bob@x password
        ann> TOKEN
        ann< ERR TOKEN busy …
        new> RESUME ann@x ann-password
        tokens go
        new< ERR RESUME busy …
        new> RESUME ann@x ann-another
        tokens go
        new< ERR RESUME bad-login …
        hashes go
        ann> TOKEN
        ann< OK TOKEN ann-password
        new> RESUME ann@x ann-password
        new< OK RESUME ann@x role=admin last=0 missed=0 first=1 transcript=00000007
        hashes hold
        edit: ann@x password admin, bob@x password, eve@x =eve-typed
        ann< ADDED 1 <time> - eve@x
        bob< ADDED 1 <time> - eve@x
        new< ADDED 1 <time> - eve@x
        eve> RESUME eve@x eve-evetyped
        tokens go
        eve< ERR RESUME bad-login …
        hashes go
        ",
    );
}

#[test]
fn a_token_that_is_looked_at_late_admits_nobody() {
    check_both(
        "
        hashes hold
        new> RESUME bob@x bob-password
        two> RESUME ann@x ann-password
        ann> REMOVE bob@x
        ann< OK REMOVE bob@x
        ann< REMOVED 1 <time> ann@x bob@x
        bob< BYE removed …
        edit: ann@x password admin, bob@x password
        ann< ADDED 2 <time> - bob@x
        hashes go
        new< ERR RESUME busy …
        two< OK RESUME ann@x role=admin last=2 missed=0 first=1 transcript=00000007
        ",
    );
}

#[test]
fn the_silent_one_of_the_same_device_gives_way() {
    check(
        "
        limits: 10 100 3
        one> LOGIN ann@x/a password
        one< OK LOGIN …
        two> LOGIN ann@x/a password
        two< OK LOGIN …
        bot> LOGIN ann@x/- password
        bot< OK LOGIN …
        clock +1
        one> PING
        one< OK PING
        new> LOGIN ann@x/b password
        new< ERR LOGIN full …
        new> LOGIN ann@x/a password
        two< BYE replaced …
        two is closed
        new< OK LOGIN …
        clock +1
        bob> LOGIN bob@x password
        bob< OK LOGIN …
        bob> MSG hi
        bob< OK MSG 1 <time>
        one< MSG 1 <time> bob@x hi
        new< MSG 1 <time> bob@x hi
        clock +1
        one> PING
        one< OK PING
        script> LOGIN ann@x/- password
        script< OK LOGIN …
        bot< BYE replaced …
        bot is closed
        two> PING
        ",
    );
}

#[test]
fn whoever_has_not_logged_in_waits_too() {
    check(
        "
        limits: 2 6 3
        new> PING one
        new>
        new> NONSENSE
        new> PING two
        new> MSG hi
        new> PING three
        new> PING four
        new> PING five
        new< OK PING one
        new< ERR NONSENSE unknown-command …
        new< OK PING two
        new< ERR MSG login-first …
        new< OK PING three
        new has nothing
        # Another connection is another stranger, and a list costs more.
        two> HELP PING
        two> PING
        two> PING
        two< HELP PING …
        two< OK HELP 1
        two< OK PING
        two has nothing
        clock +0.5
        new< OK PING four
        new has nothing
        two< OK PING
        clock +0.5
        new< OK PING five
        # What was paid before it counts for nobody's rate.
        clock +0.5
        new> LOGIN bob@x password
        new< OK LOGIN …
        new> WHO
        new< WHO bob@x devices=1
        new< OK WHO 1
        ",
    );
}

#[test]
fn before_login_timing_marks_count_too() {
    check(
        "
        limits: 2 6 3
        new> ⊙⊙⊙⊙⊙PING
        new> ⊙
        new< ⊙
        new< ⊙
        new< ⊙
        new< ⊙
        new< ⊙
        new< OK PING
        new has nothing
        clock +0.5
        new< ⊙
        new has nothing
        ",
    );
}

#[test]
fn who_asks_too_much_waits() {
    check(
        "
        limits: 2 6 3
        ann> LOGIN ann@x password
        ann< OK LOGIN …
        two> LOGIN ann@x/two password
        two< OK LOGIN …
        ann> WHO
        ann< WHO ann@x devices=2
        ann< OK WHO 1
        ann> MSG one
        ann> MSG two
        ann> PING behind it
        ann< OK MSG 1 <time>
        two< MSG 1 <time> ann@x one
        ann has nothing
        two> PING free
        two< OK PING free
        two> MSG three
        two has nothing
        bob> LOGIN bob@x password
        bob< OK LOGIN …
        bob< MSG 1 <time> ann@x one
        bob> MSG four
        bob< OK MSG 2 <time>
        ann< MSG 2 <time> bob@x four
        two< MSG 2 <time> bob@x four
        clock +0.5
        ann< OK MSG 3 <time>
        ann< OK PING behind it
        two< MSG 3 <time> ann@x two
        bob< MSG 3 <time> ann@x two
        two has nothing
        clock +0.25
        two has nothing
        clock +0.25
        two< OK MSG 4 <time>
        ann< MSG 4 <time> ann@x three
        bob< MSG 4 <time> ann@x three
        two> HELP NOBODY
        two has nothing
        clock +2.5
        two< ERR HELP unknown-command …
        ",
    );
}
