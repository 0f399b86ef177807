//! Getting in: as whom, where, with what; and whether to stay.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::complain;
use super::credential::{self, Credential, Token};
use super::exit::{Exit, Failure};
use super::link::{Link, NotIn, Who};
use super::options::{Command, Options};
use super::said::Welcome;
use super::state::{Last, State};
use crate::limits::{DEVICE_MAX, LISTEN_DEFAULT, TRIES_MAX};
use crate::protocol::{Device, Subscription};

/// Somebody who is in.
pub(super) struct Entered {
    pub(super) link: Link,
    pub(super) welcome: Welcome,
    pub(super) who: Who,
    pub(super) last: Last,
    pub(super) state: State,
    pub(super) credential: Credential,
    /// Whether a token is kept for the next time.
    pub(super) stays: bool,
}

/// Connects and logs in.
pub(super) fn enter(options: &Options, command: Option<Command>) -> Result<Entered, Failure> {
    let state = State::from_env();
    let remembered = state.last();
    let mail = options.mail.clone().or_else(|| remembered.as_ref().map(|last| last.mail.clone()));
    let Some(mail) = mail else {
        return Err(Failure::new(Exit::Usage, "MAIL is missing: the mail address you are a member with"));
    };
    let server = options.server.clone().or_else(|| remembered.map(|last| last.server));
    let last = Last { mail: mail.clone(), server: server.unwrap_or_else(|| LISTEN_DEFAULT.to_owned()) };
    let subscription = match command {
        // Nobody's missed messages are used up by who only sends, or asks by number.
        Some(Command::Send) => Subscription::Feedless,
        Some(Command::Tail(tail)) if !tail.follow => Subscription::Feedless,
        Some(Command::Tail(_)) => Subscription::Feed(options.device.clone().unwrap_or_else(|| named("tail"))),
        None => Subscription::Feed(options.device.clone().unwrap_or_else(this_host)),
    };
    let who = Who { mail, subscription };
    let given = credential::given(options.password_file.as_deref())?.map(Credential::Password);
    let kept = || state.token(&last).map(Credential::Token);
    let mut credential = given.or_else(kept);
    let mut was_asked = false;
    let mut tries = 0;
    let mut link = None;
    loop {
        // Asked before connecting: who types slowly is not cut by the server.
        let present = match credential.take() {
            Some(credential) => credential,
            None => {
                was_asked = true;
                tries += 1;
                Credential::Password(credential::ask(&who.mail)?)
            }
        };
        let mut open = match link.take() {
            Some(link) => link,
            None => Link::connect(&last.server).map_err(|why| why.failure(&who.mail))?,
        };
        match open.login(&who, &present) {
            Ok(welcome) => {
                let mut stays = matches!(present, Credential::Token(_)) || state.token(&last).is_some();
                if command.is_none() {
                    if let Err(why) = state.remember(&last) {
                        complain(&format!("where you are could not be noted: {why}"));
                    }
                    stays = stays || was_asked && state.can_keep() && wants_to_stay()?;
                }
                return Ok(Entered { link: open, welcome, who, last, state, credential: present, stays });
            }
            Err(NotIn::Refused(refused)) if refused.code == "bad-login" => {
                let can_ask = io::stdin().is_terminal();
                match present {
                    Credential::Token(_) => {
                        state.forget_token(&last);
                        if !can_ask {
                            let sentence = "the stay has ended; log in once more with the password";
                            return Err(Failure::new(Exit::Refused, sentence));
                        }
                        complain("the stay has ended: it lasts 30 days, or until the password changes");
                    }
                    Credential::Password(_) if was_asked && can_ask && tries < TRIES_MAX => {
                        complain("that is not the password; Ctrl-C ends");
                    }
                    Credential::Password(_) => return Err(NotIn::Refused(refused).failure(&who.mail)),
                }
                // The server gives a connection a minute to log in; a person may take longer.
                link = None;
            }
            Err(why) => return Err(why.failure(&who.mail)),
        }
    }
}

/// Renews the token of somebody without a feed.
pub(super) fn renew(entered: &mut Entered) {
    if let Some(token) = entered.link.token() {
        keep(entered, &token);
    }
}

/// Notes a token; without it the password is asked for the next time.
pub(super) fn keep(entered: &Entered, token: &Token) {
    if let Err(why) = entered.state.keep_token(&entered.last, token) {
        complain(&format!("the stay could not be noted: {why}"));
    }
}

fn wants_to_stay() -> Result<bool, Failure> {
    let asked = || -> io::Result<String> {
        let mut out = io::stdout();
        out.write_all(b"Stay logged in on this device? [y/N] ")?;
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
