//! Janus' WebSocket API: one session, and requests that are answered in any order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long Janus may take over anything. A guess, far above what it takes.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Janus ends a session that is silent for 60 s.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// Requests that wait to be written; whoever comes then waits.
const REQUESTS_MAX: usize = 64;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A session.
#[derive(Debug)]
pub(crate) struct Api {
    url: String,
    session: AtomicU64,
    number: AtomicU64,
    requests: mpsc::Sender<String>,
    waiting: Waiting,
}

/// Who waits for the answer to which request.
#[derive(Clone, Debug, Default)]
struct Waiting(Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Value>>> {
        // A panic while the lock was held cannot leave a map half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Api {
    /// Connects, and begins a session.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let mut request = url.into_client_request().with_context(|| format!("{url} is no URL"))?;
        let protocol = HeaderValue::from_static("janus-protocol");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let connected = timeout(ANSWER_MAX, connect_async(request)).await;
        let (socket, _) = connected
            .with_context(|| format!("{url} did not answer within {ANSWER_MAX:?}"))?
            .map_err(|error| {
                anyhow!("{url} cannot be reached: {error}; is it Janus' WebSocket API?")
            })?;
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        let waiting = Waiting::default();
        let api = Self {
            url: url.to_owned(),
            session: AtomicU64::new(0),
            number: AtomicU64::new(0),
            requests,
            waiting: waiting.clone(),
        };
        tokio::spawn(carry(socket, queue, waiting));
        let created = api.ask("create a session", json!({ "janus": "create" })).await?;
        api.session.store(id(&created)?, Ordering::Relaxed);
        Ok(api)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Attaches to the videoroom plugin.
    pub(crate) async fn attach(&self) -> Result<u64> {
        let request = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        id(&self.ask("attach to its videoroom plugin", request).await?)
    }

    pub(crate) async fn detach(&self, handle: u64) -> Result<()> {
        let request = json!({ "janus": "detach", "handle_id": handle });
        self.ask("detach a handle", request).await.map(drop)
    }

    /// Asks something of the plugin, and answers its data and its description, if there is one.
    pub(crate) async fn message(
        &self,
        what: &str,
        handle: u64,
        body: Value,
        jsep: Option<Value>,
    ) -> Result<(Value, Option<String>)> {
        let mut request = json!({ "janus": "message", "handle_id": handle, "body": body });
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        let mut answer = self.ask(what, request).await?;
        let sdp = answer.pointer("/jsep/sdp").and_then(Value::as_str).map(str::to_owned);
        let data = answer.pointer_mut("/plugindata/data").map(Value::take).unwrap_or_default();
        if let Some(error) = data.get("error").and_then(Value::as_str) {
            bail!("{} did not {what}: {error}", self.url);
        }
        Ok((data, sdp))
    }

    /// Asks, and waits for the answer that ends the transaction.
    async fn ask(&self, what: &str, mut request: Value) -> Result<Value> {
        let transaction = self.number.fetch_add(1, Ordering::Relaxed).to_string();
        request["transaction"] = transaction.clone().into();
        if let session @ 1.. = self.session.load(Ordering::Relaxed) {
            request["session_id"] = session.into();
        }
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().insert(transaction.clone(), sender);
        let asked = async {
            self.requests.send(request.to_string()).await.ok()?;
            answer.await.ok()
        };
        let answer = timeout(ANSWER_MAX, asked).await;
        self.waiting.lock().remove(&transaction);
        let url = &self.url;
        let answer = answer
            .with_context(|| format!("{url} did not {what} within {ANSWER_MAX:?}"))?
            .with_context(|| format!("{url} hung up before it could {what}"))?;
        match answer.pointer("/error/reason").and_then(Value::as_str) {
            Some(reason) => bail!("{url} did not {what}: {reason}"),
            None => Ok(answer),
        }
    }
}

/// Carries requests and answers until either side is gone.
async fn carry(mut socket: Socket, mut queue: mpsc::Receiver<String>, waiting: Waiting) {
    let (mut clock, mut session) = (interval(SIGN_OF_LIFE), None);
    loop {
        let sent = tokio::select! {
            request = queue.recv() => match request {
                Some(request) => socket.send(Message::Text(request.into())).await,
                None => break,
            },
            _ = clock.tick(), if session.is_some() => {
                let alive = json!({ "janus": "keepalive", "session_id": session, "transaction": "alive" });
                socket.send(Message::Text(alive.to_string().into())).await
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let created = deliver(&text, &waiting);
                    session = session.or(created);
                    Ok(())
                }
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => break,
            },
        };
        if sent.is_err() {
            break;
        }
    }
    // Whoever still waits is told so.
    waiting.lock().clear();
}

/// Hands an answer to who waits for it; answers the session if it is the first. Janus says `ack` before it answers a
/// plugin's request, and tells many things that nobody asked.
fn deliver(text: &Utf8Bytes, waiting: &Waiting) -> Option<u64> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let transaction = answer.get("transaction")?.as_str()?;
    if answer.get("janus")?.as_str()? == "ack" {
        return None;
    }
    let sender = waiting.lock().remove(transaction)?;
    let created = answer.pointer("/data/id").and_then(Value::as_u64);
    let _late = sender.send(answer);
    created
}

/// What was made.
fn id(answer: &Value) -> Result<u64> {
    let id = answer.pointer("/data/id").and_then(Value::as_u64);
    id.with_context(|| format!("the server's answer has no identifier: is it a Janus? {answer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_a_wait_and_an_acknowledgement_does_not() {
        let waiting = Waiting::default();
        let (sender, mut answer) = oneshot::channel();
        waiting.lock().insert("7".to_owned(), sender);
        for other in [
            "no JSON",
            "{}",
            r#"{"janus":"ack","transaction":"7"}"#,
            r#"{"janus":"event","transaction":"8"}"#,
        ] {
            assert_eq!(deliver(&Utf8Bytes::from(other), &waiting), None);
            assert!(answer.try_recv().is_err(), "{other}");
        }
        let success = r#"{"janus":"success","transaction":"7","data":{"id":42}}"#;
        assert_eq!(deliver(&Utf8Bytes::from(success), &waiting), Some(42));
        assert_eq!(id(&answer.try_recv().unwrap()).unwrap(), 42);
    }
}
