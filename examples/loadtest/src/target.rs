//! What is loaded: where to publish, where to watch, and whose CPU that costs.

use std::sync::Arc;

use anyhow::{Result, ensure};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::cores::Cores;
use crate::door::Door;
use crate::http::{Endpoint, Http};
use crate::janus::{self, Janus};
use crate::live::Live;
use crate::process::Process;
use crate::room::Room;

/// A server that is ready to be loaded.
#[derive(Debug)]
pub(crate) struct Target {
    /// What the result calls it.
    pub(crate) name: String,
    pub(crate) seats: Vec<Door>,
    pub(crate) watch: Door,
    /// The server's process, if it is on this machine and known.
    pub(crate) process: Option<Process>,
    /// Whoever has to stay for the room to go on.
    pub(crate) people: Vec<JoinHandle<()>>,
}

impl Target {
    /// `own` is the server that was started, if one was.
    pub(crate) async fn open(
        arguments: &Arguments,
        own: &Own,
        http: &Http,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let server = &arguments.server;
        let pid = server.server_pid.or(own.pid());
        let process = pid.map(Process::new);
        if let Some(process) = process {
            let is_there = process.rss_kb().is_some();
            ensure!(
                own.pid().is_some() || is_there,
                "--server-pid names no process that can be measured"
            );
        }
        if let (Some(whip), Some(whep)) = (&server.whip, &server.whep) {
            ensure!(
                arguments.media.seats == 1,
                "--seats needs a Salon or a Janus: with --whip one publishes"
            );
            let endpoint =
                |url: &str| Endpoint { url: url.to_owned(), token: server.token.clone() };
            return Ok(Self {
                name: whep.clone(),
                seats: vec![Door::Http(endpoint(whip))],
                watch: Door::Http(endpoint(whep)),
                process,
                people: Vec::new(),
            });
        }
        let seats = arguments.media.seats;
        let (name, url) = match (own, &server.server, &arguments.janus.janus) {
            (Own::Live(live), ..) => ("a Salon of its own".to_owned(), live.url()),
            (_, Some(url), _) => (url.clone(), url.as_str()),
            (Own::Janus(janus), ..) => {
                return Self::janus(janus.name(), janus.url(), arguments, process, stop).await;
            }
            (_, _, Some(url)) => {
                return Self::janus(url.clone(), url, arguments, process, stop).await;
            }
            (Own::None, None, None) => unreachable!("a server is started when none is named"),
        };
        let Room { seats, watch, people } = Room::open(http, url, seats, stop).await?;
        let seats = seats.into_iter().map(Door::Http).collect();
        Ok(Self { name, seats, watch: Door::Http(watch), process, people })
    }

    async fn janus(
        name: String,
        url: &str,
        arguments: &Arguments,
        process: Option<Process>,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let room = Arc::new(janus::room::Room::open(url, arguments.media.codec).await?);
        let door = Door::Janus(room.clone());
        let seats = vec![door.clone(); arguments.media.seats.into()];
        let stop = stop.clone();
        let host = tokio::spawn(async move {
            stop.cancelled().await;
            room.destroy().await;
        });
        Ok(Self { name, seats, watch: door, process, people: vec![host] })
    }
}

/// The server that this program starts, and ends when this is dropped.
#[derive(Debug)]
pub(crate) enum Own {
    Live(Live),
    Janus(Janus),
    /// It was told to load another.
    None,
}

impl Own {
    /// To be called before this process has other threads: with --pin they run where this one does.
    pub(crate) fn start(arguments: &Arguments) -> Result<Self> {
        let server = &arguments.server;
        let cores = if server.pin { Cores::Apart } else { Cores::Shared };
        if arguments.janus.start_janus {
            return Ok(Self::Janus(Janus::start(arguments.janus.janus_event_loops, cores)?));
        }
        if server.server.is_some() || server.whip.is_some() || arguments.janus.janus.is_some() {
            return Ok(Self::None);
        }
        Ok(Self::Live(Live::start(server.live.as_deref(), arguments.media.feedback, cores)?))
    }

    fn pid(&self) -> Option<u32> {
        match self {
            Self::Live(live) => Some(live.pid()),
            Self::Janus(janus) => Some(janus.pid()),
            Self::None => None,
        }
    }
}
