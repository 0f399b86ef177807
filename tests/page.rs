//! The page: what it does with the lines of the server, by node's own test runner, and all of it in a browser.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::disk::skip;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Copies the files of a folder of this repository.
fn copy(folder: &str, to: &Path) {
    let to = to.join(folder);
    fs::create_dir_all(&to).expect("a folder");
    for entry in fs::read_dir(root().join(folder)).expect("a folder of this repository") {
        let from = entry.expect("an entry").path();
        if from.is_file() {
            fs::copy(&from, to.join(from.file_name().expect("it has a name"))).expect("a copy");
        }
    }
}

/// The tests of the page whose name ends so.
fn tests(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("tests/page")).expect("it was copied");
    let names = entries.map(|entry| entry.expect("an entry").path());
    let found: Vec<PathBuf> = names.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    assert!(!found.is_empty(), "no tests end in {end}");
    found
}

/// Node takes what ends in `.js` for modules only where a `package.json` says so; the page has no use for one.
#[test]
fn the_state_without_a_browser() {
    let folder = tempfile::tempdir().expect("a folder");
    copy("src/web", folder.path());
    copy("tests/page", folder.path());
    fs::copy(root().join("tests/names.txt"), folder.path().join("tests/names.txt")).expect("a copy");
    fs::write(folder.path().join("package.json"), "{ \"type\": \"module\" }\n").expect("a file");
    let mut node = Command::new("node");
    node.current_dir(&folder).arg("--test").args(tests(folder.path(), ".test.js"));
    let Ok(output) = node.output() else { return skip("there is no node here") };
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!told.contains("# pass 0"), "nothing was tested:\n{told}");
}

const CHROMIUM: [&str; 2] = ["chromium", "chromium-headless-shell"];
const WEBKIT: [&str; 2] = ["WebKitWebDriver", "Xvfb"];

/// The tests of this file in `tests/page`, which starts servers of its own, with these programs.
fn check(tests: &str, programs: [&str; 2]) {
    let here = |program: &str| Command::new(program).arg("--help").output().is_ok();
    for program in ["python3"].into_iter().chain(programs) {
        if !here(program) {
            return skip(format_args!("there is no {program} here"));
        }
    }
    let mut python = Command::new("python3");
    python.current_dir(root().join("tests/page"));
    python.args(["-B", "-W", "ignore", "-m", "unittest", "-v", tests]);
    python.env("CHAT_ROOM_SERVER", env!("CARGO_BIN_EXE_chat-room-server"));
    let output = python.output().expect("it has just told its version");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("Ran 0 tests"), "nothing was tested:\n{told}");
    for line in told.lines().filter(|line| line.contains("skipped")) {
        skip(line);
    }
}

#[test]
fn talking_in_a_browser() {
    check("test_talking", CHROMIUM);
}

#[test]
fn people_in_a_browser() {
    check("test_people", CHROMIUM);
}

#[test]
fn what_is_installed_in_a_browser() {
    check("test_installed", CHROMIUM);
}

#[test]
fn talking_in_webkit() {
    check("test_webkit", WEBKIT);
}
