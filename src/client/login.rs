//! Logging in: as whom, where, with what; and whether to stay logged in.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::complain::complain;
use super::connection::numbers::Place;
use super::credential::{self, Credential, PasswordPrompt};
use super::exit::{Exit, Failure};
use super::known::{self, Trusted};
use super::link::Link;
use super::login_error::{LoginError, Unknown};
use super::options::{Command, Options};
use super::server::{Identity, Server};
use super::shown::ShownFile;
use super::state::{Last, State};
use crate::limits::{DEVICE_MAX, LISTEN_DEFAULT, TRIES_MAX};
use crate::protocol::{Code, Device, LoginOk, Password, Subscription, Token};

/// A login that succeeded.
pub(super) struct Entered {
    pub(super) link: Link,
    pub(super) login: LoginOk,
    pub(super) session: Session,
}

/// What outlasts a connection: what it takes to log in again, and what is saved for the next run.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) identity: Identity,
    pub(super) last: Last,
    state: State,
    credential: Credential,
    shown: ShownFile,
    /// Whether the person was told that it cannot be written.
    shown_failed: bool,
    /// Whether a token is saved for the next run.
    pub(super) saves_token: bool,
}

impl Session {
    /// What it takes to log in again.
    pub(super) fn login(&self) -> (Server, Identity, Credential) {
        (self.last.server.clone(), self.identity.clone(), self.credential.clone())
    }

    /// Saves a token for the next run.
    pub(super) fn save_token(&mut self, token: Token) -> Result<(), String> {
        let saved = self.state.save_token(&self.last, &token);
        // A newer token lasts longer. A password is kept: it outlives all tokens.
        if matches!(self.credential, Credential::Token(_)) {
            self.credential = Credential::Token(token);
        }
        saved.map_err(|why| {
            format!("the login could not be saved: {why}; you will be asked for the password next time")
        })
    }

    /// How far the transcript was shown, as the last chat of this device has recorded it.
    pub(super) fn shown_before(&self) -> Option<Place> {
        self.shown.place().cloned()
    }

    /// Records how far the transcript was shown; without a place, what could not be recorded before. An error is returned
    /// only once.
    pub(super) fn record_shown(&mut self, place: Option<&Place>) -> Result<(), String> {
        let recorded = match place {
            Some(place) => self.shown.record(place),
            None => self.shown.retry(),
        };
        let Err(why) = recorded else { return Ok(()) };
        if std::mem::replace(&mut self.shown_failed, true) {
            return Ok(());
        }
        Err(format!(
            "how far you have read could not be saved: {why}; if this chat is killed, /history shows what it \
             did not"
        ))
    }

    /// Nothing more is shown.
    pub(super) fn finish(&mut self) {
        // The terminal may be gone, and earlier errors were reported.
        let _ = self.shown.finish();
    }

    /// Uses another password from now on.
    pub(super) fn set_password(&mut self, password: Password) {
        self.credential = Credential::Password(password);
    }
}

/// Connects and logs in.
pub(super) fn enter(options: &Options, command: Option<Command>) -> Result<Entered, Failure> {
    let state = State::from_env();
    let remembered = state.last();
    let mail = options.mail.clone().or_else(|| remembered.as_ref().map(|last| last.mail.clone()));
    let Some(mail) = mail else {
        let why = "MAIL is missing: give the mail address with which you are a member";
        return Err(Failure::new(Exit::Usage, why));
    };
    let name = options.server.clone().or_else(|| remembered.map(|last| last.server.name));
    let name = name.unwrap_or_else(|| LISTEN_DEFAULT.to_owned());
    let server = match options.transport.clone() {
        Some(transport) => Server { name, transport },
        // A server that was reached over TLS is not sent plain text because an option was forgotten.
        None => state.server(name).map_err(|why| Failure::new(Exit::Failed, why.to_string()))?,
    };
    let last = Last { mail: mail.clone(), server };
    let subscription = match command {
        // A script that only sends, or asks by number, does not use up what its member has missed.
        Some(Command::Send) => Subscription::Feedless,
        Some(Command::Tail(tail)) if !tail.follow => Subscription::Feedless,
        Some(Command::Tail(_)) => Subscription::Feed(options.device.clone().unwrap_or_else(|| named("tail"))),
        None => Subscription::Feed(options.device.clone().unwrap_or_else(this_host)),
    };
    let identity = Identity { mail, subscription };
    // Before the password prompt: an answer that is typed here must not be taken for a password.
    if command.is_none() && io::stdin().is_terminal() && state.is_unknown(&last.server) {
        confirm(&last, &state)?;
    }
    let given = credential::given(options.password_file.as_deref())?.map(Credential::Password);
    let saved = || state.token(&last).map(Credential::Token);
    let mut credential = given.or_else(saved);
    // From the first question until a password is right.
    let mut prompt = None;
    if credential.is_none() {
        let begun = PasswordPrompt::begin();
        // Nobody should have to type a password, or find a way to give one, only to learn that there is no server, or one
        // with another certificate.
        connect(&last, &identity)?;
        prompt = Some(begun?);
    }
    let mut tries = 0;
    loop {
        let present = match credential.take() {
            Some(credential) => credential,
            None => {
                let prompt = match &mut prompt {
                    Some(prompt) => prompt,
                    none => none.insert(PasswordPrompt::begin()?),
                };
                tries += 1;
                Credential::Password(prompt.ask(&identity.mail)?)
            }
        };
        // After each prompt: a server does not wait for slow typing.
        let mut link = connect(&last, &identity)?;
        match link.login(&identity, &present) {
            Ok(login) => {
                let was_asked = prompt.take().is_some();
                let mut saves_token = matches!(present, Credential::Token(_)) || state.token(&last).is_some();
                if command.is_none() {
                    if let Err(why) = state.remember(&last) {
                        complain(&format!(
                            "your mail and the server could not be saved: {why}; give them again next time"
                        ));
                    }
                    saves_token = saves_token
                        || was_asked && state.has_folder() && asked("Stay logged in on this device? [y/N] ")?;
                }
                let shown = ShownFile::read(state.shown_path(&last, &identity));
                let session = Session {
                    identity,
                    last,
                    state,
                    credential: present,
                    shown,
                    shown_failed: false,
                    saves_token,
                };
                return Ok(Entered { link, login, session });
            }
            Err(why) => {
                let can_ask = io::stdin().is_terminal();
                match &why {
                    LoginError::SavedLoginExpired => {
                        state.forget_token(&last);
                        if !can_ask {
                            return Err(why.failure(&identity.mail));
                        }
                        complain(
                            "the saved login has expired: it lasts 30 days, or until the password changes",
                        );
                    }
                    LoginError::Refused(refused)
                        if refused.is(Code::BadLogin) && tries > 0 && can_ask && tries < TRIES_MAX =>
                    {
                        complain("wrong password; try again, or quit with Ctrl-C");
                    }
                    why => return Err(why.failure(&identity.mail)),
                }
            }
        }
    }
}

/// A connection that is not logged in yet.
fn connect(last: &Last, identity: &Identity) -> Result<Link, Failure> {
    Link::connect(&last.server).map_err(|why| why.failure(&identity.mail))
}

/// Asks whether an unknown server for which no authority vouches is the right one. Nothing is sent before.
fn confirm(last: &Last, state: &State) -> Result<(), Failure> {
    let Err(LoginError::UnknownServer(server, Unknown { fingerprint, why })) = Link::connect(&last.server)
    else {
        // The login reports any other error.
        return Ok(());
    };
    complain(&format!(
        "this is your first connection to {server}, and no authority vouches for it: {why}. The \
         fingerprint of its certificate is {fingerprint} Its admin knows whether that is right: the server \
         prints it when it starts."
    ));
    if !asked("Is it the same? [y/N] ")? {
        let why = format!("{server} is not trusted, and nothing was sent; ask its admin for the fingerprint");
        return Err(Failure::new(Exit::Refused, why));
    }
    let file = state.known_servers().expect("without a folder no certificate is looked at");
    known::set(&file, &server, &Trusted::Fingerprint(fingerprint)).map_err(|why| {
        Failure::new(Exit::Failed, format!("{server} could not be remembered in {}: {why}", file.display()))
    })
}

/// Forgets the certificate of a server.
pub(super) fn forget(options: &Options) -> Result<(), Failure> {
    let state = State::from_env();
    let name = options.server.clone().or_else(|| state.last().map(|last| last.server.name));
    let name = name.unwrap_or_else(|| LISTEN_DEFAULT.to_owned());
    let unknown = || {
        Failure::new(
            Exit::Failed,
            format!("no certificate of {name} is remembered, so there is nothing to forget"),
        )
    };
    let file = state
        .known_servers()
        .filter(|file| !matches!(known::find(file, &name), Ok(None)))
        .ok_or_else(unknown)?;
    let done = known::set(&file, &name, &Trusted::Forgotten);
    done.map_err(|why| Failure::new(Exit::Failed, format!("{}: {why}", file.display())))?;
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
    let asked = || -> io::Result<String> {
        let mut out = io::stdout();
        out.write_all(question.as_bytes())?;
        out.flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(line)
    };
    let answer = asked().map_err(|why| Failure::new(Exit::Failed, format!("the terminal failed: {why}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A device named after the host, as far as that name can be one.
fn this_host() -> Device {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    named(&device_name(&name))
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
