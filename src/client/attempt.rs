//! What is tried at the servers of a group in turn, until one has done it. So is becoming a member.

use super::credential;
use super::failure::{Failure, LoginError, complain};
use super::link::Link;
use super::server::{Identity, Server};
use super::terminal::tty::NoEcho;
use crate::protocol::{InviteWord, Password};

/// What is first done with success at one of the servers, and at which. If they all fail, a person is told why each did.
pub(super) fn first_of<T>(
    identity: &Identity,
    mut attempt: impl FnMut(&Server) -> Result<T, LoginError>,
) -> Result<(usize, T), LoginError> {
    let complain_of = |why: &LoginError| complain(&why.failure(&identity.mail).sentence());
    let mut failed: Vec<LoginError> = Vec::new();
    for (at, server) in identity.servers.all().enumerate() {
        match attempt(&server) {
            Ok(done) => {
                // A server that is only down need not be spoken of.
                failed.iter().filter(|why| why.is_distrust()).for_each(complain_of);
                return Ok((at, done));
            }
            Err(why) if why.may_pass_elsewhere() => failed.push(why),
            Err(why) => return Err(why),
        }
    }
    let last = failed.pop().expect("there is a server");
    failed.iter().for_each(complain_of);
    Err(last)
}

/// Becomes a member, with a password that is asked for unless one is given.
pub(super) fn join(
    identity: &Identity,
    invitation: &InviteWord,
    given: Option<Password>,
    prompt: &mut Option<NoEcho>,
) -> Result<Password, Failure> {
    let password = match given {
        Some(password) => password,
        None => {
            let begun = credential::begin_prompt();
            first_of(identity, Link::connect).map_err(|why| why.failure(&identity.mail))?;
            credential::ask_new(prompt.insert(begun?), &identity.mail)?
        }
    };
    let joined =
        first_of(identity, |server| Link::connect(server)?.join(&identity.mail, invitation, &password));
    joined.map_err(|why| why.failure(&identity.mail))?;
    complain(&format!("{} is a member now", identity.mail));
    Ok(password)
}
