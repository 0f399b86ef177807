//! Recipes are followed to the letter: their commands and settings are taken from the documents' text.

#![allow(dead_code, reason = "each test file uses a part of it")]

/// The first block of a document with this word after its three backticks.
#[track_caller]
pub(crate) fn named(document: &str, name: &str) -> String {
    let (_, rest) =
        document.split_once(&format!("\n```{name}\n")).unwrap_or_else(|| panic!("no block {name}"));
    rest.split_once("\n```").expect("its end").0.to_owned() + "\n"
}

/// What stands indented under this heading of a document, block by block, without the indent.
pub(crate) fn of(document: &str, heading: &str) -> Vec<String> {
    let (_, section) = document.split_once(&format!("\n## {heading}\n")).expect("it has that heading");
    let section = section.split("\n## ").next().expect("a text has a beginning");
    let mut blocks = vec![String::new()];
    for line in section.lines() {
        let block = blocks.last_mut().expect("there is one from the start");
        match line.strip_prefix("    ") {
            Some(line) => {
                block.push_str(line);
                block.push('\n');
            }
            None if block.is_empty() => {}
            None => blocks.push(String::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// All other settings of a machine stay as they are.
pub(crate) fn with_our_settings_only(block: &str) -> String {
    block.replace("sysctl --system", "sysctl -qp /etc/sysctl.d/60-chat-room.conf")
}

/// All indented blocks of a document, with the heading that each stands under.
pub(crate) fn all(document: &str) -> Vec<(String, String)> {
    let headings = document.lines().filter_map(|line| line.strip_prefix("## "));
    headings
        .flat_map(|heading| of(document, heading).into_iter().map(|block| (heading.to_owned(), block)))
        .collect()
}
