//! Known servers, reached over TLS before: a line each in `$XDG_STATE_HOME/chat-room/known_servers`, with `HOST:PORT` and a
//! fingerprint, `authority`, `ca` and a file, or `forgotten`. Lines that begin with `#` are left alone.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::files::{make_folder_of, write_whole};
use crate::files::if_there;
use crate::fingerprint::Fingerprint;

/// Why a certificate is trusted.
#[derive(Clone, Debug, derive_more::Display, PartialEq, Eq)]
pub(super) enum Trusted {
    /// An authority of the system vouches for it and this name.
    #[display("{AUTHORITY}")]
    Authority,
    /// A certificate in this file (PEM) vouches for it and this name.
    #[display("{FILE} {}", _0.display())]
    File(PathBuf),
    /// Its fingerprint is this one.
    Fingerprint(Fingerprint),
    /// Only TLS is remembered: the next certificate is treated like that of an unknown server.
    #[display("{FORGOTTEN}")]
    Forgotten,
}

const FORGOTTEN: &str = "forgotten";
const AUTHORITY: &str = "authority";
const FILE: &str = "ca";

impl Trusted {
    fn parse(text: &str) -> Option<Trusted> {
        match text.split_once(' ') {
            Some((FILE, file)) => {
                Some(PathBuf::from(file.trim_start())).filter(|file| file.is_absolute()).map(Trusted::File)
            }
            None if text == AUTHORITY => Some(Trusted::Authority),
            None if text == FORGOTTEN => Some(Trusted::Forgotten),
            _ => Fingerprint::parse(text).map(Trusted::Fingerprint),
        }
    }
}

/// What is known of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) trusted: Trusted,
    /// Where that is written: file and line.
    pub(super) place: String,
}

/// Looks a server up. A line about it that cannot be understood is an error: it may name another certificate.
pub(super) fn find(path: &Path, server: &str) -> io::Result<Option<Known>> {
    let read = if_there(fs::read_to_string(path));
    let read = read.map_err(|why| io::Error::new(why.kind(), format!("{}: {why}", path.display())))?;
    let Some(text) = read else { return Ok(None) };
    for (number, line) in (1..).zip(text.lines()) {
        let (name, rest) = parts(line);
        if name.eq_ignore_ascii_case(server) {
            let place = format!("{}:{number}", path.display());
            let wrong = || format!("{place}: this is neither a fingerprint nor {AUTHORITY} nor {FILE} FILE");
            return match Trusted::parse(rest.trim_start()) {
                None => Err(io::Error::new(ErrorKind::InvalidData, wrong())),
                Some(trusted) => Ok(Some(Known { trusted, place })),
            };
        }
    }
    Ok(None)
}

/// Why a server will not be known, in a sentence.
pub(super) fn not_remembered(server: &str, path: &Path, why: &io::Error) -> String {
    format!("{server} could not be remembered in {}: {why}", path.display())
}

/// The server of a line, and what follows it.
fn parts(line: &str) -> (&str, &str) {
    line.trim().split_once([' ', '\t']).unwrap_or((line.trim(), ""))
}

/// Remembers a server, in place of what was known of it.
pub(super) fn set(path: &Path, server: &str, trusted: &Trusted) -> io::Result<()> {
    let line = format!("{server} {trusted}\n");
    // What would not be read as it was written is refused.
    if line.lines().count() > 1 || Trusted::parse(trusted.to_string().trim()).as_ref() != Some(trusted) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the name of the file does not fit on a line"));
    }
    make_folder_of(path)?;
    let text = if_there(fs::read_to_string(path))?.unwrap_or_default();
    let is_it = |line: &str| parts(line).0.eq_ignore_ascii_case(server);
    if let Some(first) = text.lines().position(is_it) {
        // Of several lines about it one is kept.
        let kept = text.lines().enumerate().filter(|(at, found)| *at == first || !is_it(found));
        let changed = kept.map(|(at, found)| if at == first { line.clone() } else { format!("{found}\n") });
        return write_whole(path, &changed.collect::<String>());
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // An editor may have left the last line without an LF.
    let unended = !text.is_empty() && !text.ends_with('\n');
    file.write_all(if unended { format!("\n{line}") } else { line }.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn lines_are_found_by_the_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chat-room/known_servers");
        assert_eq!(find(&path, "a:1").expect("no file is no error"), None);
        let fingerprint = Trusted::Fingerprint(
            Fingerprint::parse(&[&["AB"; 31][..], &["01"]].concat().join(":")).expect("one"),
        );
        let file = Trusted::File(PathBuf::from("/etc/our own.pem"));
        set(&path, "a:1", &fingerprint).expect("written");
        set(&path, "b:1", &Trusted::Authority).expect("written");
        set(&path, "f:1", &file).expect("written");
        for bad in ["relative.pem", "/two\nlines.pem", "/blank "] {
            let bad = Trusted::File(PathBuf::from(bad));
            set(&path, "g:1", &bad).expect_err("it would be read as something else");
        }
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
        let found = |server| find(&path, server).expect("all lines are right").map(|known| known.trusted);
        assert_eq!((found("a:1"), found("B:1")), (Some(fingerprint), Some(Trusted::Authority)));
        assert_eq!((found("f:1"), found("g:1")), (Some(file), None));
        assert_eq!((found("a:2"), found("c:1")), (None, None));

        fs::write(&path, "# a:1 nonsense\n\nc:1 nonsense\na:1 authority more\nd:1\nb:1\tauthority")
            .expect("written");
        set(&path, "e:1", &Trusted::Authority).expect("written");
        for (server, line) in [("b:1", 6), ("e:1", 7)] {
            let known = find(&path, server).expect("its line is right").expect("it is there");
            assert_eq!(known.place, format!("{}:{line}", path.display()));
        }
        // A server that is set again keeps its line, also if that said nothing.
        set(&path, "B:1", &Trusted::Forgotten).expect("written");
        set(&path, "d:1", &Trusted::Authority).expect("written");
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(
            text,
            "# a:1 nonsense\n\nc:1 nonsense\na:1 authority more\nd:1 authority\nB:1 forgotten\ne:1 authority\n"
        );
        assert_eq!(mode(&path), 0o600);
        for (server, line) in [("c:1", 3), ("a:1", 4)] {
            let why = find(&path, server).expect_err("its line is wrong").to_string();
            assert!(why.starts_with(&format!("{}:{line}: ", path.display())), "{why}");
        }
    }
}
