//! Asks brokers and stream what [`prove`](super::prove()) judges.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::jsz;
use super::judge::{Evidence, parse_stream, replicas};
use super::stream::{ALL_JSZ, STREAM_INFO};
use super::unfit::Unfit;
use crate::limits::{BROKER_ANSWER_WAIT, BROKER_ASK_AGAIN};
use crate::server::log::cluster::broker::{Asker, Info, NoAnswer};

/// Asks for so long until there is an answer about the stream, because the brokers may just be choosing a leader. What
/// each broker has to say is waited for shortly: one may be down.
pub fn ask(asker: &mut Asker, wait: Duration) -> Result<Evidence, Unfit> {
    let stream = ask_stream(asker, STREAM_INFO, b"", wait)?;
    let info = asker.link().info().cloned().ok_or(Unfit::Unreadable)?;
    let brokers = ask_brokers(asker, &stream, &info)?;
    Ok(Evidence { info, stream, brokers })
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

fn ask_brokers(asker: &mut Asker, stream: &[u8], info: &Info) -> Result<Vec<Bytes>, Unfit> {
    let mut missing = parse_stream(stream).map(|stream| replicas(&stream, info)).unwrap_or_default();
    // Without a stream it is not known who will answer.
    let are_known = !missing.is_empty();
    let answers = asker.ask_all(ALL_JSZ, b"", BROKER_ANSWER_WAIT, |answer| {
        let name = jsz::name(&answer.payload);
        missing.retain(|missing| Some(missing) != name.as_ref());
        are_known && missing.is_empty()
    });
    match answers {
        Ok(answers) => Ok(answers.into_iter().map(|answer| answer.payload).collect()),
        // Then it is not known how they sync.
        Err(NoAnswer::Forbidden(_) | NoAnswer::NoResponders | NoAnswer::Late(_)) => Ok(Vec::new()),
        Err(NoAnswer::Broken(broken)) => Err(Unfit::Lost(broken)),
    }
}
