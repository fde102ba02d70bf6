//! A room of Janus' videoroom plugin, made, published in and watched.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::api::Api;
use crate::arguments::Codec;
use crate::peer::ip_towards;

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    api: Arc<Api>,
    /// Through which it was made, and is destroyed.
    handle: u64,
    room: u64,
    local_ip: IpAddr,
    /// Who publishes.
    feeds: Mutex<Vec<u64>>,
}

/// One peer of a Janus.
#[derive(Debug)]
pub(crate) struct Handle {
    api: Arc<Api>,
    id: u64,
}

/// An offer of Janus that waits for an answer.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) sdp: String,
    handle: Handle,
}

impl Room {
    /// Connects to a Janus, and makes a room.
    pub(crate) async fn open(url: &str, codec: Codec) -> Result<Self> {
        let local_ip = media_ip(url)?;
        let api = Arc::new(Api::open(url).await?);
        let handle = api.attach().await?;
        let videocodec = match codec {
            Codec::Vp8 => "vp8",
            Codec::H264 => "h264",
        };
        // No limit of bitrate, no notices to everybody about everybody; the rest is as it is by default.
        let body = json!({
            "request": "create", "publishers": 4, "audiocodec": "opus", "videocodec": videocodec,
            "bitrate": 0, "notify_joining": false, "is_private": true,
        });
        let (made, _) = api.message("make a room", handle, body, None).await?;
        let room = made.get("room").and_then(Value::as_u64);
        let room = room.with_context(|| format!("{url} made a room without a number"))?;
        Ok(Self { api, handle, room, local_ip, feeds: Mutex::new(Vec::new()) })
    }

    pub(crate) fn url(&self) -> &str {
        self.api.url()
    }

    pub(crate) fn local_ip(&self) -> IpAddr {
        self.local_ip
    }

    /// Publishes, and answers Janus' answer.
    pub(crate) async fn publish(&self, offer: String) -> Result<(String, Handle)> {
        let handle = self.attach().await?;
        let body =
            json!({ "request": "joinandconfigure", "ptype": "publisher", "room": self.room });
        let jsep = Some(json!({ "type": "offer", "sdp": offer }));
        let asked = self.api.message("let a publisher in", handle.id, body, jsep).await;
        let (joined, answer) = asked?;
        let feed = joined.get("id").and_then(Value::as_u64);
        let feed = feed.with_context(|| format!("{} gave a publisher no number", self.url()))?;
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).push(feed);
        let answer = answer.with_context(|| format!("{} gave no SDP answer", self.url()))?;
        Ok((answer, handle))
    }

    /// Asks for an offer of everything that is published.
    pub(crate) async fn subscribe(&self) -> Result<Offered> {
        let handle = self.attach().await?;
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let streams: Vec<Value> = feeds.iter().map(|feed| json!({ "feed": feed })).collect();
        let body = json!({
            "request": "join", "ptype": "subscriber", "room": self.room, "streams": streams,
        });
        let (_, offer) = self.api.message("let a viewer in", handle.id, body, None).await?;
        let sdp = offer.with_context(|| format!("{} made no SDP offer", self.url()))?;
        Ok(Offered { sdp, handle })
    }

    /// Ends it, for all.
    pub(crate) async fn destroy(&self) {
        let body = json!({ "request": "destroy", "room": self.room });
        // Whatever goes wrong now, this program leaves, and Janus ends its session.
        let _gone = self.api.message("end the room", self.handle, body, None).await;
    }

    async fn attach(&self) -> Result<Handle> {
        Ok(Handle { api: self.api.clone(), id: self.api.attach().await? })
    }
}

impl Offered {
    /// Answers the offer.
    pub(crate) async fn answer(self, sdp: String) -> Result<Handle> {
        let Handle { api, id } = &self.handle;
        let jsep = Some(json!({ "type": "answer", "sdp": sdp }));
        api.message("start a viewer", *id, json!({ "request": "start" }), jsep).await?;
        Ok(self.handle)
    }
}

impl Handle {
    /// Leaves. What comes of it does not matter any more.
    pub(crate) async fn detach(self) {
        let _gone = self.api.detach(self.id).await;
    }
}

/// Where media of a Janus is to be sent from. Its library for ICE never uses the loopback, so that one on this machine is
/// reached by the address of another interface; what is sent to that still does not leave the machine.
pub(crate) fn media_ip(url: &str) -> Result<IpAddr> {
    let ip = ip_towards(url)?;
    if !ip.is_loopback() {
        return Ok(ip);
    }
    let interfaces = if_addrs::get_if_addrs().context("the network interfaces are not known")?;
    let other =
        interfaces.iter().map(if_addrs::Interface::ip).find(|ip| ip.is_ipv4() && !ip.is_loopback());
    other.context(
        "Janus does not use the loopback, and this machine has no other address: make one with \
         `ip link add dummy0 type dummy; ip addr add 198.51.100.1/24 dev dummy0; ip link set dummy0 up`",
    )
}
