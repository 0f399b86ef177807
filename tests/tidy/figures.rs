//! The figures and charts of docs/benchmarks.md, and the figures of README.md and docs/cluster.md, are those of the tables in
//! docs/benchmarks/, which `make bench` writes. `UPDATE=1 cargo test --test tidy figures` makes them again.

use std::fmt::Write as _;

use crate::chart::{Chart, Spread};
use crate::growth;
use crate::{files, nothing_wrong, read, root};

/// The tables that one bench has written.
pub(crate) struct Bench {
    /// The day and the commit of each.
    made: Vec<String>,
    pub(crate) tables: Vec<Vec<Vec<String>>>,
}

impl Bench {
    pub(crate) fn parse(text: &str) -> Bench {
        let (mut made, mut tables) = (Vec::new(), Vec::<Vec<Vec<String>>>::new());
        for line in text.lines() {
            if line.starts_with("`cargo bench ") {
                let parts: Vec<&str> = line.split(", ").collect();
                made.push(parts.get(1..3).map_or(String::new(), |parts| parts.join(", ")));
                tables.push(Vec::new());
            } else if let (Some(row), Some(table)) = (line.strip_prefix('|'), tables.last_mut())
                && !row.starts_with(" -")
            {
                let cells = row.trim_end_matches('|').split('|');
                table.push(cells.map(|cell| cell.trim().to_owned()).collect());
            }
        }
        Bench { made, tables }
    }

    fn of(name: &str) -> Bench {
        Bench::parse(&read(&format!("docs/benchmarks/{name}.md")))
    }

    /// As [`Bench::of`]; no tables, as long as the bench has not run.
    fn of_any(name: &str) -> Bench {
        let path = root().join(format!("docs/benchmarks/{name}.md"));
        if path.exists() { Bench::of(name) } else { Bench::parse("") }
    }

    /// The cell in the row whose first column is this, or has all these words.
    fn cell(&self, table: usize, row: &[&str], column: usize) -> &str {
        let rows = || self.tables[table].iter().skip(1);
        let has_all = |cells: &&Vec<String>| row.iter().all(|words| cells[0].contains(words));
        let found = rows().find(|cells| row == [cells[0].as_str()]).or_else(|| rows().find(has_all));
        &found.unwrap_or_else(|| panic!("no row of the table has {row:?}"))[column]
    }

    fn spread(&self, table: usize, row: &[&str], column: usize) -> Spread {
        let cell = self.cell(table, row, column);
        Spread::parse(cell).unwrap_or_else(|| panic!("no median and spread: {cell}"))
    }

    fn median(&self, table: usize, row: &[&str], column: usize) -> f64 {
        self.spread(table, row, column).median
    }

    /// One of `p50 / p99 / max`.
    fn percentile(&self, table: usize, row: &[&str], column: usize, which: usize) -> f64 {
        let cell = self.cell(table, row, column);
        let part = cell.split(" / ").nth(which).and_then(|part| part.parse().ok());
        part.unwrap_or_else(|| panic!("no percentiles: {cell}"))
    }

    /// The first column of a table, without its head.
    fn rows(&self, table: usize) -> Vec<&str> {
        self.tables[table].iter().skip(1).map(|cells| cells[0].as_str()).collect()
    }
}

/// `19900` as `19,900`.
pub(crate) fn thousands(number: &str) -> String {
    let mut text = String::new();
    for (index, digit) in number.chars().enumerate() {
        if index > 0 && (number.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// All benches that the charts and figures are taken from.
struct Figures {
    fanout: Bench,
    latency: Bench,
    connections: Bench,
    full: Bench,
    history: Bench,
    catching_up: Bench,
    cluster: Bench,
    growth: Bench,
    peers: Bench,
}

const CATCHES_UP: [&str; 2] = ["PING, p99", "while a device catches up at loopback"];
const QUIET: [&str; 2] = ["PING, p99", "quiet beside quiet"];
const MEANWHILE: [&str; 2] = ["PING, p99", "meanwhile"];

impl Figures {
    fn read() -> Figures {
        Figures {
            fanout: Bench::of("fanout"),
            latency: Bench::of("latency"),
            connections: Bench::of("connections"),
            full: Bench::of("full"),
            history: Bench::of("history"),
            catching_up: Bench::of("catching_up"),
            cluster: Bench::of("cluster"),
            growth: Bench::of_any("growth"),
            peers: Bench::of("peers"),
        }
    }

    /// Each chart with the name of its file.
    fn charts(&self) -> Vec<(&'static str, Chart)> {
        let sizes = |bench: &Bench, columns: [usize; 2]| {
            let group = |size: &str| {
                let bars = columns.map(|column| bench.spread(0, &[size], column)).to_vec();
                (format!("{} receivers", thousands(size)), bars)
            };
            bench.rows(0).into_iter().map(group).collect::<Vec<_>>()
        };
        vec![
            (
                "fanout",
                Chart {
                    title: "Delivered to all receivers",
                    unit: "million lines a second",
                    series: &["the server, each line on disk first", "a bare loop that only writes"],
                    groups: sizes(&self.fanout, [1, 2]),
                    digits: 1,
                },
            ),
            (
                "latency",
                Chart {
                    title: "One message, until the last receiver has it",
                    unit: "ms",
                    series: &["the server", "a bare loop that only writes"],
                    groups: sizes(&self.latency, [1, 2]),
                    digits: 1,
                },
            ),
            (
                "ping",
                Chart {
                    title: "Somebody else's PING, 99 of 100",
                    unit: "ms",
                    series: &["the server"],
                    groups: self.pings(),
                    digits: 2,
                },
            ),
            (
                "history",
                Chart {
                    title: "What the history costs the fan-out",
                    unit: "million lines a second",
                    series: &["with history", "without"],
                    groups: self.with_and_without(),
                    digits: 1,
                },
            ),
            (
                "connections",
                Chart {
                    title: "Memory of an idle connection",
                    unit: "bytes",
                    series: &["the server", "the kernel, both ends"],
                    groups: self.memory(),
                    digits: 0,
                },
            ),
            (
                "cluster",
                Chart {
                    title: "A message on a node of a cluster",
                    unit: "ms",
                    series: &["MSG to OK", "a bare publish and its ack"],
                    groups: self.commits(),
                    digits: 2,
                },
            ),
            (
                "peers",
                Chart {
                    title: "One load for all: delivered to 1,000 receivers",
                    unit: "million messages a second",
                    series: &["60 bytes"],
                    groups: self.beside_peers(1),
                    digits: 1,
                },
            ),
            (
                "peers_latency",
                Chart {
                    title: "One load for all: one message, until the last of 1,000 has it",
                    unit: "ms",
                    series: &["60 bytes"],
                    groups: self.beside_peers(3),
                    digits: 1,
                },
            ),
        ]
    }

    fn pings(&self) -> Vec<(String, Vec<Spread>)> {
        let last = self.latency.rows(0).pop().expect("the table has rows").to_owned();
        let one = |n: f64| Spread { median: n, least: n, most: n };
        let latency = |column| one(self.latency.percentile(0, &[&last], column, 1));
        let receivers = thousands(&last);
        let both: Vec<Spread> = (0..2).map(|nth| self.nth_meanwhile(nth)).collect();
        vec![
            ("nothing else happens".to_owned(), vec![self.catching_up.spread(0, &QUIET, 1)]),
            ("one device catches up".to_owned(), vec![self.history.spread(0, &CATCHES_UP, 1)]),
            (
                "all places taken, others try".to_owned(),
                vec![one(self.full.percentile(0, &["more refused"], 1, 1))],
            ),
            (format!("a message goes to {receivers}"), vec![latency(4)]),
            (format!("four flood {receivers}"), vec![latency(5)]),
            ("100 devices catch up".to_owned(), vec![both[1]]),
            ("1,000 devices catch up".to_owned(), vec![both[0]]),
        ]
    }

    /// PING while many devices come back: of the first case, or of the second.
    fn nth_meanwhile(&self, nth: usize) -> Spread {
        let rows = self.catching_up.tables[0].iter();
        let found = rows.filter(|cells| MEANWHILE.iter().all(|words| cells[0].contains(words))).nth(nth);
        Spread::parse(&found.expect("two cases are measured")[1]).expect("a median and its spread")
    }

    fn with_and_without(&self) -> Vec<(String, Vec<Spread>)> {
        let cases = [("4", "100"), ("4", "1000"), ("16", "1000"), ("4", "10000")];
        let groups = ["a core to spare", "all on one core"].into_iter().flat_map(|layout| {
            cases.map(|(from, size)| {
                let row = [&format!("fan-out from {from} to {size},"), layout, "deliveries/s"];
                let bars = [1, 2].map(|column| self.history.spread(0, &row, column)).to_vec();
                (format!("{from} to {}, {layout}", thousands(size)), bars)
            })
        });
        groups.collect()
    }

    fn memory(&self) -> Vec<(String, Vec<Spread>)> {
        let group = |count: &str| {
            let bars = [4, 6].map(|column| self.connections.spread(0, &[count], column)).to_vec();
            (format!("{} connections", thousands(count)), bars)
        };
        self.connections.rows(0).into_iter().map(group).collect()
    }

    fn commits(&self) -> Vec<(String, Vec<Spread>)> {
        let cases = ["60", "1000"]
            .into_iter()
            .flat_map(|bytes| [(bytes, "p50", "half"), (bytes, "p99", "99 of 100")]);
        let groups = cases.map(|(bytes, percentile, what)| {
            let row = [&format!("{bytes} bytes,"), percentile];
            let bars = [1, 2].map(|column| self.cluster.spread(0, &row, column)).to_vec();
            (format!("{} bytes, {what}", thousands(bytes)), bars)
        });
        groups.collect()
    }

    /// What docs/cluster.md says of two nodes on one machine.
    fn two_nodes(&self) -> String {
        let single = |column| self.cluster.median(1, &["one message to 10000", "ms until the last"], column);
        let flood = |row: &str, column| self.cluster.median(1, &["fan-out from 16 to 10000", row], column);
        let text = format!(
            "Measured (`cluster` of {}): one message reaches the last of 10,000 receivers after {:.0} ms if one node serves \
             them, and after {:.0} ms if each of two nodes on a core of its own serves half, {:.2} of the time. All of it was on \
             one machine with two cores, receivers and brokers too. So in a flood, in which one node and its receivers keep \
             both cores busy, two nodes cannot deliver more, and have more to do: {:.0} million lines a second, and {:.0} \
             million with one.",
            self.cluster.made[1],
            single(2),
            single(1),
            single(3),
            flood("two nodes beside one", 1),
            flood("two nodes beside one", 2),
        );
        wrapped(&text)
    }

    /// What a node of a cluster takes, beside what it is made of.
    fn of_a_node(&self) -> String {
        let fan_out = |from: &str, to: &str| {
            let row = format!("fan-out from {from} to {to}, million deliveries/s: a node beside");
            self.cluster.median(0, &[&row], 3)
        };
        let commit = |column| self.cluster.median(0, &["60 bytes,", "p50"], column);
        format!(
            "**A cluster.** On a node a message takes {:.2} ms until OK, {:.2} times as long as a bare publish to the \
             same broker and its ack. What sixteen say reaches 1,000 receivers at {:.2} of the rate of a server that has its \
             group for itself, and 10,000 at {:.2}; what four say, at {:.2} and {:.2}. A node that was away joins again \
             at {:.0} thousand events a second.",
            commit(1),
            commit(3),
            fan_out("16", "1000"),
            fan_out("16", "10000"),
            fan_out("4", "1000"),
            fan_out("4", "10000"),
            self.cluster.median(0, &["a node that joins again"], 1)
        )
    }

    /// A bar for each server with 1,000 receivers: those that store nothing before, then the others.
    fn beside_peers(&self, column: usize) -> Vec<(String, Vec<Spread>)> {
        let rows = self.peers.tables.iter().flat_map(|table| table.iter().skip(1));
        let bars = rows.filter_map(|cells| {
            let name = cells[0].strip_prefix("1000, ")?;
            Some((name.to_owned(), vec![Spread::parse(&cells[column])?]))
        });
        bars.collect()
    }

    /// Of a table's others with so many receivers the one that is nearest to ours, or ahead of it, by this ratio; and the
    /// ratio.
    fn nearest_peer(&self, table: usize, size: &str, ratio: usize) -> String {
        let rows = self.peers.tables[table].iter().skip(1);
        let others = rows.filter_map(|cells| {
            let name = cells[0].strip_prefix(size)?.strip_prefix(", ")?;
            Some((name, Spread::parse(&cells[ratio])?.median))
        });
        let nearest = others.min_by(|one, other| one.1.total_cmp(&other.1));
        let (name, ratio) = nearest.expect("others were measured");
        format!("{ratio:.1} ({name})")
    }

    /// Ours beside the best of the others that promise as much.
    fn of_the_peers(&self) -> [String; 2] {
        let both = |size: &str, ratio| {
            let [not_stored, stored] = [0, 1].map(|table| self.nearest_peer(table, size, ratio));
            format!("{not_stored} and {stored}")
        };
        let ours = |column| {
            let row = self.peers.rows(0).into_iter().find(|row| row.starts_with("1000, chat-room"));
            self.peers.median(0, &[row.expect("ours was measured")], column)
        };
        [
            format!(
                "**Others.** The server's deliveries a second divided by those of the fastest of the others, first where \
                 nothing is stored, then where each message is on disk before anybody sees it: to 1,000 receivers {}; to \
                 10,000 {}; to 100 {}.",
                both("1000", 2),
                both("10000", 2),
                both("100", 2)
            ),
            format!(
                "**The last receiver, beside others.** The time until the last receiver has a single message, of the quickest \
                 of the others, divided by the server's, in the same two cases: with 1,000 receivers {}; with 10,000 {}. A \
                 receiver that waits takes {:.0} bytes of the server's memory, and at least {} times as much of the \
                 others'. {:.0} thousand a second come in with a password, divided by those of the fastest of the others {}.",
                both("1000", 4),
                both("10000", 4),
                ours(5),
                both("1000", 6),
                ours(7),
                both("1000", 8)
            ),
        ]
    }

    /// A figure each, with a paragraph and a chart.
    fn page(&self) -> String {
        let mut page = String::new();
        let mut figure = |name: &str, benches: &[(&str, &Bench)], text: String| {
            let (title, _) = text.trim_start_matches('*').split_once(".**").expect("a title comes first");
            let mut made = String::new();
            for (index, (name, bench)) in benches.iter().enumerate() {
                write!(made, "`{name}`").expect("writing to a String cannot fail");
                match benches.get(index + 1) {
                    Some((_, next)) if next.made[0] == bench.made[0] => made.push_str(", "),
                    Some(_) => {
                        write!(made, " of {}; ", bench.made[0]).expect("writing to a String cannot fail");
                    }
                    None => write!(made, " of {}", bench.made[0]).expect("writing to a String cannot fail"),
                }
            }
            write!(page, "{}\n![{title}](benchmarks/{name}.svg)\n\n{}\n", wrapped(&text), wrapped(&made))
                .expect("writing to a String cannot fail");
        };
        let fan = |size: &str, column| self.fanout.median(0, &[size], column);
        figure(
            "fanout",
            &[("fanout", &self.fanout)],
            format!(
                "**Fan-out.** {:.0} million lines a second reach 1,000 receivers, {:.2} of what the bare loop writes; \
             10,000 get {:.0} million ({:.2}). With few receivers the disk is the limit: nobody is shown what is not \
             stored.",
                fan("1000", 1),
                fan("1000", 3),
                fan("10000", 1),
                fan("10000", 3)
            ),
        );
        let last = self.latency.rows(0).pop().expect("the table has rows");
        figure(
            "latency",
            &[("latency", &self.latency)],
            format!(
                "**Latency.** One message to {} reaches the last of them after {:.0} ms, {:.2} times as long as the bare \
             loop takes.",
                thousands(last),
                self.latency.median(0, &[last], 1),
                self.latency.median(0, &[last], 3)
            ),
        );
        let worst = self.pings().into_iter().map(|(_, bars)| bars[0].median).fold(0.0, f64::max);
        figure(
            "ping",
            &[
                ("catching_up", &self.catching_up),
                ("history", &self.history),
                ("full", &self.full),
                ("latency", &self.latency),
            ],
            format!(
                "**Others do not wait.** In each of these cases 99 of 100 PINGs of somebody else are answered within {worst:.1} ms."
            ),
        );
        let ratio = |layout| self.history.median(0, &["from 4 to 1000,", layout, "deliveries/s"], 3);
        figure(
            "history",
            &[("history", &self.history)],
            format!(
                "**The history.** Keeping it on disk leaves {:.2} of the fan-out to 1,000 receivers where its thread has \
             a core to spare, {:.2} where the whole server shares one core. After a kill the server is up again \
             with 1,000,000 events in {:.2} s.",
                ratio("a core to spare"),
                ratio("all on one core"),
                self.history.median(0, &["after a kill, s"], 1)
            ),
        );
        let most = self.connections.rows(0).pop().expect("the table has rows");
        figure(
            "connections",
            &[("connections", &self.connections)],
            format!(
                "**Connections.** With {} of them, an idle one takes {:.0} bytes of the server's memory, and some \
             {:.1} KB of the kernel's for both ends. They connect and log in at {:.0} thousand a second, {:.2} of \
             what a loop that only accepts does.",
                thousands(most),
                self.connections.median(0, &[most], 4),
                self.connections.median(0, &[most], 6) / 1e3,
                self.connections.median(0, &[most], 1),
                self.connections.median(0, &[most], 3)
            ),
        );
        for growth in growth::all(&self.growth) {
            figure(growth.chart, &[("growth", &self.growth)], growth.text());
        }
        figure("cluster", &[("cluster", &self.cluster)], self.of_a_node());
        let [fan_out, latency] = self.of_the_peers();
        figure("peers", &[("peers", &self.peers)], fan_out);
        figure("peers_latency", &[("peers", &self.peers)], latency);
        page.trim_end().to_owned() + "\n"
    }

    /// The table of README.
    fn table(&self) -> String {
        let mut table = "| receivers | million deliveries/s, on disk first | bare loop | ratio |\n\
                         | --------: | ----------------------------------: | --------: | ----: |\n"
            .to_owned();
        for size in self.fanout.rows(0) {
            let cell = |column| self.fanout.median(0, &[size], column);
            writeln!(table, "| {} | {:.1} | {:.1} | {:.2} |", thousands(size), cell(1), cell(2), cell(3))
                .expect("writing to a String cannot fail");
        }
        table + &format!("\nMeasured on {}.\n", self.fanout.made[0])
    }

    /// What a million connections would take, by the measured figures.
    fn million(&self) -> String {
        let most = self.fanout.rows(0).pop().expect("the table has rows");
        let memory = self.connections.median(0, &[most], 4);
        let kernel = self.connections.median(0, &[most], 6);
        let last = self.latency.rows(0).pop().expect("the table has rows");
        let receivers: f64 = last.parse().expect("a number of receivers");
        let single = self.latency.median(0, &[last], 1) * 1e3 / receivers;
        let flood = self.fanout.median(1, &[most], 2);
        let lines = self.fanout.median(0, &[most], 4);
        let logins = self.connections.median(0, &[most], 1);
        let items = [
            format!(
                "- {:.2} GB of the server's memory ({memory:.0} bytes each), and some {:.0} GB of the kernel's ({:.1} \
                 KB for both ends of an idle one).",
                memory / 1e3,
                kernel / 2e3,
                kernel / 1e3
            ),
            format!(
                "- {single:.1} s for a single message to all, at {single:.1} microseconds a write; {:.1} ms for a \
                 message in a flood, where a write carries {lines:.0} lines. Others' PINGs do not wait for it.",
                flood * 1e3
            ),
            format!(
                "- {:.0} s until all have logged in with tokens, {:.0} thousand a second.",
                1e3 / logins,
                logins
            ),
        ];
        items.map(|item| wrapped(&item)).concat()
    }
}

/// A paragraph or an item in lines as long as those of the documents.
fn wrapped(text: &str) -> String {
    let indent = if text.starts_with("- ") { "  " } else { "" };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() > 118 {
            lines.push(format!("{indent}{word}"));
        } else {
            write!(line, " {word}").expect("writing to a String cannot fail");
        }
    }
    lines.join("\n") + "\n"
}

/// The benches, by their files.
fn benches() -> Vec<String> {
    let files = files().into_iter().map(|file| file.name);
    let names = files.filter_map(|name| Some(name.strip_prefix("benches/")?.strip_suffix(".rs")?.to_owned()));
    names.filter(|name| !name.contains('/')).collect()
}

/// Each bench with its tables, and of when they are.
fn tables() -> String {
    let mut list = "| bench | measured |\n| --- | --- |\n".to_owned();
    for name in benches() {
        let path = format!("docs/benchmarks/{name}.md");
        let row = if root().join(&path).exists() {
            format!("| [{name}](benchmarks/{name}.md) | {} |\n", Bench::of(&name).made[0])
        } else {
            format!("| {name} | with the next `make bench` |\n")
        };
        list.push_str(&row);
    }
    list
}

#[test]
fn every_bench_has_a_section() {
    let page = read("docs/benchmarks.md");
    let missing = benches().into_iter().filter(|name| !page.contains(&format!("\n### {name}\n")));
    nothing_wrong(missing.map(|name| format!("docs/benchmarks.md has no section about {name}")));
    assert!(benches().len() > 8 && benches().contains(&"fanout".to_owned()));
}

/// A document with what belongs between these two marks.
fn with_block(document: &str, name: &str, block: &str) -> String {
    let (begin, end) = (
        format!("<!-- {name}: UPDATE=1 cargo test --test tidy figures -->\n"),
        format!("<!-- {name} ends -->\n"),
    );
    let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("no mark {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no mark {end}"));
    format!("{before}{begin}\n{block}\n{end}{after}")
}

#[test]
fn the_figures_are_those_of_the_tables() {
    let figures = Figures::read();
    let page = with_block(&read("docs/benchmarks.md"), "figures", &figures.page());
    let page = with_block(&page, "a million", &figures.million());
    let page = with_block(&page, "tables", &tables());
    let mut made = vec![
        ("README.md".to_owned(), with_block(&read("README.md"), "fan-out", &figures.table())),
        ("docs/benchmarks.md".to_owned(), page),
        (
            "docs/cluster.md".to_owned(),
            with_block(&read("docs/cluster.md"), "two nodes", &figures.two_nodes()),
        ),
    ];
    let charts = figures.charts().into_iter();
    made.extend(charts.map(|(name, chart)| (format!("docs/benchmarks/{name}.svg"), chart.svg())));
    let curves = growth::all(&figures.growth);
    made.extend(
        curves.map(|growth| (format!("docs/benchmarks/{}.svg", growth.chart), growth.curves().svg())),
    );
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for (name, should) in made {
        let is = std::fs::read_to_string(root().join(&name)).unwrap_or_default();
        if is != should && update {
            std::fs::write(root().join(&name), should).expect("the file");
        } else if is != should {
            wrong.push(format!(
                "{name} has not the figures of docs/benchmarks/; this writes them: UPDATE=1 cargo test --test tidy figures"
            ));
        }
    }
    nothing_wrong(wrong);
}

/// The next tables will have the rows and columns that are looked for.
#[test]
fn the_benches_print_what_is_looked_for() {
    for (bench, label) in [
        ("history", "fan-out from {publishers} to {size}, {}"),
        ("history", "\"a core to spare\""),
        ("history", "\"all on one core\""),
        ("history", "million deliveries/s: with history beside without"),
        ("history", "{what}, p{percent} in ms: {when}"),
        ("history", "while a device catches up {name}"),
        ("history", "at loopback's speed"),
        ("history", "\"after a kill\""),
        ("catching_up", "meanwhile beside quiet"),
        ("catching_up", "quiet beside quiet"),
        ("full", "more refused"),
        ("fanout", "server, history on, million deliveries/s"),
        ("fanout", "microseconds per delivery"),
        ("latency", "server, ms to the last"),
        ("connections", "kernel, both ends: server"),
        ("cluster", "{len} bytes, p{percent} in ms: MSG to OK"),
        ("cluster", "fan-out from {publishers} to {receivers}"),
        ("cluster", "million deliveries/s: a node beside a server alone"),
        ("cluster", "million deliveries/s: two nodes beside one"),
        ("cluster", "one message to {receivers}, {what}"),
        ("cluster", "ms until the last has it: two nodes beside one"),
        ("cluster", "a node that joins again beside direct gets"),
        ("growth", "until it is done, ms"),
        ("growth", "\"a start\""),
        ("peers", "{size}, {}"),
        ("peers", "million deliveries/s"),
        ("peers", "ms to the last receiver"),
    ] {
        assert!(read(&format!("benches/{bench}.rs")).contains(label), "{bench} prints no {label}");
    }
}

#[test]
fn figures_are_found_and_drawn() {
    let bench = Bench::parse(
        "# x\n\n`cargo bench --bench x`, 2026-01-02, commit 0123abc, AMD, load before 1\n\n\
         | what | a |\n| ---- | -: |\n| one  | 4.96 (4.63–6.16) |\n| p | 1 / 2.5 / 3 |\n\n\
         `cargo bench --bench x`, 2026-01-02, commit 0123abc, AMD, load before 1\n\n| b |\n|---|\n| 7 |\n",
    );
    assert_eq!((bench.made[0].as_str(), bench.tables.len()), ("2026-01-02, commit 0123abc", 2));
    assert_eq!(bench.spread(0, &["one"], 1), Spread { median: 4.96, least: 4.63, most: 6.16 });
    assert!((bench.percentile(0, &["p"], 1, 1) - 2.5).abs() < 1e-9);
    assert_eq!(
        (thousands("100"), thousands("1000"), thousands("1234567")),
        ("100".into(), "1,000".into(), "1,234,567".into())
    );
    assert_eq!(wrapped(&format!("- {} b", "a".repeat(115))), format!("- {}\n  b\n", "a".repeat(115)));
    let text = "a\n<!-- x: UPDATE=1 cargo test --test tidy figures -->\nold\n<!-- x ends -->\nb\n";
    assert!(with_block(text, "x", "new\n").contains("-->\n\nnew\n\n<!-- x ends -->\nb\n"));
}
