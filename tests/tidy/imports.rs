//! What a file names, read from its text: the names that `use` brings in, and all paths.

use std::collections::{BTreeMap, BTreeSet};

use crate::{File, code};

/// `a::b::C`.
pub(crate) type Path = Vec<String>;

/// A file, as far as it matters here.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) file: String,
    /// What each name stands for that a `use` brings in, and whether it is a `pub use`.
    pub(crate) uses: BTreeMap<String, (Path, bool)>,
    /// What stands before `::*`.
    pub(crate) globs: Vec<Path>,
    /// All other paths, single words too.
    pub(crate) paths: BTreeSet<Path>,
    /// Children after `#[cfg(test)]`.
    pub(crate) for_tests: BTreeSet<String>,
}

pub(crate) fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if word(first) {
            rest.find(|c: char| !word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") || rest.starts_with("->") || rest.starts_with("=>") {
            2
        } else {
            first.len_utf8()
        };
        found.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    found
}

/// The place after the bracket that closes the one at `from`.
fn after(tokens: &[&str], from: usize, open: &str, close: &str) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        depth += i32::from(*token == open) - i32::from(*token == close);
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The place after the item that begins at `from`, which ends with a semicolon or with braces.
fn after_item(tokens: &[&str], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() {
        match tokens[at] {
            ";" => return at + 1,
            "{" => return after(tokens, at, "{", "}"),
            "#" => at = after(tokens, at + 1, "[", "]"),
            "(" => at = after(tokens, at, "(", ")"),
            "[" => at = after(tokens, at, "[", "]"),
            _ => at += 1,
        }
    }
    at
}

/// Notes the names that a `use` brings in, beginning at `at`, and gives the place after them.
fn use_tree(tokens: &[&str], mut at: usize, before: &[String], public: bool, module: &mut Module) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens[at] {
            "::" => {
                // `use ::log::info;` is of another crate, whatever modules there are: no module has an empty name.
                if path.is_empty() {
                    path.push(String::new());
                }
                at += 1;
            }
            "*" => {
                module.globs.push(path);
                return at + 1;
            }
            "{" => {
                at += 1;
                while tokens[at] != "}" {
                    at = use_tree(tokens, at, &path, public, module);
                    at += usize::from(tokens[at] == ",");
                }
                return at + 1;
            }
            "as" => {
                // A trait imported for its methods has no name; its path stands for it.
                let name = if tokens[at + 1] == "_" { path.join("::") } else { tokens[at + 1].to_owned() };
                module.uses.insert(name, (path, public));
                return at + 2;
            }
            "self" if !path.is_empty() => {
                at += 1;
                if tokens[at] != "as" {
                    let name = path.last().expect("not empty").clone();
                    module.uses.insert(name, (path, public));
                    return at;
                }
            }
            "," | "}" | ";" => {
                let name = path.last().expect("a name").clone();
                module.uses.insert(name, (path, public));
                return at;
            }
            word => {
                path.push(word.to_owned());
                at += 1;
            }
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

pub(crate) fn module_of(file: &File) -> Module {
    let text = code(&file.text);
    let tokens = tokens(&text);
    let mut module = Module { file: file.name.clone(), ..Module::default() };
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        match rest {
            ["#", "[", "cfg", "(", ..] => {
                let end = after(&tokens, at + 1, "[", "]");
                let attribute = &tokens[at..end];
                at = end;
                if attribute.contains(&"test") && !attribute.contains(&"not") {
                    let end = after_item(&tokens, at);
                    if let Some(["mod", child]) = tokens[at..end].windows(2).find(|pair| pair[0] == "mod") {
                        module.for_tests.insert((*child).to_owned());
                    }
                    at = end;
                }
            }
            // The path in `pub(in …)` takes nothing.
            ["pub", "(", ..] => {
                at = after(&tokens, at + 1, "(", ")");
                if tokens[at] == "use" {
                    at = use_tree(&tokens, at + 1, &[], true, &mut module);
                }
            }
            ["pub", "use", ..] => at = use_tree(&tokens, at + 2, &[], true, &mut module),
            ["use", ..] => at = use_tree(&tokens, at + 1, &[], false, &mut module),
            ["mod", _, ";", ..] => at += 3,
            [first, ..] if is_name(first) && (at == 0 || !matches!(tokens[at - 1], "::" | ".")) => {
                let mut path = vec![(*first).to_owned()];
                at += 1;
                while let ["::", next, ..] = &tokens[at..]
                    && is_name(next)
                {
                    path.push((*next).to_owned());
                    at += 2;
                }
                module.paths.insert(path);
            }
            _ => at += 1,
        }
    }
    module
}
