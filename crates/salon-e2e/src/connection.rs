//! Commands to a browser and their answers: JSON messages with an identifier, one reader thread. What carries them
//! is a pair of pipes ([`cdp`](crate::cdp)) or a WebSocket ([`bidi`](crate::bidi)).

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// How many console lines are kept for each page; the oldest go first.
const CONSOLE_LINES_MAX: usize = 2_000;
/// How long the browser may take over a command that waits for nothing. Generous: the machine may be busy encoding.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(30);

type Answer = Result<Value, String>;

/// Takes messages to a browser.
pub(crate) trait Commands: Send + 'static {
    /// Sends one message.
    fn send(&mut self, message: &str) -> Result<()>;
}

/// Brings messages from a browser.
pub(crate) trait Answers: Send + 'static {
    /// Waits for the next message; nothing once the browser has gone.
    fn receive(&mut self) -> Option<Vec<u8>>;
}

/// One line of a page's console.
pub(crate) struct ConsoleLine {
    /// What the protocol calls the page.
    pub(crate) page: String,
    pub(crate) text: String,
}

/// What an event has to say in a page's console, if anything.
pub(crate) type ConsoleReader = fn(&Value) -> Option<ConsoleLine>;

/// One browser's connection. Cheap to clone; every clone talks to the same browser.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Shared>);

struct Shared {
    commands: Mutex<Box<dyn Commands>>,
    console_reader: ConsoleReader,
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
    /// Speaks over these. The receiver gets its one message, a hang-up, when the browser has gone.
    pub(crate) fn open(
        commands: impl Commands,
        answers: impl Answers,
        console_reader: ConsoleReader,
    ) -> (Self, Receiver<()>) {
        let (gone, on_gone) = sync_channel(0);
        let state = State { open: true, waiting: BTreeMap::new(), consoles: BTreeMap::new() };
        let connection = Self(Arc::new(Shared {
            commands: Mutex::new(Box::new(commands)),
            console_reader,
            next_id: AtomicU64::new(1),
            state: Mutex::new(state),
        }));
        let reader = connection.clone();
        std::thread::spawn(move || {
            reader.read(answers);
            drop(gone);
        });
        (connection, on_gone)
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// The browser refused, has gone, or took too long.
    pub(crate) fn call(&self, method: &str, params: Value, limit: Duration) -> Result<Value> {
        self.call_with(json!({ "method": method, "params": params }), limit)
    }

    /// [`call`](Self::call), for a command that has more than a method and parameters; it gets its identifier here.
    pub(crate) fn call_with(&self, mut command: Value, limit: Duration) -> Result<Value> {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        command["id"] = id.into();
        let method = command["method"].as_str().unwrap_or("a command without method").to_owned();
        let (sender, answer) = sync_channel(1);
        {
            let mut state = self.state();
            if !state.open {
                bail!("{method}: the browser has gone");
            }
            state.waiting.insert(id, sender);
        }
        self.send(&command).with_context(|| format!("{method}: the browser has gone"))?;
        match answer.recv_timeout(limit) {
            Ok(answer) => answer.map_err(|error| anyhow!("{method}: {error}")),
            Err(RecvTimeoutError::Disconnected) => bail!("{method}: the browser has gone"),
            Err(RecvTimeoutError::Timeout) => {
                self.state().waiting.remove(&id);
                bail!("{method}: no answer within {limit:?}")
            }
        }
    }

    /// What this page has printed and thrown so far.
    pub(crate) fn console(&self, page: &str) -> Vec<String> {
        self.state().consoles.get(page).into_iter().flatten().cloned().collect()
    }

    fn send(&self, message: &Value) -> Result<()> {
        let mut commands = self.0.commands.lock().expect("no thread panics while writing");
        commands.send(&message.to_string())
    }

    fn read(&self, mut answers: impl Answers) {
        while let Some(bytes) = answers.receive() {
            if let Ok(message) = serde_json::from_slice::<Value>(&bytes) {
                self.receive(message);
            }
        }
        let mut state = self.state();
        state.open = false;
        state.waiting.clear();
    }

    fn receive(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let Some(waiting) = self.state().waiting.remove(&id) else { return };
            let answer = match message.get("error") {
                Some(error) => Err(refusal(error, &message["message"])),
                None => Ok(message["result"].take()),
            };
            // The caller may have given up in the meantime; then nobody wants the answer.
            let _ = waiting.try_send(answer);
        } else if let Some(line) = (self.0.console_reader)(&message) {
            let mut state = self.state();
            let console = state.consoles.entry(line.page).or_default();
            if console.len() == CONSOLE_LINES_MAX {
                console.pop_front();
            }
            console.push_back(line.text);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no thread panics while holding the state")
    }
}

/// Why a command was refused: one protocol has an object here, the other a word and a sentence beside it.
fn refusal(error: &Value, message: &Value) -> String {
    let sentence = error["message"].as_str().or(message.as_str());
    let words = [error.as_str(), sentence].into_iter().flatten().collect::<Vec<_>>();
    if words.is_empty() { "refused".to_owned() } else { words.join(": ") }
}

/// A field that an answer must have.
pub(crate) fn string(answer: &Value, field: &str) -> Result<String> {
    answer[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {answer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A browser that answers the first command with this, and then goes away.
    struct Browser {
        asked: Receiver<()>,
        answer: Option<&'static str>,
    }

    impl Answers for Browser {
        fn receive(&mut self) -> Option<Vec<u8>> {
            self.asked.recv().ok()?;
            self.answer.take().map(|answer| answer.as_bytes().to_owned())
        }
    }

    impl Commands for SyncSender<()> {
        fn send(&mut self, _: &str) -> Result<()> {
            // Two: for the answer, and for the end after it.
            Ok([(), ()].into_iter().try_for_each(|once| SyncSender::send(self, once))?)
        }
    }

    fn asked(answer: &'static str) -> Result<Value> {
        let (sender, asked) = sync_channel(2);
        let browser = Browser { asked, answer: Some(answer) };
        let (connection, on_gone) = Connection::open(sender, browser, |_| None);
        let result = connection.call("Test.method", json!({}), ANSWER_MAX);
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
        let result = asked(r#"{"type":"error","id":1,"error":"no such frame","message":"7"}"#);
        assert_eq!(result.unwrap_err().to_string(), "Test.method: no such frame: 7");
    }

    #[test]
    fn a_browser_that_goes_away_leaves_nobody_waiting() {
        let result = asked(r#"{"method":"Unasked.event"}"#);
        assert_eq!(result.unwrap_err().to_string(), "Test.method: the browser has gone");
    }
}
