//! What is remembered from one run to the next: the last mail and server, the servers with TLS, tokens, and how far each device
//! was shown the transcript. Plain files under `XDG_STATE_HOME`, readable by their owner only.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::files::write_whole;
use super::known::{self, Trusted};
use super::options::Transport;
use super::server::{Identity, Server, Servers};
use crate::protocol::{Mail, Token};

/// The folder of these files. Without one nothing is remembered.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) dir: Option<PathBuf>,
}

/// TLS without authorities from the command line.
const TLS: Transport = Transport::Tls { ca: None };

impl State {
    /// `$XDG_STATE_HOME/chat-room`, else `~/.local/state/chat-room`. A relative path counts as none, as XDG requires.
    pub(super) fn from_env() -> State {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        State { dir: base.map(|base| base.join("chat-room")) }
    }

    /// The mail and the servers of the last chat, if they can be read.
    pub(super) fn last(&self) -> Option<(Mail, Servers)> {
        let text = fs::read_to_string(self.dir.as_ref()?.join("last")).ok()?;
        let value = |key| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        let transport = value("tls").map_or(Transport::Plain, |_| TLS);
        let names = value("server")?.split(',').map(str::to_owned).collect();
        Some((Mail::parse(value("mail")?.as_bytes()).ok()?, Servers { names, transport }))
    }

    pub(super) fn remember(&self, Identity { mail, servers, .. }: &Identity) -> io::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        // What vouches for it is in the file of known servers.
        let tls = if servers.transport == Transport::Plain { "" } else { "tls yes\n" };
        write_whole(&dir.join("last"), &format!("mail {mail}\nserver {}\n{tls}", servers.names.join(",")))
    }

    /// The file of known servers.
    pub(super) fn known_servers(&self) -> Option<PathBuf> {
        Some(self.dir.as_ref()?.join("known_servers"))
    }

    /// Whether a server is to be reached over TLS and no certificate of it is known.
    pub(super) fn is_unknown(&self, server: &Server) -> bool {
        match self.known_servers().map(|file| known::find(&file, &server.name)) {
            Some(Ok(known)) => {
                server.transport == TLS && known.is_none_or(|known| known.trusted == Trusted::Forgotten)
            }
            // The login reports that error.
            Some(Err(_)) | None => false,
        }
    }

    /// Servers of these names, where the command line does not say how to reach them: over TLS if one of them ever was. A line
    /// about one that cannot be understood is an error.
    pub(super) fn servers(&self, names: Vec<String>) -> io::Result<Servers> {
        let mut were_tls = false;
        for name in &names {
            were_tls |= match self.known_servers().map(|file| known::find(&file, name)).transpose() {
                Err(why) if why.kind() == ErrorKind::InvalidData => return Err(why),
                // A file that this user may not read, as after `sudo -u`, is another user's.
                known => known.ok().flatten().flatten().is_some(),
            };
        }
        if let Some((_, last)) = self.last().filter(|(_, last)| last.transport != Transport::Plain) {
            let is_one = |name: &String| last.names.iter().any(|known| known.eq_ignore_ascii_case(name));
            were_tls |= names.iter().any(is_one);
        }
        Ok(Servers { names, transport: if were_tls { TLS } else { Transport::Plain } })
    }

    pub(super) fn token(&self, identity: &Identity) -> Option<Token> {
        let text = Zeroizing::new(fs::read_to_string(self.token_path(identity)?).ok()?);
        Token::parse(text.trim_end().as_bytes())
    }

    pub(super) fn save_token(&self, identity: &Identity, token: &Token) -> io::Result<()> {
        let Some(path) = self.token_path(identity) else { return Ok(()) };
        write_whole(&path, &Zeroizing::new([token.expose(), "\n"].concat()))
    }

    pub(super) fn forget_token(&self, identity: &Identity) {
        // If that fails, the token stays, and the server refuses it again.
        let _ = self.token_path(identity).map(fs::remove_file);
    }

    fn token_path(&self, identity: &Identity) -> Option<PathBuf> {
        Some(self.folder("tokens", &identity.servers)?.join(identity.mail.as_str()))
    }

    /// The file that records how far this device was shown the transcript.
    pub(super) fn shown_path(&self, identity: &Identity) -> Option<PathBuf> {
        Some(self.folder("shown", &identity.servers)?.join(file_name(&identity.to_string())))
    }

    /// The folder of files about a group.
    fn folder(&self, what: &str, servers: &Servers) -> Option<PathBuf> {
        let mut folder = file_name(&servers.names[0]);
        // What came over TLS is used for TLS only.
        if servers.transport != Transport::Plain {
            folder.push_str("+tls");
        }
        Some(self.dir.as_ref()?.join(what).join(folder))
    }
}

/// A name that any file system takes and that leads to no other folder.
fn file_name(server: &str) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    server
        .bytes()
        .map(|b| if harmless(b) { char::from(b).to_string() } else { format!("%{b:02x}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::protocol::{Device, Subscription};

    #[test]
    fn what_was_remembered_is_found_by_its_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State { dir: Some(folder.path().join("chat-room")) };
        assert_eq!(state.last(), None);
        let mail = Mail::parse(b"ann@example.org").expect("a mail");
        let identity = |server: &str| at(&mail, plain(server), Subscription::Feedless);
        let (here, there) = (identity("chat.example.org:7667"), identity("../[::1]:7667"));
        state.remember(&here).expect("written");
        assert_eq!(state.last(), Some((mail.clone(), here.servers.clone())));
        let token = Token::parse(b"abc").expect("a token");
        state.save_token(&here, &token).expect("written");
        assert_eq!((state.token(&here), state.token(&there)), (Some(token.clone()), None));
        state.save_token(&there, &token).expect("written");
        assert!(folder.path().join("chat-room/tokens/..%2f[::1]:7667/ann@example.org").exists());
        let path = state.token_path(&here).expect("it has one");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
        state.forget_token(&here);
        assert_eq!((state.token(&here), state.token(&there)), (None, Some(token)));
    }

    #[test]
    fn each_device_has_a_record_of_its_own() {
        let state = State { dir: Some(PathBuf::from("/state")) };
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let path = |device: &str| {
            let device = Device::parse_named(device).unwrap_or(Device::Default);
            state.shown_path(&at(&mail, plain("a:1"), Subscription::Feed(device))).expect("there is a folder")
        };
        assert_eq!(path("pc"), Path::new("/state/shown/a:1/ann%40x%2fpc"));
        assert_eq!(path(""), Path::new("/state/shown/a:1/ann%40x"));
    }

    #[test]
    fn what_was_tls_stays_tls() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State { dir: Some(folder.path().join("chat-room")) };
        let server = |name: &str| state.servers(vec![name.to_owned()]).expect("no line is wrong");
        let tls = |name: &str| Servers { transport: TLS, ..plain(name) };
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let identity = |servers: Servers| at(&mail, servers, Subscription::Feedless);
        let (ours, secured) = (identity(plain("a:1")), identity(tls("a:1")));
        let last = || state.last().map(|(_, server)| server);
        assert_eq!(server("a:1"), plain("a:1"));
        let token = Token::parse(b"abc").expect("a token");
        state.save_token(&secured, &token).expect("written");
        assert_eq!((state.token(&ours), state.token(&secured)), (None, Some(token)));

        state.remember(&secured).expect("written");
        assert_eq!((last(), server("A:1"), server("a:2")), (Some(tls("a:1")), tls("A:1"), plain("a:2")));
        state.remember(&ours).expect("written");
        assert_eq!((last(), server("a:1")), (Some(plain("a:1")), plain("a:1")));

        let file = state.known_servers().expect("there is a folder");
        known::set(&file, "a:1", &Trusted::Authority).expect("written");
        assert_eq!((server("a:1"), server("a:2")), (tls("a:1"), plain("a:2")));
        fs::write(&file, "a:1 nonsense\n").expect("written");
        state.servers(vec!["a:1".to_owned()]).expect_err("it may have meant TLS");
        assert_eq!(
            State { dir: None }.servers(vec!["a:1".to_owned()]).expect("nothing is known"),
            plain("a:1")
        );

        let file = folder.path().join("chat-room/last");
        for (tls_line, expected) in [("", plain("a:1")), ("tls yes\n", tls("a:1"))] {
            fs::write(&file, format!("mail ann@x\nserver a:1\n{tls_line}")).expect("written");
            assert_eq!(last(), Some(expected), "{tls_line}");
        }
    }

    /// A group keeps its token and its record when it becomes one of several servers.
    #[test]
    fn a_group_has_the_name_of_its_first_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State { dir: Some(folder.path().join("chat-room")) };
        let mail = Mail::parse(b"ann@x").expect("a mail");
        let identity = |servers: Servers| at(&mail, servers, Subscription::Feedless);
        let (one, three, other) = (plain("a:1"), plain("a:1,b:1,c:1"), plain("b:1,a:1"));
        let token = Token::parse(b"abc").expect("a token");
        state.save_token(&identity(one.clone()), &token).expect("written");
        assert_eq!(state.token(&identity(three.clone())), Some(token));
        assert_eq!(state.token(&identity(other)), None);
        assert_eq!(state.shown_path(&identity(one)), state.shown_path(&identity(three.clone())));
        state.remember(&identity(three.clone())).expect("written");
        assert_eq!(state.last(), Some((mail.clone(), three.clone())));
        // One of them was reached over TLS: nothing is sent to any in plain text.
        let file = state.known_servers().expect("there is a folder");
        known::set(&file, "c:1", &Trusted::Authority).expect("written");
        let secured = Servers { transport: TLS, ..three };
        assert_eq!(state.servers(secured.names.clone()).expect("no line is wrong"), secured);
    }

    fn at(mail: &Mail, servers: Servers, subscription: Subscription) -> Identity {
        Identity { mail: mail.clone(), servers, subscription }
    }

    fn plain(name: &str) -> Servers {
        Servers { names: name.split(',').map(str::to_owned).collect(), transport: Transport::Plain }
    }
}
