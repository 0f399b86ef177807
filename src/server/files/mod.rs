//! Files and folders as the wings use them: what a file carries beside its bytes, what a folder needs to be safe, paths in
//! sentences, and what is wrong with a file.

pub(super) mod attributes;
pub(super) mod folders;
pub(super) mod paths;
pub(super) mod problem;
