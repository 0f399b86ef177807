//! Files of the saved state: their folder, and how one is replaced whole.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::files;

/// Makes the folder of a file, if it is not there, for its owner only.
pub(super) fn make_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().expect("a file of the state is in a folder");
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Replaces a file whole; only its owner can read it.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    make_folder_of(path)?;
    files::replace(path, &format!(".{}", std::process::id()), |file| file.write_all(text.as_bytes()))
}
