//! INFO: whom a message has not reached.

use crate::protocol::{Event, EventLine, InfoOk, Mail, PendingLine, Seq, Verb, ok};
use crate::room::commands::answer::no_such_message;
use crate::room::commands::lists::list_page;
use crate::room::{Group, Refused, admin_only};

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
    let concerned = || group.page(None).filter(|(mail, m)| **mail != author && m.was_here_at(seq));
    let has = |furthest: Option<Seq>| furthest.is_some_and(|furthest| furthest >= seq);
    let delivered = concerned().filter(|(_, member)| has(member.devices.furthest())).count() as u64;
    let pending = concerned().count() as u64 - delivered;
    let mut page = list_page(group.page(after), |mail, member| {
        let waits = *mail != author && member.was_here_at(seq) && !has(member.devices.furthest());
        waits.then(|| PendingLine { mail: mail.clone(), seen: group.shown_seen(member).into() })
    });
    let info = InfoOk { seq, delivered, pending };
    page.lines.extend(ok(Verb::Info, format_args!("{info}{}", page.more)));
    Ok(page.lines)
}
