//! A bench's result: a table for people, JSON for programs, a plot for documents.

use anyhow::{Context as _, Result};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::arguments::{Common, Effort};
use crate::plot::Figure;

/// One line of a bench's table.
pub trait Row: Serialize {
    /// What the columns are, with their units.
    const HEADS: &'static [&'static str];

    /// What stands in them, in that order.
    fn cells(&self) -> Vec<String>;
}

/// Everything a bench found.
#[derive(Debug, Serialize)]
pub struct Report<R> {
    /// The name of the bench.
    pub bench: &'static str,
    /// What a row is, and how it was measured.
    pub method: String,
    /// The results.
    pub rows: Vec<R>,
    /// What may have distorted them.
    pub notes: Vec<String>,
}

impl<R: Row> Report<R> {
    /// Prints the result, and writes its plot if one is wanted.
    ///
    /// # Errors
    /// The plot cannot be written.
    pub fn publish(&self, common: &Common, figure: &Figure) -> Result<()> {
        if common.json {
            println!("{}", serde_json::to_string_pretty(self).context("a result is no JSON")?);
        } else {
            self.print(common.effort());
        }
        if let Some(file) = common.plot_file(self.bench)? {
            figure.write(&file)?;
            eprintln!("plot: {}", file.display());
        }
        Ok(())
    }

    fn print(&self, effort: Effort) {
        println!("{}", self.method);
        if effort == Effort::Quick {
            println!("A quick run: it shows that everything works, and its numbers mean nothing.");
        }
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(R::HEADS);
        for row in &self.rows {
            table.add_row(row.cells());
        }
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        println!("\n{table}");
        for note in &self.notes {
            println!("Note: {note}");
        }
    }
}
