//! Keys for MACs: those of tokens are kept with the history, others live as long as the process.

use std::io;

use zeroize::Zeroizing;

/// What a MAC is made with.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// A new one. Fails when the system gives no random bytes.
pub(super) fn random_key() -> io::Result<Key> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut())?;
    Ok(key)
}
