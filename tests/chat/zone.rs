//! The machine's time zone is set while the chat runs.

use crate::Stage;

/// A file of a zone so many hours east of UTC, as in /usr/share/zoneinfo.
fn zone(name: &str, hours: i32) -> Vec<u8> {
    let part = || {
        let mut part = b"TZif2".to_vec();
        part.extend([0; 15]);
        // No leap seconds, no transitions, one kind of time, and its name.
        for count in [0_u32, 0, 0, 0, 1, 4] {
            part.extend(count.to_be_bytes());
        }
        part.extend((hours * 3600).to_be_bytes());
        part.extend([0, 0]);
        part.extend(name.bytes());
        part.push(0);
        part
    };
    [part(), part(), format!("\n{name}{}\n", -hours).into_bytes()].concat()
}

#[test]
fn days_and_times_follow() {
    let mut stage = Stage::new();
    let file = stage.state.path().join("localtime");
    // What replaces a zone is put in its place, as `timedatectl` does.
    let set = |name, hours| {
        let new = file.with_extension("new");
        std::fs::write(&new, zone(name, hours)).expect("a file");
        std::fs::rename(&new, &file).expect("own folder");
    };
    set("WST", -11);
    let window = stage.window(70, 20, "TZ=:$XDG_STATE_HOME/localtime exec $CLIENT ann@x");
    window.prompts(">");
    let mut bob = stage.peer("bob@x");
    bob.say("MSG west");
    window.ends_with("bob: west\n>");
    set("EST", 13);
    window.ends_with("* the time zone has changed: from here on times are in EST\n>");
    bob.say("MSG east");
    window.ends_with("bob: east\n>");
    // A day apart, and another minute at most.
    let screen = window.screen();
    let rows: Vec<&str> = screen.lines().collect();
    let rules: Vec<&&str> = rows.iter().filter(|row| row.starts_with("--- ")).collect();
    assert_eq!(rules.len(), 2, "{screen}");
    assert_ne!(rules[0], rules[1], "{screen}");
    let hour = |said: &str| rows.iter().find(|row| row.ends_with(said)).map(|row| row[..2].to_owned());
    assert!(hour("west").is_some() && hour("east").is_some(), "{screen}");
}
