//! Private files: keys, tokens, the history.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions, remove_file, rename};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Creates an empty file that only this user can read. An old file, as a killed process may have left it, is removed first:
/// so no symlink is followed, and neither the old mode nor an old reader's descriptor lives on.
pub fn new_file(path: &Path) -> io::Result<File> {
    if_there(remove_file(path))?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// What was done with a file; `None` if there is none.
pub fn if_there<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

/// Creates or replaces a file with what `write` writes: under its name with this suffix, synced, then renamed. Until then, and on
/// failure, the old file is there. The folder is not synced.
pub fn replace(path: &Path, suffix: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let unfinished = [path.as_os_str(), suffix.as_ref()].join(OsStr::new(""));
    let unfinished = Path::new(&unfinished);
    let mut file = new_file(unfinished)?;
    let written = write(&mut file).and_then(|()| file.sync_all());
    written.and_then(|()| rename(unfinished, path)).inspect_err(|_| {
        // It would only take up room on a full disk.
        let _: io::Result<()> = remove_file(unfinished);
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, unfinished) = (folder.path().join("file"), folder.path().join("file.new"));
        let check = |text: &str, result: fn() -> io::Result<()>, expected: Option<&str>| {
            let replaced = replace(&path, ".new", |file| {
                file.write_all(text.as_bytes())?;
                result()
            });
            assert_eq!(replaced.is_ok(), result().is_ok(), "{text}");
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), expected, "{text}");
            assert!(unfinished.symlink_metadata().is_err(), "{text}");
        };
        let full = || Err(ErrorKind::StorageFull.into());
        check("none", full, None);
        check("one", || Ok(()), Some("one"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
        check("two", full, Some("one"));
        check("two", || Ok(()), Some("two"));
        assert_eq!(path.metadata().expect("a file").permissions().mode() & 0o7777, 0o600);
        // A folder cannot be renamed over.
        let over = folder.path().join("over");
        fs::create_dir(&over).expect("a folder");
        replace(&over, ".new", |file| file.write_all(b"three")).expect_err("a folder stays");
        assert!(folder.path().join("over.new").symlink_metadata().is_err());
        fs::create_dir(&unfinished).expect("a folder");
        replace(&path, ".new", |_| Ok(())).expect_err("no place for it");
        assert_eq!(fs::read(&path).expect("a file"), b"two");
    }

    #[test]
    fn nothing_of_an_old_file_lives_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("new"), folder.path().join("other"));
        let check = |text: &str| {
            let mut reader = File::open(&path);
            new_file(&path).expect("made").write_all(text.as_bytes()).expect("written");
            let meta = path.symlink_metadata().expect("a file");
            assert!(meta.is_file() && meta.permissions().mode() & 0o7777 == 0o600);
            if let Ok(reader) = &mut reader {
                assert_ne!(io::read_to_string(reader).expect("text"), text);
            }
        };
        check("one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("ours");
        check("two");
        fs::write(&other, "mine").expect("written");
        remove_file(&path).expect("it is there");
        symlink(&other, &path).expect("a link");
        check("three");
        assert_eq!(fs::read(&other).expect("a file"), b"mine");
        fs::create_dir(folder.path().join("folder")).expect("a folder");
        new_file(&folder.path().join("folder")).expect_err("it stays");
    }
}
