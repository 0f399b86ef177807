//! What the wings need to handle files: metadata, syncing folders, paths in sentences, and problems.

pub(super) mod attributes;
pub(super) mod folders;
pub(super) mod paths;
pub(super) mod problem;
