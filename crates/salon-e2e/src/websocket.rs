//! A WebSocket that may say anything, also what no browser would: for tests of bad input, and to drive Firefox.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};

use crate::http::SILENCE_MAX;

/// No frame that a test expects comes near this many bytes; a picture of a page is the largest.
const FRAME_BYTES_MAX: u64 = 16 << 20;
/// Any key will do: the test does not check the server's proof that it read it.
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// What clients must mix into what they send (RFC 6455, 5.3). Any will do, but Firefox hangs up on one of zeros.
const MASK: [u8; 4] = [1, 2, 3, 4];

/// What the server sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// A text frame.
    Text(String),
    /// A close frame with its code and reason; a close without a code has 1005, as the API of browsers says.
    Close(u16, String),
    /// The connection ended without a close frame.
    End,
}

/// One connection.
#[derive(Debug)]
pub struct WebSocket {
    stream: TcpStream,
}

impl WebSocket {
    /// Connects to the server's `ws`.
    ///
    /// # Errors
    /// The server does not upgrade the connection.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        Self::connect_to(address, "/ws")
    }

    /// Connects to any path.
    ///
    /// # Errors
    /// The server does not upgrade the connection.
    pub(crate) fn connect_to(address: SocketAddr, path: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n{UPGRADE}\r\n")?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).context("the answer to the upgrade ended early")?;
            head.push(byte[0]);
            ensure!(head.len() < 8_192, "the answer to the upgrade has no end");
        }
        let head = String::from_utf8_lossy(&head);
        ensure!(head.starts_with("HTTP/1.1 101"), "no upgrade: {head}");
        Ok(Self { stream })
    }

    /// One to send with, and one to receive with, which waits however long the server is silent.
    ///
    /// # Errors
    /// The system has no descriptor left.
    pub(crate) fn split(self) -> Result<(Self, Self)> {
        let stream = self.stream.try_clone()?;
        stream.set_read_timeout(None)?;
        Ok((self, Self { stream }))
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// The server has closed the connection.
    pub fn text(&mut self, text: &str) -> Result<()> {
        self.frame(0x81, text.as_bytes())
    }

    /// Sends a binary frame.
    ///
    /// # Errors
    /// The server has closed the connection.
    pub fn binary(&mut self, bytes: &[u8]) -> Result<()> {
        self.frame(0x82, bytes)
    }

    /// Sends bytes as they are, in no frame.
    ///
    /// # Errors
    /// The server has closed the connection.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Waits for the next text, close, or end; pings are passed over.
    ///
    /// # Errors
    /// The server stays silent, or sends what a server may not send.
    pub fn receive(&mut self) -> Result<Message> {
        loop {
            let mut head = [0; 2];
            match self.stream.read_exact(&mut head) {
                Ok(()) => {}
                Err(error) if is_end(error.kind()) => return Ok(Message::End),
                Err(error) => return Err(error).context("waiting for a frame"),
            }
            let length = match head[1] {
                126 => u64::from(u16::from_be_bytes(self.bytes()?)),
                127 => u64::from_be_bytes(self.bytes()?),
                short => u64::from(short),
            };
            ensure!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes");
            let mut payload = Vec::new();
            (&mut self.stream).take(length).read_to_end(&mut payload)?;
            match head[0] {
                0x81 => return Ok(Message::Text(String::from_utf8(payload)?)),
                0x88 => return Ok(close(&payload)),
                0x89 | 0x8a => {}
                other => bail!("a frame that starts with {other:#04x}"),
            }
        }
    }

    fn frame(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        let mut frame = vec![opcode];
        // The top bit says "masked".
        match u16::try_from(payload.len()) {
            Ok(short @ ..126) => frame.push(0x80 | short.to_be_bytes()[1]),
            Ok(medium) => {
                frame.push(0x80 | 126);
                frame.extend(medium.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.raw(&frame)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn close(payload: &[u8]) -> Message {
    match payload {
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            Message::Close(code, String::from_utf8_lossy(reason).into_owned())
        }
        _ => Message::Close(1005, String::new()),
    }
}

fn is_end(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | BrokenPipe)
}
