//! What the benches share. `target` is measured, from the other core by a `crowd` that checks every line of
//! every receiver against one `transcript`; `publishers` and other `talker`s make the traffic.
//!
//! `cargo bench` measures; `cargo bench -- --smoke`, or running a bench in any other way than by `cargo bench`,
//! does the same on a small scale. Numbers among the arguments replace the numbers of receivers, words choose parts
//! of a bench that has some. `--once` measures each thing once: `benches/beside.py` takes turns itself.

#![allow(dead_code, reason = "each bench uses its part of what is shared")]

pub(crate) mod bare_client;
pub(crate) mod busy_brokers;
pub(crate) mod crowd;
pub(crate) mod delay;
pub(crate) mod dial;
/// The tests' brokers say with it that there is no program for them.
#[path = "../../tests/common/disk.rs"]
pub(crate) mod disk;
pub(crate) mod flood;
pub(crate) mod frames;
pub(crate) mod group;
pub(crate) mod idle;
pub(crate) mod large_group;
pub(crate) mod latecomer;
pub(crate) mod machine;
pub(crate) mod outsiders;
pub(crate) mod pair;
pub(crate) mod pinger;
pub(crate) mod publishers;
pub(crate) mod raw;
mod raw_peer;
pub(crate) mod returners;
pub(crate) mod run;
/// The tests' brokers are such processes.
#[path = "../../tests/common/running.rs"]
pub(crate) mod running;
pub(crate) mod secure;
pub(crate) mod table;
pub(crate) mod talker;
pub(crate) mod target;
pub(crate) mod transcript;
pub(crate) mod visitors;
pub(crate) mod written;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use machine::Cores;

/// The kernel's send buffer of the bare loop's sockets, and the receive buffer of the receivers: what the
/// server asks for. Without bounds 19,000 sockets that are written to faster than read would take all memory.
pub(crate) const SEND_BUFFER: usize = chat_room::limits::SEND_BUFFER;

/// A line that does not come within this time was lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How a bench was called.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Optimised, and for its figures.
    pub(crate) by_cargo_bench: bool,
    /// Small sizes, to see that it works.
    pub(crate) smoke: bool,
    /// Each measurement once.
    pub(crate) once: bool,
    pub(crate) cores: Cores,
    /// Connections one process can have, some descriptors kept for other things.
    pub(crate) connections_max: usize,
    /// The machine's load before the bench.
    pub(crate) load_before: f64,
    sizes: Vec<usize>,
    words: Vec<String>,
}

impl Plan {
    /// The numbers of receivers: those asked for, else the smoke size or the full ones.
    pub(crate) fn sizes(&self, smoke: usize, full: &[usize]) -> Vec<usize> {
        let sizes = self.group_sizes(smoke, full).into_iter();
        sizes.map(|size| size.min(self.connections_max)).collect()
    }

    /// The same of sizes of a group, which needs no connections.
    pub(crate) fn group_sizes(&self, smoke: usize, full: &[usize]) -> Vec<usize> {
        match (self.sizes.is_empty(), self.smoke) {
            (false, _) => self.sizes.clone(),
            (true, true) => vec![smoke],
            (true, false) => full.to_vec(),
        }
    }

    /// The number asked for, else the smoke number or the full one.
    pub(crate) fn number(&self, smoke: usize, full: usize) -> usize {
        let otherwise = if self.smoke { smoke } else { full };
        self.sizes.first().copied().unwrap_or(otherwise)
    }

    /// Whether this part was asked for by name.
    pub(crate) fn names(&self, part: &str) -> bool {
        self.words.iter().any(|word| word == part)
    }

    /// Whether this part is to be done: it was asked for, or none was.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.words.is_empty() || self.names(part)
    }

    /// Server and bare loop take turns so often.
    pub(crate) fn alternations(&self) -> usize {
        match (self.once, self.smoke) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 5,
        }
    }

    /// How long one burst lasts.
    pub(crate) fn burst(&self) -> Duration {
        Duration::from_millis(if self.smoke { 50 } else { 1000 })
    }
}

/// The whole of a bench's `main`: it fails with one sentence and exit code 1.
pub(crate) fn main(bench: impl FnOnce(&Plan) -> io::Result<()>) -> ExitCode {
    match start(bench) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done when standard error is gone.
            let _ = writeln!(io::stderr(), "FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(bench: impl FnOnce(&Plan) -> io::Result<()>) -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, first] = &args[..]
        && flag == "--raw"
    {
        return raw::serve(first.parse().map_err(io::Error::other)?);
    }
    transcript::prove_itself()?;
    let is_word = |arg: &&String| !arg.starts_with('-') && arg.parse::<usize>().is_err();
    let has = |flag| args.iter().any(|arg| arg == flag);
    let cores = Cores::find()?;
    machine::stay_on(cores.load)?;
    let descriptors = usize::try_from(machine::raise_descriptors()?).unwrap_or(usize::MAX);
    bench(&Plan {
        by_cargo_bench: has("--bench"),
        smoke: has("--smoke") || !has("--bench"),
        once: has("--once"),
        cores,
        connections_max: descriptors - 100,
        load_before: machine::load(),
        sizes: args.iter().filter_map(|arg| arg.parse().ok()).collect(),
        words: args.iter().filter(is_word).cloned().collect(),
    })
}

/// An error that is a sentence.
pub(crate) fn fail<T>(sentence: impl Into<String>) -> io::Result<T> {
    Err(io::Error::other(sentence.into()))
}
