//! members.txt, who edits it, and the thread that looks at it and changes it, sooner or later.

use chat_room::room::{Change, ChangeError, ConnId, Edit, Input, MembersNews, SaveError, Ticket};

use super::file::{
    Field, FileRoster, NAMES, Row, apply, differences, edits, field, is_sound, password, roster,
};
use super::hashes::{Found, Task};
use super::oracle::{Client, FileChange, Member};
use super::workers::agreed;
use super::world::{MAILS, Save, World};

/// What the thread has done, and not told.
pub(super) struct Filed {
    answers: Vec<(Ticket, Change, Result<(), SaveError>)>,
    edits: Vec<Edit>,
    /// What the file was then, all of it.
    file: FileRoster,
}

impl Filed {
    /// What is answered with it.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.answers.iter().map(|(_, change, _)| change)
    }
}

impl World {
    /// Somebody edits a line or some, and saves.
    pub(super) fn edit(&mut self) {
        let mut file = self.file.clone();
        for _ in 0..=self.rng.below(3) {
            self.edit_line(&mut file);
        }
        if is_sound(&file) {
            self.note(format_args!("an edit: {file:?}"));
            self.file = file;
            self.note_fields();
        }
    }

    fn edit_line(&mut self, file: &mut FileRoster) {
        let who = *self.rng.pick(&MAILS);
        let stands = file.get(who).cloned();
        let (is_typed, is_admin) =
            stands.as_ref().map_or((false, false), |row| (row.field.is_typed(), row.admin));
        let name = stands.as_ref().and_then(|row| row.name.clone());
        let any = password(self.rng.below(3));
        // Whoever was taken out is often put back as they were.
        let last = self.fields.iter().rev().find(|(of, field)| of == who && !field.is_typed());
        if let (None, Some((_, last))) = (&stands, last)
            && self.rng.percent(40)
        {
            file.insert(who.to_owned(), Row::of(last.clone(), false));
            return;
        }
        if stands.is_some() && self.rng.percent(15) {
            self.report.name_edits += 1;
            let name = self.rng.percent(80).then(|| (*self.rng.pick(&NAMES)).to_owned());
            file.get_mut(who).expect("just asked").name = name;
            return;
        }
        let (field, admin) = match self.rng.below(20) {
            0..3 => {
                file.remove(who);
                return;
            }
            3..5 => {
                self.salt += 1;
                (Field::Hash(any, self.salt), self.rng.percent(30))
            }
            // Of another role.
            5..8 if stands.is_some() => {
                self.report.role_edits += 1;
                (stands.expect("just asked").field, !is_admin)
            }
            // As it was before.
            8..11 => {
                let old: Vec<&(String, Field)> = self.fields.iter().filter(|(of, _)| of == who).collect();
                let Some((_, old)) = old.get(self.rng.below(old.len().max(1))) else { return };
                self.report.taken_back += 1;
                (old.clone(), is_admin)
            }
            // The same again, by hand.
            11..14 if stands.is_some() => {
                let password = stands.expect("just asked").field.password().to_owned();
                self.report.typed += 1;
                (Field::Typed(password), is_admin)
            }
            _ => {
                self.report.typed += 1;
                self.report.typed_over += usize::from(is_typed);
                (Field::Typed(any), is_admin || self.rng.percent(10))
            }
        };
        file.insert(who.to_owned(), Row { field, admin, name });
    }

    /// What has stood in the file may stand there again.
    pub(super) fn note_fields(&mut self) {
        for (who, Row { field, .. }) in &self.file {
            if !self.fields.iter().any(|(of, known)| of == who && known == field) {
                self.fields.push((who.clone(), field.clone()));
            }
        }
    }

    /// The thread looks at the file and makes the changes that wait, or takes its time; and so do its answers.
    pub(super) fn file_thread(&mut self) {
        if self.nodes.as_ref().is_some_and(|nodes| nodes.is_cut_off) {
            return;
        }
        let many = self.saves.len() > 1 && self.rng.percent(50);
        if !self.saves.is_empty() && !self.late() {
            let count = if many { self.saves.len() } else { 1 };
            let batch: Vec<Save> = self.saves.drain(..count).collect();
            self.save(batch);
        } else if self.file != self.told && !self.late() {
            self.save(Vec::new());
        }
        while !self.filed.is_empty() && !self.late() {
            let filed = self.filed.pop_front().expect("it was there");
            self.tell_filed(filed);
            self.think();
        }
    }

    /// Makes the changes, all or none of them. What was edited since something was told last goes along.
    fn save(&mut self, batch: Vec<Save>) {
        let edited = differences(&self.told, &self.file);
        let broken = !self.draining && self.rng.percent(self.swarm.disk_fails / 4);
        let mut answers = Vec::new();
        for Save { ticket, change, told } in batch {
            let is_stale = told < self.edits_filed && matches!(change, Change::Join { .. });
            let result = if is_stale {
                Err(SaveError::Refused(ChangeError::NotExpected))
            } else if self.nodes.is_some() && self.has_ended(&ticket, &change) {
                Err(SaveError::Refused(ChangeError::NotAllowed))
            } else if broken {
                Err(SaveError::Storage("broken".to_owned()))
            } else {
                let by = match &ticket {
                    Ticket::Command(_, _, by) => Some(by.as_str()),
                    Ticket::Typed => None,
                };
                apply(&mut self.file, by, &change).map_err(SaveError::Refused)
            };
            self.report.demoted_first +=
                usize::from(matches!(result, Err(SaveError::Refused(ChangeError::NotAllowed))));
            answers.push((ticket, change, result));
        }
        self.note_fields();
        // What cannot be changed may be readable.
        let is_read = !broken || self.rng.percent(50);
        let edited = if is_read { edited } else { Vec::new() };
        if is_read {
            self.told = self.file.clone();
        }
        let edits = edits(&self.file, &edited);
        self.edits_filed += u64::from(!edits.is_empty());
        self.filed.push_back(Filed { answers, edits, file: self.file.clone() });
    }

    fn tell_filed(&mut self, Filed { answers, edits, file }: Filed) {
        self.edits_told += u64::from(!edits.is_empty());
        for (ticket, change, result) in &answers {
            match ticket {
                Ticket::Command(id, verb, by) => {
                    self.command_filed(*id, verb.name(), by.as_str(), change, result.as_ref().err());
                }
                Ticket::Typed => {
                    let Change::SetPassword { mail, hash, .. } = change else { panic!("{change:?}") };
                    self.note(format_args!("{mail}'s typed one is replaced: {result:?}"));
                    match result {
                        Ok(()) => {
                            self.report.replaced += 1;
                            self.oracle.typed_replaced(mail.as_str(), &field(hash));
                        }
                        Err(error) => {
                            self.report.not_replaced += 1;
                            // What was made stays made, and is tried again.
                            self.saves_due += usize::from(!matches!(error, SaveError::Refused(_)));
                        }
                    }
                }
            }
        }
        if !edits.is_empty() {
            self.oracle.file_says(self.wall_ms, "-", &file);
        }
        self.handle(Input::Members(MembersNews { answers, edits, may_write_again: false }));
    }

    fn command_filed(
        &mut self,
        id: ConnId,
        verb: &'static str,
        by: &str,
        change: &Change,
        error: Option<&SaveError>,
    ) {
        let code = error.map(|error| match error {
            SaveError::Storage(_) => "storage",
            SaveError::Busy | SaveError::Refused(ChangeError::NotExpected) => "busy",
            SaveError::Refused(ChangeError::AlreadyMember | ChangeError::NotAllowed) if verb == "JOIN" => {
                "bad-invite"
            }
            SaveError::Refused(ChangeError::AlreadyMember) => "already-member",
            SaveError::Refused(ChangeError::NoSuchMember) => "no-such-member",
            SaveError::Refused(ChangeError::LastAdmin) => "last-admin",
            SaveError::Refused(ChangeError::NameTaken) => "name-taken",
            SaveError::Refused(ChangeError::NotAllowed) => "admin-only",
        });
        let stands = match change {
            Change::Add { hash, .. } | Change::Join { hash, .. } | Change::SetPassword { hash, .. } => {
                Some(field(hash))
            }
            _ => None,
        };
        self.report.roles += usize::from(code.is_none() && matches!(verb, "PROMOTE" | "DEMOTE"));
        self.report.names += usize::from(code.is_none() && verb == "NAME");
        self.report.names_taken += usize::from(code == Some("name-taken"));
        let name = match change {
            Change::SetName { name, .. } => name.as_ref().map(ToString::to_string),
            _ => None,
        };
        let made = match change {
            Change::Join { made, .. } => Some(made.0),
            _ => None,
        };
        let naive = FileChange { verb, whom: change.mail().to_string(), stands, name, made };
        // Of a client that is gone the change is made all the same.
        let client = self.client_of(id).unwrap_or_else(|| {
            self.note_late(id);
            client_that_was(id)
        });
        if code.is_none() && matches!(verb, "REMOVE" | "LEAVE") {
            self.report.cuts += 1;
        }
        self.note(format_args!("{id:?} {naive:?}: {code:?}"));
        self.oracle.saved(client, self.wall_ms, by, &naive, code);
    }

    /// A hash may wait for others to be made and for the file, but for nothing else.
    pub(super) fn saves_are_not_held_back(&self) {
        let is_typed = |save: &Save| save.ticket == Ticket::Typed;
        let answers = self.filed.iter().flat_map(|filed| &filed.answers);
        let at_work = self.tasks.iter().any(|task| matches!(task, Task::Typed(..)))
            || self.found.iter().any(|found| matches!(found, Found::Typed(..)))
            || self.saves.iter().any(is_typed)
            || answers.into_iter().any(|(ticket, ..)| *ticket == Ticket::Typed);
        assert!(
            self.saves_due == 0 || at_work || self.next_deadline().is_some(),
            "a hash that goes into the file"
        );
    }

    /// In the end: file, group and oracle say the same, and nothing is left as it was typed.
    pub(super) fn agree(&self) {
        assert!(self.file.values().all(|row| !row.field.is_typed()), "left as it was typed: {:?}", self.file);
        assert_eq!(self.room.roster(), roster(&self.file), "the group is what the file says");
        let row = |m: &Member| Row { field: m.stands.clone(), admin: m.admin, name: m.name.clone() };
        let known = self.oracle.members.iter().map(|(who, member)| (who.clone(), row(member)));
        assert_eq!(known.collect::<FileRoster>(), self.file);
        assert_eq!(*self.room.settings(), agreed(&self.oracle.settings), "what the group has agreed on");
    }
}

/// Clients are numbered as connections are.
fn client_that_was(id: ConnId) -> Client {
    Client::try_from(id.serial).expect("few")
}
