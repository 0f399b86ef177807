//! What the kernel's events name beside connections, which are named by their slots, from 0.

use mio::Token;

pub(in crate::server) const LISTENERS: [Token; 2] = [Token(usize::MAX - 1), Token(usize::MAX - 4)];
pub(in crate::server) const WAKER: Token = Token(usize::MAX - 2);
pub(in crate::server) const SIGNALS: Token = Token(usize::MAX - 3);
