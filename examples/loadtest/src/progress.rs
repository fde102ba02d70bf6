//! What a person sees while the test runs. Nothing, if standard error is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often a bar is drawn.
pub(crate) const REDRAW: Duration = Duration::from_millis(100);

/// A bar that disappears when dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Viewers that join.
    pub(crate) fn joining(viewers: u32) -> Self {
        Self::new(u64::from(viewers), "Joining    {bar:40} {pos}/{len} {msg}")
    }

    /// Time that passes.
    pub(crate) fn measuring(duration: Duration) -> Self {
        Self::new(duration.as_millis() as u64, "Measuring  {bar:40} {eta} left {msg}")
    }

    fn new(len: u64, template: &str) -> Self {
        let style = ProgressStyle::with_template(template).expect("the templates are right");
        Self(ProgressBar::new(len).with_style(style))
    }

    pub(crate) fn set(&self, position: u64, message: String) {
        self.0.set_message(message);
        self.0.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
