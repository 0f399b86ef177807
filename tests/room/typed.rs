//! Passwords typed by hand into members.txt: they count as they stand there now, however late hashes and answers are.

use std::time::Duration;

use chat_room::limits::TYPED_PER_EXCHANGE;
use chat_room::protocol::{Mail, Password, Role, Time};
use chat_room::room::{Effect, Input, MembersNews, Now, PastShown, Record, Room, Roster, Secret};

use super::check_both;
use super::stage::{config, hash};

#[test]
fn of_many_typed_passwords_the_hashes_go_into_the_file_together() {
    let record = |n: usize| {
        let secret = Secret::Typed(Password::parse(format!("password{n}").as_bytes()).expect("a password"));
        Record { secret, role: if n == 0 { Role::Admin } else { Role::Member }, name: None }
    };
    let mail = |n: usize| Mail::parse(format!("m{n}@x").as_bytes()).expect("a mail");
    let count = 2 * TYPED_PER_EXCHANGE + 7;
    let roster: Roster = (0..count).map(|n| (mail(n), record(n))).collect();
    let mut effects = Vec::new();
    let mut room = Room::new(config(None, 100, PastShown::Own), roster, &mut effects);
    let now = Now { wall: Time::default(), mono: Duration::ZERO };
    let (mut exchanges, mut filed) = (Vec::new(), 0);
    while !effects.is_empty() {
        let (mut saves, mut hashed) = (Vec::new(), 0);
        for effect in std::mem::take(&mut effects) {
            match effect {
                // The thread is done with it sooner than the file's.
                Effect::Hash(job) => {
                    hashed += 1;
                    let made = hash(job.password.expose());
                    room.handle(now, Input::Hashed(job, Some(made)), &mut effects);
                }
                Effect::Save(ticket, change) => saves.push((ticket, change, Ok(()))),
                other => panic!("nobody asks for that: {other:?}"),
            }
        }
        assert!(hashed <= 1, "one after the other");
        if !saves.is_empty() {
            filed += saves.len();
            exchanges.push(saves.len());
            let news = MembersNews { answers: saves, ..MembersNews::default() };
            room.handle(now, Input::Members(news), &mut effects);
        }
    }
    assert_eq!(exchanges, [TYPED_PER_EXCHANGE, TYPED_PER_EXCHANGE, 7]);
    assert_eq!(filed, count);
    assert!(room.roster().values().all(|record| matches!(record.secret, Secret::Hash(_))));
}

#[test]
fn of_two_edits_in_a_row_the_second_counts() {
    for edits in [
        "edit: ann@x password admin, bob@x =second-one",
        "edit: ann@x password admin, bob@x =more-of-it
         edit: ann@x password admin, bob@x =second-one",
        "edit: ann@x password admin, bob@x =second-one
         edit: ann@x password admin, bob@x =second-one",
        "edit: ann@x password admin, bob@x =more-of-it
         edit: ann@x password admin, bob@x =first-one
         edit: ann@x password admin, bob@x =second-one",
    ] {
        // Whether the hash of the first is made before the second is seen, or is at work, or waits.
        for (before, between) in [("", "hashes hold"), ("hashes hold", "hashes begin"), ("hashes hold", "")] {
            check_both(&format!(
                "
                {before}
                edit: ann@x password admin, bob@x =first-one
                {between}
                {edits}
                bob< BYE password-changed …
                hashes go
                the file says: ann@x password admin, bob@x second-one
                new> LOGIN bob@x password
                new< ERR LOGIN bad-login …
                new> LOGIN bob@x first-one
                new< ERR LOGIN bad-login …
                new> LOGIN bob@x second-one
                new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
                "
            ));
        }
    }
}

#[test]
fn what_comes_between_an_edit_and_its_hash_counts() {
    // A command, which has the last word.
    for begin in ["hashes begin", ""] {
        check_both(&format!(
            "
            ann> RESET bob@x password
            ann< OK RESET bob@x
            bob< BYE password-changed …
            hashes hold
            edit: ann@x password admin, bob@x =first-one
            {begin}
            ann> RESET bob@x second-one
            hashes go
            ann< OK RESET bob@x
            the file says: ann@x password admin, bob@x second-one
            new> LOGIN bob@x first-one
            new< ERR LOGIN bad-login …
            new> LOGIN bob@x second-one
            new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
            "
        ));
        // And an edit after it.
        check_both(&format!(
            "
            hashes hold
            edit: ann@x password admin, bob@x =first-one
            {begin}
            edit: ann@x password admin, bob@x second-one
            bob< BYE password-changed …
            edit: ann@x password admin, bob@x =third-one
            hashes go
            the file says: ann@x password admin, bob@x third-one
            new> LOGIN bob@x first-one
            new< ERR LOGIN bad-login …
            new> LOGIN bob@x second-one
            new< ERR LOGIN bad-login …
            two> LOGIN bob@x third-one
            two< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
            "
        ));
        // Removed, by a command or by hand, and there again.
        for (remove, by) in
            [("ann> REMOVE bob@x\nann< OK REMOVE bob@x", "ann@x"), ("edit: ann@x password admin", "-")]
        {
            check_both(&format!(
                "
                hashes hold
                edit: ann@x password admin, bob@x =first-one
                {begin}
                {remove}
                ann< REMOVED 1 <time> {by} bob@x
                bob< BYE removed …
                edit: ann@x password admin, bob@x =second-one
                ann< ADDED 2 <time> - bob@x
                hashes go
                the file says: ann@x password admin, bob@x second-one
                new> LOGIN bob@x first-one
                new< ERR LOGIN bad-login …
                new> LOGIN bob@x/- second-one
                new< OK LOGIN bob@x role=member last=2 missed=0 first=2 transcript=00000007
                "
            ));
        }
        // Taken back: nobody was let in meanwhile, and nobody has to go.
        check_both(&format!(
            "
            hashes hold
            edit: ann@x password admin, bob@x =first-one
            {begin}
            edit: ann@x password admin, bob@x password
            hashes go
            the file says: ann@x password admin, bob@x password
            bob> PING
            bob< OK PING
            new> LOGIN bob@x first-one
            new< ERR LOGIN bad-login …
            new> LOGIN bob@x password
            new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
            "
        ));
    }
}

#[test]
fn an_edit_that_the_file_s_thread_sees_first() {
    check_both(
        "
        file holds
        edit: ann@x password admin, bob@x =first-one
        bob< BYE password-changed …
        unseen edit: ann@x password admin, bob@x =second-one
        # The typed one was not replaced: the edit was there first.
        file goes
        the file says: ann@x password admin, bob@x second-one
        new> LOGIN bob@x first-one
        new< ERR LOGIN bad-login …
        new> LOGIN bob@x second-one
        new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        ",
    );
}

#[test]
fn a_hash_is_made_of_what_was_typed_again_and_is_replaced_already() {
    check_both(
        "
        file holds
        edit: ann@x password admin, bob@x password, eve@x =as-typed
        ann< ADDED 1 <time> - eve@x
        bob< ADDED 1 <time> - eve@x
        edit: ann@x password admin, bob@x password
        ann< REMOVED 2 <time> - eve@x
        bob< REMOVED 2 <time> - eve@x
        hashes hold
        edit: ann@x password admin, bob@x password, eve@x =as-typed
        ann< ADDED 3 <time> - eve@x
        bob< ADDED 3 <time> - eve@x
        # The hash of the first line fits the second one, too.
        file goes
        hashes begin
        hashes go
        the file says: ann@x password admin, bob@x password, eve@x as-typed
        new> LOGIN eve@x as-typed
        new< OK LOGIN eve@x role=member last=3 missed=1 first=3 transcript=00000007
        new< ADDED 3 <time> - eve@x
        edit: ann@x password admin, bob@x password
        new< BYE removed …
        ann< REMOVED 4 <time> - eve@x
        bob< REMOVED 4 <time> - eve@x
        ",
    );
}

#[test]
fn while_nobody_knows_whether_it_is_another_nobody_is_let_in_with_it() {
    check_both(
        "
        hashes hold
        edit: ann@x password admin, bob@x =another-one
        new> LOGIN bob@x another-one
        two> LOGIN bob@x password
        hashes begin
        hashes go
        bob< BYE password-changed …
        two< ERR LOGIN bad-login …
        new> LOGIN bob@x another-one
        new< ERR LOGIN busy …
        new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        ",
    );
}

#[test]
fn a_login_that_was_right_a_moment_ago_is_asked_to_come_again() {
    for (edit, rest) in [
        ("=another-one", "bob< BYE password-changed …"),
        // The same one, typed again: it stays.
        ("=password", "new> LOGIN bob@x password\nnew< OK LOGIN …"),
    ] {
        check_both(&format!(
            "
            hashes hold
            new> LOGIN bob@x password
            hashes begin
            edit: ann@x password admin, bob@x {edit}
            hashes go
            new< ERR LOGIN busy …
            {rest}
            "
        ));
    }
}

#[test]
fn a_login_with_what_was_typed_goes_on_when_that_becomes_its_hash() {
    check_both(
        "
        edit: ann@x password admin, bob@x password, eve@x password
        ann< ADDED 1 <time> - eve@x
        bob< ADDED 1 <time> - eve@x
        hashes hold
        edit: ann@x password admin, bob@x password, eve@x password, kim@x =kims-own
        ann< ADDED 2 <time> - kim@x
        bob< ADDED 2 <time> - kim@x
        kim> LOGIN kim@x/- kims-own
        hashes begin
        hashes go
        the file says: ann@x password admin, bob@x password, eve@x password, kim@x kims-own
        kim< OK LOGIN kim@x role=member last=2 missed=0 first=2 transcript=00000007
        ",
    );
}

#[test]
fn passwd_beside_the_hashing_of_a_typed_password() {
    // The typed one becomes its hash in the file, and then the change that was made of it comes.
    check_both(
        "
        file holds
        edit: ann@x password admin, bob@x =password
        bob> PASSWD password better-one
        file goes
        bob< ERR PASSWD busy …
        bob> PASSWD password better-one
        bob< OK PASSWD
        the file says: ann@x password admin, bob@x better-one
        ",
    );
    // Typed while the old password was checked, or the new one hashed.
    check_both(
        "
        hashes hold
        bob> PASSWD password better-one
        hashes begin
        edit: ann@x password admin, bob@x =password
        hashes go
        bob< ERR PASSWD busy …
        bob> PASSWD password better-one
        bob< OK PASSWD
        the file says: ann@x password admin, bob@x better-one
        ",
    );
    // First come, first served: then the typed one is not there any more.
    check_both(
        "
        hashes hold
        edit: ann@x password admin, bob@x =password
        hashes begin
        bob> PASSWD password better-one
        file holds
        unseen edit: ann@x password admin, bob@x =password
        hashes go
        file goes
        bob< ERR PASSWD busy …
        the file says: ann@x password admin, bob@x password
        ",
    );
}

#[test]
fn a_typed_password_that_the_file_did_not_take_is_tried_again() {
    check_both(
        "
        file fails
        edit: ann@x password admin, bob@x =another-one
        bob< BYE password-changed …
        the file says: ann@x password admin, bob@x =another-one
        file works
        clock +60
        the file says: ann@x password admin, bob@x another-one
        ",
    );
}

#[test]
fn composed_or_not_it_is_the_same_password() {
    check_both(
        "
        edit: ann@x password admin, bob@x =gehe1m-\u{fc}
        bob< BYE password-changed …
        new> LOGIN bob@x gehe1m-u\u{308}
        new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        hashes hold
        edit: ann@x password admin, bob@x =gehe1m-u\u{308}
        edit: ann@x password admin, bob@x =gehe1m-\u{fc}
        hashes go
        new> PASSWD gehe1m-u\u{308} better-one
        new< OK PASSWD
        ",
    );
}

#[test]
fn what_the_file_does_not_take_counts_all_the_same() {
    // Others, each of them.
    check_both(
        "
        file fails
        edit: ann@x =another-one admin, bob@x =other-two
        ann< BYE password-changed …
        bob< BYE password-changed …
        new> LOGIN bob@x other-two
        new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        new> TOKEN
        new< ERR TOKEN busy …
        file works
        clock +60
        the file says: ann@x another-one admin, bob@x other-two
        new> TOKEN
        new< OK TOKEN bob-othertwo
        ",
    );
    // The same: nobody has to go, and tokens go on.
    check_both(
        "
        file fails
        edit: ann@x =password admin, bob@x =password
        bob> TOKEN
        bob< OK TOKEN bob-password
        new> LOGIN bob@x/new password
        new< OK LOGIN bob@x role=member last=0 missed=0 first=1 transcript=00000007
        two> RESUME bob@x/two bob-password
        two< OK RESUME bob@x role=member last=0 missed=0 first=1 transcript=00000007
        the file says: ann@x =password admin, bob@x =password
        file works
        clock +60
        the file says: ann@x password admin, bob@x password
        two> PING
        two< OK PING
        ",
    );
}
