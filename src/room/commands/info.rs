//! INFO: whom a message has not reached.

use crate::protocol::{Event, EventLine, InfoOk, Mail, PendingLine, Seq, Verb, ok};
use crate::room::commands::answer::no_such_message;
use crate::room::commands::lists::list_page;
use crate::room::{Group, Member, Refused, admin_only};

/// The answer about this line.
pub(crate) fn info(
    asker: Option<&Mail>,
    seq: Seq,
    after: Option<&Mail>,
    line: &[u8],
    group: &Group,
) -> Result<Vec<u8>, Refused> {
    let line = line.strip_suffix(b"\n").and_then(EventLine::parse);
    let Some(EventLine { event: Event::Msg { mail: author, .. }, .. }) = line else {
        return Err(no_such_message());
    };
    let asker = asker.ok_or_else(no_such_message)?;
    if *asker != author {
        admin_only(asker, group)
            .map_err(|(code, _)| (code, "only its author and admins may ask that".to_owned()))?;
    }
    let has = |member: &Member| member.devices.furthest().is_some_and(|furthest| furthest >= seq);
    let is_concerned = |mail: &Mail, member: &Member| *mail != author && member.was_here_at(seq);
    let (mut delivered, mut pending) = (0, 0);
    // In one pass: a large group has many members.
    for (_, member) in group.page(None).filter(|(mail, member)| is_concerned(mail, member)) {
        *if has(member) { &mut delivered } else { &mut pending } += 1;
    }
    let mut page = list_page(group.page(after), |mail, member| {
        let is_waiting = is_concerned(mail, member) && !has(member);
        is_waiting.then(|| PendingLine { mail: mail.clone(), seen: group.shown_seen(member).into() })
    });
    let info = InfoOk { seq, delivered, pending };
    page.lines.extend(ok(Verb::Info, format_args!("{info}{}", page.more)));
    Ok(page.lines)
}
