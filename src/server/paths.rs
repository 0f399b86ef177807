//! Names of files, taken apart.

use std::path::Path;

/// The folder in which a path lies: the present one for a mere name.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
