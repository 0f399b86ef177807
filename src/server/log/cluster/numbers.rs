//! The loop's side of a node: what is asked for goes to the node's thread, and what the stream has decided comes back,
//! through the files, as steps for the room.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use log::{error, warn};
use mio::Waker;

use crate::protocol::{Author, Mail, Role, Seq};
use crate::room::{Batch, Change, Proposer, Secret, Ticket};
use crate::server::log::cluster::asked::{FromNode, SettleJob, ToNode};
use crate::server::log::cluster::asking::Asking;
use crate::server::log::cluster::command::Command;
use crate::server::log::cluster::exchange::{Aside, Sharing};
use crate::server::log::cluster::figures::Figures;
use crate::server::log::cluster::named::Named;
use crate::server::log::cluster::node::Node;
use crate::server::log::cluster::steps::{Asked, Step, Steps};
use crate::server::log::cluster::worker;
use crate::server::log::cluster::writing::{News, Writing};
use crate::server::over::log_over;
use crate::server::threads::worker::Worker;

/// How long what the stream decides is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Following {
    /// While the server serves, and until all that was asked for is decided.
    All,
    /// The server stops: up to the last note, which the thread was asked for.
    ToNote,
    /// No more: what others say now would never let the files come to an end.
    Nothing,
}

/// See the module.
#[derive(Debug)]
pub(in crate::server) struct Cluster {
    worker: Worker<ToNode, FromNode>,
    waker: Arc<Waker>,
    figures: Arc<Figures>,
    pub(in crate::server) asking: Asking,
    writing: Writing,
    steps: Steps,
    /// The note of how far this node has applied the stream, to be written when the files have this event.
    note: Option<(Seq, Vec<u8>)>,
    pub(in crate::server) aside: Aside,
    following: Following,
    /// Whether the brokers commit, as the thread has told last.
    has_quorum: bool,
    /// Whether the files have taken nothing for so long that members were sent to other nodes.
    is_stuck: bool,
    /// Whether the node can apply nothing more.
    has_stopped: bool,
}

impl Cluster {
    /// Starts the thread of a node that has joined. The history ends with this event, in a file of `file_len` bytes.
    pub(in crate::server::log) fn start(
        node: Node,
        last: Seq,
        file_len: u64,
        waker: Arc<Waker>,
    ) -> io::Result<Cluster> {
        let (own, figures) = (node.waker(), node.figures());
        Ok(Cluster {
            worker: worker::spawn(node, waker)?,
            waker: own,
            figures,
            asking: Asking::after(last),
            writing: Writing::after(last, file_len),
            steps: Steps::default(),
            note: None,
            aside: Aside::default(),
            following: Following::All,
            has_quorum: true,
            is_stuck: false,
            has_stopped: false,
        })
    }

    /// Messages become commands. A change of the group has its line already; its ticket goes with it.
    pub(in crate::server::log) fn propose(&mut self, batch: &Batch) {
        for (name, _, rest, ticket) in batch.iter() {
            match ticket.by {
                Proposer::Speaker(_) => self.asking.say([name.as_bytes(), b" ", rest], ticket),
                Proposer::Setter(_, verb) => {
                    self.asking.say([verb.name().as_bytes(), b" ", rest], ticket);
                }
                Proposer::Roster => self.steps.propose(ticket),
            }
        }
    }

    /// Asks for a command's change.
    pub(in crate::server) fn save(&mut self, ticket: Ticket, change: Change) {
        let by = ticket.author();
        let command = match change.clone() {
            Change::Add { mail, hash } => Command::Add { by, mail, role: Role::Member, hash },
            Change::Join { mail, hash, made } => {
                let Author::Member(by) = by else { unreachable!("whoever has invited is a member") };
                Command::Accept { by, mail, made, hash }
            }
            Change::Invite { mail } => Command::Invite { by, mail },
            Change::Remove { mail } => Command::Remove { by, mail },
            Change::SetName { mail, name } => Command::Name { by, mail, named: name.map(Named::of) },
            Change::SetRole { mail, role } => Command::SetRole { by, mail, role },
            Change::SetPassword { mail, hash, expected } => {
                let expected = match expected {
                    Some(Secret::Hash(expected)) => Some(expected),
                    Some(Secret::Typed(_)) => {
                        unreachable!("typed passwords are hashed before the group has them")
                    }
                    None => None,
                };
                Command::Pass { by, mail, hash, expected }
            }
        };
        self.asking.ask(&command, Asked::Saved(ticket, change));
    }

    /// Asks for a change that an edit makes.
    pub(in crate::server) fn ask_for_edit(&mut self, mail: Mail, command: &Command<'_>) {
        self.asking.ask(command, Asked::Edited(mail));
    }

    /// A login waits until all that its member has said so far is settled.
    pub(in crate::server) fn settle(&mut self, job: SettleJob) {
        self.asking.settle(job);
    }

    /// Hands over what was asked for, and returns the lines to be written to the files, if there are any.
    pub(in crate::server::log) fn begin(&mut self, now: Duration) -> Option<(Seq, Bytes)> {
        self.hand_over();
        self.look_at_files(now);
        self.writing.begin(now, &mut self.steps)
    }

    /// While the files take nothing, members see nothing new here, and logins wait behind what they would see. So they are sent
    /// to another node, as from one that is cut off.
    fn look_at_files(&mut self, now: Duration) {
        let is_stuck = self.writing.stuck_at().is_some_and(|at| now >= at);
        if is_stuck == self.is_stuck {
            return;
        }
        self.is_stuck = is_stuck;
        if is_stuck {
            warn!("this node is cut off: its history takes nothing of what the group says");
            self.steps.tell(Step::CutOff);
        } else {
            log_over(format_args!("this node's history can be written again"));
            self.rejoin();
        }
    }

    /// Whether what members say can be committed, and shown.
    fn is_in_group(&self) -> bool {
        self.has_quorum && !self.is_stuck
    }

    /// What members say counts again, unless something else keeps it from being shown.
    fn rejoin(&mut self) {
        if self.is_in_group() {
            self.steps.tell(Step::Rejoined);
        }
    }

    /// Hands over what was asked for, and what the other nodes are to be told. What the thread has no place for waits, and nothing
    /// overtakes what was asked for.
    pub(in crate::server) fn hand_over(&mut self) {
        if self.asking.hand_over(|request| self.worker.try_send(request)) {
            self.wake();
        }
        if !self.asking.is_handed_over() {
            return;
        }
        for (asker, places) in std::mem::take(&mut self.aside.questions.answers) {
            if let Err(ToNode::Answer(asker, places)) = self.send(ToNode::Answer(asker, places)) {
                self.aside.questions.answers.push((asker, places));
            }
        }
        if !self.aside.places.own.is_empty() {
            let own = std::mem::take(&mut self.aside.places.own);
            if let Err(ToNode::Places(own)) = self.send(ToNode::Places(own)) {
                self.aside.places.own = own;
            }
        }
        if let Sharing::Done(number) = self.aside.places.sharing
            && self.aside.places.own.is_empty()
            && self.send(ToNode::AllPlaces(number)).is_ok()
        {
            self.aside.places.sharing = Sharing::No;
        }
        if !self.aside.here.own.is_empty() {
            let own = std::mem::take(&mut self.aside.here.own);
            if let Err(ToNode::Here(own)) = self.send(ToNode::Here(own)) {
                self.aside.here.own = own;
            }
        }
    }

    /// Hands over a job, or returns it: the thread has enough to do.
    fn send(&self, job: ToNode) -> Result<(), ToNode> {
        self.worker.try_send(job)?;
        self.wake();
        Ok(())
    }

    /// The server stops, and all its connections end. If the thread has too much to do, the others will notice.
    pub(in crate::server) fn leave(&self) {
        let _ = self.send(ToNode::Leave);
    }

    fn wake(&self) {
        self.waker.wake().expect("an eventfd can always be written to");
    }

    /// Collects what the thread tells, as long as the files keep up.
    pub(in crate::server::log) fn collect(&mut self) {
        while self.following != Following::Nothing
            && self.writing.has_room()
            && let Some(told) = self.worker.try_recv()
        {
            match told {
                FromNode::Applied(applied, asked) => {
                    self.asking.decided(own(&asked));
                    self.writing.push(News::Batch(*applied, asked));
                }
                FromNode::Refused(asked) => {
                    self.asking.decided(own(&asked));
                    self.writing.push(News::Refused(asked));
                }
                FromNode::Settled(jobs, last_is) => {
                    self.writing.push(News::Step(Step::Settled(jobs, last_is)));
                }
                FromNode::Asked(asker) => self.aside.questions.asked.push(asker),
                FromNode::Fenced => self.writing.push(News::Step(Step::Fenced)),
                FromNode::CutOff => {
                    warn!("this node is cut off: the brokers commit nothing of what it asks for");
                    self.has_quorum = false;
                    self.steps.tell(Step::CutOff);
                }
                FromNode::Back => {
                    log_over(format_args!("this node is back: the brokers commit again"));
                    self.has_quorum = true;
                    self.rejoin();
                }
                FromNode::CaughtUp | FromNode::Joined => {}
                FromNode::PlacesWanted(number) => self.aside.places.sharing = Sharing::After(None, number),
                FromNode::Places(lines) => self.aside.places.hear(&lines),
                FromNode::Elsewhere(changes) => self.aside.here.hear(changes),
                FromNode::Note(event, note) => {
                    self.note = Some((event, note));
                    if self.following == Following::ToNote {
                        self.following = Following::Nothing;
                    }
                }
                FromNode::Stop(why) => {
                    error!("{why}; the server stops");
                    self.has_stopped = true;
                }
            }
        }
    }

    /// Whether no quorum has committed anything of this node for so long that its members were sent to others.
    pub(in crate::server::log) fn has_lost_quorum(&self) -> bool {
        !self.has_quorum
    }

    /// A fence has ended the node's start, and all connections of before have ended: what is asked for from now on counts again.
    /// Returns whether members may say something here.
    pub(in crate::server) fn begin_anew(&mut self) -> bool {
        self.steps.refused(self.asking.fenced());
        self.is_in_group()
    }

    /// Lines are in the files.
    pub(in crate::server::log) fn stored(&mut self) {
        self.writing.stored(&mut self.steps);
    }

    /// Lines could not be written, and will be tried again.
    pub(in crate::server::log) fn not_stored(&mut self, now: Duration) {
        self.writing.failed(now);
    }

    /// The note, if the files have what it speaks of.
    pub(in crate::server::log) fn take_note(&mut self) -> Option<Vec<u8>> {
        let stored_to = self.writing.stored_to();
        self.note.take_if(|(event, _)| *event <= stored_to).map(|(_, note)| note)
    }

    /// What the room is to be told next.
    pub(in crate::server) fn next_step(&mut self) -> Option<Step> {
        let step = self.steps.next()?;
        if let Step::Changed { .. } = &step {
            self.asking.shown(self.steps.line_of_change());
        }
        Some(step)
    }

    /// Whether lines are being written.
    pub(in crate::server::log) fn is_writing(&self) -> bool {
        self.writing.is_writing()
    }

    /// Whether the node can apply nothing more.
    pub(in crate::server) fn has_stopped(&self) -> bool {
        self.has_stopped
    }

    /// When [`Cluster::begin`] has something to do even if nothing else happens.
    pub(in crate::server::log) fn next_deadline(&self) -> Option<Duration> {
        let stuck_at = self.writing.stuck_at().filter(|_| !self.is_stuck);
        self.writing.retry_at().into_iter().chain(stuck_at).min()
    }

    /// The server stops: whether something is not decided, told or recorded yet.
    pub(in crate::server::log) fn is_finishing(&mut self) -> bool {
        let is_decided = self.asking.is_settled();
        if is_decided && self.following == Following::All && self.send(ToNode::Note).is_ok() {
            self.following = Following::ToNote;
        }
        let is_followed = self.following == Following::Nothing;
        !is_followed || !self.writing.is_empty() || !self.steps.is_empty() || self.note.is_some()
    }

    /// Its part of STATS.
    pub(in crate::server) fn figures(&self) -> &Figures {
        &self.figures
    }
}

/// How many of these the loop has asked for.
fn own(asked: &[Asked]) -> usize {
    asked.iter().filter(|asked| !matches!(asked, Asked::Fence)).count()
}
