//! As much HTTP as a test needs: one request a connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// How long the server may be silent before a read gives up.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(20);
/// No answer that a test asks for comes near this many bytes.
const RESPONSE_BYTES_MAX: u64 = 16 << 20;

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Every header, its name in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is something else.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("{} is not JSON: {}", self.status, self.text()))
    }

    /// The first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Sends one request and reads the whole answer. HTTP/1.0, so that the answer ends with the connection.
///
/// # Errors
/// The server does not answer, or not in HTTP.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response> {
    let mut stream =
        TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    let mut head = format!(
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    // A server may answer and close before it has read everything: then the answer is what counts.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let read = stream.take(RESPONSE_BYTES_MAX).read_to_end(&mut answer);
    parse(&answer).with_context(|| format!("{method} {path}: the reading ended with {read:?}"))
}

/// The host and port of a URL such as `http://127.0.0.1:8080/`.
pub(crate) fn address(url: &str) -> Result<SocketAddr> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url} is not http"))?;
    let host = rest.split('/').next().unwrap_or_default();
    host.parse().with_context(|| format!("{url} names no address and port"))
}

fn parse(answer: &[u8]) -> Result<Response> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no answer")?;
    let head = std::str::from_utf8(&answer[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect::<Vec<_>>();
    ensure!(!headers.iter().any(|(name, _)| name == "transfer-encoding"), "the body is in chunks");
    Ok(Response { status: status.parse()?, headers, body: answer[end + 4..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let response = parse(b"HTTP/1.0 201 Created\r\nLocation: /x\r\n\r\n{\"a\":1}").unwrap();
        assert_eq!(response.status, 201);
        assert_eq!(response.header("location"), Some("/x"));
        assert_eq!(response.json().unwrap()["a"], 1);
    }

    #[test]
    fn half_an_answer_is_none() {
        assert!(parse(b"HTTP/1.0 200 OK\r\nContent-").is_err());
    }

    #[test]
    fn an_address_is_found_in_a_url() {
        assert_eq!(address("http://127.0.0.1:80/").unwrap(), "127.0.0.1:80".parse().unwrap());
        assert!(address("https://127.0.0.1:80/").is_err());
    }
}
