//! The plainest live-video server there is, to compare others with: WHIP in, WHEP out, and for everybody a whole `str0m`
//! peer connection in RTP mode.
//!
//! One UDP socket, one thread that receives a datagram, hands it to its peer, writes what comes of it to every viewer
//! with `write_rtp`, and sends datagram by datagram. No batches, no sharing between viewers, no pacing. Signalling is on
//! a thread of its own.

mod forwarder;
mod http;

use std::net::UdpSocket;
use std::sync::mpsc::sync_channel;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;

/// Offers that wait; more are refused by a late answer.
const OFFERS_MAX: usize = 1_024;

fn main() -> Result<()> {
    let (offers, waiting) = sync_channel(OFFERS_MAX);
    let socket = UdpSocket::bind("127.0.0.1:0").context("no UDP socket can be opened")?;
    let mut forwarder = forwarder::Forwarder::new(socket, waiting)?;
    std::thread::spawn(move || {
        if let Err(error) = forwarder.run() {
            eprintln!("plain: {error:#}");
            std::process::exit(1);
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        axum::serve(listener, http::router(offers)).await?;
        Ok(())
    })
}
