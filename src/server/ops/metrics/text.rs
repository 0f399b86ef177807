//! The metrics as Prometheus reads them: its text format, version 0.0.4.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::server::histogram::Histogram;
use crate::server::ops::metrics::figure::{FIGURES, Figure, PREFIX, Unit, WORDS};
use crate::server::ops::metrics::snapshot::Snapshot;

/// The media type of the text.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Renders all of it.
pub(super) fn render(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = info(&mut text, snapshot);
    for figure in &FIGURES {
        if let Some(value) = snapshot.value(figure.stat) {
            let _ = number(&mut text, figure, value);
        }
    }
    for (name, help, histogram) in snapshot.histograms.list() {
        let _ = durations(&mut text, name, help, histogram);
    }
    text
}

fn head(text: &mut String, name: &str, kind: impl fmt::Display, help: &str) -> fmt::Result {
    writeln!(text, "# HELP {PREFIX}{name} {help}.\n# TYPE {PREFIX}{name} {kind}")
}

/// What is no number, as labels of a metric that is always 1.
fn info(text: &mut String, snapshot: &Snapshot) -> fmt::Result {
    head(text, "info", "gauge", "The version, and which node this is")?;
    write!(text, "{PREFIX}info{{version=\"{}\"", env!("CARGO_PKG_VERSION"))?;
    for word in WORDS {
        if let Some(value) = snapshot.word(word) {
            write!(
                text,
                ",{word}=\"{}\"",
                value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
            )?;
        }
    }
    writeln!(text, "}} 1")
}

fn number(text: &mut String, figure: &Figure, value: u64) -> fmt::Result {
    head(text, figure.metric, figure.kind, figure.help)?;
    write!(text, "{PREFIX}{} ", figure.metric)?;
    match figure.unit {
        Unit::One => writeln!(text, "{value}"),
        Unit::Microsecond => writeln!(text, "{}", Duration::from_micros(value).as_secs_f64()),
        Unit::Kibibyte => writeln!(text, "{}", value * 1024),
    }
}

fn durations(text: &mut String, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
    head(text, name, "histogram", help)?;
    for (bound, count) in histogram.up_to() {
        writeln!(text, "{PREFIX}{name}_bucket{{le=\"{}\"}} {count}", bound.as_secs_f64())?;
    }
    let (sum, count) = (histogram.sum().as_secs_f64(), histogram.count());
    writeln!(text, "{PREFIX}{name}_bucket{{le=\"+Inf\"}} {count}")?;
    writeln!(text, "{PREFIX}{name}_sum {sum}\n{PREFIX}{name}_count {count}")
}
