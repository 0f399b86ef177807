//! Connections to the brokers.
//!
//! [`Addresses`] is what `--cluster` says, [`Login`] what the file of `--cluster-credentials` says, and [`Access`] is
//! how all of them are reached. A [`Dialer`] says which broker is next and when, and opens a [`Link`] to it: one
//! connection, non-blocking and edge-triggered, for a `mio::Poll` of its owner. An [`Asker`] is a link with a poll of
//! its own, for whoever waits for answers: at a start, in `--make-cluster`, in tests.

mod access;
mod address;
mod asker;
mod broken;
mod dialer;
mod info;
mod layer;
mod link;
mod login;
mod trust;

pub use access::{Access, Plaintext};
pub use address::{Address, Addresses, Scheme};
pub use asker::{Asker, NoAnswer};
pub use broken::{Broken, Why};
pub use dialer::{Dialed, Dialer};
pub use info::Info;
pub use link::{Heard, Link};
pub use login::Login;
pub use trust::trust;
