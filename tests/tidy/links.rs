//! The links of the documents lead somewhere, what they have `make` make exists, and README.md is short.

use std::path::{Component, Path, PathBuf};

use crate::{File, files, is_document, nothing_wrong, read, root};

/// What a document links to.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
}

/// A heading as it stands in a link.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    heading.trim().to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The anchors of a document. What is between fences is no heading.
fn anchors(text: &str) -> Vec<String> {
    let outside = text.split("\n```").step_by(2).flat_map(str::lines);
    outside.filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

/// Links of a document that lead nowhere. `text_of` gives another document, `exists` says whether a file is there.
fn dead_links(file: &File, text_of: impl Fn(&str) -> String, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let folder = Path::new(&file.name).parent().expect("a file is in a folder");
    let leads_somewhere = |link: &&str| {
        let (target, part) = link.split_once('#').unwrap_or((link, ""));
        let path = if target.is_empty() { PathBuf::from(&file.name) } else { plain(&folder.join(target)) };
        let name = path.to_str().expect("a plain name");
        exists(&path) && (part.is_empty() || anchors(&text_of(name)).iter().any(|anchor| anchor == part))
    };
    let dead = links(&file.text).filter(|link| !leads_somewhere(link));
    dead.map(|link| format!("{}: {link} leads nowhere", file.name)).collect()
}

#[test]
fn links_lead_somewhere() {
    let documents = files().into_iter().filter(|file| is_document(&file.name));
    nothing_wrong(documents.flat_map(|file| dead_links(&file, read, |path| root().join(path).exists())));

    let text = "[a](b.md) [c](#one-two) ![d](../x.svg) [e](https://e) [f](b.md#g) [h](#i) [j](b.md#k)\n## One, two\n";
    let file = File { name: "docs/a.md".to_owned(), text: text.to_owned() };
    let text_of =
        |name: &str| if name == "docs/b.md" { "# G\n```\n# k\n```\n".to_owned() } else { text.to_owned() };
    let exists = |path: &Path| path != Path::new("x.svg");
    let dead = ["../x.svg", "#i", "b.md#k"].map(|link| format!("docs/a.md: {link} leads nowhere"));
    assert_eq!(dead_links(&file, text_of, exists), dead);
}

/// What a document has `make` make, and the Makefile does not.
fn not_made(document: &str, makefile: &str) -> Vec<String> {
    let targets = document
        .split("`make ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| c.is_whitespace() || c == '`').next());
    let missing = targets.filter(|target| !makefile.contains(&format!("\n{target}:")));
    missing.map(|target| format!("make {target} does not exist")).collect()
}

#[test]
fn what_documents_make_can_be_made() {
    let documents = files().into_iter().filter(|file| is_document(&file.name));
    nothing_wrong(documents.flat_map(|file| not_made(&file.text, &read("Makefile"))));
    assert_eq!(not_made("`make a`, `make b X=1`", "x\na:\n\tb\n"), ["make b does not exist"]);
}

#[test]
fn readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; what is more than 150 is a document of its own");
}
