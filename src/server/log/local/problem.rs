//! What is wrong with the history.

use std::fmt;

/// What an admin is to do about a damaged file.
pub(super) const RESTORE: &str = "restore the file from a copy";

/// What is wrong with the history: one sentence for an admin that begins with the file, and the line where there
/// is one (`history/000000000001.txt:17: …`), and says what to do where that is not plain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
