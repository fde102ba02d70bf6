//! Chromium's tabs over the DevTools protocol: NUL-ended JSON over a pair of pipes.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};

use crate::chromium::Process;
use crate::connection::{ANSWER_MAX, Answers, Commands, Connection, ConsoleLine, string};
use crate::tab::{PAGE_SCRIPT, Tab};

/// Speaks over these pipes. The receiver hangs up when the browser has gone.
pub(crate) fn open(
    commands: impl Write + Send + 'static,
    answers: impl Read + Send + 'static,
) -> (Connection, Receiver<()>) {
    Connection::open(ToBrowser(commands), FromBrowser(BufReader::new(answers)), console_line)
}

struct ToBrowser<W>(W);

impl<W: Write + Send + 'static> Commands for ToBrowser<W> {
    fn send(&mut self, message: &str) -> Result<()> {
        self.0.write_all(message.as_bytes())?;
        self.0.write_all(&[0])?;
        Ok(self.0.flush()?)
    }
}

struct FromBrowser<R>(BufReader<R>);

impl<R: Read + Send + 'static> Answers for FromBrowser<R> {
    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.0.read_until(0, &mut bytes);
        // Half a message is the last sign of a browser that was killed.
        (read.is_ok() && bytes.pop() == Some(0)).then_some(bytes)
    }
}

/// A window with cookies and storage shared with nobody; it closes when dropped.
pub(crate) struct Target {
    process: Arc<Process>,
    context: String,
    session: String,
}

impl Target {
    pub(crate) fn create(process: Arc<Process>) -> Result<Self> {
        let call = |method, params| process.connection().call(method, params, ANSWER_MAX);
        let context = string(&call("Target.createBrowserContext", json!({}))?, "browserContextId")?;
        let wanted =
            json!({ "url": "about:blank", "browserContextId": context, "newWindow": true });
        let target = string(&call("Target.createTarget", wanted)?, "targetId")?;
        let attach = json!({ "targetId": target, "flatten": true });
        let session = string(&call("Target.attachToTarget", attach)?, "sessionId")?;
        let target = Self { process, context, session };
        for domain in ["Page", "Runtime", "Log"] {
            target.call(&format!("{domain}.enable"), json!({}))?;
        }
        target.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }))?;
        let script = json!({ "source": PAGE_SCRIPT, "runImmediately": true });
        target.call("Page.addScriptToEvaluateOnNewDocument", script)?;
        Ok(target)
    }

    fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.call_within(method, params, ANSWER_MAX)
    }

    fn call_within(&self, method: &str, params: Value, limit: Duration) -> Result<Value> {
        let command = json!({ "method": method, "params": params, "sessionId": self.session });
        self.process.connection().call_with(command, limit)
    }
}

impl Tab for Target {
    fn navigate(&self, url: &str) -> Result<()> {
        let answer = self.call("Page.navigate", json!({ "url": url }))?;
        match answer["errorText"].as_str() {
            Some(error) => bail!("{url}: {error}"),
            None => Ok(()),
        }
    }

    fn reload(&self) -> Result<()> {
        self.call("Page.reload", json!({})).map(drop)
    }

    fn evaluate(&self, script: &str, limit: Duration) -> Result<Value> {
        let params = json!({
            "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let mut answer = self.call_within("Runtime.evaluate", params, limit)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(anyhow!("{script}: {}", exception_text(details))),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    fn is_navigation(&self, failure: &str) -> bool {
        ["navigated or closed", "context was destroyed", "Cannot find context"]
            .iter()
            .any(|sign| failure.contains(sign))
    }

    fn click(&self, x: f64, y: f64) -> Result<()> {
        for (kind, button) in
            [("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")]
        {
            let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    fn press_escape(&self) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({
                "type": kind, "key": "Escape", "code": "Escape", "windowsVirtualKeyCode": 27,
            });
            self.call("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    fn insert_text(&self, text: &str) -> Result<()> {
        self.call("Input.insertText", json!({ "text": text })).map(drop)
    }

    fn capture(&self) -> Result<String> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" }))?;
        string(&answer, "data")
    }

    fn resize(&self, (width, height): (u32, u32)) -> Result<()> {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics).map(drop)
    }

    fn console(&self) -> Vec<String> {
        self.process.connection().console(&self.session)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let context = json!({ "browserContextId": self.context });
        // Fails when the browser has already gone, and the window with it.
        let _ = self.process.connection().call("Target.disposeBrowserContext", context, ANSWER_MAX);
    }
}

/// What an event has to say in a page's console, if anything.
fn console_line(event: &Value) -> Option<ConsoleLine> {
    let page = event["sessionId"].as_str()?.to_owned();
    let params = &event["params"];
    let text = match event["method"].as_str()? {
        "Runtime.consoleAPICalled" => {
            let words = params["args"].as_array()?.iter().map(printed).collect::<Vec<_>>();
            format!("{}: {}", params["type"].as_str()?, words.join(" "))
        }
        "Runtime.exceptionThrown" => {
            format!("uncaught: {}", exception_text(&params["exceptionDetails"]))
        }
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let url = entry["url"].as_str().unwrap_or_default();
            format!("{}: {} {url}", entry["level"].as_str()?, entry["text"].as_str()?)
        }
        _ => return None,
    };
    Some(ConsoleLine { page, text })
}

/// A console argument as the console would show it, roughly.
fn printed(argument: &Value) -> String {
    match argument.get("value") {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => argument["description"].as_str().unwrap_or("?").to_owned(),
    }
}

/// The message of an exception, with its stack when it has one.
fn exception_text(details: &Value) -> String {
    let exception = &details["exception"];
    exception["description"]
        .as_str()
        .or_else(|| exception["value"].as_str())
        .or_else(|| details["text"].as_str())
        .unwrap_or("an exception without a message")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_end_with_a_zero_byte() {
        let mut answers = FromBrowser(BufReader::new(b"{}\0[]\0half".as_slice()));
        assert_eq!(answers.receive().unwrap(), b"{}");
        assert_eq!(answers.receive().unwrap(), b"[]");
        assert_eq!(answers.receive(), None);
    }
}
