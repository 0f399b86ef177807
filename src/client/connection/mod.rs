//! What is known of the connection.

pub(super) mod backoff;
pub(super) mod liveness;
pub(super) mod numbers;
pub(super) mod said;
