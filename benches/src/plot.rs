//! Charts of results, as SVG.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::spread::Spread;

const PANEL_WIDTH: u32 = 620;
const HEIGHT: u32 = 440;
const TITLE_HEIGHT: u32 = 46;
/// The height of a line of the legend, as a part of a chart's.
const LEGEND_LINE: f64 = 0.058;
/// Fonts of whoever looks at it: nothing of this system's is needed.
const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(225, 225, 225);
/// Colours that are told apart by those who do not see red or green (Okabe and Ito), darkest first.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// One or more charts beside each other.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What all of it shows.
    pub title: String,
    /// The charts, from the left.
    pub panels: Vec<Panel>,
}

/// One chart. Its x axis is logarithmic, as loads are taken in steps of a factor.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// What x is, with its unit.
    pub x: &'static str,
    /// What y is, with its unit.
    pub y: &'static str,
    /// How y is divided.
    pub scale: Scale,
    /// What is drawn.
    pub lines: Vec<Line>,
}

/// How an axis is divided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scale {
    /// Evenly, from zero.
    Linear,
    /// By factors, for values that differ by orders of magnitude.
    Logarithmic,
}

/// One series of measurements.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// What was measured at each x, in the order of x.
    pub points: Vec<(f64, Spread)>,
}

impl Figure {
    /// Writes it to a file, whose folder is made.
    ///
    /// # Errors
    /// The file cannot be written, or there is nothing to draw.
    pub fn write(&self, file: &Path) -> Result<()> {
        let svg = self.svg().with_context(|| format!("{} cannot be drawn", file.display()))?;
        let folder = file.parent().context("a plot has a folder")?;
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(file, svg))
            .with_context(|| format!("{} cannot be written", file.display()))
    }

    fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        let count = self.panels.len();
        let size = (PANEL_WIDTH * count as u32, HEIGHT + TITLE_HEIGHT);
        {
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let drawn = |error| anyhow!("{error}");
            area.fill(&WHITE).map_err(drawn)?;
            let style = (FONT, 22).into_font().color(&INK);
            let below = area.titled(&self.title, style).map_err(drawn)?;
            for (panel, area) in self.panels.iter().zip(below.split_evenly((1, count))) {
                panel.draw(&area)?;
            }
            area.present().map_err(drawn)?;
        }
        Ok(svg)
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

impl Panel {
    fn draw(&self, area: &Area<'_>) -> Result<()> {
        let spreads = || self.lines.iter().flat_map(|line| &line.points).map(|(_, spread)| spread);
        let highest = spreads().map(|spread| spread.max).fold(f64::NEG_INFINITY, f64::max);
        anyhow::ensure!(highest.is_finite(), "{} has no points", self.title);
        // The part of the height that the legend has for itself, at the top.
        let legend = LEGEND_LINE * (self.lines.len() + 1) as f64;
        match self.scale {
            Scale::Linear => {
                let range: RangedCoordf64 = (0.0..highest.max(1e-3) / (1.0 - legend)).into();
                self.draw_with(area, range)
            }
            Scale::Logarithmic => {
                let lowest = spreads().map(|spread| spread.min).fold(highest, f64::min);
                let lowest = lowest.max(highest / 1e6).max(1e-6) / 1.3;
                let factor = 1.3 * highest.max(lowest) / lowest;
                let range = lowest..lowest * factor.powf(1.0 / (1.0 - legend));
                let marks = marks(&range);
                self.draw_with(area, range.log_scale().with_key_points(marks))
            }
        }
    }

    fn draw_with<Y>(&self, area: &Area<'_>, y: Y) -> Result<()>
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let drawn = |error| anyhow!("{error}");
        let ticks = self.ticks();
        let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
        let x = (first / 1.15..last * 1.15).log_scale().with_key_points(ticks);
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, (FONT, 18).into_font().color(&INK))
            .margin(14)
            .x_label_area_size(48)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)
            .map_err(drawn)?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style((FONT, 14).into_font().color(&INK))
            .axis_desc_style((FONT, 15).into_font().color(&INK))
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number(*y))
            .draw()
            .map_err(drawn)?;
        let coloured = self.lines.iter().zip(COLOURS.iter().cycle());
        // What was not measured keeps its colour for other charts, and has no place in the legend.
        for (line, colour) in coloured.filter(|(line, _)| !line.points.is_empty()) {
            let medians = line.points.iter().map(|(x, spread)| (*x, spread.median));
            let series = LineSeries::new(medians.clone(), colour.stroke_width(2));
            chart.draw_series(series).map_err(drawn)?.label(&line.name).legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3))
            });
            let dots = medians.map(|at| Circle::new(at, 4, colour.filled()));
            chart.draw_series(dots).map_err(drawn)?;
            let ranges = line.points.iter().map(|(x, spread)| {
                PathElement::new([(*x, spread.min), (*x, spread.max)], colour.stroke_width(1))
            });
            chart.draw_series(ranges).map_err(drawn)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.85))
            .border_style(GRID)
            .label_font((FONT, 14).into_font().color(&INK))
            .draw()
            .map_err(drawn)
    }

    /// Where something was measured.
    fn ticks(&self) -> Vec<f64> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let mut ticks: Vec<f64> = points.map(|(x, _)| *x).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        ticks
    }
}

/// Where a logarithmic axis is marked: at 1, 2 and 5 times each power of ten.
fn marks(range: &Range<f64>) -> Vec<f64> {
    let powers = (-6..=9).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    powers.filter(|mark| range.contains(mark)).collect()
}

/// A number on an axis, as short as it can be, thousands apart.
fn number(value: f64) -> String {
    if value >= 1_000.0 {
        let whole = value.round() as u64;
        return format!("{},{:03}", whole / 1_000, whole % 1_000);
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(scale: Scale, values: &[f64]) -> Figure {
        let point = |(at, value): (usize, &f64)| {
            let spread = Spread { median: *value, min: value / 2.0, max: value * 2.0 };
            (10.0 * (at + 1) as f64, spread)
        };
        let points = values.iter().enumerate().map(point).collect();
        let lines = vec![Line { name: "one server".to_owned(), points }];
        let panel = Panel { title: "CPU".to_owned(), x: "viewers", y: "us", scale, lines };
        Figure { title: "what it costs".to_owned(), panels: vec![panel.clone(), panel] }
    }

    #[test]
    fn a_figure_names_what_it_shows() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            let svg = figure(scale, &[1.0, 30.0]).svg().unwrap();
            for text in ["what it costs", "CPU", "viewers", "us", "one server", "20"] {
                assert!(svg.contains(&format!("\n{text}\n")), "no {text} in {svg}");
            }
        }
    }

    #[test]
    fn values_of_zero_can_be_drawn() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            assert!(figure(scale, &[0.0, 0.0]).svg().is_ok());
        }
        assert!(figure(Scale::Linear, &[]).svg().is_err());
    }

    #[test]
    fn a_logarithmic_axis_is_marked_evenly() {
        assert_eq!(marks(&(3.0..60.0)), [5.0, 10.0, 20.0, 50.0]);
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [1_000.0, 4_500.0, 2.5, 0.0, 150.0];
        assert_eq!(numbers.map(number), ["1,000", "4,500", "2.5", "0", "150"]);
    }
}
