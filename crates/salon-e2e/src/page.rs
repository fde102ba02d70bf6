//! One page of a browser, used as a person would use it: look, wait, click, type.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::tab::Tab;

/// How long the page may take to show what a click or a key needs. Generous: the machine may be busy encoding.
const READY_MAX: Duration = Duration::from_secs(20);
/// How much longer than its own limit a script may take to report that its time is over.
const REPORT_MAX: Duration = Duration::from_secs(10);

/// How often a click that hit nothing, because a list grew meanwhile, is tried again, as a person would. One that
/// hit another control is not: that would be done twice.
const CLICKS_MAX: usize = 3;

/// Width and height of a window's content, in CSS pixels: a phone held upright.
pub const WINDOW: (u32, u32) = (390, 780);

/// A page in a window of its own. Cheap to clone; the window closes with the last clone.
#[derive(Clone)]
pub struct Page(Arc<dyn Tab>);

impl Page {
    pub(crate) fn new(tab: impl Tab + 'static) -> Result<Self> {
        tab.resize(WINDOW)?;
        Ok(Self(Arc::new(tab)))
    }

    /// Goes to `url` and waits until it has loaded.
    ///
    /// # Errors
    /// The page cannot be loaded.
    pub fn goto(&self, url: &str) -> Result<()> {
        self.0.navigate(url)?;
        self.loaded()
    }

    /// Loads the page anew, as the reload button does.
    ///
    /// # Errors
    /// The page cannot be loaded.
    pub fn reload(&self) -> Result<()> {
        // A mark that the old document has and the new one has not.
        self.eval("window.beforeReload = true")?;
        self.0.reload()?;
        self.wait_for("!window.beforeReload", READY_MAX, "the page to load anew")?;
        self.loaded()
    }

    /// Runs `script`, an expression, and gives its value; a promise is awaited.
    ///
    /// # Errors
    /// The script throws, or its value is not JSON.
    pub fn eval(&self, script: &str) -> Result<Value> {
        self.eval_within(script, READY_MAX)
    }

    /// [`eval`](Self::eval), read as a Rust value.
    ///
    /// # Errors
    /// The script throws, or its value is another one.
    pub fn eval_as<T: DeserializeOwned>(&self, script: &str) -> Result<T> {
        let value = self.eval(script)?;
        serde_json::from_value(value.clone()).with_context(|| format!("{script} gave {value}"))
    }

    /// Waits until `condition`, an expression, is truthy, and gives its value. A promise is awaited, and
    /// an exception counts as "not yet". Also survives that the page is loaded anew in the meantime.
    ///
    /// # Errors
    /// The time is over; says what was awaited, as `what` calls it, and what the condition was last.
    pub fn wait_for(&self, condition: &str, limit: Duration, what: &str) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let script = format!("e2e.until(async () => ({condition}), {})", left.as_millis());
            let outcome = self.eval_within(&script, left + REPORT_MAX);
            let last = match outcome {
                Ok(mut outcome) if outcome.get("value").is_some() => {
                    return Ok(outcome["value"].take());
                }
                Ok(outcome) => outcome["last"].to_string(),
                // The document went away under the script: the next one is asked.
                Err(error) if !left.is_zero() && self.is_navigation(&error) => continue,
                Err(error) => format!("{error:#}"),
            };
            bail!("waited {limit:?} for {what}: {condition} is {last}");
        }
    }

    /// Clicks the visible element with this `data-testid`, once it can be clicked.
    ///
    /// # Errors
    /// It does not appear, is disabled, keeps moving or is covered by something else.
    pub fn click(&self, testid: &str) -> Result<()> {
        self.click_where(testid, "")
    }

    /// Clicks the first visible element with this `data-testid` whose text or accessible name contains `words`.
    ///
    /// # Errors
    /// As [`click`](Self::click).
    pub fn click_where(&self, testid: &str, words: &str) -> Result<()> {
        let mut landed = self.click_once(testid, words)?;
        for _ in 1..CLICKS_MAX {
            if landed != "nothing" {
                break;
            }
            landed = self.click_once(testid, words)?;
        }
        ensure!(landed == "target", "{testid} {words:?} moved away; the click hit {landed}");
        Ok(())
    }

    /// Clicks where the element is now, and tells what the click hit.
    fn click_once(&self, testid: &str, words: &str) -> Result<String> {
        let condition = format!("e2e.target({}, {})", json!(selector(testid)), json!(words));
        let what = format!("{testid} {words:?} to be clickable");
        let spot = self.wait_for(&condition, READY_MAX, &what)?;
        let place = |axis: &str| spot[axis].as_f64().with_context(|| format!("no {axis}: {spot}"));
        self.0.click(place("x")?, place("y")?)?;
        // The script fails when the click led to another document, and then it hit what it should.
        let landed = self.eval("e2e.landed()").unwrap_or(Value::Null);
        Ok(landed.as_str().unwrap_or("target").to_owned())
    }

    /// Presses and releases the Escape key.
    ///
    /// # Errors
    /// The page has gone.
    pub fn escape(&self) -> Result<()> {
        self.0.press_escape()
    }

    /// Types `text` into the visible field with this `data-testid`, in place of what it holds.
    ///
    /// # Errors
    /// As [`click`](Self::click).
    pub fn fill(&self, testid: &str, text: &str) -> Result<()> {
        self.click(testid)?;
        let field = format!("e2e.find({})", json!(selector(testid)));
        self.eval(&format!("{field}.select()"))?;
        self.0.insert_text(text)?;
        let condition = format!("{field}.value === {}", json!(text));
        self.wait_for(&condition, READY_MAX, &format!("{testid} to hold {text:?}"))?;
        Ok(())
    }

    /// Waits for a visible element with this `data-testid` whose text contains `words`, and gives its text.
    ///
    /// # Errors
    /// It does not appear in time.
    pub fn see(&self, testid: &str, words: &str, limit: Duration) -> Result<String> {
        let find = format!("e2e.find({}, {})", json!(selector(testid)), json!(words));
        // A space keeps an element without text truthy.
        let condition = format!("{find} && e2e.text({find}) + ' '");
        let text = self.wait_for(&condition, limit, &format!("{testid} to show {words:?}"))?;
        Ok(text.as_str().unwrap_or_default().trim().to_owned())
    }

    /// Waits until no visible element with this `data-testid` has a text that contains `words`.
    ///
    /// # Errors
    /// One is still there when the time is over.
    pub fn see_no(&self, testid: &str, words: &str, limit: Duration) -> Result<()> {
        let condition = format!("!e2e.find({}, {})", json!(selector(testid)), json!(words));
        self.wait_for(&condition, limit, &format!("{testid} {words:?} to go away"))?;
        Ok(())
    }

    /// How many visible elements have this `data-testid`.
    ///
    /// # Errors
    /// The page has gone.
    pub fn count(&self, testid: &str) -> Result<usize> {
        self.eval_as(&format!("e2e.all({}).filter(e2e.shown).length", json!(selector(testid))))
    }

    /// Writes what a window of `width` x `height` CSS pixels shows to a PNG file.
    ///
    /// # Errors
    /// The page cannot be painted or the file not written.
    pub fn screenshot(&self, path: &Path, width: u32, height: u32) -> Result<()> {
        self.0.resize((width, height))?;
        let taken = self.capture();
        self.0.resize(WINDOW)?;
        let png = taken?;
        std::fs::write(path, png).with_context(|| path.display().to_string())
    }

    /// What the page has printed to its console, thrown without catching and failed to load.
    #[must_use]
    pub fn console(&self) -> Vec<String> {
        self.0.console()
    }

    fn capture(&self) -> Result<Vec<u8>> {
        // Two frames: one for the new size to be laid out, one for it to be painted.
        self.eval(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))",
        )?;
        base64::engine::general_purpose::STANDARD
            .decode(self.0.capture()?)
            .context("the screenshot is not base64")
    }

    /// Makes the window so many pixels wide and high.
    ///
    /// # Errors
    /// If the browser does not take it.
    pub fn resize(&self, size: (u32, u32)) -> Result<()> {
        self.0.resize(size)
    }

    fn loaded(&self) -> Result<()> {
        let complete = "document.readyState === 'complete'";
        self.wait_for(complete, READY_MAX, "the page to load").map(drop)
    }

    /// [`eval`](Self::eval) of a script that takes its time.
    pub(crate) fn eval_within(&self, script: &str, limit: Duration) -> Result<Value> {
        self.0.evaluate(script, limit)
    }

    /// Whether a script failed because its document was replaced, not by its own doing.
    fn is_navigation(&self, error: &anyhow::Error) -> bool {
        let failure = format!("{error:#}");
        // The next document may be asked before its first script has run.
        failure.contains("e2e is not defined") || self.0.is_navigation(&failure)
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

/// The CSS selector of a `data-testid`.
fn selector(testid: &str) -> String {
    format!("[data-testid={testid}]")
}
