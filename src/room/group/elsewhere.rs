//! On a node of a cluster: who is connected to other nodes, and what they are to hear of who is connected to this one.

use std::collections::BTreeMap;

use crate::protocol::{Device, Mail};
use crate::room::Delivered;

/// Nothing without other nodes.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Members and their devices there, each device once. They may be members here a moment later only, or not any more.
    pub(super) devices: BTreeMap<Mail, Vec<Device>>,
    /// Places that other nodes have moved, and that have to be recorded.
    pub(super) moved: Vec<Delivered>,
    telling: Telling,
}

/// Whether other nodes are told.
#[derive(Debug, Default)]
enum Telling {
    #[default]
    Nobody,
    /// Of these members, whose connections have changed.
    Of(Vec<Mail>),
}

/// A member, and the devices of the connections; `None`: there is no connection.
pub type Connected = (Mail, Option<Vec<Device>>);

impl Elsewhere {
    /// There are other nodes, which are told.
    pub(super) fn begin(&mut self) {
        self.telling = Telling::Of(Vec::new());
    }

    /// Members whose connections have changed since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<Mail> {
        match &mut self.telling {
            Telling::Nobody => Vec::new(),
            Telling::Of(changed) => std::mem::take(changed),
        }
    }

    /// Whether a device of this mail is at another node.
    pub(super) fn has(&self, mail: &Mail) -> bool {
        self.devices.contains_key(mail)
    }

    /// A member's connections have changed.
    pub(super) fn is_to_hear_of(&mut self, mail: &Mail) {
        if let Telling::Of(changed) = &mut self.telling {
            changed.push(mail.clone());
        }
    }
}
