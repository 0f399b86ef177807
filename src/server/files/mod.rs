//! Files and folders as the wings use them: what a file carries beside its bytes, what a folder needs to be safe, and paths
//! in sentences.

pub(super) mod attributes;
pub(super) mod folders;
pub(super) mod paths;
