//! Getting in: as whom, where, with what; and whether to stay.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::mpsc::SyncSender;

use super::complain::complain;
use super::connection::numbers::Place;
use super::credential::{self, Asking, Credential};
use super::exit::{Exit, Failure};
use super::inbox::News;
use super::known::{self, Trusted};
use super::link::Link;
use super::network;
use super::not_in::{NotIn, Stranger};
use super::options::{Command, Options};
use super::server::{Server, Who};
use super::shown::ShownFile;
use super::state::{Last, State};
use crate::limits::{DEVICE_MAX, LISTEN_DEFAULT, TRIES_MAX};
use crate::protocol::{Code, Device, LoginOk, Password, Subscription, Token};

/// Somebody who is in.
pub(super) struct Entered {
    pub(super) link: Link,
    pub(super) welcome: LoginOk,
    pub(super) session: Session,
}

/// What it takes to come in again.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) who: Who,
    pub(super) last: Last,
    state: State,
    credential: Credential,
    shown: ShownFile,
    /// Whether its trouble was told.
    shown_failed: bool,
    /// Whether a token is kept for the next time.
    pub(super) stays: bool,
}

impl Session {
    /// Connects again; what comes of it is news of the connection with this number.
    pub(super) fn dial(&self, number: u32, inbox: &SyncSender<News>) {
        let (server, who) = (self.last.server.clone(), self.who.clone());
        network::dial(server, who, self.credential.clone(), number, inbox.clone());
    }

    /// Notes a token for the next time.
    pub(super) fn keep(&mut self, token: Token) -> Result<(), String> {
        let noted = self.state.keep_token(&self.last, &token);
        // A newer token lasts longer. A password that is known stays: it outlives all tokens.
        if matches!(self.credential, Credential::Token(_)) {
            self.credential = Credential::Token(token);
        }
        noted.map_err(|why| {
            format!("the login could not be saved: {why}; you will be asked for the password next time")
        })
    }

    /// How far the last chat of this device was shown, as it has noted itself.
    pub(super) fn noted(&self) -> Option<Place> {
        self.shown.place().cloned()
    }

    /// Notes how far this one was shown, or, without a place, what could not be noted at its time. What goes wrong is
    /// told once.
    pub(super) fn note(&mut self, place: Option<&Place>) -> Result<(), String> {
        let noted = match place {
            Some(place) => self.shown.note(place),
            None => self.shown.retry(),
        };
        let is_new = noted.is_err() && !std::mem::replace(&mut self.shown_failed, true);
        noted.or_else(|why| if is_new { Err(untold(&why)) } else { Ok(()) })
    }

    /// Nothing more is shown.
    pub(super) fn finish(&mut self) {
        // Whoever sat there is gone, and was told of what fails before.
        let _ = self.shown.finish();
    }

    /// From now on this is the password.
    pub(super) fn set_password(&mut self, password: Password) {
        self.credential = Credential::Password(password);
    }
}

fn untold(why: &io::Error) -> String {
    format!(
        "how far you have read could not be saved: {why}; if this chat is killed, /history shows what it \
         did not"
    )
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
        // Where TLS was spoken nothing is said in plain text because an option was forgotten.
        None => state.server(name).map_err(|why| Failure::new(Exit::Failed, why.to_string()))?,
    };
    let last = Last { mail: mail.clone(), server };
    let subscription = match command {
        // Nobody's missed messages are used up by who only sends, or asks by number.
        Some(Command::Send) => Subscription::Feedless,
        Some(Command::Tail(tail)) if !tail.follow => Subscription::Feedless,
        Some(Command::Tail(_)) => Subscription::Feed(options.device.clone().unwrap_or_else(|| named("tail"))),
        None => Subscription::Feed(options.device.clone().unwrap_or_else(this_host)),
    };
    let who = Who { mail, subscription };
    // What is typed then is not what is typed for a password.
    if command.is_none() && io::stdin().is_terminal() && state.is_stranger(&last.server) {
        meet(&last, &state)?;
    }
    let given = credential::given(options.password_file.as_deref())?.map(Credential::Password);
    let kept = || state.token(&last).map(Credential::Token);
    let mut credential = given.or_else(kept);
    // From the first question until it is answered well.
    let mut asking = None;
    if credential.is_none() {
        let begun = Asking::begin();
        // Nobody types a password, or looks for a way to give one, to learn that no server is there, or another one than
        // before.
        connect(&last, &who)?;
        asking = Some(begun?);
    }
    let mut tries = 0;
    loop {
        let present = match credential.take() {
            Some(credential) => credential,
            None => {
                let asking = match &mut asking {
                    Some(asking) => asking,
                    none => none.insert(Asking::begin()?),
                };
                tries += 1;
                Credential::Password(asking.ask(&who.mail)?)
            }
        };
        // After asking, also again: who types slowly is not cut by the server.
        let mut link = connect(&last, &who)?;
        match link.login(&who, &present) {
            Ok(welcome) => {
                let was_asked = asking.take().is_some();
                let mut stays = matches!(present, Credential::Token(_)) || state.token(&last).is_some();
                if command.is_none() {
                    if let Err(why) = state.remember(&last) {
                        complain(&format!(
                            "your mail and the server could not be saved: {why}; give them again next time"
                        ));
                    }
                    stays = stays
                        || was_asked && state.can_keep() && asked("Stay logged in on this device? [y/N] ")?;
                }
                let shown = ShownFile::read(state.shown_path(&last, &who));
                let session =
                    Session { who, last, state, credential: present, shown, shown_failed: false, stays };
                return Ok(Entered { link, welcome, session });
            }
            Err(why) => {
                let can_ask = io::stdin().is_terminal();
                match &why {
                    NotIn::StayEnded => {
                        state.forget_token(&last);
                        if !can_ask {
                            return Err(why.failure(&who.mail));
                        }
                        complain(
                            "the saved login has expired: it lasts 30 days, or until the password changes",
                        );
                    }
                    NotIn::Refused(refused)
                        if refused.is(Code::BadLogin) && tries > 0 && can_ask && tries < TRIES_MAX =>
                    {
                        complain("wrong password; Ctrl-C ends");
                    }
                    why => return Err(why.failure(&who.mail)),
                }
            }
        }
    }
}

/// A connection on which nothing was said yet.
fn connect(last: &Last, who: &Who) -> Result<Link, Failure> {
    Link::connect(&last.server).map_err(|why| why.failure(&who.mail))
}

/// Asks a person whether a server is the right one that was never met and for which no authority vouches. Nothing is sent
/// before.
fn meet(last: &Last, state: &State) -> Result<(), Failure> {
    let Err(NotIn::Stranger(server, stranger)) = Link::connect(&last.server) else {
        // Whatever else is wrong is told when it matters.
        return Ok(());
    };
    let Stranger { fingerprint, why } = stranger;
    complain(&format!(
        "this is your first connection to {server}, and no authority vouches for it: {why}. The \
         fingerprint of its certificate is {fingerprint} Its admin knows whether that is right: the server \
         prints it when it starts."
    ));
    if !asked("Is it the same? [y/N] ")? {
        let why = format!("{server} is not trusted, and nothing was sent; ask its admin for the fingerprint");
        return Err(Failure::new(Exit::Refused, why));
    }
    let file = state.known_servers().expect("without a place no certificate is looked at");
    known::set(&file, &server, &Trusted::Fingerprint(fingerprint)).map_err(|why| {
        Failure::new(Exit::Failed, format!("{server} could not be remembered in {}: {why}", file.display()))
    })
}

/// Forgets what a server was known by.
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

/// Renews the token of somebody without a feed. Without it you will be asked for the password next time.
pub(super) fn renew(entered: &mut Entered) {
    if entered.session.stays
        && let Some(token) = entered.link.token()
        && let Err(why) = entered.session.keep(token)
    {
        complain(&why);
    }
}

/// Asks at the terminal, with what is typed in sight.
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

/// The host's name, as far as it can name a device.
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
