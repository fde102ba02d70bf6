//! What a person sees while a bench runs. Nothing, if standard error is no terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that disappears when dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bench of so many steps.
    #[must_use]
    pub fn new(steps: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {eta} left  {msg}")
            .expect("the template is right");
        Self(ProgressBar::new(steps).with_style(style))
    }

    /// Says what is going on.
    pub fn say(&self, message: String) {
        self.0.set_message(message);
    }

    /// A step is done.
    pub fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
