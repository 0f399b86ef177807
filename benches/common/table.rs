//! Medians, spreads, and the one table a bench prints.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, fs, io};

use time::OffsetDateTime;
use time::macros::format_description;

use super::Plan;
use super::machine::processor;

/// The middle of some measurements, and how far they lay apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(measurements: impl IntoIterator<Item = f64>) -> Spread {
        let mut sorted: Vec<f64> = measurements.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Spread { median, min: sorted[0], max: sorted[sorted.len() - 1] }
    }

    /// `median (min–max)`, each in the given unit.
    pub(crate) fn show(self, unit: f64, digits: usize) -> String {
        let Spread { median, min, max } = self;
        format!("{:.digits$} ({:.digits$}–{:.digits$})", median / unit, min / unit, max / unit)
    }
}

/// The value that so many of a hundred measurements do not exceed.
pub(crate) fn percentile(measurements: &mut [f64], percent: usize) -> f64 {
    measurements.sort_by(f64::total_cmp);
    let rank = (measurements.len() * percent).div_ceil(100);
    measurements[rank.max(1) - 1]
}

/// Rows of a markdown table.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Table {
        Table { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Cells that are left out at its end are empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().collect();
        row.resize(self.rows[0].len(), String::new());
        self.rows.push(row);
    }

    /// The table under the command, the day, the commit and the machine that made it. The load of the minute before
    /// tells whether the machine had other things to do.
    ///
    /// With `BENCH_TABLES` in the environment it goes to `NAME.md` in that folder, too, the first table of a run in the
    /// place of what was there.
    pub(crate) fn print(&self, command: &str, plan: &Plan) {
        let date = OffsetDateTime::now_utc()
            .format(format_description!("[year]-[month]-[day]"))
            .expect("a day has a year, a month and a day");
        let (way, smoke) = match (plan.by_cargo_bench, plan.smoke) {
            (true, false) => ("bench", ""),
            (true, true) => ("bench", " -- --smoke"),
            (false, _) => ("test", ""),
        };
        let (commit, processor, load) = (commit(), processor(), plan.load_before);
        let text = format!(
            "`cargo {way} --bench {command}{smoke}`, {date}, {commit}, {processor}, load before {load}\n\n{self}"
        );
        println!("\n{text}");
        if let Some(folder) = std::env::var_os("BENCH_TABLES") {
            record(Path::new(&folder), command, &text).expect("the folder of the tables can be written");
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        for (number, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 => format!(" {cell:<width$} "),
                _ => format!(" {cell:>width$} "),
            });
            writeln!(f, "|{}|", cells.collect::<Vec<_>>().join("|"))?;
            if number == 0 {
                let rule = |(column, &width): (usize, &usize)| match column {
                    0 => format!(" {} ", "-".repeat(width)),
                    _ => format!(" {}: ", "-".repeat(width - 1)),
                };
                writeln!(f, "|{}|", widths.iter().enumerate().map(rule).collect::<Vec<_>>().join("|"))?;
            }
        }
        Ok(())
    }
}

/// The commit that is checked out, and whether the files that were built differ from it.
fn commit() -> String {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).output();
    let Ok(head) = git(&["rev-parse", "--short", "HEAD"]) else { return "commit unknown".to_owned() };
    let built = ["diff", "--quiet", "HEAD", "--", "src", "benches", "Cargo.toml", "Cargo.lock"];
    let changed = git(&built).is_ok_and(|output| !output.status.success());
    let head = String::from_utf8_lossy(&head.stdout);
    format!("commit {}{}", head.trim(), if changed { " with changes" } else { "" })
}

fn record(folder: &Path, command: &str, text: &str) -> io::Result<()> {
    static IS_FIRST: AtomicBool = AtomicBool::new(true);
    let name = command.split(' ').next().expect("split gives at least one piece");
    let path = folder.join(format!("{name}.md"));
    let text = if IS_FIRST.swap(false, Ordering::Relaxed) {
        let make = if name == "peers" { name } else { "bench" };
        let about =
            format!("Written by `make {make}`. What it shows: [benchmarks.md](../benchmarks.md#{name}).");
        format!("# {name}\n\n{about}\n\n{text}")
    } else {
        format!("{}\n{text}", fs::read_to_string(&path)?)
    };
    fs::write(path, text)
}
