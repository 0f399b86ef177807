//! Groups of many members, most of whom are away.

use std::fmt::Write as _;

use super::target::HASH;
use super::transcript::MAIL;

/// The hash of who never logs in. Of weak ones the log would be full.
const AWAY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$YmVuY2gtYmVuY2gtc2FsdA$lIUYTIoA8WmcV5lqQ40KLNJe07/0jHclbaTZzFJ63iA";
pub(crate) fn member(number: usize) -> String {
    format!("m{number}@b.c")
}

/// What the file has of a member while the password is as it was typed.
pub(crate) const TYPED: &str = "typed-by-hand";

/// members.txt of so many: [`MAIL`] as the admin; so many from member 1 on who can log in with the password of all benches;
/// others who are away; and of so many, the last ones, the password as it was typed.
pub(crate) fn members_txt(size: usize, active: usize, typed: usize) -> String {
    let mut text = format!("{MAIL} {HASH} admin\n");
    for number in 1..size {
        let secret = match number {
            _ if number <= active => HASH.to_owned(),
            _ if number >= size - typed => format!("{TYPED}-{number}"),
            _ => AWAY.to_owned(),
        };
        writeln!(text, "{} {secret}", member(number)).expect("writing to a String cannot fail");
    }
    text
}
