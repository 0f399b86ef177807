//! What is remembered from one run to the next: where somebody chatted last, and tokens. Plain files under
//! `XDG_STATE_HOME`, readable by their owner only.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::options::Transport;
use crate::protocol::{Mail, Token};

/// The folder. Without one nothing is remembered.
#[derive(Clone, Debug)]
pub(super) struct State {
    dir: Option<PathBuf>,
}

/// Who chatted last, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) mail: Mail,
    pub(super) server: String,
    pub(super) transport: Transport,
}

impl State {
    /// `$XDG_STATE_HOME/chat-room`, else `~/.local/state/chat-room`. A relative path counts as none, as XDG says.
    pub(super) fn from_env() -> State {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        State { dir: base.map(|base| base.join("chat-room")) }
    }

    /// Who chatted last, if that can be read.
    pub(super) fn last(&self) -> Option<Last> {
        let text = fs::read_to_string(self.dir.as_ref()?.join("last")).ok()?;
        let value = |key| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        let mail = Mail::parse(value("mail")?.as_bytes()).ok()?;
        let transport = match (value("tls"), value("ca")) {
            (None, None) => Transport::Plain,
            (_, ca) => Transport::Tls { ca: ca.map(PathBuf::from) },
        };
        Some(Last { mail, server: value("server")?.to_owned(), transport })
    }

    pub(super) fn remember(&self, last: &Last) -> io::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let tls = match &last.transport {
            Transport::Plain => String::new(),
            Transport::Tls { ca: None } => "tls yes\n".to_owned(),
            Transport::Tls { ca: Some(ca) } => format!("tls yes\nca {}\n", ca.display()),
        };
        write(&dir.join("last"), &format!("mail {}\nserver {}\n{tls}", last.mail, last.server))
    }

    pub(super) fn token(&self, last: &Last) -> Option<Token> {
        let text = Zeroizing::new(fs::read_to_string(self.token_path(last)?).ok()?);
        Token::parse(text.trim_end().as_bytes())
    }

    pub(super) fn keep_token(&self, last: &Last, token: &Token) -> io::Result<()> {
        let Some(path) = self.token_path(last) else { return Ok(()) };
        write(&path, &Zeroizing::new(format!("{}\n", token.expose())))
    }

    pub(super) fn forget_token(&self, last: &Last) {
        // What is not there is forgotten; what cannot be removed the server does not take either.
        let _ = self.token_path(last).map(fs::remove_file);
    }

    /// Whether there is a place to keep one.
    pub(super) fn can_keep(&self) -> bool {
        self.dir.is_some()
    }

    fn token_path(&self, last: &Last) -> Option<PathBuf> {
        let folder = self.dir.as_ref()?.join("tokens").join(file_name(&last.server));
        Some(folder.join(last.mail.as_str()))
    }
}

/// A server's name as one that any file system takes and no path is climbed with.
fn file_name(server: &str) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    server
        .bytes()
        .map(|b| if harmless(b) { char::from(b).to_string() } else { format!("%{b:02x}") })
        .collect()
}

/// Puts a file in its place whole, for its owner's eyes.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().expect("a file of the state is in a folder");
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes()).and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_was_remembered_is_found_by_its_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State { dir: Some(folder.path().join("chat-room")) };
        assert_eq!(state.last(), None);
        let mail = Mail::parse(b"ann@example.org").expect("a mail");
        let server = "chat.example.org:7667".to_owned();
        let here = Last { mail, server, transport: Transport::Plain };
        let there = Last { server: "../[::1]:7667".to_owned(), ..here.clone() };
        state.remember(&here).expect("written");
        assert_eq!(state.last(), Some(here.clone()));
        for ca in [None, Some(PathBuf::from("/etc/the ca.pem"))] {
            let secure = Last { transport: Transport::Tls { ca }, ..here.clone() };
            state.remember(&secure).expect("written");
            assert_eq!(state.last(), Some(secure));
        }
        let token = Token::parse(b"abc").expect("a token");
        state.keep_token(&here, &token).expect("written");
        assert_eq!((state.token(&here), state.token(&there)), (Some(token.clone()), None));
        state.keep_token(&there, &token).expect("written");
        assert!(folder.path().join("chat-room/tokens/..%2f[::1]:7667/ann@example.org").exists());
        let path = state.token_path(&here).expect("it has one");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
        state.forget_token(&here);
        assert_eq!((state.token(&here), state.token(&there)), (None, Some(token)));
    }
}
