//! Typed lines, and what they are understood as.

use super::*;

fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

fn shown(purpose: &Purpose, given: Option<&Passwords>) -> String {
    let new = given.map(|given| &given.new);
    match purpose {
        Purpose::Add(mail) => format!("Add({mail}, {new:?})"),
        Purpose::Reset(mail) => format!("Reset({mail}, {new:?})"),
        Purpose::Passwd => {
            format!("Passwd({:?})", given.map(|given| (given.old.as_ref().expect("both"), &given.new)))
        }
    }
}

#[track_caller]
fn check(line: &str, expected: &str, kept: &str) {
    let mut names = Names::new(&mail("ann@x"));
    names.learn(&mail("bob@x"));
    let input = read(line, &names);
    let found = match &input {
        Input::Nothing => "nothing".to_owned(),
        Input::Say(text) => format!("say {text}"),
        Input::Do(Command::Password(purpose, given)) => shown(purpose, given.as_ref()),
        Input::Do(command) => format!("{command:?}"),
        Input::AskPassword(purpose, why) => format!("{}, as {why}", shown(purpose, None)),
        Input::Wrong(sentence) => format!("wrong: {sentence}"),
    };
    assert_eq!(found, expected, "{line:?}");
    assert_eq!(without_password(line, &input), kept, "{line:?}");
}

#[test]
fn messages() {
    check("hello", "say hello", "hello");
    check("//who", "say /who", "//who");
    check("  //who ", "say   /who ", "  //who ");
    check(" a /who", "say  a /who", " a /who");
    check("/me  waves to bob ", "say /me  waves to bob ", "/me  waves to bob ");
    check("/ME waves", "say /me waves", "/ME waves");
    check("/me", "wrong: type it as /me TEXT", "/me");
    check(" \t ", "nothing", " \t ");
}

#[test]
fn a_blank_before_a_command_does_not_say_it() {
    let refused = "wrong: not said: a command has no blanks before it; type // for a text that begins with /";
    check(" /passwd old-secret new-secret", refused, "/passwd");
    check("\t/add eve@x geheim", refused, "/add");
    check("\u{a0}/reset bob geheim", refused, "/reset");
    check("  /paswd old-secret new-secret", refused, "/paswd");
    check(" / passwd old-secret", refused, "/");
}

#[test]
fn commands() {
    check("/who", "Who", "/who");
    check("/History 7", "History(Some(7), None)", "/History 7");
    check("/history before #9", "History(None, Some(Seq(9)))", "/history before #9");
    check("/history 50 before 9", "History(Some(50), Some(Seq(9)))", "/history 50 before 9");
    check("/find  two  words ", "Find(Some(\"two  words\"))", "/find  two  words ");
    check("/FIND /x", "Find(Some(\"/x\"))", "/FIND /x");
    check("/find ", "Find(None)", "/find ");
    check("/info #12", "Info(Some(Seq(12)))", "/info #12");
    check("/remove bob", "Remove(bob@x)", "/remove bob");
    check("/promote bob", "Role(bob@x, Admin)", "/promote bob");
    check("/demote Bob@x", "Role(bob@x, Member)", "/demote Bob@x");
    check("/bell all", "Bell(Some(All))", "/bell all");
    check("/name  Ann  B. ", "Name(Some(\"Ann  B.\"))", "/name  Ann  B. ");
    check("/name -", "Name(Some(\"\"))", "/name -");
    check("/name", "Name(None)", "/name");
    check("/invite Zoe@x", "Invite(zoe@x)", "/invite Zoe@x");
    check("/help add", "Help", "/help add");
    check("/clear", "Clear", "/clear");
    for quit in ["/quit", "/exit", "/q", "/Q"] {
        check(quit, "Quit", quit);
    }
}

#[test]
fn passwords_are_not_kept() {
    check("/add eve@x geheim", "Add(eve@x, Some(<password>))", "/add eve@x");
    check("/reset  Bob geheim", "Reset(bob@x, Some(<password>))", "/reset Bob");
    check("/passwd geheim geheim2", "Passwd(Some((<password>, <password>)))", "/passwd");
    check(
        "/paswd geheim geheim2",
        "wrong: there is no such command; /help lists them; type // for a text that begins with /",
        "/paswd",
    );
}

#[test]
fn what_cannot_be_a_password_is_asked_for() {
    let why = "a password has 6 to 1024 bytes and no blanks";
    check("/add eve@x two words", &format!("Add(eve@x, None), as {why}"), "/add eve@x");
    check("/reset bob short", &format!("Reset(bob@x, None), as {why}"), "/reset bob");
    check("/passwd old-secret", "Passwd(None), as it asks for the old and the new password", "/passwd");
    check("/passwd old-secret short", &format!("Passwd(None), as {why}"), "/passwd");
}

#[test]
fn lines_that_may_hold_a_password() {
    for yes in [
        "LOGIN bob@x bob-secret",
        "login bob secret",
        "  Passwd old new",
        "RESUME bob@x abc",
        "add eve@x two words",
        "reset bob: secret",
        "join eve@x word secret",
        "MSG LOGIN bob@x bob-secret",
        "/login bob secret",
        "\u{feff}LOGIN bob@x secret",
    ] {
        assert!(takes_password(yes), "{yes}");
    }
    for no in ["login", "I could not login today", "address me", "MSG hi", "logins are slow", "", "// "] {
        assert!(!takes_password(no), "{no}");
    }
}

#[test]
fn wrong() {
    let no_command =
        "wrong: there is no such command; /help lists them; type // for a text that begins with /";
    for line in ["/", "/ who", "/etc/passwd", "/dance"] {
        check(line, no_command, line.split_whitespace().next().expect("a slash"));
    }
    check(
        "/invite zoe",
        "wrong: zoe is not a mail address; an address looks like ann@example.org",
        "/invite",
    );
    check(
        "/join zoe@x w0rd geheim",
        "wrong: you are a member already; who is invited starts chat-room-client with --join",
        "/join",
    );
    check("/history many", "wrong: type it as /history [N] [before SEQ]", "/history");
    check("/history 0", "wrong: type it as /history [N] [before SEQ]", "/history");
    check("/history 7 9", "wrong: type it as /history [N] [before SEQ]", "/history");
    check("/promote eve", "wrong: nobody is called eve; /members lists the group", "/promote");
    check("/demote", "wrong: type it as /demote NAME", "/demote");
    for quit in ["/quit", "/exit", "/Q"] {
        check(&format!("{quit} now"), "wrong: type it as /quit", quit);
    }
    check("/remove eve", "wrong: nobody is called eve; /members lists the group", "/remove");
}

#[test]
fn every_command_of_the_list_is_one() {
    let names = Names::new(&mail("ann@x"));
    for word in words() {
        if let Input::Wrong(sentence) = read(word, &names) {
            assert!(sentence.starts_with("type it as "), "{word}: {sentence}");
        }
    }
}
