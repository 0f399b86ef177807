//! Logins that wait until the log has told what became of all that their members have said, on any node.

use crate::check;

#[test]
fn a_login_waits_and_nobody_else_does() {
    check(
        "
        nodes
        ann> LOGIN ann@x password
        ann< OK LOGIN ann@x …
        logins hold
        bob> LOGIN bob@x password
        bob> PING is read later
        bob has nothing
        # What he said elsewhere before is in what he missed, and within last=.
        elsewhere bob@x says before
        ann< MSG 1 <time> bob@x before
        ann> PING
        ann< OK PING
        ann> WHO
        ann< WHO ann@x devices=1
        ann< OK WHO 1
        clock +100
        bob has nothing
        logins go
        bob< OK LOGIN bob@x role=member last=1 missed=1 first=1 transcript=00000007
        bob< MSG 1 <time> bob@x before
        bob< OK PING is read later
        ",
    );
}

#[test]
fn a_node_that_is_alone_lets_in_and_says_so() {
    check(
        "
        nodes
        ann> LOGIN ann@x password
        ann< OK LOGIN ann@x …
        disk holds
        ann> MSG before
        logins hold
        bob> LOGIN bob@x password
        logins go alone
        bob< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007 quorum=no
        bob> WHO
        bob< WHO ann@x devices=1
        bob< WHO bob@x devices=1
        bob< OK WHO 2
        bob> HISTORY
        bob< OK HISTORY 0 last=0
        bob> MSG after
        bob> PING 1
        ann has nothing
        bob has nothing
        # It reaches the others again.
        disk stores
        ann< OK MSG 1 <time>
        ann< MSG 2 <time> bob@x after
        bob< MSG 1 <time> ann@x before
        bob< OK MSG 2 <time>
        bob< OK PING 1
        # One that was wrong, or of nobody, is refused as ever; a token is as good as a password.
        logins hold
        two> LOGIN bob@x another-one
        two< ERR LOGIN bad-login …
        two> LOGIN bob@x password
        elsewhere ann@x makes it bob@x -
        logins go alone
        two< ERR LOGIN bad-login …
        bob< BYE removed …
        bob is closed
        ann< REMOVED 3 <time> ann@x bob@x
        ",
    );
}

#[test]
fn whoever_has_gone_meanwhile_is_not_let_in() {
    check(
        "
        nodes
        logins hold
        bob> LOGIN bob@x password
        bob breaks
        two> LOGIN bob@x password
        two ends
        logins go
        two is closed
        ann> LOGIN ann@x password
        ann< OK LOGIN ann@x …
        ann> WHO
        ann< WHO ann@x devices=1
        ann< OK WHO 1
        ",
    );
}

#[test]
fn what_has_changed_meanwhile_counts() {
    check(
        "
        nodes
        logins hold
        bob> LOGIN bob@x password
        elsewhere ann@x makes it bob@x another-one
        logins go
        bob< ERR LOGIN busy …
        bob> LOGIN bob@x password
        bob< ERR LOGIN bad-login …
        logins hold
        bob> LOGIN bob@x another-one
        elsewhere ann@x makes it bob@x -
        logins go
        bob< ERR LOGIN bad-login …
        # The same mail again is another member.
        elsewhere ann@x makes it bob@x third-one
        logins hold
        bob> LOGIN bob@x third-one
        elsewhere ann@x makes it bob@x -
        elsewhere ann@x makes it bob@x third-one
        logins go
        bob< ERR LOGIN busy …
        bob> LOGIN bob@x third-one
        bob< OK LOGIN bob@x role=member last=4 missed=1 first=4 …
        bob< ADDED 4 <time> ann@x bob@x
        logins hold
        ann> LOGIN ann@x wrong-one
        ann< ERR LOGIN bad-login …
        ",
    );
}

#[test]
fn a_node_that_is_cut_off_lets_nobody_in_who_waits() {
    check(
        "
        nodes
        logins hold
        bob> LOGIN bob@x password
        cut off
        bob< BYE cut-off …
        bob is closed
        rejoined
        logins go
        logins hold
        two> LOGIN bob@x password
        logins go
        two< OK LOGIN bob@x role=member last=0 missed=0 first=1 …
        ",
    );
}

#[test]
fn a_login_that_waits_is_not_too_late_and_the_server_may_stop() {
    check(
        "
        nodes
        logins hold
        bob> LOGIN bob@x password
        clock +1000
        logins go
        bob< OK LOGIN bob@x …
        logins hold
        ann> LOGIN ann@x password
        stop
        bob< BYE shutdown …
        ann< BYE shutdown …
        logins go
        ann is closed
        ",
    );
}
