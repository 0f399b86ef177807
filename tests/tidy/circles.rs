//! No files of src/ import each other in a circle, so each can be read after those that it builds on.
//!
//! There is an arrow from a file to each file that *holds* something it names, in a `use` or in a path:
//!
//! - A name is followed to where it is defined. Whoever takes it through a parent's `use` or `pub use` has an arrow to the
//!   child, not to the parent. `mod child;` and a `pub use` of what the parent does not use itself are no arrows.
//! - What only tests have does not count: items after `#[cfg(test)]`, and the files of such modules.
//! - A method is called without naming its file, so a call is no arrow.
//! - An `impl` is in the file that defines its type, or in one that this file takes nothing from: so the methods of a type
//!   that holds others cannot be spread over the files of these.
//!
//! `main.rs` and `bin/` are left out: nothing can import them. A `*` is an arrow to the module that it names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::imports::{Module, Path, module_of};
use crate::{File, files, nothing_wrong};

/// The names that each file takes from each other.
type Arrows<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<String>>>;

/// The modules by their paths, without those that only tests have.
pub(crate) struct Crate(BTreeMap<Path, Module>);

impl Crate {
    pub(crate) fn of(files: &[File]) -> Crate {
        let mut modules = BTreeMap::new();
        for file in files {
            let path = file.name.strip_prefix("src/").and_then(|name| name.strip_suffix(".rs"));
            let Some(path) = path.filter(|path| *path != "main" && !path.starts_with("bin/")) else {
                continue;
            };
            let path = path.strip_suffix("/mod").unwrap_or(path);
            let names = path.split('/').filter(|name| *name != "lib").map(str::to_owned);
            let path: Path = names.collect();
            modules.insert(path, module_of(file));
        }
        let only_for_tests = |path: &[String]| {
            (1..=path.len()).any(|length| {
                let parent: Option<&Module> = modules.get(&path[..length - 1]);
                parent.is_some_and(|parent| parent.for_tests.contains(&path[length - 1]))
            })
        };
        let paths: Vec<Path> = modules.keys().filter(|path| only_for_tests(path)).cloned().collect();
        for path in paths {
            modules.remove(&path);
        }
        Crate(modules)
    }

    /// What a path names in the module `here`: the module that defines it, and its name there. `None`: another crate's.
    /// `depth` counts the imports that were followed.
    fn holder(&self, here: &[String], path: &[String], depth: usize) -> Option<(Path, String)> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.inside(&[], rest, depth),
            "self" | "super" => {
                let up = usize::from(first == "super");
                let from = &here[..here.len().checked_sub(up)?];
                if rest.first().is_some_and(|next| next == "super") {
                    self.holder(from, rest, depth)
                } else {
                    self.inside(from, rest, depth)
                }
            }
            _ => {
                let module = &self.0[here];
                let child = [here, std::slice::from_ref(first)].concat();
                let known = self.0.contains_key(&child) || module.uses.contains_key(first);
                known.then(|| self.inside(here, path, depth)).flatten()
            }
        }
    }

    /// The same for a path that begins in a module.
    fn inside(&self, module: &[String], path: &[String], depth: usize) -> Option<(Path, String)> {
        let Some((first, rest)) = path.split_first() else {
            return Some((module.to_vec(), String::from("itself")));
        };
        let child = [module, std::slice::from_ref(first)].concat();
        if self.0.contains_key(&child) {
            return self.inside(&child, rest, depth);
        }
        let here = self.0.get(module)?;
        let Some((alias, _)) = here.uses.get(first) else {
            return Some((module.to_vec(), first.clone()));
        };
        // `use memchr::memchr;`: first the crate, not the function.
        if alias[0] == *first && !self.0.contains_key(&[module, &alias[..1]].concat()) {
            return None;
        }
        assert!(depth < 20, "{}: {first} leads back to itself", here.file);
        self.holder(module, &[alias, rest].concat(), depth + 1)
    }

    /// The files that name what this file defines under this name, itself among them.
    pub(crate) fn reach(&self, file: &str, name: &str) -> BTreeSet<&str> {
        let names = |here: &Path, module: &Module| {
            let taken = module.uses.values().map(|(path, _)| path).chain(&module.paths);
            taken.filter_map(|path| self.holder(here, path, 0)).any(|(holder, taken)| {
                let holder = self.0.get(&holder);
                taken == name && holder.is_some_and(|holder| holder.file == file)
            })
        };
        let others = self.0.iter().filter(|(here, module)| module.file == file || names(here, module));
        others.map(|(_, module)| module.file.as_str()).collect()
    }

    fn arrows(&self) -> Arrows<'_> {
        let mut arrows = Arrows::new();
        for (here, module) in &self.0 {
            let is_used = |name: &str| module.paths.iter().any(|path| path[0] == name);
            let uses = module.uses.iter().filter(|(name, (_, public))| !public || is_used(name));
            let taken = uses.map(|(_, (path, _))| path).chain(&module.globs);
            let from = arrows.entry(&module.file).or_default();
            for path in taken.chain(module.paths.iter().filter(|path| path.len() > 1)) {
                let Some((holder, name)) = self.holder(here, path, 0) else { continue };
                let holder = self.0[&holder].file.as_str();
                if holder != module.file {
                    from.entry(holder).or_default().insert(name);
                }
            }
        }
        arrows
    }
}

/// All files that can be reached along the arrows.
fn reached<'a>(arrows: &Arrows<'a>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(file) = left.pop() {
        left.extend(arrows[file].keys().filter(|next| seen.insert(**next)));
    }
    seen
}

/// The shortest way from a file back to itself.
fn way_back<'a>(arrows: &Arrows<'a>, from: &'a str) -> Option<Vec<&'a str>> {
    let (mut seen, mut ways) = (BTreeSet::new(), VecDeque::from([vec![from]]));
    while let Some(way) = ways.pop_front() {
        for next in arrows[way.last().expect("it begins somewhere")].keys() {
            let longer = [&way[..], &[*next]].concat();
            if *next == from {
                return Some(longer);
            }
            if seen.insert(*next) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// A complaint for each set of files that can all reach each other, with the arrows of a shortest circle among them.
fn circles(modules: &Crate) -> Vec<String> {
    let arrows = modules.arrows();
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|file| (*file, reached(&arrows, file))).collect();
    let mut complaints = Vec::new();
    for (first, from) in &reach {
        let circle: BTreeSet<&str> =
            from.iter().copied().filter(|other| reach[other].contains(first)).collect();
        // Each circle is told once, at the first of its files.
        if circle.first() != Some(first) {
            continue;
        }
        let ways = circle.iter().filter_map(|file| way_back(&arrows, file));
        let shortest = ways.min_by_key(Vec::len).expect("each of them is reached from itself");
        let mut lines = vec![format!("{} files import each other in a circle; the shortest:", circle.len())];
        for way in shortest.windows(2) {
            let names: Vec<&str> = arrows[way[0]][way[1]].iter().map(String::as_str).collect();
            lines.push(format!("  {} takes {} from {}", way[0], names.join(", "), way[1]));
        }
        complaints.push(lines.join("\n"));
    }
    complaints
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    nothing_wrong(circles(&Crate::of(&files())));
}

/// The circles among files of src/, each given as its name and its text.
fn among<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
    let file = |(name, text): (&str, &str)| File { name: format!("src/{name}"), text: text.to_owned() };
    circles(&Crate::of(&files.map(file)))
}

#[test]
fn a_circle_is_told_with_its_arrows() {
    let two = among([("a.rs", "use crate::b::B;\n"), ("b.rs", "use super::a::A;\n")]);
    assert_eq!(
        two,
        ["2 files import each other in a circle; the shortest:\n  \
          src/a.rs takes B from src/b.rs\n  src/b.rs takes A from src/a.rs"]
    );
    let ring = [
        ("a.rs", "use crate::b::B;\n"),
        ("b.rs", "use crate::c::C;\n"),
        ("c.rs", "fn f() { crate::a::g() }\n"),
    ];
    assert_eq!(among(ring).len(), 1);
    let [a, b, _] = ring;
    assert_eq!(among([a, b, ("c.rs", "fn f() {}\n")]), [""; 0]);
    // Of many arrows those are told that close the shortest circle.
    let shortcut = ("c.rs", "fn f() { crate::a::g(); crate::b::h() }\n");
    let told = &among([a, b, shortcut])[0];
    assert!(told.starts_with("3 files") && told.lines().count() == 3 && !told.contains("a.rs"), "{told}");
    let other = [("x.rs", "use crate::y::Y;\n"), ("y.rs", "use crate::x::X;\n")];
    assert_eq!(among([a, ("b.rs", "use crate::a::A;\n"), other[0], other[1]]).len(), 2);
}

#[test]
fn every_way_to_name_something_is_an_arrow() {
    for (text, expected) in [
        ("use crate::b::B;", 1),
        ("pub use crate::b::B;\npub struct A(B);", 1),
        ("use crate::{c::C, b::{self, B as X}};", 1),
        ("use crate::b::*;", 1),
        ("use crate::b;", 1),
        ("use crate::b::Trait as _;", 1),
        ("use self::super::b::B;", 1),
        ("fn f(x: super::b::B) {}", 1),
        ("fn f() -> Vec<crate::b::B> { Vec::<crate::b::B>::new() }", 1),
        ("use crate::c::B;", 1),
        ("// use crate::b::B;\n/* crate::b */ const X: &str = \"crate::b::B\";", 0),
        ("pub use crate::b::B;", 0),
        ("pub(in crate::b) struct A;", 0),
        ("#[cfg(test)]\nuse crate::b::B;\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}", 0),
        ("#[cfg(test)]\nmod tests;", 0),
        ("use b::B;\nuse ::b::C;\nfn f(b: u8) { b.b() }", 0),
    ] {
        let found = among([
            ("a.rs", text),
            ("a/tests.rs", "use crate::b::B;\n"),
            ("b.rs", "use crate::a::A;\n"),
            ("c.rs", "pub use crate::b::B;\n"),
        ]);
        assert_eq!(found.len(), expected, "{text}\n{found:?}");
    }
}

#[test]
fn what_a_parent_passes_on_is_its_childs() {
    let parent = "mod b;\nmod c;\npub use b::B;\nuse c::C;\npub struct A(C);\n";
    let below = |text| [("a/mod.rs", parent), ("a/b.rs", "pub struct B;\n"), ("a/c.rs", text)];
    assert_eq!(among(below("use super::B;\n")), [""; 0]);
    assert_eq!(among(below("use crate::a::B;\n")), [""; 0]);
    assert_eq!(among(below("use super::A;\n")).len(), 1);
    // Another crate's name is no module's.
    let log = |text| among([("a/mod.rs", text), ("a/log.rs", "use super::A;\n")]);
    assert_eq!((log("mod log;\nuse ::log::info;\n").len(), log("mod log;\nuse log::info;\n").len()), (0, 1));
}

#[test]
fn the_methods_of_a_type_are_not_spread_over_what_it_holds() {
    let parent = "mod b;\nuse b::B;\npub struct Whole(B);\n";
    let below = |text| among([("a/mod.rs", parent), ("a/b.rs", text)]).len();
    assert_eq!(below("use super::Whole;\nimpl Whole {}\n"), 1);
    assert_eq!(below("use super::Whole;\nfn f(_: Whole) {}\n"), 1);
    assert_eq!(below("pub struct B;\nimpl B {}\n"), 0);
}
