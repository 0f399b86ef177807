//! Lines of the log that say that something is no longer wrong.

use std::fmt::Arguments;

use log::info;

/// Logs this after what the log has counted until now, so that no count of what is over follows, and what comes back is logged
/// at once.
pub(in crate::server) fn log_over(sentence: Arguments<'_>) {
    log::logger().flush();
    info!("{sentence}");
}
