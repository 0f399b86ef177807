//! The real server is killed at random under load, again and again, and nothing is lost: what every client was told
//! and shown is compared with the files and with what later logins say.

mod check;
mod devices;
mod group;
#[cfg(test)]
mod seeded;
mod stream;
mod tale;
