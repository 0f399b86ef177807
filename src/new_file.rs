//! Files with what is nobody else's business: keys, tokens, what was said.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// An empty file of this name for nobody else to read, in the place of what a killed process left there. No symlink is
/// followed, and nobody's file is taken with the mode and the readers that it had.
pub fn new_file(path: &Path) -> io::Result<File> {
    match remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new().write(true).create_new(true).mode(0o600).open(path),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn nothing_of_what_lay_there_lives_on() {
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
