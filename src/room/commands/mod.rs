//! What each command does: functions of the parts that they read and change.

pub(super) mod agree;
pub(super) mod answer;
pub(super) mod change;
pub(super) mod find;
pub(super) mod history;
pub(super) mod info;
pub(super) mod invite;
pub(super) mod line;
pub(super) mod lists;
pub(super) mod login;
pub(super) mod pay;
pub(super) mod proof;
pub(super) mod skip;
