//! Logging in: as whom, where, with what; and whether to stay logged in.

use std::io::{self, IsTerminal as _, Write as _};

use super::attempt::{self, first_of};
use super::connection::numbers::Place;
use super::credential::{self, Credential};
use super::failure::{Exit, Failure, LoginError, complain};
use super::known::{self, Trusted};
use super::link::Link;
use super::options::{Command, Options, Tail};
use super::server::{Identity, Reach, Server, Servers};
use super::shown::ShownFile;
use super::state::State;
use crate::limits::{DEVICE_MAX, LISTEN_DEFAULT, TRIES_MAX};
use crate::protocol::{Code, Device, LoginOk, Subscription, Token};

/// A login that succeeded.
pub(super) struct Entered {
    pub(super) link: Link,
    pub(super) login: LoginOk,
    pub(super) session: Session,
    /// The place of its server in the list.
    pub(super) at: usize,
}

/// What the servers of a group have in common, and who said so.
#[derive(Clone, Debug)]
pub(super) struct Group {
    transcript: String,
    server: String,
}

/// Whether the server that took this login is of the group.
pub(super) fn check_group(
    servers: &Servers,
    at: usize,
    login: &LoginOk,
    group: &Group,
) -> Result<(), LoginError> {
    let (name, found) = (&servers.names[at], &login.transcript);
    let Group { transcript, server } = group;
    // One that is alone may begin a new transcript.
    if !servers.are_many() || found == transcript {
        return Ok(());
    }
    Err(LoginError::OtherGroup(format!(
        "{name} is of another group than {server}: it has transcript={found}, and {server} has \
         transcript={transcript}; --server takes servers of one group"
    )))
}

/// What outlasts a connection: what it takes to log in again, and what is saved for the next run.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) identity: Identity,
    pub(super) group: Group,
    state: State,
    pub(super) credential: Credential,
    pub(super) shown: ShownFile,
    /// Whether the person was told that it cannot be written.
    shown_failed: bool,
    /// Whether a token is saved for the next run.
    pub(super) saves_token: bool,
}

impl Session {
    /// Saves a token for the next run.
    pub(super) fn save_token(&mut self, token: Token) -> Result<(), String> {
        let saved = self.state.save_token(&self.identity, &token);
        // A newer token lasts longer. A password is kept: it outlives all tokens.
        if matches!(self.credential, Credential::Token(_)) {
            self.credential = Credential::Token(token);
        }
        saved.map_err(|why| {
            format!("the login could not be saved: {why}; you will be asked for the password next time")
        })
    }

    /// How somebody else reaches the group.
    pub(super) fn reach(&self) -> Reach {
        Reach::of(&self.identity.servers, self.state.known_servers().as_deref())
    }

    /// Records how far the transcript was shown; without a place, what could not be recorded before. An error is returned
    /// only once.
    pub(super) fn record_shown(&mut self, place: Option<&Place>) -> Result<(), String> {
        let recorded = match place {
            Some(place) => self.shown.record(place),
            None => self.shown.retry(),
        };
        match recorded {
            Err(why) if !std::mem::replace(&mut self.shown_failed, true) => Err(format!(
                "how far you have read could not be saved: {why}; if this chat is killed, /history shows what it \
                 did not"
            )),
            _ => Ok(()),
        }
    }
}

/// Connects and logs in.
pub(super) fn enter(options: &Options, command: Option<Command>) -> Result<Entered, Failure> {
    let state = State::from_env();
    let identity = identity(options, command, &state)?;
    // Before the password prompt: an answer that is typed here must not be taken for a password.
    if command.is_none() && io::stdin().is_terminal() {
        // All of them: when one is needed, its certificate has to be known.
        for server in identity.servers.all().filter(|server| state.is_unknown(server)) {
            confirm(&server, &state)?;
        }
    }
    let given = credential::given(options.password_file.as_deref())?;
    // From the first question until a password is right.
    let mut prompt = None;
    let given = match &options.invitation {
        Some(invitation) => Some(attempt::join(&identity, invitation, given, &mut prompt)?),
        None => given,
    };
    let given = given.map(Credential::Password);
    let mut credential = given.or_else(|| state.token(&identity).map(Credential::Token));
    if credential.is_none() {
        let begun = credential::begin_prompt();
        // Nobody should have to type a password, or find a way to give one, only to learn that there is no server, or one
        // with another certificate.
        first_of(&identity, Link::connect).map_err(|why| why.failure(&identity.mail))?;
        prompt = Some(begun?);
    }
    let mut tries = 0;
    loop {
        let present = match (credential.take(), &mut prompt) {
            (Some(credential), _) => credential,
            (None, prompt) => {
                tries += 1;
                let prompt = match prompt {
                    Some(prompt) => prompt,
                    none => none.insert(credential::begin_prompt()?),
                };
                Credential::Password(credential::ask(prompt, &identity.mail)?)
            }
        };
        // After each prompt: a server does not wait for slow typing.
        let entered = first_of(&identity, |server| {
            let mut link = Link::connect(server)?;
            let login = link.login(&identity, &present)?;
            Ok((link, login))
        });
        let why = match entered {
            Ok((at, (link, login))) => {
                let was_asked = prompt.take().is_some();
                let group = Group {
                    transcript: login.transcript.clone(),
                    server: identity.servers.names[at].clone(),
                };
                let session = begin(identity, group, present, state, command, was_asked)?;
                return Ok(Entered { link, login, session, at });
            }
            Err(why) => why,
        };
        let can_ask = io::stdin().is_terminal();
        if matches!(why, LoginError::SavedLoginExpired) {
            state.forget_token(&identity);
        }
        match why {
            LoginError::SavedLoginExpired if can_ask => {
                complain("the saved login has expired: it lasts 30 days, or until the password changes");
            }
            LoginError::Refused(refused)
                if refused.code == Some(Code::BadLogin) && can_ask && (1..TRIES_MAX).contains(&tries) =>
            {
                complain("wrong password; try again, or quit with Ctrl-C");
            }
            why => return Err(why.failure(&identity.mail)),
        }
    }
}

/// Logs in at the next server of the group that takes it, the present one last.
pub(super) fn elsewhere(entered: &mut Entered) -> Result<(), Failure> {
    let Session { identity, group, credential, .. } = &entered.session;
    let count = identity.servers.names.len();
    let mut failed = None;
    for at in (1..=count).map(|step| (entered.at + step) % count) {
        let attempt = Link::connect(&identity.servers.get(at)).and_then(|mut link| {
            let login = link.login(identity, credential)?;
            check_group(&identity.servers, at, &login, group)?;
            Ok((link, login))
        });
        match attempt {
            Ok((link, login)) => {
                (entered.link, entered.login, entered.at) = (link, login, at);
                return Ok(());
            }
            Err(why) if why.may_pass_elsewhere() => failed = Some(why),
            Err(why) => return Err(why.failure(&identity.mail)),
        }
    }
    Err(failed.expect("there is a server").failure(&identity.mail))
}

/// Who logs in where: as the command line says, else as in the last chat.
fn identity(options: &Options, command: Option<Command>, state: &State) -> Result<Identity, Failure> {
    let missing =
        || Failure::new(Exit::Usage, "MAIL is missing: give the mail address with which you are a member");
    let mail = options.mail.clone().or_else(|| state.last().map(|(mail, _)| mail)).ok_or_else(missing)?;
    let names = server_names(options, state);
    let servers = match options.transport.clone() {
        Some(transport) => Servers { names, transport },
        // A server that was reached over TLS is not sent plain text because an option was forgotten.
        None => state.servers(names).map_err(|why| Failure::failed(why.to_string()))?,
    };
    let device = |usual: fn() -> Device| Subscription::Feed(options.device.clone().unwrap_or_else(usual));
    let subscription = match command {
        // A script that only sends, or asks by number, does not use up what its member has missed.
        Some(Command::Send | Command::Tail(Tail { follow: false, .. })) => Subscription::Feedless,
        Some(Command::Tail(_)) => device(|| named("tail")),
        None => device(this_host),
    };
    Ok(Identity { mail, servers, subscription })
}

fn server_names(options: &Options, state: &State) -> Vec<String> {
    let names = options.servers.clone().or_else(|| state.last().map(|(_, servers)| servers.names));
    names.unwrap_or_else(|| vec![LISTEN_DEFAULT.to_owned()])
}

/// After a login; `was_asked`: for the password.
fn begin(
    identity: Identity,
    group: Group,
    credential: Credential,
    state: State,
    command: Option<Command>,
    was_asked: bool,
) -> Result<Session, Failure> {
    let mut saves_token = matches!(credential, Credential::Token(_)) || state.token(&identity).is_some();
    if command.is_none() {
        if let Err(why) = state.remember(&identity) {
            complain(&format!(
                "your mail and the server could not be saved: {why}; give them again next time"
            ));
        }
        saves_token = saves_token
            || was_asked && state.dir.is_some() && asked("Stay logged in on this device? [y/N] ")?;
    }
    let shown = ShownFile::read(state.shown_path(&identity));
    Ok(Session { identity, group, state, credential, shown, shown_failed: false, saves_token })
}

/// Asks whether an unknown server for which no authority vouches is the right one. Nothing is sent before.
fn confirm(server: &Server, state: &State) -> Result<(), Failure> {
    let Err(LoginError::UnknownServer(server, fingerprint, why)) = Link::connect(server) else {
        // The login reports any other error.
        return Ok(());
    };
    complain(&format!(
        "this is your first connection to {server}, and no authority vouches for it: {why}. The \
         fingerprint of its certificate is {fingerprint} Its admin knows whether that is right: the server \
         prints it when it starts, and an invitation has it, too."
    ));
    if !asked("Is it the same? [y/N] ")? {
        let why = format!("{server} is not trusted, and nothing was sent; ask its admin for the fingerprint");
        return Err(Failure::new(Exit::Refused, why));
    }
    let file = state.known_servers().expect("without a folder no certificate is looked at");
    known::set(&file, &server, &Trusted::Fingerprint(fingerprint))
        .map_err(|why| Failure::failed(known::not_remembered(&server, &file, &why)))
}

/// Forgets the certificates of the servers.
pub(super) fn forget(options: &Options) -> Result<(), Failure> {
    let state = State::from_env();
    server_names(options, &state).iter().try_for_each(|name| forget_one(name, &state))
}

fn forget_one(name: &str, state: &State) -> Result<(), Failure> {
    let Some(file) = state.known_servers().filter(|file| !matches!(known::find(file, name), Ok(None))) else {
        let why = format!("no certificate of {name} is remembered, so there is nothing to forget");
        return Err(Failure::failed(why));
    };
    let done = known::set(&file, name, &Trusted::Forgotten);
    done.map_err(|why| Failure::failed(format!("{}: {why}", file.display())))?;
    complain(&format!(
        "the certificate of {name} is forgotten; the next chat there asks whether its certificate is right"
    ));
    Ok(())
}

/// Renews the saved token on a connection without a feed.
pub(super) fn renew(entered: &mut Entered) {
    if entered.session.saves_token
        && let Some(token) = entered.link.token()
        && let Err(why) = entered.session.save_token(token)
    {
        complain(&why);
    }
}

/// Asks at the terminal; the answer is echoed.
fn asked(question: &str) -> Result<bool, Failure> {
    let (mut out, mut line) = (io::stdout(), String::new());
    let put = out.write_all(question.as_bytes()).and_then(|()| out.flush());
    let answered = put.and_then(|()| io::stdin().read_line(&mut line));
    answered.map_err(|why| Failure::failed(format!("the terminal failed: {why}")))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// A device named after the host, as far as that name can be one.
fn this_host() -> Device {
    named(&device_name(&rustix::system::uname().nodename().to_string_lossy()))
}

fn device_name(host: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    host.chars().map(fits).take(DEVICE_MAX).collect()
}

fn named(name: &str) -> Device {
    Device::parse_named(name).unwrap_or(Device::Default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_devices() {
        assert_eq!(device_name("ann's laptop.local"), "ann-s-laptop.local");
        assert_eq!(device_name(&"x".repeat(64)), "x".repeat(32));
        assert_eq!(named(&device_name("-")), Device::Default);
        assert_eq!(named(&device_name("")), Device::Default);
    }
}
