//! TITLE and ANNOUNCE: what the group has agreed on, and its admins' events that change it. The log answers these, as it answers
//! messages: what is said before them, and after them, is judged in its place.

use crate::protocol::{Announce, Code, Event, Mail, Text, Title, Verb, ok};
use crate::room::feed::replies::ANNOUNCE_ONLY;
use crate::room::{Answer, ConnId, Feeds, Group, Refused, admin_only};

/// TITLE.
pub(crate) fn title(
    id: ConnId,
    asker: Mail,
    text: Option<Text<'_>>,
    group: &Group,
    feeds: &mut Feeds,
) -> Result<Answer, Refused> {
    let Some(text) = text else { return Ok(Answer::Lines(feeds.settings.answer(Verb::Title))) };
    admin_only(&asker, group)?;
    let title = Title::parse(text.as_str().as_bytes()).map_err(|why| (Code::BadTitle, why))?;
    Ok(set(id, Verb::Title, &Event::Titled { by: asker, title }, feeds))
}

/// ANNOUNCE.
pub(crate) fn announce(
    id: ConnId,
    asker: Mail,
    mode: Option<Announce>,
    group: &Group,
    feeds: &mut Feeds,
) -> Result<Answer, Refused> {
    let Some(mode) = mode else {
        return Ok(Answer::Lines(ok(Verb::Announce, feeds.settings.announce)));
    };
    admin_only(&asker, group)?;
    Ok(set(id, Verb::Announce, &Event::Announce { by: asker, mode }, feeds))
}

/// What is so already makes no event.
fn set(id: ConnId, verb: Verb, event: &Event<'_>, feeds: &mut Feeds) -> Answer {
    if feeds.settings.has(event) {
        return Answer::Lines(feeds.settings.answer(verb));
    }
    feeds.propose(id, verb, event);
    Answer::Given
}

/// MSG.
pub(crate) fn say(
    id: ConnId,
    mail: Mail,
    text: Text<'_>,
    group: &Group,
    feeds: &mut Feeds,
) -> Result<Answer, Refused> {
    if feeds.settings.announce == Announce::On && admin_only(&mail, group).is_err() {
        return Err((Code::AnnounceOnly, ANNOUNCE_ONLY.to_owned()));
    }
    feeds.propose(id, Verb::Msg, &Event::Msg { mail, text });
    Ok(Answer::Given)
}
