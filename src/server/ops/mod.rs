//! What an operator sees of the server: its figures, its log, what systemd is told, and `--check`.

pub mod check;
mod context;
pub mod logging;
pub(super) mod metrics;
pub(super) mod refusals;
mod repeats;
pub(super) mod systemd;
