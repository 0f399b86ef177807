//! One meaning a word, and the word that the field has for it: these have another one, or none.

use crate::{File, code, is_document, nothing_wrong};

/// Words that neither a name nor a comment of src/ may have, and what to say instead.
const WORDS: &[(&str, &str)] = &[
    ("buried", "closed"),
    ("bury", "close"),
    ("deaf", "the peer takes nothing any more"),
    ("door", "admission, or what it is"),
    ("ghost", "a connection that was left behind"),
    ("guest", "a login, or its origin"),
    ("noted", "recorded, or in the snapshot"),
    ("recall", "what is restored"),
    ("shall", "should, must or will"),
    ("stranger", "a connection before login, or somebody who is no member"),
    ("trail", "the acknowledgements"),
    ("whomever", "anybody"),
];

/// Words that are right in a sentence, but no names: they tell nothing of what the thing is.
const NAMES: &[(&str, &str)] =
    &[("beginning", "the start"), ("bench", "hasher"), ("meant", "intended, or wanted")];

/// Words that are no more in documents either, where a reader knows nothing of the code.
const TOLD: &[(&str, &str)] = &[
    ("ghost", "a connection that was left behind"),
    ("knock", "try to connect"),
    ("stranger", "a connection before login, or somebody who is no member"),
    ("trail", "the acknowledgements"),
];

/// The words of a name: `HashQueue`, `hash_queue` and `HASH_QUEUE` are hash and queue.
fn words_of_name(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if c == '_' || c.is_uppercase() && before.is_lowercase() {
            words.push(String::new());
        }
        words
            .last_mut()
            .expect("there is always one")
            .extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
        before = c;
    }
    words
}

/// Whether a word is a listed one or its plural.
fn is_form_of(word: &str, listed: &str) -> bool {
    word.strip_suffix('s').unwrap_or(word) == listed
}

/// The names on a line of code, or the words on a line of a comment.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty())
}

/// The comments, each with the number of its line. A `//` within a string counts if there is a blank before it.
fn comments(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter_map(|(number, line)| {
        let begin = line.find("//").filter(|at| *at == 0 || line[..*at].ends_with([' ', '\t']))?;
        Some((number, &line[begin..]))
    })
}

fn private_language(file: &File) -> Vec<String> {
    if !file.name.starts_with("src/") || file.name.rsplit('.').next() != Some("rs") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    let mut complain = |number: usize, word: &str, instead: &str| {
        complaints.push(format!("{}:{number}: '{word}' is {instead}", file.name));
    };
    for (number, line) in (1..).zip(code(&file.text).lines()) {
        for word in names(line).flat_map(words_of_name) {
            let mut listed = WORDS.iter().chain(NAMES);
            if let Some((word, instead)) = listed.find(|(listed, _)| is_form_of(&word, listed)) {
                complain(number, word, instead);
            }
        }
    }
    for (number, comment) in comments(&file.text) {
        for word in names(comment).flat_map(words_of_name) {
            if let Some((word, instead)) = WORDS.iter().find(|(listed, _)| is_form_of(&word, listed)) {
                complain(number, word, instead);
            }
        }
    }
    complaints
}

/// Words that no document has.
fn private_words(document: &File) -> Vec<String> {
    let listed = |word: &str| WORDS.iter().chain(TOLD).find(|(listed, _)| is_form_of(word, listed));
    let lines = (1..).zip(document.text.lines());
    let found = lines.flat_map(|(number, line)| names(line).map(move |word| (number, word.to_lowercase())));
    found
        .filter_map(|(number, word)| {
            let (_, instead) = listed(&word)?;
            Some(format!("{}:{number}: '{word}' is {instead}", document.name))
        })
        .collect()
}

#[test]
fn documents_have_the_fields_words() {
    nothing_wrong(crate::files().iter().filter(|file| is_document(&file.name)).flat_map(private_words));
    let found = |text: &str| private_words(&File { name: "a.md".to_owned(), text: text.to_owned() });
    assert_eq!(
        found("One\nGhosts knock.\n"),
        ["a.md:2: 'ghosts' is a connection that was left behind", "a.md:2: 'knock' is try to connect"]
    );
    assert_eq!(found("a ghostly strange thing\n"), [""; 0]);
}

#[test]
fn names_and_comments_have_the_fields_words() {
    nothing_wrong(crate::files().iter().flat_map(private_language));
}

#[test]
fn a_private_word_is_found() {
    let bad =
        |text: &str| private_language(&File { name: "src/a.rs".to_owned(), text: text.to_owned() }).len();
    for (word, _) in WORDS {
        let (first, rest) = word.split_at(1);
        let title = first.to_uppercase() + rest;
        assert_eq!(
            bad(&format!("// {title} is here, and {word}.\nlet {word}s_{word} = New{title}::go();\n")),
            5,
            "{word}"
        );
        assert_eq!(
            bad(&format!("let text = \"{word}\"; let x{word} = {word}x; // {word}ing\n")),
            0,
            "{word}"
        );
    }
    for (word, _) in NAMES {
        assert_eq!(
            (bad(&format!("let my_{word} = 1;\n")), bad(&format!("// the {word}\n"))),
            (1, 0),
            "{word}"
        );
    }
    assert_eq!(bad("let url = \"http://deaf.example\";\n"), 0);
    let other =
        |name: &str| private_language(&File { name: name.to_owned(), text: "// deaf\n".to_owned() }).len();
    assert_eq!((other("src/room/a.rs"), other("tests/a.rs"), other("src/man/a.1")), (1, 0, 0));
}
