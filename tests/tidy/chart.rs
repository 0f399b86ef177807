//! Bar charts as SVG.

use std::fmt::Write as _;

/// A median, and the least and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Reads `4.96 (4.63–6.16)`, or a number alone.
    pub(crate) fn parse(cell: &str) -> Option<Spread> {
        let number = |text: &str| text.parse().ok();
        let Some((median, range)) = cell.split_once(" (") else {
            return number(cell).map(|n| Spread { median: n, least: n, most: n });
        };
        let (least, most) = range.strip_suffix(')')?.split_once('–')?;
        Some(Spread { median: number(median)?, least: number(least)?, most: number(most)? })
    }
}

/// Bars in groups, one colour a series, with the least and the most as a line.
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) series: &'static [&'static str],
    pub(crate) groups: Vec<(String, Vec<Spread>)>,
    pub(crate) digits: usize,
}

const COLOURS: [&str; 2] = ["#2f6fb3", "#9aa5b1"];

/// The figure's beginning: its title, which has a part that is only seen, and what the colours mean.
pub(crate) fn begin<'a>(
    [title, more]: [&str; 2],
    height: f64,
    font: u32,
    series: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 {height:.0}\" width=\"680\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"680\" height=\"{height:.0}\" rx=\"8\" fill=\"#ffffff\"/>\n\
         <g font-family=\"system-ui, 'DejaVu Sans', Arial, sans-serif\" font-size=\"{font}\" fill=\"#24292f\">\n\
         <text x=\"16\" y=\"24\" font-size=\"14\" font-weight=\"bold\">{title}{more}</text>\n"
    );
    let mut legend = 16.0;
    for (name, colour) in series {
        let text = legend + 16.0;
        writeln!(
            svg,
            "<rect x=\"{legend:.0}\" y=\"34\" width=\"11\" height=\"11\" fill=\"{colour}\"/>\
             <text x=\"{text:.0}\" y=\"44\">{name}</text>"
        )
        .expect("writing to a String cannot fail");
        legend = text + 7.0 * real(name.len()) + 16.0;
    }
    svg
}

impl Chart {
    pub(crate) fn svg(&self) -> String {
        const LEFT: f64 = 230.0;
        const WIDTH: f64 = 340.0;
        const BAR: f64 = 16.0;
        let group_height = |bars: usize| 10.0 + BAR * real(bars);
        let height = 62.0 + self.groups.iter().map(|(_, bars)| group_height(bars.len())).sum::<f64>();
        let most = self.groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.most).fold(0.0, f64::max);
        let x = |value: f64| LEFT + WIDTH * value / most;
        let title = [self.title, &format!(", {}", self.unit)];
        let series = self.series.iter().copied().zip(COLOURS).filter(|_| self.series.len() > 1);
        let mut svg = begin(title, height, 12, series);
        let mut top = 56.0;
        for (name, bars) in &self.groups {
            let middle = top + BAR * real(bars.len()) / 2.0 + 4.0;
            writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{name}</text>",
                LEFT - 8.0
            )
            .expect("writing to a String cannot fail");
            for (bar, colour) in bars.iter().zip(COLOURS) {
                let (y, end) = (top + BAR / 2.0, x(bar.most) + 6.0);
                writeln!(
                    svg,
                    "<rect x=\"{LEFT:.0}\" y=\"{top:.0}\" width=\"{:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>\
                     <path d=\"M{:.1} {y:.0}H{:.1}\" stroke=\"#24292f\"/>\
                     <text x=\"{end:.1}\" y=\"{:.0}\">{:.*}</text>",
                    x(bar.median) - LEFT,
                    BAR - 2.0,
                    x(bar.least),
                    x(bar.most),
                    y + 4.0,
                    self.digits,
                    bar.median
                )
                .expect("writing to a String cannot fail");
                top += BAR;
            }
            top += 10.0;
        }
        svg.push_str("</g>\n</svg>\n");
        svg
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are few of anything here")]
pub(crate) fn real(count: usize) -> f64 {
    count as f64
}

#[test]
fn a_chart_is_to_scale() {
    let bar = |median| Spread { median, least: median, most: 200.0 };
    let chart = Chart {
        title: "T",
        unit: "u",
        series: &["s"],
        groups: vec![("g".into(), vec![bar(100.0)])],
        digits: 1,
    };
    assert!(
        chart.svg().contains("width=\"170.0\"") && chart.svg().contains(">100.0</text>"),
        "{}",
        chart.svg()
    );
}
