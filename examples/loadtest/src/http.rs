//! As much of an HTTP client as WHIP, WHEP and Salon's API need.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::Value;
use tokio::sync::Semaphore;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

/// How long a server may take to answer. A guess: nobody waits longer for a live.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Requests under way at once; more wait their turn. Bounds threads and open connections.
pub(crate) const REQUESTS_MAX: usize = 64;
/// No answer that is asked for comes near this many bytes.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// How much of an unexpected answer is shown.
const SHOWN_CHARS_MAX: usize = 200;

/// Where something is posted, and what opens it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
}

/// What a server answered to an offer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) sdp: String,
    /// Where the session is ended.
    pub(crate) session: Option<Endpoint>,
}

/// A client that any task may clone.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    agent: Agent,
    turns: Arc<Semaphore>,
}

impl Http {
    pub(crate) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_MAX))
            .max_idle_connections_per_host(8)
            .user_agent(concat!("salon-loadtest/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), turns: Arc::new(Semaphore::new(REQUESTS_MAX)) }
    }

    /// Posts an offer as WHIP (RFC 9725, 4.2) and WHEP do.
    pub(crate) async fn offer(&self, endpoint: &Endpoint, offer: String) -> Result<Answer> {
        let response = self.post(endpoint, "application/sdp", offer).await?;
        let (status, url) = (response.status(), &endpoint.url);
        if status != StatusCode::CREATED {
            bail!("{url} refused the offer: {status}{}", shown(response.body()));
        }
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        let session = location.map(|location| Endpoint {
            url: resolve(url, location),
            token: endpoint.token.clone(),
        });
        Ok(Answer { sdp: response.into_body(), session })
    }

    /// Posts JSON to Salon's API, expects JSON.
    pub(crate) async fn json(&self, endpoint: &Endpoint, body: &Value) -> Result<Value> {
        let response = self.post(endpoint, "application/json", body.to_string()).await?;
        let (status, url) = (response.status(), &endpoint.url);
        ensure!(
            status.is_success(),
            "{url} answered {status}{}; a server that is no Salon is loaded with --whip and --whep",
            shown(response.body())
        );
        serde_json::from_str(response.body())
            .with_context(|| format!("{url} answered no JSON{}", shown(response.body())))
    }

    /// Ends a session. What comes of it does not matter any more.
    pub(crate) async fn delete(&self, endpoint: Endpoint) {
        let agent = self.agent.clone();
        let send = move || {
            let mut request = agent.delete(&endpoint.url);
            if let Some(token) = &endpoint.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let _gone = request.call();
        };
        let _turn = self.turns.acquire().await;
        let _ended = tokio::task::spawn_blocking(send).await;
    }

    async fn post(
        &self,
        endpoint: &Endpoint,
        content_type: &'static str,
        body: String,
    ) -> Result<Response<String>> {
        let (agent, endpoint) = (self.agent.clone(), endpoint.clone());
        let send = move || {
            let mut request = agent.post(&endpoint.url).header("content-type", content_type);
            if let Some(token) = &endpoint.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let response = request.send(body).map_err(|error| unreachable(&endpoint.url, error))?;
            let (parts, mut body) = response.into_parts();
            let text = body.with_config().limit(BODY_BYTES_MAX).read_to_string();
            let text = text.with_context(|| format!("{} broke off its answer", endpoint.url))?;
            Ok(Response::from_parts(parts, text))
        };
        let _turn = self.turns.acquire().await.context("the client is closed")?;
        tokio::task::spawn_blocking(send).await?
    }
}

/// Why no answer came, for a person who may have mistyped the address.
fn unreachable(url: &str, error: ureq::Error) -> anyhow::Error {
    match error {
        ureq::Error::Timeout(_) => anyhow!("{url} did not answer within {ANSWER_MAX:?}"),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            anyhow!("{url} cannot be reached: nothing listens there; is the server running?")
        }
        ureq::Error::HostNotFound => anyhow!("{url} cannot be reached: there is no such host"),
        error => anyhow!("{url} cannot be reached: {error}"),
    }
}

/// The beginning of an answer, with what separates it from the words before.
fn shown(body: &str) -> String {
    let text: String = body.trim().chars().take(SHOWN_CHARS_MAX).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// What a `Location` means that came in answer to a request for `url` (RFC 3986, 5.2).
fn resolve(url: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let path_at = url.find("://").map_or(0, |at| at + 3);
    let path_at = url[path_at..].find('/').map_or(url.len(), |at| path_at + at);
    let (origin, path) = url.split_at(path_at);
    if location.starts_with('/') {
        return format!("{origin}{location}");
    }
    let path = path.split('?').next().unwrap_or_default();
    let mut segments: Vec<&str> = path.split('/').collect();
    segments.pop();
    for segment in location.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    format!("{origin}/{}", segments.join("/").trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_the_request() {
        for (url, location, expected) in [
            ("http://a:1/rooms/r/whip", "../../sessions/s", "http://a:1/sessions/s"),
            ("http://a/whip?x=/y", "s/1", "http://a/s/1"),
            ("http://a", "/s", "http://a/s"),
            ("http://a/b/c", "./d", "http://a/b/d"),
            ("http://a/b", "https://c/d", "https://c/d"),
            ("http://a/b", "../../../d", "http://a/d"),
        ] {
            assert_eq!(resolve(url, location), expected);
        }
    }

    #[test]
    fn an_answer_is_shown_in_part() {
        assert_eq!(shown(" \n"), "");
        assert_eq!(shown(&"x".repeat(1_000)).len(), SHOWN_CHARS_MAX + 2);
    }
}
