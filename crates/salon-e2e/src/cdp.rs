//! The Chrome DevTools Protocol over a pair of pipes: NUL-ended JSON, one reader thread.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// How many console lines are kept for each page; the oldest go first.
const CONSOLE_LINES_MAX: usize = 2_000;
/// How long the browser may take over a command that waits for nothing. Generous: the machine may be busy encoding.
const ANSWER_MAX: Duration = Duration::from_secs(30);

type Answer = Result<Value, String>;

/// One browser's DevTools connection. Cheap to clone; every clone talks to the same browser.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    pipe: Mutex<Box<dyn Write + Send>>,
    next_id: AtomicU64,
    state: Mutex<State>,
}

struct State {
    // Invariant: false once the browser has closed its end; then nothing waits any more.
    open: bool,
    waiting: BTreeMap<u64, SyncSender<Answer>>,
    consoles: BTreeMap<String, VecDeque<String>>,
}

impl Connection {
    /// Speaks over these pipes. The receiver gets its one message, a hang-up, when the browser has gone.
    pub(crate) fn open(
        commands: impl Write + Send + 'static,
        answers: impl Read + Send + 'static,
    ) -> (Self, Receiver<()>) {
        let (gone, on_gone) = sync_channel(0);
        let state = State { open: true, waiting: BTreeMap::new(), consoles: BTreeMap::new() };
        let connection = Self(Arc::new(Shared {
            pipe: Mutex::new(Box::new(commands)),
            next_id: AtomicU64::new(1),
            state: Mutex::new(state),
        }));
        let reader = connection.clone();
        std::thread::spawn(move || {
            reader.read(BufReader::new(answers));
            drop(gone);
        });
        (connection, on_gone)
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// The browser refused, has gone, or took too long.
    pub(crate) fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        self.call_within(session, method, params, ANSWER_MAX)
    }

    /// [`call`](Self::call) with another limit, for commands that wait for something in the page.
    pub(crate) fn call_within(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
        limit: Duration,
    ) -> Result<Value> {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let (sender, answer) = sync_channel(1);
        {
            let mut state = self.state();
            if !state.open {
                bail!("{method}: the browser has gone");
            }
            state.waiting.insert(id, sender);
        }
        self.send(&message).with_context(|| format!("{method}: the browser has gone"))?;
        match answer.recv_timeout(limit) {
            Ok(answer) => answer.map_err(|error| anyhow!("{method}: {error}")),
            Err(RecvTimeoutError::Disconnected) => bail!("{method}: the browser has gone"),
            Err(RecvTimeoutError::Timeout) => {
                self.state().waiting.remove(&id);
                bail!("{method}: no answer within {limit:?}")
            }
        }
    }

    /// What the page of this session has printed and thrown so far.
    pub(crate) fn console(&self, session: &str) -> Vec<String> {
        self.state().consoles.get(session).into_iter().flatten().cloned().collect()
    }

    fn send(&self, message: &Value) -> Result<()> {
        let mut bytes = serde_json::to_vec(message)?;
        bytes.push(0);
        let mut pipe = self.0.pipe.lock().expect("no thread panics while writing");
        pipe.write_all(&bytes)?;
        Ok(pipe.flush()?)
    }

    fn read(&self, mut answers: impl BufRead) {
        let mut bytes = Vec::new();
        while let Ok(1..) = answers.read_until(0, &mut bytes) {
            if bytes.last() == Some(&0) {
                bytes.pop();
            }
            if let Ok(message) = serde_json::from_slice::<Value>(&bytes) {
                self.receive(message);
            }
            bytes.clear();
        }
        let mut state = self.state();
        state.open = false;
        state.waiting.clear();
    }

    fn receive(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let Some(waiting) = self.state().waiting.remove(&id) else { return };
            let answer = match message.get("error") {
                Some(error) => Err(error["message"].as_str().unwrap_or("refused").to_owned()),
                None => Ok(message["result"].take()),
            };
            // The caller may have given up in the meantime; then nobody wants the answer.
            let _ = waiting.try_send(answer);
        } else if let (Some(session), Some(line)) =
            (message["sessionId"].as_str(), console_line(&message))
        {
            let mut state = self.state();
            let console = state.consoles.entry(session.to_owned()).or_default();
            if console.len() == CONSOLE_LINES_MAX {
                console.pop_front();
            }
            console.push_back(line);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no thread panics while holding the state")
    }
}

/// What an event has to say in a page's console, if anything.
fn console_line(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.consoleAPICalled" => {
            let words = params["args"].as_array()?.iter().map(printed).collect::<Vec<_>>();
            Some(format!("{}: {}", params["type"].as_str()?, words.join(" ")))
        }
        "Runtime.exceptionThrown" => {
            Some(format!("uncaught: {}", exception_text(&params["exceptionDetails"])))
        }
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let url = entry["url"].as_str().unwrap_or_default();
            Some(format!("{}: {} {url}", entry["level"].as_str()?, entry["text"].as_str()?))
        }
        _ => None,
    }
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
pub(crate) fn exception_text(details: &Value) -> String {
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

    /// Asks a browser that gives `answer` to its first command and goes away.
    fn asked(answer: &'static str) -> Result<Value> {
        let (commands, to_browser) = std::io::pipe()?;
        let (from_browser, mut answers) = std::io::pipe()?;
        let browser = std::thread::spawn(move || -> std::io::Result<()> {
            BufReader::new(commands).read_until(0, &mut Vec::new())?;
            answers.write_all(answer.as_bytes())?;
            answers.write_all(&[0])
        });
        let (connection, on_gone) = Connection::open(to_browser, from_browser);
        let result = connection.call(None, "Test.method", json!({}));
        browser.join().unwrap()?;
        on_gone.recv().unwrap_err();
        result
    }

    #[test]
    fn an_answer_reaches_its_caller() {
        let result = asked(r#"{"id":1,"result":{"x":7}}"#);
        assert_eq!(result.unwrap(), json!({ "x": 7 }));
    }

    #[test]
    fn a_refusal_is_an_error() {
        let result = asked(r#"{"id":1,"error":{"message":"no such thing"}}"#);
        assert_eq!(result.unwrap_err().to_string(), "Test.method: no such thing");
    }

    #[test]
    fn a_browser_that_goes_away_leaves_nobody_waiting() {
        let result = asked(r#"{"method":"Unasked.event"}"#);
        assert_eq!(result.unwrap_err().to_string(), "Test.method: the browser has gone");
    }
}
