//! A member has another password.

use crate::protocol::{Author, Bye, Mail};
use crate::room::group::Group;
use crate::room::group::roster::Secret;
use crate::room::ids::ConnId;
use crate::room::interface::Difference;
use crate::room::peers::Peers;
use crate::room::transcript::window::Transcript;

/// Sets a new password and ends the member's connections, except the one that changed it. `changed_by` is `None` for an
/// edit.
pub(super) fn new_password(
    mail: &Mail,
    secret: Secret,
    changed_by: Option<(ConnId, Author)>,
    transcript: &Transcript,
    group: &mut Group,
    peers: &mut Peers,
) {
    let (changed_by, by) = changed_by.map_or((None, Author::HandEdit), |(id, by)| (Some(id), by));
    group.record_change(mail, Difference::Password, by);
    group.set_secret(mail, secret, None);
    let Some(member) = group.get(mail) else { return };
    let others: Vec<ConnId> = member.connections().filter(|id| Some(*id) != changed_by).collect();
    peers.end_each(&others, Bye::PasswordChanged, transcript, group);
}
