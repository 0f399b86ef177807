//! Curves as SVG: how something grows with something else, both on logarithmic scales, a panel each.

use std::fmt::Write as _;

use crate::chart::{begin, real};

/// What grows with what.
pub(crate) struct Curves {
    pub(crate) title: String,
    /// The line of each, in all panels.
    pub(crate) series: [&'static str; 2],
    pub(crate) panels: Vec<Panel>,
}

pub(crate) struct Panel {
    pub(crate) title: String,
    /// What it grows with: the same in all panels.
    pub(crate) sizes: Vec<String>,
    /// Microseconds at each size, of each series that there is.
    pub(crate) values: [Option<Vec<f64>>; 2],
}

const COLOURS: [&str; 2] = ["#9aa5b1", "#2f6fb3"];
/// Panels side by side, and how large one is.
const COLUMNS: usize = 3;
const WIDTH: f64 = 226.0;
const HEIGHT: f64 = 128.0;
/// Of it, the lines.
const LINES: (f64, f64) = (128.0, 70.0);
/// Microseconds at the bottom and at the top, as powers of ten.
const DECADES: (f64, f64) = (-0.5, 7.0);

impl Curves {
    pub(crate) fn svg(&self) -> String {
        let height = 56.0 + HEIGHT * real(self.panels.len().div_ceil(COLUMNS));
        let mut svg = begin([&self.title, ""], height, 11, self.series.into_iter().zip(COLOURS));
        for (number, panel) in self.panels.iter().enumerate() {
            let (left, top) = (16.0 + WIDTH * real(number % COLUMNS), 56.0 + HEIGHT * real(number / COLUMNS));
            panel.draw(&mut svg, left, top);
        }
        svg.push_str("</g>\n</svg>\n");
        svg
    }
}

impl Panel {
    fn draw(&self, svg: &mut String, left: f64, top: f64) {
        let (width, height) = LINES;
        let (bottom, last) = (top + 22.0 + height, self.sizes.len() - 1);
        let x = |index: usize| left + 8.0 + width * real(index) / real(last.max(1));
        let y = |value: f64| bottom - height * (value.log10() - DECADES.0) / (DECADES.1 - DECADES.0);
        writeln!(
            svg,
            "<text x=\"{left:.0}\" y=\"{:.0}\" font-weight=\"bold\">{}</text>\
             <path d=\"M{left:.0} {bottom:.0}h{:.0}\" stroke=\"#d0d7de\"/>",
            top + 14.0,
            self.title,
            width + 16.0
        )
        .expect("writing to a String cannot fail");
        for (index, size) in self.sizes.iter().enumerate() {
            let anchor = if index == 0 {
                "start"
            } else if index == last {
                "end"
            } else {
                "middle"
            };
            let at = x(index);
            writeln!(
                svg,
                "<text x=\"{at:.0}\" y=\"{:.0}\" font-size=\"9\" text-anchor=\"{anchor}\">{size}</text>",
                bottom + 11.0
            )
            .expect("writing to a String cannot fail");
        }
        let labels = self.label_heights(y);
        for ((values, colour), label) in self.values.iter().zip(COLOURS).zip(labels) {
            let (Some(values), Some(label)) = (values, label) else { continue };
            let points =
                values.iter().enumerate().map(|(index, &value)| format!("{:.1},{:.1}", x(index), y(value)));
            writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <text x=\"{:.0}\" y=\"{label:.1}\" font-size=\"10\">{}</text>",
                points.collect::<Vec<_>>().join(" "),
                x(last) + 5.0,
                shown(values[last])
            )
            .expect("writing to a String cannot fail");
        }
    }

    /// Where the last value of each series stands: beside its line, and not over the other one.
    fn label_heights(&self, y: impl Fn(f64) -> f64) -> [Option<f64>; 2] {
        let mut at = self.values.each_ref().map(|values| values.as_ref()?.last().map(|&last| y(last) + 3.5));
        if let [Some(one), Some(other)] = &mut at
            && *other - *one < 10.0
        {
            let middle = f64::midpoint(*one, *other);
            (*one, *other) = (middle - 5.0, middle + 5.0);
        }
        at
    }
}

/// Microseconds in a unit that suits them.
fn shown(us: f64) -> String {
    let (value, unit) = match us {
        ..1e3 => (us, "µs"),
        ..1e6 => (us / 1e3, "ms"),
        _ => (us / 1e6, "s"),
    };
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[test]
fn curves_are_to_scale() {
    let panel = |values| Panel { title: "P".into(), sizes: vec!["1".into(), "2".into()], values };
    let curves = Curves {
        title: "T".into(),
        series: ["a", "b"],
        panels: vec![panel([Some(vec![1.0, 1e7]), None]), panel([None, Some(vec![10.0, 2500.0])])],
    };
    let svg = curves.svg();
    for drawn in ["points=\"24.0,143.3 152.0,78.0\"", ">10 s</text>", ">2.5 ms</text>"] {
        assert!(svg.contains(drawn), "{drawn} is not in {svg}");
    }
    assert_eq!((shown(0.5), shown(123.4)), ("0.5 µs".into(), "123 µs".into()));
}
