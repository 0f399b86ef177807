//! Whether what came from another node can be trusted: against what the stream continues from.

use crate::server::files::Problem;
use crate::server::log::cluster::command::Genesis;
use crate::server::log::cluster::compare::Differs;
use crate::server::log::cluster::ids::Sum;
use crate::server::log::cluster::origin::sum_of;
use crate::server::log::local::SharedSegments;

/// Compares the lines with what the stream continues from. What is not kept on both sides is not compared.
pub(super) fn origin(genesis: &Genesis, files: &SharedSegments) -> Result<Result<(), Differs>, Problem> {
    let Genesis { last: event, sum, .. } = genesis;
    let own = sum_of(files, *event)?;
    let are_known = [own, *sum].iter().all(|sum| *sum != Sum::default());
    Ok(if are_known && own != *sum { Err(Differs { event: *event }) } else { Ok(()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Seq, Time};
    use crate::server::log::cluster::ids::TokenKey;
    use crate::server::log::cluster::stage::{files, line};

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
