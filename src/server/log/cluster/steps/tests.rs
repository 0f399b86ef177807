//! Batches as words: what the room is told of each.

use crate::protocol::{Role, Time};
use crate::room::{ConnId, PasswordHash, Proposer};
use crate::server::log::cluster::batch::Head;
use crate::server::log::cluster::ids::{BatchNumber, NodeName, Start, StreamSeq};
use crate::server::log::cluster::stage::PHC;
use crate::server::log::cluster::steps::*;

fn mail(text: &str) -> Mail {
    Mail::parse(text.as_bytes()).expect("a mail")
}

fn ticket(by: Proposer) -> ProposalTicket {
    ProposalTicket { by, size: 1 }
}

fn said(serial: u64) -> ProposalTicket {
    ticket(Proposer::Speaker(ConnId { slot: 0, serial }))
}

/// A batch of the words: `said`, `+eve`, `-eve` and `role` with a line, `password` and `quiet` without one, `refused`, `nothing`.
fn batch(words: &str) -> (Applied, Bytes) {
    let time = Time::from_unix_ms(7);
    let (mut lines, mut outcomes) = (Vec::new(), Vec::new());
    let eve = || mail("eve@x");
    for (seq, word) in (5..).zip(words.split(' ')) {
        let line = format!("{seq}:{word}\n");
        let event = EventAt { len: line.len(), time };
        let hash = PasswordHash::parse(PHC).expect("a hash");
        let change = match word {
            "+eve" => Some((GroupChange::Added { mail: eve(), role: Role::Member, hash }, Some(event))),
            "-eve" => Some((GroupChange::Removed { mail: eve() }, Some(event))),
            "password" => Some((GroupChange::Password { mail: eve(), hash }, None)),
            "role" => Some((GroupChange::Role { mail: eve(), role: Role::Admin }, Some(event))),
            "quiet" => Some((GroupChange::QuietRole { mail: eve(), role: Role::Admin }, None)),
            _ => None,
        };
        outcomes.push(match (word, change) {
            ("said", _) => Outcome::Said(event),
            ("refused", _) => Outcome::Refused(Refusal::Change(ChangeError::LastAdmin)),
            ("removed", _) => Outcome::Refused(Refusal::NotAMember),
            ("long", _) => Outcome::Refused(Refusal::TooLong),
            ("forbidden", _) => Outcome::Refused(Refusal::NotAllowed),
            ("silenced", _) => Outcome::Refused(Refusal::AnnounceOnly),
            ("nothing", _) => Outcome::Nothing,
            (_, Some((change, event))) => Outcome::Changed { by: Author::HandEdit, change, event },
            _ => panic!("{word}"),
        });
        if matches!(word, "said" | "+eve" | "-eve" | "role") {
            lines.extend_from_slice(line.as_bytes());
        }
    }
    let node = NodeName::parse("a").expect("a name");
    let origin = Head { node, start: Start(1), number: BatchNumber::FIRST, shown: None };
    let applied = Applied { seq: StreamSeq(1), origin, first: Seq(5), lines, outcomes };
    let lines = Bytes::from(applied.lines.clone());
    (applied, lines)
}

fn shown(step: &Step) -> String {
    match step {
        Step::Committed(Committed { first, lines, events }) => {
            let tickets = events.iter().map(|event| match event.ticket.map(|ticket| ticket.by) {
                Some(Proposer::Speaker(id)) => format!("own {}", id.serial),
                Some(Proposer::Setter(id, verb)) => format!("own {} {verb}", id.serial),
                Some(Proposer::Roster) => "change".to_owned(),
                None => "other".to_owned(),
            });
            let text = String::from_utf8_lossy(lines).replace('\n', ",");
            format!("{first}: {text} {}", tickets.collect::<Vec<_>>().join(" "))
        }
        Step::Changed { change, asked, .. } => {
            let what = format!("{change:?}");
            let what = what.split(' ').next().expect("a word");
            format!("{what}{}", if asked.is_some() { " asked" } else { "" })
        }
        Step::Refused(_, why) => format!("refused {why:?}"),
        Step::Unchanged(_, _, Err(why)) => format!("not saved {why:?}"),
        Step::Unchanged(_, _, Ok(())) => "so already".to_owned(),
        Step::Edited(mail, decided) => format!("edited {mail} {decided:?}"),
        Step::CutOff => "cut off".to_owned(),
        Step::Fenced => "fenced".to_owned(),
        Step::Settled(logins, _) => format!("settled {}", logins.len()),
        Step::Rejoined => "rejoined".to_owned(),
    }
}

/// What follows from a batch, the room proposing a line for each change that has one.
#[track_caller]
fn check(words: &str, asked: Vec<Asked>, expected: &[&str]) {
    let (mut steps, (applied, lines)) = (Steps::default(), batch(words));
    steps.applied(&applied, lines, asked);
    let mut told = Vec::new();
    while let Some(step) = steps.next() {
        if let Step::Changed { change, .. } = &step
            && !matches!(change, GroupChange::Password { .. } | GroupChange::QuietRole { .. })
        {
            steps.propose(ticket(Proposer::Roster));
        }
        told.push(shown(&step));
    }
    assert_eq!(told, expected);
    assert!(steps.is_empty() && steps.proposed.is_empty());
}

fn saved() -> Asked {
    Asked::Saved(Ticket::Typed, Change::Remove { mail: mail("eve@x") })
}

#[test]
fn a_change_comes_between_the_lines_before_it_and_its_own() {
    check("said", vec![], &["5: 5:said, other"]);
    check(
        "said said +eve said -eve",
        vec![],
        &[
            "5: 5:said,6:said, other other",
            "Added",
            "7: 7:+eve, change",
            "8: 8:said, other",
            "Removed",
            "9: 9:-eve, change",
        ],
    );
    check("password quiet role", vec![], &["Password", "QuietRole", "Role", "5: 7:role, change"]);
    check("nothing", vec![], &[]);
}

#[test]
fn who_has_asked_is_answered_in_the_place() {
    check("said said", vec![Asked::Said(said(1)), Asked::Said(said(2))], &["5: 5:said,6:said, own 1 own 2"]);
    check(
        "said -eve said",
        vec![Asked::Said(said(1)), saved(), Asked::Said(said(2))],
        &["5: 5:said, own 1", "Removed asked", "6: 6:-eve, change", "7: 7:said, own 2"],
    );
    let edited = || Asked::Edited(mail("eve@x"));
    check("+eve", vec![edited()], &["Added", "5: 5:+eve, change", "edited eve@x Yes"]);
    check("role", vec![edited()], &["Role", "5: 5:role, change", "edited eve@x Yes"]);
    check("nothing", vec![edited()], &["edited eve@x Yes"]);
    check("said nothing", vec![Asked::Said(said(1)), saved()], &["5: 5:said, own 1", "so already"]);
}

#[test]
fn what_is_refused_is_told_after_what_came_before() {
    check(
        "said refused",
        vec![Asked::Said(said(1)), saved()],
        &["5: 5:said, own 1", "not saved Refused(LastAdmin)"],
    );
    check("forbidden", vec![saved()], &["not saved Refused(NotAllowed)"]);
    check("refused", vec![Asked::Edited(mail("eve@x"))], &["edited eve@x Refused(LastAdmin)"]);
    let both = vec![Asked::Said(said(1)), Asked::Said(said(2))];
    check("removed long", both, &["refused NotAMember", "refused TooLong"]);
    check("refused said", vec![], &["5: 6:said, other"]);
    let asked = vec![Asked::Said(said(1)), Asked::Said(said(2))];
    check("nothing silenced", asked, &["refused SoAlready", "refused AnnounceOnly"]);
}

#[test]
fn what_a_fence_has_ended_is_refused_or_asked_again() {
    let mut steps = Steps::default();
    steps.refused(vec![Asked::Said(said(1)), saved(), Asked::Edited(mail("eve@x"))]);
    let told: Vec<String> = std::iter::from_fn(|| steps.next()).map(|step| shown(&step)).collect();
    let not_saved = format!("not saved Storage({FENCED:?})");
    assert_eq!(told, ["refused Storage", &not_saved, "edited eve@x Lost"]);
}
