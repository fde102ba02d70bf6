//! Ways into a live: an endpoint of WHIP or WHEP, where offers are made, or a room of a Janus, whose viewers are made one.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Result;

use crate::http::{Endpoint, Http};
use crate::janus::room::{Handle, Offered, Room};
use crate::peer::ip_towards;

/// A way in.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    Http(Endpoint),
    Janus(Arc<Room>),
}

/// Who makes the offer to a viewer.
#[derive(Debug)]
pub(crate) enum Invitation {
    /// The viewer, with [`Door::offer`].
    Offer,
    /// The server has: the viewer answers.
    Answer(Offered),
}

/// What is ended when somebody leaves.
#[derive(Debug)]
pub(crate) enum Session {
    /// Not every server names one.
    Http(Option<Endpoint>),
    Janus(Handle),
}

impl Door {
    /// What messages call it.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Http(endpoint) => &endpoint.url,
            Self::Janus(room) => room.url(),
        }
    }

    /// This machine's address on the way to where media goes. Nothing is sent.
    pub(crate) fn local_ip(&self) -> Result<IpAddr> {
        match self {
            Self::Http(endpoint) => ip_towards(&endpoint.url),
            Self::Janus(room) => Ok(room.local_ip()),
        }
    }

    /// Asks to watch.
    pub(crate) async fn watch(&self) -> Result<Invitation> {
        match self {
            Self::Http(_) => Ok(Invitation::Offer),
            Self::Janus(room) => Ok(Invitation::Answer(room.subscribe().await?)),
        }
    }

    /// Offers, and takes the answer. To a Janus only publishers offer.
    pub(crate) async fn offer(&self, http: &Http, offer: String) -> Result<(String, Session)> {
        match self {
            Self::Http(endpoint) => {
                let answer = http.offer(endpoint, offer).await?;
                Ok((answer.sdp, Session::Http(answer.session)))
            }
            Self::Janus(room) => {
                let (answer, handle) = room.publish(offer).await?;
                Ok((answer, Session::Janus(handle)))
            }
        }
    }
}

impl Session {
    /// Ends it. What comes of that does not matter any more.
    pub(crate) async fn close(self, http: &Http) {
        match self {
            Self::Http(Some(endpoint)) => http.delete(endpoint).await,
            Self::Http(None) => {}
            Self::Janus(handle) => handle.detach().await,
        }
    }
}
