//! Conversations with the room, without a socket: what each connection is told, and when.

mod entering;
mod find;
mod gate;
#[path = "../common/grammar.rs"]
mod grammar;
mod invited;
mod nodes;
mod past;
#[path = "../common/shared_log.rs"]
mod shared_log;
mod stage;
mod typed;

use proptest::prelude::*;
use stage::{check, flood_of_timing_marks, heard_in_pieces};

/// Ann (an admin) and Bob are in.
const BOTH: &str = "
    ann> LOGIN ann@x password
    ann< OK LOGIN ann@x role=admin last=0 missed=0 first=1 transcript=00000007
    bob> LOGIN bob@x password
    bob< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
";

fn check_both(conversation: &str) {
    check(&format!("{BOTH}{conversation}"));
}

#[test]
fn the_sender_gets_ok_in_the_place_of_the_event() {
    check_both(
        "
        bob> MSG first
        ann> MSG second
        bob> MSG third
        ann< MSG 1 <time> bob@x first
        ann< OK MSG 2 <time>
        ann< MSG 3 <time> bob@x third
        bob< OK MSG 1 <time>
        bob< MSG 2 <time> ann@x second
        bob< OK MSG 3 <time>
        ",
    );
}

#[test]
fn another_device_of_the_sender_gets_the_event() {
    check_both(
        "
        two> LOGIN ann@x/phone password
        two< OK LOGIN ann@x role=admin last=0 missed=0 first=1 transcript=00000007
        ann> MSG hi
        two< MSG 1 <time> ann@x hi
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x hi
        bob> WHO
        bob< WHO ann@x devices=2
        bob< WHO bob@x devices=1
        bob< OK WHO 2
        ",
    );
}

#[test]
fn a_timing_mark_is_refused_in_its_place_among_the_answers() {
    check(
        "
        ann> ⊙PING
        ann< ⊙
        ann< OK PING
        hashes hold
        ann> LOGIN ann@x password
        ann> ⊙PING
        ann has nothing
        hashes go
        ann< OK LOGIN ann@x role=admin last=0 missed=0 first=1 transcript=00000007
        ann< ⊙
        ann< OK PING
        bob> LOGIN bob@x password
        bob< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        disk holds
        ann> MSG ⊙one
        ann< ⊙
        ann> ⊙⊙PING ⊙two
        bob> ⊙PING three
        bob< ⊙
        bob< OK PING three
        ann has nothing
        disk stores
        ann< OK MSG 1 <time>
        ann< ⊙
        ann< ⊙
        ann< ⊙
        ann< OK PING two
        bob< MSG 1 <time> ann@x one
        ann> QUIT
        ann> ⊙
        ann< OK QUIT
        ann is closed
        ",
    );
}

#[test]
fn a_flood_of_timing_marks_waits_for_its_answers() {
    flood_of_timing_marks();
}

#[test]
fn nothing_is_shown_or_numbered_before_it_is_durable() {
    check_both(
        "
        disk holds
        ann> MSG hi
        ann> PING behind it
        bob> PING not behind it
        ann has nothing
        bob< OK PING not behind it
        bob has nothing
        new> LOGIN ann@x/new password
        new< OK LOGIN ann@x role=admin last=0 missed=0 first=1 transcript=00000007
        new has nothing
        disk stores
        ann< OK MSG 1 <time>
        ann< OK PING behind it
        bob< MSG 1 <time> ann@x hi
        new< MSG 1 <time> ann@x hi
        ",
    );
}

#[test]
fn a_message_that_could_not_be_stored_is_refused_and_its_number_used_again() {
    check_both(
        "
        disk holds
        ann> MSG lost
        bob> MSG lost too
        ann> PING 1
        disk fails
        ann< ERR MSG storage …
        ann< OK PING 1
        bob< ERR MSG storage …
        ann> MSG kept
        disk stores
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x kept
        ",
    );
}

#[test]
fn whoever_asks_is_told_of_what_they_have_just_said() {
    check_both(
        "
        bob> MSG before
        bob< OK MSG 1 <time>
        ann< MSG 1 <time> bob@x before
        disk holds
        ann> MSG mine
        ann> HISTORY 1
        ann> INFO 2
        ann> STATS
        ann> PING done
        ann has nothing
        # Others wait for nothing.
        bob> HISTORY 1
        bob< HISTORY 1 1
        bob< MSG 1 <time> bob@x before
        bob< OK HISTORY 1 last=1
        disk stores
        ann< OK MSG 2 <time>
        ann< HISTORY 2 2
        ann< MSG 2 <time> ann@x mine
        ann< OK HISTORY 1 last=2
        ann< PENDING bob@x seen=<time>
        ann< OK INFO 2 delivered=0 pending=1
        ann< STAT connections 2
        ann< STAT logged-in 2
        ann< STAT members 2
        ann< STAT last-event 2
        ann< STAT events-last-minute 2
        ann< STAT shell 1
        ann< OK STATS 6
        ann< OK PING done
        bob< MSG 2 <time> ann@x mine
        disk holds
        ann> MSG lost
        ann> HISTORY 1
        ann has nothing
        disk fails
        ann< ERR MSG storage …
        ann< HISTORY 2 2
        ann< MSG 2 <time> ann@x mine
        ann< OK HISTORY 1 last=2
        ",
    );
}

#[test]
fn without_a_feed_there_are_answers_only() {
    check_both(
        "
        bot> LOGIN bob@x/- password
        bot< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        ann> MSG hi
        bot> MSG from a script
        bot< OK MSG 2 <time>
        bot has nothing
        bot> WHO
        bot< WHO ann@x devices=1
        bot< WHO bob@x devices=1
        bot< OK WHO 2
        ann< OK MSG 1 <time>
        ann< MSG 2 <time> bob@x from a script
        bob< MSG 1 <time> ann@x hi
        bob< MSG 2 <time> bob@x from a script
        ",
    );
}

#[test]
fn a_removed_member_hears_nothing_that_is_said_after() {
    check_both(
        "
        bob> MSG last words
        disk holds
        bob> MSG still on its way
        ann> REMOVE bob@x
        ann> MSG he is gone
        disk stores
        ann< MSG 1 <time> bob@x last words
        ann< OK REMOVE bob@x
        ann< MSG 2 <time> bob@x still on its way
        ann< REMOVED 3 <time> ann@x bob@x
        ann< OK MSG 4 <time>
        bob< OK MSG 1 <time>
        bob< OK MSG 2 <time>
        bob< BYE removed …
        bob is closed
        ",
    );
}

#[test]
fn a_new_password_ends_the_other_connections() {
    check_both(
        "
        two> LOGIN bob@x/phone password
        two< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        bob> PASSWD wrong-one better-one
        bob< ERR PASSWD bad-login …
        bob> PASSWD password better-one
        bob< OK PASSWD
        two< BYE password-changed …
        two is closed
        new> LOGIN bob@x password
        new< ERR LOGIN bad-login …
        new> LOGIN bob@x better-one
        new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        ann> RESET bob@x third-one
        ann< OK RESET bob@x
        bob< BYE password-changed …
        new< BYE password-changed …
        ",
    );
}

#[test]
fn a_verdict_that_comes_late_admits_nobody() {
    check_both(
        "
        hashes hold
        new> LOGIN bob@x password
        ann> REMOVE bob@x
        ann< OK REMOVE bob@x
        ann< REMOVED 1 <time> ann@x bob@x
        bob< BYE removed …
        ann> ADD bob@x password
        hashes go
        new< ERR LOGIN bad-login …
        ann< OK ADD bob@x
        ann< ADDED 2 <time> ann@x bob@x
        ",
    );
}

#[test]
fn who_asks_waits_and_keeps_the_order_of_the_answers() {
    check_both(
        "
        hashes hold
        ann> ADD eve@x password
        ann> PING behind
        ann has nothing
        bob> PING not
        bob< OK PING not
        hashes go
        ann< OK ADD eve@x
        ann< OK PING behind
        ann< ADDED 1 <time> ann@x eve@x
        bob< ADDED 1 <time> ann@x eve@x
        ",
    );
}

#[test]
fn half_closed_connections_get_what_they_asked_for_and_no_more() {
    check_both(
        "
        disk holds
        ann> MSG one
        bob> MSG two
        ann> MSG three
        bob ends
        ann ends
        disk stores
        new> LOGIN bob@x/new password
        new< OK LOGIN bob@x role=member last=3 missed=3 first=1 transcript=00000007
        new< MSG 1 <time> ann@x one
        new< MSG 2 <time> bob@x two
        new< MSG 3 <time> ann@x three
        new> MSG four
        new< OK MSG 4 <time>
        ann< OK MSG 1 <time>
        ann< MSG 2 <time> bob@x two
        ann< OK MSG 3 <time>
        ann is closed
        bob< MSG 1 <time> ann@x one
        bob< OK MSG 2 <time>
        bob is closed
        ",
    );
}

#[test]
fn leaving() {
    check_both(
        "
        ann> LEAVE
        ann< ERR LEAVE last-admin …
        bob> LEAVE
        bob< OK LEAVE
        bob< BYE left …
        bob is closed
        ann< REMOVED 1 <time> bob@x bob@x
        ann> QUIT
        ann< OK QUIT
        ann is closed
        ",
    );
}

#[test]
fn an_edit_is_announced_and_acts_like_a_command() {
    check_both(
        "
        edit: ann@x password admin, eve@x password
        ann< REMOVED 1 <time> - bob@x
        ann< ADDED 2 <time> - eve@x
        bob< BYE removed …
        edit: ann@x password, eve@x password admin
        ann< DEMOTED 3 <time> - ann@x
        ann< PROMOTED 4 <time> - eve@x
        ann> ADD bob@x password
        ann< ERR ADD admin-only …
        edit: ann@x another-one, eve@x password admin
        ann< BYE password-changed …
        ",
    );
}

#[test]
fn a_password_typed_by_hand_is_replaced_by_its_hash() {
    check_both(
        "
        edit: ann@x password admin, bob@x =password
        ann> PING nobody is cut
        ann< OK PING nobody is cut
        bob> PING it is the same password
        bob< OK PING it is the same password
        the file says: ann@x password admin, bob@x password
        edit: ann@x password admin, bob@x =another-one
        bob< BYE password-changed …
        the file says: ann@x password admin, bob@x another-one
        edit: ann@x password admin, bob@x another-one, eve@x =eves-own
        ann< ADDED 1 <time> - eve@x
        eve> LOGIN eve@x eves-own
        eve< OK LOGIN eve@x role=member last=1 missed=1 first=1 transcript=00000007
        eve< ADDED 1 <time> - eve@x
        ",
    );
}

#[test]
fn a_password_typed_by_hand_counts_whether_or_not_the_file_takes_its_hash() {
    check_both(
        "
        file fails
        edit: ann@x password admin, bob@x =another-one
        bob< BYE password-changed …
        bob is closed
        new> LOGIN bob@x password
        new< ERR LOGIN bad-login …
        new> LOGIN bob@x another-one
        new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        ",
    );
}

#[test]
fn strangers_have_a_minute_and_three_tries() {
    check(
        "
        one> MSG hi
        one< ERR MSG login-first …
        one> LOGIN bob@x wrong-one
        one< ERR LOGIN bad-login …
        one> LOGIN nobody@x wrong-one
        one< ERR LOGIN bad-login …
        one> LOGIN bob@x wrong-two
        one< ERR LOGIN bad-login …
        one< BYE bad-login …
        one is closed
        two> PING
        two< OK PING
        clock +59
        two> PING
        two< OK PING
        clock +1
        two< BYE login-timeout …
        two is closed
        ",
    );
}

#[test]
fn the_servers_own_queueing_is_not_counted() {
    check(
        "
        hashes hold
        one> LOGIN bob@x wrong-one
        clock +300
        hashes go
        one< ERR LOGIN bad-login …
        clock +59
        one> PING
        one< OK PING
        clock +1
        one< BYE login-timeout …
        ",
    );
}

#[test]
fn other_protocols_get_one_readable_line() {
    for line in ["GET / HTTP/1.1", "\u{16}\u{3}\u{1}"] {
        check(&format!("web> {line}\nweb< BYE protocol …\nweb is closed"));
    }
}

#[test]
fn stopping_tells_everybody() {
    check_both(
        "
        bob> MSG hi
        stop
        ann< MSG 1 <time> bob@x hi
        ann< BYE shutdown …
        ann is closed
        bob< OK MSG 1 <time>
        bob< BYE shutdown …
        bob is closed
        ",
    );
}

#[test]
fn what_was_missed_waits() {
    check_both(
        "
        ann> MSG one
        ann< OK MSG 1 <time>
        bob< MSG 1 <time> ann@x one
        bob breaks
        ann> MSG two
        ann> MSG three
        ann< OK MSG 2 <time>
        ann< OK MSG 3 <time>
        again> LOGIN bob@x password
        again< OK LOGIN bob@x role=member last=3 missed=2 first=1 transcript=00000007
        again< MSG 2 <time> ann@x two
        again< MSG 3 <time> ann@x three
        other> LOGIN bob@x/phone password
        other< OK LOGIN bob@x role=member last=3 missed=0 first=1 transcript=00000007
        ann> INFO 3
        ann< OK INFO 3 delivered=1 pending=0
        ",
    );
}

#[test]
fn an_author_sees_whom_a_message_has_not_reached() {
    check_both(
        "
        ann> ADD eve@x password
        ann< OK ADD eve@x
        ann< ADDED 1 <time> ann@x eve@x
        bob< ADDED 1 <time> ann@x eve@x
        bob> MSG hi
        bob< OK MSG 2 <time>
        bob> INFO 2
        bob< PENDING ann@x seen=<time>
        bob< PENDING eve@x seen=never
        bob< OK INFO 2 delivered=0 pending=2
        ann< MSG 2 <time> bob@x hi
        bob> INFO 2 ann@x
        bob< PENDING eve@x seen=never
        bob< OK INFO 2 delivered=1 pending=1
        bob> INFO 1
        bob< ERR INFO no-such-message …
        bob> INFO 3
        bob< ERR INFO no-such-message …
        eve> LOGIN eve@x password
        eve< OK LOGIN eve@x role=member last=2 missed=2 first=1 transcript=00000007
        eve< ADDED 1 <time> ann@x eve@x
        eve< MSG 2 <time> bob@x hi
        eve> INFO 2
        eve< ERR INFO admin-only …
        ann> INFO 2
        ann< OK INFO 2 delivered=2 pending=0
        ann> MEMBERS
        ann< MEMBER ann@x role=admin online=yes seen=<time>
        ann< MEMBER bob@x role=member online=yes seen=<time>
        ann< MEMBER eve@x role=member online=yes seen=<time>
        ann< OK MEMBERS 3
        bob> MEMBERS
        bob< MEMBER ann@x role=admin online=yes
        bob< MEMBER bob@x role=member online=yes
        bob< MEMBER eve@x role=member online=yes
        bob< OK MEMBERS 3
        ",
    );
}

#[test]
fn history_is_an_answer_and_moves_nothing() {
    check_both(
        "
        bob> HISTORY
        bob< OK HISTORY 0 last=0
        ann> MSG one
        ann> MSG two
        ann> MSG three
        ann< OK MSG 1 <time>
        ann< OK MSG 2 <time>
        ann< OK MSG 3 <time>
        ann> HISTORY 2
        ann< HISTORY 2 3
        ann< MSG 2 <time> ann@x two
        ann< MSG 3 <time> ann@x three
        ann< OK HISTORY 2 last=3
        ann> HISTORY SINCE 1 1
        ann< HISTORY 2 2
        ann< MSG 2 <time> ann@x two
        ann< OK HISTORY 1 last=3
        ann> HISTORY SINCE 3
        ann< OK HISTORY 0 last=3
        bob> HISTORY 1
        bob< MSG 1 <time> ann@x one
        bob< MSG 2 <time> ann@x two
        bob< MSG 3 <time> ann@x three
        bob< HISTORY 3 3
        bob< MSG 3 <time> ann@x three
        bob< OK HISTORY 1 last=3
        ",
    );
}

#[test]
fn skip_goes_to_the_end() {
    check_both(
        "
        ann> MSG one
        bob> MSG own
        ann> MSG three
        bob> PING
        bob> SKIP
        ann> MSG four
        bob< OK MSG 2 <time>
        bob< OK PING
        bob< OK SKIP 2
        bob< MSG 4 <time> ann@x four
        bob> SKIP
        bob< OK SKIP 0
        ann< OK MSG 1 <time>
        ann< MSG 2 <time> bob@x own
        ann< OK MSG 3 <time>
        ann< OK MSG 4 <time>
        ",
    );
}

#[test]
fn a_membership_change_that_was_not_stored_is_announced_later() {
    check_both(
        "
        disk holds
        ann> ADD eve@x password
        ann> MSG hi
        disk fails
        ann< OK ADD eve@x
        ann< ERR MSG storage …
        clock +1
        disk stores
        ann< ADDED 1 <time> ann@x eve@x
        bob< ADDED 1 <time> ann@x eve@x
        ",
    );
}

#[test]
fn a_new_member_begins_with_their_own_line_though_the_disk_stalls() {
    check_both(
        "
        disk holds
        bob> MSG early
        ann> ADD eve@x password
        ann< OK ADD eve@x
        eve> LOGIN eve@x password
        script> LOGIN eve@x/- password
        script has nothing
        eve has nothing
        disk stores
        eve< OK LOGIN eve@x role=member last=2 missed=1 first=2 transcript=00000007
        eve< ADDED 2 <time> ann@x eve@x
        script< OK LOGIN eve@x role=member last=2 missed=0 first=2 transcript=00000007
        bob< OK MSG 1 <time>
        bob< ADDED 2 <time> ann@x eve@x
        ann< MSG 1 <time> bob@x early
        ann< ADDED 2 <time> ann@x eve@x
        ",
    );
}

#[test]
fn a_new_member_is_let_in_though_the_disk_takes_nothing_unless_others_come_before() {
    check_both(
        "
        disk holds
        bob> MSG lost
        ann> ADD eve@x password
        ann< OK ADD eve@x
        eve> LOGIN eve@x password
        eve has nothing
        disk fails
        bob< ERR MSG storage …
        # What is said next comes after the line that adds her, so she may be here already.
        eve< OK LOGIN eve@x role=member last=0 missed=0 first=1 transcript=00000007
        eve> TOKEN
        eve< ERR TOKEN storage …
        ann> ADD fay@x password
        ann< OK ADD fay@x
        # The line before his is not his to read.
        fay> LOGIN fay@x password
        fay< ERR LOGIN storage …
        fay> LOGIN fay@x/- password
        fay< ERR LOGIN storage …
        bob> MSG first
        disk stores
        fay> LOGIN fay@x password
        fay< OK LOGIN fay@x role=member last=3 missed=2 first=2 transcript=00000007
        fay< ADDED 2 <time> ann@x fay@x
        fay< MSG 3 <time> bob@x first
        eve< ADDED 1 <time> ann@x eve@x
        eve< ADDED 2 <time> ann@x fay@x
        eve< MSG 3 <time> bob@x first
        bob< ADDED 1 <time> ann@x eve@x
        bob< ADDED 2 <time> ann@x fay@x
        bob< OK MSG 3 <time>
        ann< ADDED 1 <time> ann@x eve@x
        ann< ADDED 2 <time> ann@x fay@x
        ann< MSG 3 <time> bob@x first
        ",
    );
}

#[test]
fn who_is_removed_while_they_wait_for_their_line_is_not_let_in() {
    check_both(
        "
        disk holds
        bob> MSG early
        ann> ADD eve@x password
        ann< OK ADD eve@x
        eve> LOGIN eve@x password
        ann> REMOVE eve@x
        ann< OK REMOVE eve@x
        eve has nothing
        disk stores
        eve< ERR LOGIN bad-login …
        bob< OK MSG 1 <time>
        bob< ADDED 2 <time> ann@x eve@x
        bob< REMOVED 3 <time> ann@x eve@x
        ann< MSG 1 <time> bob@x early
        ann< ADDED 2 <time> ann@x eve@x
        ann< REMOVED 3 <time> ann@x eve@x
        ",
    );
}

#[test]
fn whose_message_has_become_durable_is_served_before_the_others() {
    check_both(
        "
        due: bob
        disk holds
        bob> MSG hi
        ann> PING
        ann< OK PING
        due: ann
        disk stores
        due: bob
        ann< MSG 1 <time> bob@x hi
        bob< OK MSG 1 <time>
        ",
    );
}

#[test]
fn who_has_what_the_pass_was_to_bring_waits_for_the_next() {
    check_both(
        "
        bob> MSG hi
        pass
        served:
        ann takes
        served:
        ann< MSG 1 <time> bob@x hi
        served: ann
        bob< OK MSG 1 <time>
        served: ann bob
        bob> MSG more
        ann takes
        # Of what is behind the mark something is left, and is nothing that this pass owes.
        served: ann
        bob> PING
        ann> PING
        served:
        ann< MSG 2 <time> bob@x more
        ann< OK PING
        bob< OK MSG 2 <time>
        bob< OK PING
        served: ann bob
        pass
        served: ann bob
        ",
    );
}

#[test]
fn a_flood_never_makes_a_reader_who_reads_fall_behind() {
    stage::flood(4000);
    stage::flood(10);
}

/// Lines of all kinds, good and bad, and what stands between lines.
const LINES: [&[u8]; 25] = [
    b"MSG good morning\n",
    b"msg \xc3\xa4 b  c \r\n",
    b"  PING\n",
    b"PING what for\r\n",
    b"WHO\n",
    b"MEMBERS ann@x\n",
    b"HELP\n",
    b"HELP msg\n",
    b"STATS\n",
    b"ADD cid@x password\n",
    b"REMOVE cid@x\n",
    b"RESET bob@x other-password\n",
    b"REMOVE bob@x\n",
    b"PASSWD password password2\n",
    b"PASSWD wrong-one password2\n",
    b"LOGIN bob@x password\n",
    b"LEAVE\n",
    b"QUIT\n",
    b"\n",
    b" \t \r\n",
    b"MSG \x1b[2J\n",
    b"MSG \xff\xfe\n",
    b"\xff\xfb\x18MSG behind telnet\xff\xf1\n",
    b"\xff\xf4\xff\xfd\x06MSG behind a timing \xff\xfd\x06mark\xff\xec\n",
    b"hello everybody\n",
];

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_answers(
        lines in prop::collection::vec(
            prop_oneof![
                20 => prop::sample::select(&LINES[..]).prop_map(<[u8]>::to_vec),
                1 => (4080usize..4110).prop_map(|len| [b"MSG ".to_vec(), vec![b'x'; len], b"\n".to_vec()].concat()),
                1 => prop::collection::vec(any::<u8>(), 0..40),
            ],
            0..30,
        ),
        mut cuts in prop::collection::vec(0usize..1500, 0..40),
    ) {
        let bytes = lines.concat();
        cuts.sort_unstable();
        let whole = heard_in_pieces(&bytes, &[]);
        prop_assert_eq!(heard_in_pieces(&bytes, &cuts), whole.clone());
        if bytes.len() < 300 {
            let every: Vec<usize> = (1..bytes.len()).collect();
            prop_assert_eq!(heard_in_pieces(&bytes, &every), whole);
        }
    }
}

#[test]
fn times_step_back_after_a_clock_that_was_ahead() {
    check_both(
        "
        wall 2026-01-02T03:04:05.000Z
        bob> MSG one
        bob< OK MSG 1 2026-01-02T03:04:05.000Z
        ann< MSG 1 2026-01-02T03:04:05.000Z bob@x one
        # Ten years ahead, and corrected.
        wall 2036-01-02T03:04:05.000Z
        bob> MSG two
        bob< OK MSG 2 2036-01-02T03:04:05.000Z
        ann< MSG 2 2036-01-02T03:04:05.000Z bob@x two
        ann> MEMBERS
        ann< MEMBER ann@x role=admin online=yes seen=2036-01-02T03:04:05.000Z
        ann< MEMBER bob@x role=member online=yes seen=2036-01-02T03:04:05.000Z
        ann< OK MEMBERS 2
        wall 2026-01-02T03:05:00.000Z
        bob> MSG three
        bob< OK MSG 3 2026-01-02T03:05:00.000Z
        ann< MSG 3 2026-01-02T03:05:00.000Z bob@x three
        ann> MEMBERS
        ann< MEMBER ann@x role=admin online=yes seen=2026-01-02T03:05:00.000Z
        ann< MEMBER bob@x role=member online=yes seen=2026-01-02T03:05:00.000Z
        ann< OK MEMBERS 2
        # A minute is a correction.
        wall 2026-01-02T03:04:00.000Z
        bob> MSG four
        bob< OK MSG 4 2026-01-02T03:05:00.000Z
        ann< MSG 4 2026-01-02T03:05:00.000Z bob@x four
        # Nobody has set it: it is told, and believed of nobody else.
        wall 1970-01-01T00:00:01.000Z
        bob> MSG five
        bob< OK MSG 5 1970-01-01T00:00:01.000Z
        ann< MSG 5 1970-01-01T00:00:01.000Z bob@x five
        ann> MEMBERS
        ann< MEMBER ann@x role=admin online=yes seen=1970-01-01T00:00:01.000Z
        ann< MEMBER bob@x role=member online=yes seen=1970-01-01T00:00:01.000Z
        ann< OK MEMBERS 2
        wall 2026-01-02T03:06:00.000Z
        bob> MSG six
        bob< OK MSG 6 2026-01-02T03:06:00.000Z
        ann> MEMBERS
        ann< MSG 6 2026-01-02T03:06:00.000Z bob@x six
        ann< MEMBER ann@x role=admin online=yes seen=2026-01-02T03:05:00.000Z
        ann< MEMBER bob@x role=member online=yes seen=2026-01-02T03:06:00.000Z
        ann< OK MEMBERS 2
        ",
    );
}
