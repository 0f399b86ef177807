//! Keys for MACs. The one for tokens is kept with the history, others only in memory.

use std::io;

use zeroize::Zeroizing;

pub(super) type Key = Zeroizing<[u8; 32]>;

/// Fails if the system gives no random bytes.
pub(super) fn random_key() -> io::Result<Key> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut())?;
    Ok(key)
}
