//! Whether lines, its own or those of another node, are those of which a state has the sums, and those from which the
//! stream continues.

use crate::protocol::Seq;
use crate::server::files::Problem;
use crate::server::log::cluster::command::Genesis;
use crate::server::log::cluster::ids::Sum;
use crate::server::log::cluster::state::State;
use crate::server::log::local::{Pieces, SharedSegments, file_up_to};

/// What is wrong with lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server::log::cluster) struct Differs {
    /// The last of them.
    pub(in crate::server::log::cluster) event: Seq,
}

/// Compares the state's sums with the lines: each is that of the one before and the lines between them. What `files` do not
/// have is not compared.
pub(in crate::server::log::cluster) fn sums(
    state: &State,
    files: &SharedSegments,
) -> Result<Result<(), Differs>, Problem> {
    let mut pieces = Pieces::of(files.clone());
    let mut before: Option<(Seq, Sum)> = None;
    for (event, sum) in state.sums() {
        if let Some((after, sum_before)) = before
            && let Some(lines) = pieces.lines(after, event)?
            && sum_before.after(&lines) != sum
        {
            return Ok(Err(Differs { event }));
        }
        before = Some((event, sum));
    }
    Ok(Ok(()))
}

/// What GENESIS says of a history that ends with this event: the sum over the lines of the file with the event, from that
/// file's first line up to it. The sum of nothing if the event is not kept. So it can be compared in a moment, and on nodes
/// that keep more or fewer of the older files.
pub fn sum_of(files: &SharedSegments, event: Seq) -> Result<Sum, Problem> {
    let lines = file_up_to(files, event)?;
    Ok(lines.map_or(Sum::default(), |lines| Sum::default().after(&lines)))
}

/// Compares the lines with what the stream continues from. What is not kept on both sides is not compared.
pub(in crate::server::log::cluster) fn origin(
    genesis: &Genesis,
    files: &SharedSegments,
) -> Result<Result<(), Differs>, Problem> {
    let Genesis { last: event, sum, .. } = genesis;
    let own = sum_of(files, *event)?;
    let are_known = [own, *sum].iter().all(|sum| *sum != Sum::default());
    Ok(if are_known && own != *sum { Err(Differs { event: *event }) } else { Ok(()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Time;
    use crate::server::log::cluster::ids::TokenKey;
    use crate::server::log::cluster::stage::{Stage, files, line};

    #[test]
    fn lines_have_to_be_those_of_the_states_sums() {
        let mut stage = Stage::new();
        stage.say("v1 a 1 1\nMSG ann@x one\nMSG ann@x two\n");
        stage.clock = 2000;
        stage.say("v1 a 1 2\nMSG ann@x three\n");
        stage.clock = 3000;
        stage.say("v1 a 1 3\nMSG ann@x four\n");
        let lines =
            [line(1, 1000, "one"), line(2, 1000, "two"), line(3, 2000, "three"), line(4, 3000, "four")];
        let check = |first: usize, change: Option<(usize, &str)>, expected: Result<(), Differs>| {
            let folder = tempfile::tempdir().expect("a folder");
            let mut lines = lines.clone();
            if let Some((at, text)) = change {
                lines[at] = lines[at].replace(text, "x");
            }
            // Two files: sums do not care.
            let [before, after] = [lines[first..3].concat(), lines[3..].concat()];
            let files = files(folder.path(), &[(1 + first as u64, &before), (4, &after)]);
            assert_eq!(sums(&stage.state, &files).expect("read"), expected, "{first} {change:?}");
        };
        check(0, None, Ok(()));
        check(2, None, Ok(()));
        for (at, text, event) in [(0, "one", 2), (1, "two", 2), (2, "three", 3), (3, "four", 4)] {
            check(0, Some((at, text)), Err(Differs { event: Seq(event) }));
        }
        // What is not kept is not compared.
        check(1, Some((1, "two")), Ok(()));
        check(2, Some((2, "three")), Err(Differs { event: Seq(3) }));
    }

    #[test]
    fn lines_have_to_be_those_from_which_the_stream_continues() {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = [line(1, 1000, "one"), line(2, 1000, "two"), line(3, 2000, "three")];
        let files = files(folder.path(), &[(1, &lines[0]), (2, &lines[1..].concat())]);
        let genesis = |event: u64, lines: &str| Genesis {
            transcript: 1,
            token_key: TokenKey::new([1; 32].into()),
            line_max: 100,
            last: Seq(event),
            time: Time::default(),
            sum: Sum::default().after(lines.as_bytes()),
            members: 1,
        };
        let differs = |event| Err(Differs { event: Seq(event) });
        for (event, text, expected) in [
            (1, lines[0].clone(), Ok(())),
            (2, lines[1].clone(), Ok(())),
            (3, lines[1..].concat(), Ok(())),
            (3, lines.concat(), differs(3)),
            (2, lines[0].clone(), differs(2)),
            (4, lines[2].clone(), Ok(())),
        ] {
            let genesis = genesis(event, &text);
            assert_eq!(origin(&genesis, &files).expect("read"), expected, "{event} {text}");
        }
    }
}
