//! Copies of files for a backup: durable when they are made, and readable by the same people as the original.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::files::new_file;
use crate::server::files::{Problem, attributes};

/// Makes a folder that only the owner of another one can read.
pub(in crate::server) fn make_folder(to: &Path, like: &Path) -> Result<(), Problem> {
    let made = DirBuilder::new().mode(0o700).create(to);
    made.map_err(|error| Problem::of(to, format_args!("cannot be made: {error}")))?;
    // Where the owner cannot be kept, this user has the copy for itself, which is safe.
    if let (Ok(like), Ok(to)) = (File::open(like), File::open(to)) {
        let _ = attributes::keep_owner(&like, &to);
    }
    Ok(())
}

/// Makes a file with what `write` writes, and with the owner, mode and attributes of `like`, as far as this user may.
pub(in crate::server) fn make_file(
    to: &Path,
    like: &File,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), Problem> {
    let made = new_file(to).and_then(|mut file| {
        write(&mut file)?;
        let _ = attributes::keep(like, &file);
        file.sync_all()
    });
    made.map_err(|error| Problem::of(to, format_args!("cannot be written: {error}")))
}

/// Copies a small file, whatever its bytes are.
pub(in crate::server) fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    let cannot = |error: io::Error| Problem::of(from, format_args!("cannot be read: {error}"));
    let like = File::open(from).map_err(cannot)?;
    let mut bytes = Zeroizing::new(Vec::new());
    (&like).read_to_end(&mut bytes).map_err(cannot)?;
    make_file(to, &like, |file| file.write_all(&bytes))
}
