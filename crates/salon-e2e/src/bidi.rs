//! Firefox's tabs over WebDriver BiDi (W3C): JSON over a WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use crate::connection::{ANSWER_MAX, Answers, Commands, Connection, ConsoleLine, string};
use crate::firefox::Process;
use crate::tab::{PAGE_SCRIPT, Tab};
use crate::websocket::{Message, WebSocket};

/// WebDriver's name of the Escape key.
const ESCAPE: &str = "\u{e00c}";

/// Connects to a browser that listens here. The receiver hangs up when the browser has gone.
pub(crate) fn open(address: SocketAddr) -> Result<(Connection, Receiver<()>)> {
    let (commands, answers) = WebSocket::connect_to(address, "/session")?.split()?;
    Ok(Connection::open(commands, answers, console_line))
}

impl Commands for WebSocket {
    fn send(&mut self, message: &str) -> Result<()> {
        self.text(message)
    }
}

impl Answers for WebSocket {
    fn receive(&mut self) -> Option<Vec<u8>> {
        match WebSocket::receive(self) {
            Ok(Message::Text(text)) => Some(text.into_bytes()),
            Ok(Message::Close(..) | Message::End) | Err(_) => None,
        }
    }
}

/// A window with cookies and storage shared with nobody; it closes when dropped.
pub(crate) struct Context {
    process: Arc<Process>,
    user: String,
    context: String,
}

impl Context {
    pub(crate) fn create(process: Arc<Process>) -> Result<Self> {
        let call = |method, params| process.connection().call(method, params, ANSWER_MAX);
        let user = string(&call("browser.createUserContext", json!({}))?, "userContext")?;
        let wanted = json!({ "type": "window", "userContext": user });
        let context = string(&call("browsingContext.create", wanted)?, "context")?;
        let script = format!("() => {{ {PAGE_SCRIPT} }}");
        let preload = json!({ "functionDeclaration": script, "contexts": [context] });
        call("script.addPreloadScript", preload)?;
        Ok(Self { process, user, context })
    }

    /// A command about this window.
    fn call(&self, method: &str, mut params: Value) -> Result<Value> {
        params["context"] = self.context.as_str().into();
        self.process.connection().call(method, params, ANSWER_MAX)
    }

    fn perform(&self, actions: Value) -> Result<()> {
        self.call("input.performActions", json!({ "actions": [actions] })).map(drop)
    }

    fn press(&self, keys: impl Iterator<Item = String>) -> Result<()> {
        let strokes = keys
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect::<Vec<_>>();
        self.perform(json!({ "type": "key", "id": "keyboard", "actions": strokes }))
    }
}

impl Tab for Context {
    fn navigate(&self, url: &str) -> Result<()> {
        self.call("browsingContext.navigate", json!({ "url": url, "wait": "interactive" }))
            .map(drop)
    }

    fn reload(&self) -> Result<()> {
        self.call("browsingContext.reload", json!({ "wait": "none" })).map(drop)
    }

    fn evaluate(&self, script: &str, limit: Duration) -> Result<Value> {
        // As text, because BiDi's own notation of values is not JSON's.
        let expression = format!("(async () => JSON.stringify([await ({script})]))()");
        let params = json!({
            "expression": expression, "target": { "context": self.context },
            "awaitPromise": true, "userActivation": true,
        });
        let answer = self.process.connection().call("script.evaluate", params, limit)?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            return Err(anyhow!("{script}: {}", thrown["text"].as_str().unwrap_or("no text")));
        }
        let [value] = serde_json::from_str::<[Value; 1]>(&string(&answer["result"], "value")?)?;
        Ok(value)
    }

    fn is_navigation(&self, failure: &str) -> bool {
        ["no such frame", "AbortError", "actor destroyed", "unloaded"]
            .iter()
            .any(|sign| failure.contains(sign))
    }

    fn click(&self, x: f64, y: f64) -> Result<()> {
        let steps = json!([
            { "type": "pointerMove", "x": x.round(), "y": y.round() },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        self.perform(json!({ "type": "pointer", "id": "mouse", "actions": steps }))
    }

    fn press_escape(&self) -> Result<()> {
        self.press([ESCAPE.to_owned()].into_iter())
    }

    fn insert_text(&self, text: &str) -> Result<()> {
        self.press(text.chars().map(String::from))
    }

    fn capture(&self) -> Result<String> {
        string(&self.call("browsingContext.captureScreenshot", json!({}))?, "data")
    }

    fn resize(&self, (width, height): (u32, u32)) -> Result<()> {
        let viewport = json!({ "width": width, "height": height });
        self.call("browsingContext.setViewport", json!({ "viewport": viewport })).map(drop)
    }

    fn console(&self) -> Vec<String> {
        self.process.connection().console(&self.context)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let user = json!({ "userContext": self.user });
        // Fails when the browser has already gone, and the window with it.
        let _ = self.process.connection().call("browser.removeUserContext", user, ANSWER_MAX);
    }
}

/// What an event has to say in a page's console, if anything.
fn console_line(event: &Value) -> Option<ConsoleLine> {
    if event["method"] != "log.entryAdded" {
        return None;
    }
    let entry = &event["params"];
    let page = entry["source"]["context"].as_str()?.to_owned();
    let kind = entry["method"].as_str().or(entry["level"].as_str())?;
    let text = format!("{kind}: {}", entry["text"].as_str().unwrap_or_default());
    Some(ConsoleLine { page, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_entry_is_a_line_of_its_page() {
        let entry = json!({ "level": "info", "method": "log", "text": "kept",
                            "source": { "context": "c" } });
        let line = console_line(&json!({ "method": "log.entryAdded", "params": entry })).unwrap();
        assert_eq!((line.page.as_str(), line.text.as_str()), ("c", "log: kept"));
        assert!(console_line(&json!({ "method": "other" })).is_none());
    }
}
