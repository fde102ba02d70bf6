//! The whole product on one machine: `cargo run --release -p live`, then open the printed address.

mod arguments;
mod secure;

use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use axum_server::Handle;
use clap::Parser as _;
use salon::dev::Guestbook;
use salon::pay::sandbox::{self, Sandbox};
use salon::store::SqliteStore;
use salon::{Config, LogNotifier, Ports, Salon};
use tracing_subscriber::EnvFilter;

use arguments::Arguments;

/// How long open requests may take at the end. A guess: everything durable is done by then.
const GRACE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("live: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes, each said once: some errors quote their cause already.
fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match &*said {
        "" => cause,
        _ if said.contains(&cause) => said,
        _ => format!("{said}: {cause}"),
    })
}

#[tokio::main]
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&arguments.log).context("--log is not a log filter")?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();

    let mut store = SqliteStore::open(&arguments.data_dir)?;
    let secret = |name, store: &mut SqliteStore| -> anyhow::Result<[u8; 32]> {
        let made = store.secrets.get_or_create(name, salon::new_secret)?;
        <[u8; 32]>::try_from(made).map_err(|_| anyhow!("secret {name} has the wrong length"))
    };
    let guestbook = Arc::new(Guestbook::new(secret("tokens", &mut store)?));
    let (payments, deliveries) = Sandbox::new(sandbox::Config::new(secret("sandbox", &mut store)?));
    let ports = Ports {
        tokens: guestbook.clone(),
        people: guestbook,
        notifier: Arc::new(LogNotifier),
        payments: Arc::new(payments),
    };
    let mut config = Config::default();
    config.udp = arguments.udp();
    config.media_shards = arguments.media_threads;
    config.public_ips = arguments.public_ip.clone();
    config.media_feedback = arguments.feedback.into();
    let listener = listen(arguments.listen())?;
    let (salon, driver) = Salon::open(config, ports, store)?;
    tokio::spawn(salon.clone().deliver(deliveries));

    let handle = Handle::new();
    tokio::spawn(end_on_signal(salon.clone(), handle.clone()));
    let served = tokio::spawn(serve(arguments.clone(), listener, salon.clone(), handle.clone()));
    let result = driver.run().await;
    handle.graceful_shutdown(Some(GRACE));
    served.await.context("the web server panicked")??;
    result?;
    say("Ended in order. Rooms that were live resume when it starts again.");
    Ok(())
}

/// Takes the address before anything else is started, so that a busy port costs nothing.
fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("{address} is in use by another program: choose another with --listen")
        }
        ErrorKind::PermissionDenied => {
            anyhow!("{address} needs more rights: choose a port above 1023 with --listen")
        }
        _ => anyhow!("{address} cannot be listened on: {error}"),
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(
    arguments: Arguments,
    listener: TcpListener,
    salon: Salon,
    handle: Handle<SocketAddr>,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let app = salon.router().into_make_service();
    if arguments.lan {
        let lan = secure::Lan::find()?;
        let tls = secure::tls(&arguments.data_dir, lan)?;
        let url = format!("https://{}:{}/", lan.address(), address.port());
        greet(&arguments, &salon, &url);
        say(&secure::qr_code(&url)?);
        say("The certificate is made by this program: the browser warns once, go on.");
        axum_server::from_tcp_rustls(listener, tls)?.handle(handle).serve(app).await?;
    } else {
        greet(&arguments, &salon, &format!("http://{address}/"));
        axum_server::from_tcp(listener)?.handle(handle).serve(app).await?;
    }
    Ok(())
}

/// Prints a line, if anybody reads: whoever has stopped reading ends nothing by that.
fn say(line: &str) {
    let _unread = writeln!(io::stdout(), "{line}");
}

/// What a newcomer needs to know.
fn greet(arguments: &Arguments, salon: &Salon, url: &str) {
    say(&format!("Salon is at   {url}"));
    say("              Open it, press Go live; open it in a second window to watch and join.");
    let media: Vec<String> = salon.media_addrs().map(|address| address.to_string()).collect();
    say(&format!("Media         UDP {}", media.join(", ")));
    say(&format!("Data          {}", arguments.data_dir.display()));
    say("Payments      sandbox: no money moves");
    if !arguments.lan {
        say("Phones        run with --lan: browsers give cameras only to secure pages");
    }
    say("Ctrl-C ends it in order.");
}

/// The first Ctrl-C, or the system's request to end, ends in order; a second one at once.
async fn end_on_signal(salon: Salon, handle: Handle<SocketAddr>) {
    if asked_to_end().await.is_err() {
        return;
    }
    say("Ending: rooms are told, what is under way is finished. Ctrl-C again ends at once.");
    salon.shut_down();
    if asked_to_end().await.is_ok() {
        handle.shutdown();
        std::process::exit(130);
    }
}

#[cfg(unix)]
async fn asked_to_end() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_end() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
