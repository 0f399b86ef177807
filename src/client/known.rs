//! Servers that were met before, and what they were known by: a line each in
//! `$XDG_STATE_HOME/chat-room/known_servers`, `HOST:PORT` and a fingerprint, or `authority`. Lines that begin with
//! `#` are left alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::fingerprint::Fingerprint;

/// Why a certificate is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trusted {
    /// An authority that the system trusts vouches for it, for this name.
    Authority,
    /// It is this one.
    Fingerprint(Fingerprint),
}

/// What was remembered of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) trusted: Trusted,
    /// File and line.
    pub(super) place: String,
}

const AUTHORITY: &str = "authority";

/// The file, if the environment says where there may be one.
pub(super) fn file() -> Option<PathBuf> {
    // A relative path counts as none, as XDG says.
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Some(base?.join("chat-room/known_servers"))
}

/// Looks a server up. A line about it that cannot be understood is an error: it may have meant another certificate.
pub(super) fn find(path: &Path, server: &str) -> io::Result<Option<Known>> {
    let text = match fs::read_to_string(path) {
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|why| io::Error::new(why.kind(), format!("{}: {why}", path.display())))?,
    };
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = line.split_ascii_whitespace();
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case(server)) {
            continue;
        }
        let place = format!("{}:{number}", path.display());
        let trusted = match (words.next(), words.next()) {
            (Some(AUTHORITY), None) => Trusted::Authority,
            (Some(word), None) => Trusted::Fingerprint(word.parse().map_err(|_| bad_line(&place))?),
            _ => return Err(bad_line(&place)),
        };
        return Ok(Some(Known { trusted, place }));
    }
    Ok(None)
}

fn bad_line(place: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{place}: this is neither a fingerprint nor {AUTHORITY}"))
}

/// Remembers a server, for the next time.
pub(super) fn add(path: &Path, server: &str, trusted: Trusted) -> io::Result<()> {
    let folder = path.parent().expect("the file is in a folder");
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let line = match trusted {
        Trusted::Authority => format!("{server} {AUTHORITY}\n"),
        Trusted::Fingerprint(fingerprint) => format!("{server} {fingerprint}\n"),
    };
    file.write_all(line.as_bytes())
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
        let fingerprint =
            Trusted::Fingerprint([&["AB"; 31][..], &["01"]].concat().join(":").parse().expect("one"));
        add(&path, "a:1", fingerprint).expect("written");
        add(&path, "b:1", Trusted::Authority).expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
        let found = |server| find(&path, server).expect("all lines are right").map(|known| known.trusted);
        assert_eq!((found("a:1"), found("B:1")), (Some(fingerprint), Some(Trusted::Authority)));
        assert_eq!((found("a:2"), found("c:1")), (None, None));

        fs::write(&path, "# a:1 nonsense\n\nc:1 nonsense\na:1 authority more\nb:1 authority\n")
            .expect("written");
        assert_eq!(
            find(&path, "b:1").expect("its line is right").expect("it is there").place,
            format!("{}:5", path.display())
        );
        for (server, line) in [("c:1", 3), ("a:1", 4)] {
            let why = find(&path, server).expect_err("its line is wrong").to_string();
            assert!(why.starts_with(&format!("{}:{line}: ", path.display())), "{why}");
        }
    }
}
