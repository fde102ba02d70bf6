//! What the driver needs of a window, whichever browser shows it.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

/// Runs in every document before its own scripts.
pub(crate) const PAGE_SCRIPT: &str = include_str!("page.js");

/// One window; it closes when dropped.
pub(crate) trait Tab: Send + Sync {
    /// Starts to load `url`.
    fn navigate(&self, url: &str) -> Result<()>;

    /// Starts to load the document anew.
    fn reload(&self) -> Result<()>;

    /// Runs an expression as if the user had asked for it, awaits what it gives, and gives that; `undefined` is null.
    fn evaluate(&self, script: &str, limit: Duration) -> Result<Value>;

    /// Whether a script failed, in these words of [`evaluate`](Self::evaluate), because its document was replaced.
    fn is_navigation(&self, failure: &str) -> bool;

    /// Moves the mouse there, in CSS pixels of the window, and clicks.
    fn click(&self, x: f64, y: f64) -> Result<()>;

    /// Presses and releases the Escape key.
    fn press_escape(&self) -> Result<()>;

    /// Types into what has the focus.
    fn insert_text(&self, text: &str) -> Result<()>;

    /// What the window shows, a PNG in base64.
    fn capture(&self) -> Result<String>;

    /// Gives the window this width and height, in CSS pixels.
    fn resize(&self, size: (u32, u32)) -> Result<()>;

    /// What the page has printed and thrown so far.
    fn console(&self) -> Vec<String>;
}
