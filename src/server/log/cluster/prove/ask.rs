//! Asks brokers and stream what [`prove`](super::prove()) judges.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::jsz;
use super::judge::{Evidence, Own, is_shorter, parse_stream, replicas};
use super::stream::{ALL_JSZ, STREAM_INFO};
use super::unfit::Unfit;
use crate::limits::{BROKER_ANSWER_WAIT, BROKER_ASK_AGAIN, BROKERS_STARTED_WAIT};
use crate::server::log::cluster::broker::{Asker, Info, NoAnswer};

/// Asks for so long until there is an answer about the stream, because the brokers may just be choosing a leader. `own` is
/// what this node has of the stream. If the answers say less than is known, or few brokers answer, those that do not may
/// just have started, so all is asked again for a moment.
pub fn ask(asker: &mut Asker, own: Option<Own<'_>>, wait: Duration) -> Result<Evidence, Unfit> {
    let begin = Instant::now();
    loop {
        let stream = ask_stream(asker, STREAM_INFO, b"", wait)?;
        let info = asker.link().info().cloned().ok_or(Unfit::Unreadable)?;
        let told = parse_stream(&stream).ok();
        let (brokers, turnout) = ask_brokers(asker, told.as_ref(), &info)?;
        let is_shorter = own.zip(told.as_ref()).is_some_and(|(own, told)| is_shorter(told, own));
        let may_be_starting = is_shorter || turnout == Turnout::Few;
        if !may_be_starting || begin.elapsed() >= wait.min(BROKERS_STARTED_WAIT) {
            return Ok(Evidence { info, stream, brokers });
        }
        std::thread::sleep(BROKER_ASK_AGAIN);
    }
}

/// A question to JetStream's API, again and again until somebody answers. An answer may be an error.
pub(in crate::server::log::cluster) fn ask_stream(
    asker: &mut Asker,
    subject: &str,
    body: &[u8],
    wait: Duration,
) -> Result<Bytes, Unfit> {
    let begin = Instant::now();
    loop {
        let unfit = match asker.ask(subject, body, BROKER_ANSWER_WAIT.min(wait)) {
            Ok(answer) => match parse_stream(&answer.payload) {
                Err(Unfit::NoLeader) => Unfit::NoLeader,
                _ => return Ok(answer.payload),
            },
            Err(NoAnswer::Forbidden(words)) => return Err(Unfit::Forbidden(words)),
            Err(NoAnswer::Broken(broken)) => return Err(Unfit::Lost(broken)),
            Err(NoAnswer::NoResponders) => Unfit::NoJetStream,
            Err(NoAnswer::Late(_)) => Unfit::NoLeader,
        };
        if begin.elapsed() >= wait {
            return Err(unfit);
        }
        std::thread::sleep(BROKER_ASK_AGAIN);
    }
}

/// What comes before the subjects on which nodes tell each other what is not in the stream, and before those of answers.
const BESIDE: [&str; 4] = ["where.", "here.", "hist.", "_INBOX."];

/// Whether this login may tell the other nodes what is not in the stream, and hear it: each subject is tried. Nodes that do not
/// hear each other would end each other's starts.
pub fn ask_beside(asker: &mut Asker) -> Result<(), Unfit> {
    for prefix in BESIDE {
        // No node's name has a dot, so no node takes it for another one's.
        let subject = format!("{prefix}check.{:016x}", fastrand::u64(..));
        asker.echo(&subject, BROKER_ANSWER_WAIT).map_err(|why| match why {
            NoAnswer::Broken(broken) => Unfit::Lost(broken),
            why => Unfit::Apart(why.to_string()),
        })?;
    }
    Ok(())
}

/// How many brokers have answered.
#[derive(Debug, PartialEq, Eq)]
enum Turnout {
    /// As many as are needed, or as may be asked by this login.
    Enough,
    Few,
}

/// What each broker has to say is waited for shortly: one may be down.
fn ask_brokers(
    asker: &mut Asker,
    stream: Option<&Value>,
    info: &Info,
) -> Result<(Vec<Bytes>, Turnout), Unfit> {
    // Without a stream it is not known who will answer.
    let replicas = stream.map(|stream| replicas(stream, info)).unwrap_or_default();
    let mut missing = replicas.clone();
    let answers = asker.ask_all(ALL_JSZ, b"", BROKER_ANSWER_WAIT, |answer| {
        let name = jsz::name(&answer.payload);
        missing.retain(|missing| Some(missing) != name.as_ref());
        !replicas.is_empty() && missing.is_empty()
    });
    match answers {
        Ok(answers) => {
            let turnout = turnout(answers.len(), missing.len(), &replicas);
            Ok((answers.into_iter().map(|answer| answer.payload).collect(), turnout))
        }
        // Then it is not known how they sync.
        Err(NoAnswer::Forbidden(_) | NoAnswer::NoResponders | NoAnswer::Late(_)) => {
            Ok((Vec::new(), Turnout::Enough))
        }
        Err(NoAnswer::Broken(broken)) => Err(Unfit::Lost(broken)),
    }
}

/// A broker that hears the question answers it at once, so without any answer this login may not ask.
fn turnout(answers: usize, missing: usize, replicas: &[String]) -> Turnout {
    if answers > 0 && jsz::are_too_many(missing, replicas) { Turnout::Few } else { Turnout::Enough }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_ask_does_not_ask_again() {
        let replicas = ["n0", "n1", "n2"].map(str::to_owned);
        for (answers, missing, expected) in
            [(0, 3, Turnout::Enough), (1, 2, Turnout::Few), (2, 1, Turnout::Enough), (3, 0, Turnout::Enough)]
        {
            assert_eq!(turnout(answers, missing, &replicas), expected, "{answers}");
        }
    }
}
