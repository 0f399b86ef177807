//! With what a node logs in at the brokers: a file that nobody else may read.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::limits::CREDENTIALS_FILE_MAX;
use crate::server::files::{NONBLOCK, Problem, access};
use crate::server::log::cluster::nats::command::Secret;

/// A login.
#[derive(Clone)]
pub enum Login {
    /// None: the brokers let everybody in.
    Anonymous,
    /// A user's name and password.
    User {
        /// `user NAME`.
        name: String,
        /// `password SECRET`.
        password: Zeroizing<String>,
    },
    /// `token SECRET`.
    Token(Zeroizing<String>),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Login::Anonymous => f.write_str("Anonymous"),
            Login::User { name, .. } => write!(f, "User({name})"),
            Login::Token(_) => f.write_str("Token"),
        }
    }
}

impl Login {
    /// From a file with the lines `user NAME` and `password SECRET`, or with the line `token SECRET`. Empty lines and
    /// those that begin with # are skipped. A file that others may read is refused, because the login lets them change
    /// the group.
    pub fn read(path: &Path) -> Result<Login, Problem> {
        let wrong = |why: std::io::Error| Problem::of(path, why);
        let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path).map_err(wrong)?;
        let metadata = file.metadata().map_err(wrong)?;
        if !metadata.is_file() {
            return Err(Problem::of(path, "is not a file"));
        }
        if access::of_others(&file).map_err(wrong)? != 0 {
            let mode = metadata.mode() & 0o777;
            let sentence =
                format!("others have access to it (its mode is {mode:o}), and so to the brokers: chmod 600");
            return Err(Problem::of(path, sentence));
        }
        // With room for all of it: a buffer that grows leaves copies behind.
        let size = usize::try_from(CREDENTIALS_FILE_MAX).expect("it is small") + 1;
        let mut text = Zeroizing::new(String::with_capacity(size));
        file.take(CREDENTIALS_FILE_MAX + 1).read_to_string(&mut text).map_err(wrong)?;
        if text.len() >= size {
            return Err(Problem::of(path, format!("has more than {CREDENTIALS_FILE_MAX} bytes")));
        }
        Login::parse(&text).map_err(|why| Problem::of(path, why))
    }

    /// An error completes a sentence that begins with the file. It repeats nothing of the text, which may be the
    /// secret.
    fn parse(text: &str) -> Result<Login, String> {
        let (mut user, mut password, mut token) = (None, None, None);
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let field = match name {
                "user" => &mut user,
                "password" => &mut password,
                "token" => &mut token,
                _ => return Err(format!("line {number} should begin with user, password or token")),
            };
            let value = value.trim_start();
            if value.is_empty() {
                return Err(format!("line {number} should have a value after {name}"));
            }
            if field.replace(value).is_some() {
                return Err(format!("line {number} says {name} once more"));
            }
        }
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        match (user, password, token) {
            (Some(name), Some(value), None) => {
                Ok(Login::User { name: name.to_owned(), password: secret(value) })
            }
            (None, None, Some(value)) => Ok(Login::Token(secret(value))),
            _ => Err("should have two lines, user NAME and password SECRET, or one, token SECRET".to_owned()),
        }
    }

    /// As CONNECT says it.
    pub(super) fn secret(&self) -> Secret<'_> {
        match self {
            Login::Anonymous => Secret::None,
            Login::User { name, password } => Secret::User(name, password),
            Login::Token(token) => Secret::Token(token),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::server::files::access::tests::{only_us, shares};

    #[track_caller]
    fn check(text: &str, mode: u32, expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("node");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
        let told = match Login::read(&path) {
            Ok(Login::User { name, password }) => format!("{name} {}", *password),
            Ok(Login::Token(token)) => format!("token {}", *token),
            Ok(Login::Anonymous) => "anonymous".to_owned(),
            Err(Problem(why)) => {
                let begin = format!("{}: ", path.display());
                format!("! {}", why.strip_prefix(&begin).expect("it names the file"))
            }
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn files_with_a_login() {
        check("user node\npassword a b#c \n", 0o600, "node a b#c");
        check("# of n1\r\n\r\n  password\tx\r\n  user   y", 0o400, "y x");
        check("token t\n", 0o600, "token t");
        for (text, why) in [
            ("", "should have two lines, user NAME and password SECRET, or one, token SECRET"),
            ("user node\n", "should have two lines, user NAME and password SECRET, or one, token SECRET"),
            (
                "user node\npassword x\ntoken y\n",
                "should have two lines, user NAME and password SECRET, or one, token SECRET",
            ),
            ("secret\n", "line 1 should begin with user, password or token"),
            ("user node\npassword \n", "line 2 should have a value after password"),
            ("user node\nuser node\n", "line 2 says user once more"),
        ] {
            check(text, 0o600, &format!("! {why}"));
        }
        check(&"#".repeat(4097), 0o600, "! has more than 4096 bytes");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        for mode in [0o640, 0o604, 0o644, 0o620, 0o666, 0o610] {
            let why = format!(
                "! others have access to it (its mode is {mode:o}), and so to the brokers: chmod 600"
            );
            check("token t\n", mode, &why);
        }
    }

    /// systemd's credential where its file system has ACLs: root's, and the service's user may read it.
    #[test]
    fn a_file_that_an_acl_lets_only_us_read_is_as_good_as_our_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("node");
        fs::write(&path, "token t\n").expect("a file");
        let file = fs::File::open(&path).expect("it was made");
        if !shares(&file, &only_us(), 4) {
            return;
        }
        assert_eq!(path.metadata().expect("a file").mode() & 0o777, 0o440);
        assert!(matches!(Login::read(&path), Ok(Login::Token(token)) if *token == "t"));
    }

    #[test]
    fn no_secret_is_shown() {
        let login = Login::parse("user node\npassword geheim\n").expect("a login");
        assert_eq!(format!("{login:?} {:?}", login.secret()), "User(node) User");
        assert_eq!(format!("{:?}", Login::parse("token geheim")), "Ok(Token)");
    }

    #[test]
    fn only_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let told = |name: &str| Login::read(&folder.path().join(name)).expect_err("none").0;
        assert!(told("").ends_with(": is not a file"), "{}", told(""));
        assert!(told("none").contains(": No such file"), "{}", told("none"));
    }
}
