//! What is wrong with a file, for who can mend it.

use std::fmt;
use std::path::Path;

use crate::server::files::paths::shown;

/// One sentence that begins with the file, as its path was given, and the line where there is one
/// (`members.txt:7: …`), and says what to do where that is not plain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(pub String);

impl Problem {
    pub(in crate::server) fn of(path: &Path, what: impl fmt::Display) -> Problem {
        Problem(format!("{}: {what}", shown(path)))
    }

    /// As members are told it: with the file's name alone, for the server's folders are not their business.
    pub(in crate::server) fn to_members(&self, path: &Path) -> String {
        let name = path.file_name().unwrap_or(path.as_os_str());
        match self.0.strip_prefix(&shown(path)) {
            Some(rest) => shown(Path::new(name)) + rest,
            None => self.0.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_first_and_a_problem_is_one_line() {
        let path = Path::new("/srv/chat\n/members.txt");
        let problem = Problem::of(path, "is not a file");
        assert_eq!(problem.to_string(), "/srv/chat?/members.txt: is not a file");
        assert_eq!(problem.to_members(path), "members.txt: is not a file");
        assert_eq!(problem.to_members(Path::new("elsewhere")), problem.to_string());
    }
}
