//! What is loaded: where to publish, where to watch, and whose CPU that costs.

use anyhow::{Result, ensure};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::arguments::Arguments;
use crate::http::{Endpoint, Http};
use crate::live::Live;
use crate::process::Process;
use crate::room::Room;

/// A server that is ready to be loaded.
#[derive(Debug)]
pub(crate) struct Target {
    /// What the result calls it.
    pub(crate) name: String,
    pub(crate) seats: Vec<Endpoint>,
    pub(crate) watch: Endpoint,
    /// The server's process, if it is on this machine and known.
    pub(crate) process: Option<Process>,
    /// Whoever has to stay for the room to go on.
    pub(crate) people: Vec<JoinHandle<()>>,
}

impl Target {
    /// `live` is the server that was started, if one was.
    pub(crate) async fn open(
        arguments: &Arguments,
        live: Option<&Live>,
        http: &Http,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let server = &arguments.server;
        let pid = server.server_pid.or(live.map(Live::pid));
        let process = pid.map(Process::new);
        if let Some(process) = process {
            let is_there = process.rss_kb().is_some();
            ensure!(
                live.is_some() || is_there,
                "--server-pid names no process that can be measured"
            );
        }
        if let (Some(whip), Some(whep)) = (&server.whip, &server.whep) {
            ensure!(arguments.media.seats == 1, "--seats needs a Salon: with --whip one publishes");
            let endpoint =
                |url: &str| Endpoint { url: url.to_owned(), token: server.token.clone() };
            return Ok(Self {
                name: whep.clone(),
                seats: vec![endpoint(whip)],
                watch: endpoint(whep),
                process,
                people: Vec::new(),
            });
        }
        let (name, url) = match (&server.server, live) {
            (Some(url), _) => (url.clone(), url.as_str()),
            (None, Some(live)) => ("a Salon of its own".to_owned(), live.url()),
            (None, None) => unreachable!("a server is started when none is named"),
        };
        let Room { seats, watch, people } =
            Room::open(http, url, arguments.media.seats, stop).await?;
        Ok(Self { name, seats, watch, process, people })
    }
}
