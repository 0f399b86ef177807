//! What bash and zsh complete. The files are installed without building, so they are committed as they are rendered here.

use std::fmt::Write as _;

use chat_room::manual::{Flag, plain};

use super::Program;

/// What is completed after an option that takes a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Files,
    Folders,
    /// One of the words that are listed.
    Words(&'static [&'static str]),
    /// Nothing: only whoever types knows it.
    Any,
}

/// Of an option that takes one.
fn value(flag: &Flag) -> Option<Value> {
    let name = flag.value?;
    Some(match name {
        _ if !flag.words.is_empty() => Value::Words(flag.words),
        "FILE" => Value::Files,
        "DIR" => Value::Folders,
        _ => Value::Any,
    })
}

/// An option in all its spellings.
fn spellings(flag: &Flag) -> Vec<String> {
    let short = (!flag.short.is_empty()).then(|| format!("-{}", flag.short));
    short.into_iter().chain([format!("--{}", flag.long)]).collect()
}

fn head(program: &Program, shell: &str) -> String {
    format!(
        "# {shell} completes {} with this. Made by: UPDATE=1 cargo test --test tidy options\n",
        program.name
    )
}

/// For bash, without the functions of its package of completions.
pub(super) fn bash(program: &Program) -> String {
    let Program { name, flags, commands } = program;
    let function = format!("_{}", name.replace('-', "_"));
    let mut cases = String::new();
    let mut values: Vec<Value> = Vec::new();
    for value in flags.iter().filter_map(value) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    for kind in values {
        let with_it = flags.iter().filter(|flag| value(flag) == Some(kind));
        let names: Vec<String> = with_it.flat_map(spellings).collect();
        let does = match kind {
            Value::Files => {
                "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")".to_owned()
            }
            Value::Folders => {
                "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")".to_owned()
            }
            Value::Words(words) => {
                format!("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")", words.join(" "))
            }
            Value::Any => String::new(),
        };
        let _ = write!(cases, "        {})\n            {does}", names.join(" | "));
        cases.push_str(if does.is_empty() { "return ;;\n" } else { "\n            return ;;\n" });
    }
    let all: Vec<String> =
        flags.iter().flat_map(spellings).chain(commands.iter().map(|word| (*word).to_owned())).collect();
    format!(
        "{}
{function}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    # --option=value is three words here.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case $prev in
{cases}    esac
    mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")
}} && complete -F {function} {name}
",
        head(program, "bash"),
        all.join(" "),
    )
}

/// For zsh, with what the options are for.
pub(super) fn zsh(program: &Program) -> String {
    let Program { name, flags, commands } = program;
    let mut specs: Vec<String> = flags.iter().map(spec).collect();
    if !commands.is_empty() {
        specs.push(format!("'*:command:({})'", commands.join(" ")));
    }
    format!("#compdef {name}\n{}\n_arguments -s \\\n    {}\n", head(program, "zsh"), specs.join(" \\\n    "))
}

fn spec(flag: &Flag) -> String {
    let escaped = |text: &str| {
        let marked = text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
        marked.replace('\'', "'\\''")
    };
    let help = escaped(&plain(&flag.help));
    let after = match value(flag) {
        None => String::new(),
        Some(kind) => {
            let action = match kind {
                Value::Files => "_files".to_owned(),
                Value::Folders => "_files -/".to_owned(),
                Value::Words(words) => format!("({})", words.join(" ")),
                Value::Any => " ".to_owned(),
            };
            format!(":{}:{action}", escaped(flag.value.expect("it takes one")))
        }
    };
    let sign = if flag.value.is_some() { "=" } else { "" };
    let long = format!("--{}{sign}", flag.long);
    if flag.short.is_empty() {
        return format!("'{long}[{help}]{after}'");
    }
    let short = flag.short;
    let plus = if flag.value.is_some() { "+" } else { "" };
    format!("'(-{short} --{})'{{-{short}{plus},{long}}}'[{help}]{after}'", flag.long)
}

#[test]
fn an_option_in_two_shells() {
    let program = Program {
        name: "a-b",
        flags: vec![
            Flag::taking("log-file", "FILE", "append to a file; `none`: [nowhere](a.md)"),
            Flag::taking("level", "LEVEL", "it's so much").short("l").words(&["a", "b"]),
            Flag::taking("rate", "A:B", "x"),
            Flag::switch("yes", "do it").short("y"),
        ],
        commands: &["go"],
    };
    let zsh = zsh(&program);
    for line in [
        "'--log-file=[append to a file; none\\: nowhere]:FILE:_files' \\",
        "'(-l --level)'{-l+,--level=}'[it'\\''s so much]:LEVEL:(a b)' \\",
        "'--rate=[x]:A\\:B: ' \\",
        "'(-y --yes)'{-y,--yes}'[do it]' \\",
        "'*:command:(go)'",
    ] {
        assert!(zsh.lines().any(|found| found == format!("    {line}")), "{line} is not in:\n{zsh}");
    }
    let bash = bash(&program);
    for line in [
        "        --log-file)",
        "        -l | --level)",
        "            mapfile -t COMPREPLY < <(compgen -W 'a b' -- \"$cur\")",
        "        --rate)\n            return ;;",
        "    mapfile -t COMPREPLY < <(compgen -W '--log-file -l --level --rate -y --yes go' -- \"$cur\")",
        "} && complete -F _a_b a-b",
    ] {
        assert!(bash.contains(&format!("\n{line}\n")), "{line} is not in:\n{bash}");
    }
}
