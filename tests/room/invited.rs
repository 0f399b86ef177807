//! Invitations: whose word is good, until what ends it, and once. The word of an invitation of Cid, by Ann and after line 3,
//! is `cid-ann-3` here.

use crate::check;

#[test]
fn whoever_is_invited_joins_once() {
    check(
        "
        ann> LOGIN ann@x password
        ann< OK LOGIN ann@x …
        ann> INVITE CID@x
        ann< OK INVITE cid-ann-0
        cid> JOIN cid@x cid-ann-0 secret
        ann< ADDED 1 <time> ann@x cid@x
        cid< OK JOIN cid@x
        cid> LOGIN cid@x secret
        cid< OK LOGIN cid@x role=member last=1 missed=1 first=1 transcript=00000007
        cid< ADDED 1 <time> ann@x cid@x
        eve> JOIN cid@x cid-ann-0 another-one
        eve< ERR JOIN bad-invite this invitation is not valid for this mail, or no longer; ask for another one
        the file says: ann@x password admin, bob@x password, cid@x secret
        ann> REMOVE cid@x
        ann< OK REMOVE cid@x
        ann< REMOVED 2 <time> ann@x cid@x
        cid< BYE removed …
        eve> JOIN cid@x cid-ann-0 secret
        eve< ERR JOIN bad-invite …
        # Invited anew.
        ann> INVITE cid@x
        ann< OK INVITE cid-ann-2
        eve> JOIN cid@x cid-ann-2 secret
        ann< ADDED 3 <time> ann@x cid@x
        eve< OK JOIN cid@x
        ",
    );
}

#[test]
fn who_may_invite_whom() {
    check(
        "
        ann> LOGIN ann@x password
        ann< OK LOGIN ann@x …
        bob> LOGIN bob@x password
        bob< OK LOGIN bob@x …
        bob> INVITE cid@x
        bob< ERR INVITE admin-only only an admin may do that
        ann> INVITE bob@x
        ann< ERR INVITE already-member …
        ann> INVITE bob
        ann< ERR INVITE bad-mail …
        ann> INVITE
        ann< ERR INVITE usage usage: INVITE <mail>
        new> INVITE cid@x
        new< ERR INVITE login-first …
        ann> JOIN cid@x cid-ann-0 secret
        ann< ERR JOIN already-logged-in …
        new> JOIN cid@x cid-ann-0
        new< ERR JOIN usage usage: JOIN <mail> <word> <password>
        new> JOIN cid@x what? secret
        new< ERR JOIN usage an invitation is the word that INVITE returned
        new> JOIN cid@x cid-ann-0 short
        new< ERR JOIN bad-password …
        # A word of another mail, of a member, of nobody: the same answer, and three are enough.
        new> JOIN dan@x cid-ann-0 secret
        new< ERR JOIN bad-invite …
        new> JOIN cid@x cid-bob-0 secret
        new< ERR JOIN bad-invite …
        new> JOIN cid@x nobody secret
        new< ERR JOIN bad-invite …
        new< BYE bad-login …
        new is closed
        # A member's mail, with a word that is not for it.
        two> JOIN bob@x cid-ann-0 secret
        two< ERR JOIN bad-invite …
        two> LOGIN bob@x wrong-one
        two< ERR LOGIN bad-login …
        two> JOIN cid@x cid-ann-0 secret
        ann< ADDED 1 <time> ann@x cid@x
        bob< ADDED 1 <time> ann@x cid@x
        two< OK JOIN cid@x
        # They count together, and a success does not take them back.
        two> LOGIN cid@x wrong-one
        two< ERR LOGIN bad-login …
        two< BYE bad-login …
        ",
    );
}

#[test]
fn an_invitation_ends_with_its_mail() {
    // By hand, by a command, by the member; and it ends for good.
    for (added, removed, line) in [
        ("edit: ann@x password admin, cid@x secret", "edit: ann@x password admin", "- cid@x"),
        ("ann> ADD cid@x secret", "ann> REMOVE cid@x", "ann@x cid@x"),
    ] {
        let ok = |verb: &str| if line.starts_with('-') { "" } else { verb }.to_owned();
        let (ok_added, ok_removed) = (ok("ann< OK ADD cid@x"), ok("ann< OK REMOVE cid@x"));
        check(&format!(
            "
            edit: ann@x password admin
            ann> LOGIN ann@x/- password
            ann< OK LOGIN ann@x …
            ann> INVITE cid@x
            ann< OK INVITE cid-ann-1
            {added}
            {ok_added}
            new> JOIN cid@x cid-ann-1 another-one
            new< ERR JOIN bad-invite …
            {removed}
            {ok_removed}
            new> JOIN cid@x cid-ann-1 another-one
            new< ERR JOIN bad-invite …
            ann> HISTORY
            ann< HISTORY 1 3
            ann< REMOVED 1 <time> - bob@x
            ann< ADDED 2 <time> {line}
            ann< REMOVED 3 <time> {line}
            ann< OK HISTORY 3 last=3
            "
        ));
    }
}

#[test]
fn an_invitation_ends_with_who_has_made_it() {
    // Removed, or no admin any more; by hand, by a command, by themselves; and an admin again.
    for (gone, back) in [
        ("edit: ann@x password admin", "edit: ann@x password admin, bob@x password admin"),
        ("edit: ann@x password admin, bob@x password", "edit: ann@x password admin, bob@x password admin"),
        ("ann> REMOVE bob@x\n ann< OK REMOVE bob@x", "edit: ann@x password admin, bob@x password admin"),
        ("ann> DEMOTE bob@x\n ann< OK DEMOTE bob@x", "ann> PROMOTE bob@x\n ann< OK PROMOTE bob@x"),
        ("bob> DEMOTE bob@x\n bob< OK DEMOTE bob@x", "ann> PROMOTE bob@x\n ann< OK PROMOTE bob@x"),
        ("bob> LEAVE\n bob< OK LEAVE\n bob< BYE left …", "edit: ann@x password admin, bob@x password admin"),
    ] {
        let is_cut = gone == "edit: ann@x password admin" || gone.contains("REMOVE");
        let bye = if is_cut { "bob< BYE removed …" } else { "" };
        check(&format!(
            "
            edit: ann@x password admin, bob@x password admin
            ann> LOGIN ann@x/- password
            ann< OK LOGIN ann@x …
            bob> LOGIN bob@x/- password
            bob< OK LOGIN bob@x …
            bob> INVITE cid@x
            bob< OK INVITE cid-bob-1
            bob> INVITE dan@x
            bob< OK INVITE dan-bob-1
            new> JOIN dan@x dan-bob-1 secret
            new< OK JOIN dan@x
            {gone}
            {bye}
            new> JOIN cid@x cid-bob-1 secret
            new< ERR JOIN bad-invite …
            {back}
            new> JOIN cid@x cid-bob-1 secret
            new< ERR JOIN bad-invite …
            ann> PING
            ann< OK PING
            "
        ));
    }
}

#[test]
fn of_two_at_once_one_joins() {
    check(
        "
        ann> LOGIN ann@x/- password
        ann< OK LOGIN ann@x …
        file holds
        one> JOIN cid@x cid-ann-0 first-one
        two> JOIN cid@x cid-ann-0 second-one
        one has nothing
        two has nothing
        file goes
        one< OK JOIN cid@x
        two< ERR JOIN bad-invite …
        the file says: ann@x password admin, bob@x password, cid@x first-one
        ",
    );
}

#[test]
fn what_happens_while_the_password_is_hashed_counts() {
    check(
        "
        edit: ann@x password admin, bob@x password admin
        ann> LOGIN ann@x/- password
        ann< OK LOGIN ann@x …
        hashes hold
        new> JOIN cid@x cid-bob-1 secret
        two> JOIN dan@x dan-bob-1 secret
        hashes begin
        ann> REMOVE dan@x
        ann< ERR REMOVE no-such-member …
        ann> DEMOTE bob@x
        ann< OK DEMOTE bob@x
        hashes go
        new< ERR JOIN bad-invite …
        two< ERR JOIN bad-invite …
        # What is under way already may end it: nobody knows yet.
        file holds
        ann> PROMOTE bob@x
        new> JOIN cid@x cid-bob-2 secret
        new< ERR JOIN bad-invite …
        file goes
        ann< OK PROMOTE bob@x
        file holds
        ann> DEMOTE bob@x
        new> JOIN cid@x cid-bob-3 secret
        new< ERR JOIN busy the group is just being changed, try again
        file goes
        ann< OK DEMOTE bob@x
        new> JOIN cid@x cid-bob-3 secret
        new< ERR JOIN bad-invite …
        new< BYE bad-login …
        ",
    );
}

#[test]
fn an_edit_that_was_not_reported_counts() {
    check(
        "
        edit: ann@x password admin, bob@x password admin
        bob> LOGIN bob@x/- password
        bob< OK LOGIN bob@x …
        bob> INVITE cid@x
        bob< OK INVITE cid-bob-1
        unseen edit: ann@x password admin, bob@x password
        new> JOIN cid@x cid-bob-1 secret
        new< ERR JOIN bad-invite …
        unseen edit: ann@x password admin, bob@x password, cid@x secret
        two> JOIN cid@x cid-ann-1 another-one
        two< ERR JOIN bad-invite …
        # Whoever the file has no longer may be invited.
        ann> LOGIN ann@x/- password
        ann< OK LOGIN ann@x …
        unseen edit: ann@x password admin, bob@x password
        ann> INVITE cid@x
        ann< OK INVITE cid-ann-4
        two> JOIN cid@x cid-ann-4 another-one
        two< OK JOIN cid@x
        ",
    );
}

#[test]
fn a_word_is_made_after_the_end_of_an_earlier_one() {
    check(
        "
        ann> LOGIN ann@x/- password
        ann< OK LOGIN ann@x …
        disk holds
        ann> REMOVE bob@x
        ann< OK REMOVE bob@x
        new> JOIN bob@x bob-ann-0 secret
        new< ERR JOIN bad-invite …
        ann> INVITE bob@x
        ann> PING
        ann has nothing
        disk stores
        ann< OK INVITE bob-ann-1
        ann< OK PING
        new> JOIN bob@x bob-ann-1 secret
        new< OK JOIN bob@x
        # While the disk takes nothing, there is no word.
        disk holds
        ann> REMOVE bob@x
        ann< OK REMOVE bob@x
        ann> INVITE bob@x
        disk fails
        ann< ERR INVITE storage …
        ",
    );
}

#[test]
fn what_cannot_be_written_or_hashed_is_said_without_details() {
    check(
        "
        file fails
        new> JOIN cid@x cid-ann-0 secret
        new< ERR JOIN storage the group cannot be changed at present, try again later
        file works
        new> JOIN cid@x cid-ann-0 secret
        new< OK JOIN cid@x
        ",
    );
}

#[test]
fn the_time_to_log_in_stands_still_meanwhile_and_goes_on() {
    check(
        "
        new> PING
        new< OK PING
        clock +50
        hashes hold
        new> JOIN cid@x cid-ann-0 secret
        clock +100
        hashes go
        new< OK JOIN cid@x
        clock +9
        new> PING
        new< OK PING
        clock +2
        new< BYE login-timeout …
        two> PING
        two< OK PING
        clock +50
        two> JOIN cid@x cid-ann-0 secret
        two< ERR JOIN bad-invite …
        clock +11
        two< BYE login-timeout …
        ",
    );
}

#[test]
fn on_a_node_what_others_have_decided_counts() {
    check(
        "
        nodes
        ann> LOGIN ann@x password
        ann< OK LOGIN ann@x …
        ann> INVITE cid@x
        ann< OK INVITE cid-ann-0
        elsewhere bob@x says hello
        ann< MSG 1 <time> bob@x hello
        elsewhere ann@x makes it bob@x password admin
        ann< PROMOTED 2 <time> ann@x bob@x
        elsewhere bob@x is quietly member
        new> JOIN dan@x dan-bob-2 secret
        new< ERR JOIN bad-invite …
        elsewhere bob@x is quietly admin
        new> JOIN dan@x dan-bob-2 secret
        new< ERR JOIN bad-invite …
        # The other node's JOIN came first.
        elsewhere ann@x makes it cid@x password
        ann< ADDED 3 <time> ann@x cid@x
        two> JOIN cid@x cid-ann-0 secret
        two< ERR JOIN bad-invite …
        cut off
        ann< BYE cut-off …
        new< BYE cut-off …
        two< BYE cut-off …
        three> JOIN eve@x eve-ann-3 secret
        three< ERR JOIN storage this server is cut off …
        ",
    );
}
