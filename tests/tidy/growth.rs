//! The curves of docs/benchmarks.md, from what `growth` has measured, and what they say in words.

use crate::curves::{Curves, Panel};
use crate::figures::{Bench, thousands};

/// What grows in each table: its name in the table, that of its chart, and in words.
const GROWN: [(&str, &str, &str); 3] = [
    ("members", "growth_members", "members"),
    ("connections", "growth_connections", "connections"),
    ("events", "growth_events", "events in the history"),
];
/// From here on it is said that something grows: it is more than measuring once more may differ.
const GROWS: f64 = 1.5;

/// One of the tables.
pub(crate) struct Growth<'b> {
    bench: &'b Bench,
    table: usize,
    pub(crate) chart: &'static str,
    name: &'static str,
    sizes: usize,
}

/// One operation in microseconds: until it is done, and the loop's.
struct Row {
    operation: String,
    values: [Option<Vec<f64>>; 2],
}

/// All tables of the bench.
pub(crate) fn all(bench: &Bench) -> impl Iterator<Item = Growth<'_>> {
    GROWN.iter().enumerate().take(bench.tables.len()).map(|(table, &(grown, chart, name))| {
        let head = &bench.tables[table][0];
        assert_eq!(head[0], grown, "the tables of growth have another order");
        Growth { bench, table, chart, name, sizes: (head.len() - 2) / 2 }
    })
}

impl Growth<'_> {
    fn sizes(&self) -> Vec<String> {
        let head = self.bench.tables[self.table][0][1..].iter().take(self.sizes);
        head.map(|cell| thousands(cell.rsplit(' ').next().unwrap_or_default())).collect()
    }

    fn rows(&self) -> Vec<Row> {
        let cells = |row: &[String], from: usize, unit: f64| -> Option<Vec<f64>> {
            let cells = row[from..from + self.sizes].iter();
            cells.map(|cell| Some(crate::chart::Spread::parse(cell)?.median * unit)).collect()
        };
        let row = |row: &Vec<String>| Row {
            operation: row[0].clone(),
            values: [cells(row, 1, 1e3), cells(row, 1 + self.sizes, 1.0)],
        };
        self.bench.tables[self.table].iter().skip(1).map(row).collect()
    }

    pub(crate) fn curves(&self) -> Curves {
        let panel = |Row { operation, values }| Panel { title: operation, sizes: self.sizes(), values };
        Curves {
            title: format!("Growth with the {}, both scales logarithmic", self.name),
            series: ["until it is done", "the loop's work for it"],
            panels: self.rows().into_iter().map(panel).collect(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let (sizes, rows) = (self.sizes(), self.rows());
        let grown: Vec<String> =
            rows.iter().filter_map(|row| grown(&row.operation, row.values[1].as_ref()?)).collect();
        let grown = match grown.as_slice() {
            [] => "for nothing".to_owned(),
            [one] => format!("for one of {}: {one}", rows.len()),
            more => format!("for {} of {}: {}", more.len(), rows.len(), more.join("; ")),
        };
        let start = rows.iter().find(|row| row.operation == "a start").and_then(|row| row.values[0].as_ref());
        let start = start.expect("starts were measured");
        format!(
            "**Growth with the {}.** From {} to {} the loop's work grows by more than half {grown}. A start takes {:.2} s and \
             {:.2} s.",
            self.name,
            sizes[0],
            sizes[sizes.len() - 1],
            start[0] / 1e6,
            start[start.len() - 1] / 1e6
        )
    }
}

fn grown(operation: &str, of_loop: &[f64]) -> Option<String> {
    let (first, last) = (of_loop[0], of_loop[of_loop.len() - 1]);
    (last > GROWS * first).then(|| format!("`{operation}`, {first:.0} to {last:.0} µs"))
}

#[test]
fn what_grows_is_said() {
    let table = |grown: &str| {
        format!(
            "`cargo bench --bench growth`, 2026-01-02, commit 0123abc, AMD, load before 1\n\n\
             | {grown} | until it is done, ms: 1000 | 2000 | the loop, µs: 1000 | 2000 | most |\n| - | - | - | - | - | - |\n\
             | PING | 1.0 | 1.0 | 10.0 (9.0–11.0) | 11.0 | 1.1 |\n| INFO | 1.0 | 1.0 | 10.0 | 20.0 | 2.0 |\n\
             | a start | 500.0 | 700.0 | | | |\n\n"
        )
    };
    let bench = Bench::parse(&GROWN.map(|(grown, ..)| table(grown)).concat());
    let members = all(&bench).next().expect("the first");
    assert_eq!(
        members.text(),
        "**Growth with the members.** From 1,000 to 2,000 the loop's work grows by more than half for one of 3: `INFO`, 10 to \
         20 µs. A start takes 0.50 s and 0.70 s."
    );
    let panel = &members.curves().panels[0];
    assert_eq!((panel.title.as_str(), &panel.values[1]), ("PING", &Some(vec![10.0, 11.0])));
}
