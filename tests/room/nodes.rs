//! The room of one node of several: what others say and change comes between its own, in the log's order.

use crate::check;

/// Ann (an admin) and Bob are in, and other nodes are there.
fn check_among_nodes(conversation: &str) {
    let both = "
        nodes
        ann> LOGIN ann@x password
        ann< OK LOGIN ann@x role=admin last=0 missed=0 first=1 transcript=00000007
        bob> LOGIN bob@x password
        bob< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
    ";
    check(&format!("{both}{conversation}"));
}

#[test]
fn what_others_say_comes_between() {
    check_among_nodes(
        "
        elsewhere bob@x says hello
        ann< MSG 1 <time> bob@x hello
        bob< MSG 1 <time> bob@x hello
        disk holds
        ann> MSG one
        ann> MSG two
        ann> PING behind
        elsewhere bob@x says between
        ann< MSG 2 <time> bob@x between
        ann has nothing
        disk stores
        ann< OK MSG 3 <time>
        ann< OK MSG 4 <time>
        ann< OK PING behind
        bob< MSG 2 <time> bob@x between
        bob< MSG 3 <time> ann@x one
        bob< MSG 4 <time> ann@x two
        ann> STATS
        ann< STAT connections 2
        ann< STAT logged-in 2
        ann< STAT members 2
        ann< STAT last-event 4
        ann< STAT events-last-minute 4
        ann< STAT shell 1
        ann< OK STATS 6
        ",
    );
}

#[test]
fn what_others_change_is_theirs() {
    check_among_nodes(
        "
        elsewhere ann@x makes it cid@x password
        ann< ADDED 1 <time> ann@x cid@x
        bob< ADDED 1 <time> ann@x cid@x
        cid> LOGIN cid@x password
        cid< OK LOGIN cid@x role=member last=1 missed=1 first=1 transcript=00000007
        cid< ADDED 1 <time> ann@x cid@x
        elsewhere ann@x makes it cid@x another-one
        cid< BYE password-changed …
        cid is closed
        elsewhere ann@x makes it bob@x password admin
        ann< PROMOTED 2 <time> ann@x bob@x
        bob< PROMOTED 2 <time> ann@x bob@x
        bob> MEMBERS
        bob< MEMBER ann@x role=admin online=yes seen=<time>
        bob< MEMBER bob@x role=admin online=yes seen=<time>
        bob< MEMBER cid@x role=member online=no seen=<time>
        bob< OK MEMBERS 3
        elsewhere cid@x is quietly admin
        elsewhere bob@x is quietly member
        bob> STATS
        bob< ERR STATS admin-only …
        elsewhere bob@x is quietly admin
        elsewhere bob@x makes it cid@x -
        ann< REMOVED 3 <time> bob@x cid@x
        bob< REMOVED 3 <time> bob@x cid@x
        new> LOGIN cid@x another-one
        new< ERR LOGIN bad-login …
        ",
    );
}

#[test]
fn what_others_changed_first_counts() {
    check_among_nodes(
        "
        file holds
        ann> ADD cid@x password
        elsewhere bob@x makes it cid@x another-one
        ann< ADDED 1 <time> bob@x cid@x
        file goes
        ann< ERR ADD already-member …
        file holds
        ann> REMOVE cid@x
        elsewhere bob@x makes it cid@x -
        ann< REMOVED 2 <time> bob@x cid@x
        file goes
        ann< ERR REMOVE no-such-member …
        file holds
        ann> PASSWD password own-password
        elsewhere bob@x makes it ann@x set-password admin
        ann< BYE password-changed …
        file goes
        ann is closed
        new> LOGIN ann@x set-password
        new< OK LOGIN ann@x …
        bob< ADDED 1 <time> bob@x cid@x
        bob< REMOVED 2 <time> bob@x cid@x
        ",
    );
}

#[test]
fn who_was_removed_first_has_said_nothing() {
    check_among_nodes(
        "
        disk holds
        bob> MSG one
        bob> MSG two
        ann> MSG three
        elsewhere ann@x makes it bob@x -
        ann< REMOVED 1 <time> ann@x bob@x
        bob has nothing
        the log refuses: not a member
        bob< ERR MSG no-such-member you were removed from the group before the message, nobody saw it
        bob< ERR MSG no-such-member …
        bob< BYE removed …
        bob is closed
        ann< ERR MSG no-such-member …
        disk stores
        ann> MSG four
        ann< OK MSG 2 <time>
        ann has nothing
        ",
    );
}

#[test]
fn a_message_that_the_group_finds_too_long() {
    check_among_nodes(
        "
        disk holds
        ann> MSG long
        the log refuses: too long
        ann< ERR MSG too-long …
        ",
    );
}

#[test]
fn a_node_that_is_cut_off_sends_everybody_to_another() {
    check_among_nodes(
        "
        elsewhere bob@x says before
        disk holds
        ann> MSG perhaps
        new> PING
        new< OK PING
        ann< MSG 1 <time> bob@x before
        bob takes
        ann> PING after it
        cut off
        ann< BYE cut-off this server is cut off from the others of its group, log in on another one
        ann is closed
        bob< MSG 1 <time> bob@x before
        bob< BYE cut-off …
        bob is closed
        new< BYE cut-off …
        two> LOGIN bob@x password
        two< ERR LOGIN storage this server is cut off from the others of its group, log in on another one
        two> RESUME bob@x bob-password
        two< ERR RESUME storage …
        two> LOGIN bob@x wrong-password
        two< ERR LOGIN storage …
        two> PING
        two< OK PING
        rejoined
        two> LOGIN bob@x password
        two< ERR LOGIN storage …
        elsewhere ann@x says meanwhile
        two> LOGIN bob@x password
        two< ERR LOGIN storage …
        disk stores
        two> LOGIN bob@x password
        two< OK LOGIN bob@x role=member last=3 missed=2 first=1 transcript=00000007
        two< MSG 2 <time> ann@x meanwhile
        two< MSG 3 <time> ann@x perhaps
        two> MSG again
        two< OK MSG 4 <time>
        ",
    );
}

#[test]
fn nothing_is_left_of_what_was_said_before_the_cut() {
    check_among_nodes(
        "
        disk holds
        bob> MSG lost
        bob> QUIT
        cut off
        bob< BYE cut-off …
        bob is closed
        ann< BYE cut-off …
        rejoined
        two> LOGIN bob@x password
        two< ERR LOGIN storage …
        the log refuses: storage
        two> LOGIN bob@x password
        two< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        cut off
        two< BYE cut-off …
        rejoined
        three> LOGIN bob@x password
        three< OK LOGIN …
        ",
    );
}

#[test]
fn whoever_has_half_closed_learns_that_no_answer_comes() {
    check_among_nodes(
        "
        disk holds
        bob> MSG lost
        bob> PING
        bob ends
        cut off
        bob< BYE cut-off …
        bob is closed
        ann< BYE cut-off …
        ",
    );
}

#[test]
fn what_other_nodes_say_and_decide_has_no_ticket_here() {
    check_among_nodes(
        "
        disk holds
        bob> MSG waits
        disk stores
        bob< OK MSG 1 <time>
        ann< MSG 1 <time> bob@x waits
        elsewhere ann@x says from another node
        ann< MSG 2 <time> ann@x from another node
        bob< MSG 2 <time> ann@x from another node
        bob> MSG here
        bob< OK MSG 3 <time>
        ann< MSG 3 <time> bob@x here
        elsewhere ann@x makes it eve@x password
        ann< ADDED 4 <time> ann@x eve@x
        bob< ADDED 4 <time> ann@x eve@x
        eve> LOGIN eve@x password
        eve< OK LOGIN eve@x role=member last=4 missed=1 first=4 transcript=00000007
        eve< ADDED 4 <time> ann@x eve@x
        elsewhere ann@x makes it bob@x password admin
        ann< PROMOTED 5 <time> ann@x bob@x
        bob< PROMOTED 5 <time> ann@x bob@x
        eve< PROMOTED 5 <time> ann@x bob@x
        bob> ADD fay@x password
        bob< OK ADD fay@x
        bob< ADDED 6 <time> bob@x fay@x
        ann< ADDED 6 <time> bob@x fay@x
        eve< ADDED 6 <time> bob@x fay@x
        elsewhere eve@x makes it eve@x another-one
        eve< BYE password-changed …
        elsewhere - makes it ann@x another-one admin
        ann< BYE password-changed …
        ann is closed
        elsewhere fay@x makes it fay@x -
        bob< REMOVED 7 <time> fay@x fay@x
        elsewhere ann@x makes it bob@x -
        bob< BYE removed …
        bob is closed
        ",
    );
}

#[test]
fn who_is_at_other_nodes_is_there() {
    check_among_nodes(
        "
        elsewhere ann@x is there with * phone
        elsewhere dan@x is there with tv
        bob> WHO
        bob< WHO ann@x devices=2
        bob< WHO bob@x devices=1
        bob< OK WHO 2
        bob> MEMBERS bob@x
        bob< OK MEMBERS 0
        elsewhere ann@x makes it dan@x password
        bob< ADDED 1 <time> ann@x dan@x
        ann< ADDED 1 <time> ann@x dan@x
        ann> QUIT
        ann< OK QUIT
        ann is closed
        elsewhere ann@x is there with phone
        bob> WHO
        bob< WHO ann@x devices=1
        bob< WHO bob@x devices=1
        bob< WHO dan@x devices=1
        bob< OK WHO 3
        bob> WHO bob@x
        bob< WHO dan@x devices=1
        bob< OK WHO 1
        elsewhere ann@x is there with nothing
        bob> MEMBERS
        bob< MEMBER ann@x role=admin online=no
        bob< MEMBER bob@x role=member online=yes
        bob< MEMBER dan@x role=member online=yes
        bob< OK MEMBERS 3
        elsewhere - makes it dan@x -
        bob< REMOVED 2 <time> - dan@x
        bob> WHO
        bob< WHO bob@x devices=1
        bob< OK WHO 1
        elsewhere - makes it dan@x another-one
        bob< ADDED 3 <time> - dan@x
        bob> WHO bob@x
        bob< WHO dan@x devices=1
        bob< OK WHO 1
        elsewhere dan@x is there with nothing
        bob> WHO bob@x
        bob< OK WHO 0
        ",
    );
}

#[test]
fn a_place_ahead_of_this_node_waits_for_it() {
    check_among_nodes(
        "
        elsewhere bob@x/tv has 2
        elsewhere dan@x/tv has 2
        elsewhere ann@x makes it dan@x password
        bob< ADDED 1 <time> ann@x dan@x
        ann< ADDED 1 <time> ann@x dan@x
        dan> LOGIN dan@x/tv password
        dan< OK LOGIN dan@x role=member last=1 missed=1 first=1 transcript=00000007
        dan< ADDED 1 <time> ann@x dan@x
        elsewhere ann@x says two
        bob< MSG 2 <time> ann@x two
        ann< MSG 2 <time> ann@x two
        dan< MSG 2 <time> ann@x two
        tv> LOGIN bob@x/tv password
        tv< OK LOGIN bob@x role=member last=2 missed=0 first=1 transcript=00000007
        elsewhere dan@x/phone has 2
        phone> LOGIN dan@x/phone password
        phone< OK LOGIN dan@x role=member last=2 missed=0 first=1 transcript=00000007
        ",
    );
}

/// It begins there at the earliest, and is recorded when more is known.
#[test]
fn a_device_that_is_about_to_log_in_elsewhere_is_expected_here() {
    check_among_nodes(
        "
        elsewhere ann@x says one
        bob< MSG 1 <time> ann@x one
        ann< MSG 1 <time> ann@x one
        elsewhere ann@x says two
        bob< MSG 2 <time> ann@x two
        ann< MSG 2 <time> ann@x two
        elsewhere bob@x/tv begins at 1
        elsewhere bob@x/pad begins at 9
        elsewhere bob@x begins at 0
        elsewhere recorded bob@x/tv nowhere
        tv> LOGIN bob@x/tv password
        tv< OK LOGIN bob@x role=member last=2 missed=1 first=1 transcript=00000007
        tv< MSG 2 <time> ann@x two
        elsewhere bob@x/tv begins at 0
        pad> LOGIN bob@x/pad password
        pad< OK LOGIN bob@x role=member last=2 missed=0 first=1 transcript=00000007
        elsewhere ann@x/tv begins at 2
        elsewhere ann@x/tv has 1
        elsewhere recorded ann@x/tv 1
        elsewhere ann@x/tv begins at 2
        elsewhere recorded ann@x/tv 1
        elsewhere dan@x/tv begins at 2
        elsewhere dan@x begins at 1
        elsewhere ann@x makes it dan@x password
        bob< ADDED 3 <time> ann@x dan@x
        ann< ADDED 3 <time> ann@x dan@x
        tv< ADDED 3 <time> ann@x dan@x
        pad< ADDED 3 <time> ann@x dan@x
        elsewhere recorded dan@x/tv 2
        elsewhere recorded dan@x nowhere
        ",
    );
}

#[test]
fn what_is_told_late_takes_no_device_back() {
    check_among_nodes(
        "
        elsewhere ann@x says one
        bob< MSG 1 <time> ann@x one
        ann< MSG 1 <time> ann@x one
        elsewhere ann@x says two
        bob< MSG 2 <time> ann@x two
        ann< MSG 2 <time> ann@x two
        elsewhere bob@x/tv has 2
        elsewhere bob@x/tv has 1
        elsewhere recorded bob@x/tv 2
        elsewhere bob@x/tv has 1
        elsewhere recorded bob@x/tv 2
        elsewhere bob@x/tv has 4
        elsewhere bob@x/tv has 3
        elsewhere recorded bob@x/tv 2
        elsewhere ann@x says three
        bob< MSG 3 <time> ann@x three
        ann< MSG 3 <time> ann@x three
        elsewhere recorded bob@x/tv 2
        elsewhere ann@x says four
        bob< MSG 4 <time> ann@x four
        ann< MSG 4 <time> ann@x four
        elsewhere recorded bob@x/tv 4
        elsewhere eve@x/tv has 1
        elsewhere recorded eve@x/tv nowhere
        ",
    );
}
