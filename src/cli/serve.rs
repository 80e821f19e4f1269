//! `strongroom serve`.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::EXIT_STATUS;
use super::output::{Exit, Output};
use super::service::Place;
use crate::config::limits::Given;
use crate::config::{Plane, Settings, Source, Stores};
use crate::http::{self, App};
use crate::node::{self, ControlNode, DataNode, Node, Options};

/// Run the service: both planes in one process, on a private database unless another is named; or one plane alone.
///
/// The first start makes what is needed: the database, the signing keys, and one admin token, kept 0600 in the state
/// directory. ^C or SIGTERM end it in order: uploads come to rest where they can be resumed, the log is drained.
///
/// Blobs lie under the state directory, unless the settings file lists stores: `[[store]]` with name and kind, and path
/// (filesystem) or bucket, endpoint, region, prefix, storage-class, redirect (s3). Credentials for a bucket come from the
/// usual AWS environment, profile or instance.
///
/// Logs go to standard error, for people on a terminal and as JSON elsewhere; `RUST_LOG` filters them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Where to listen; port 0 takes any that is free. 127.0.0.1:7070, if left out.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The name of the store, in grants, receipts and events; `main`, if left out. Where the settings file lists stores,
    /// the one that deposits go to; the first, if left out.
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// The name of this node, in receipts and events; `local`, if left out.
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// What to serve: `all`; `control`, which has the database and no bytes; or `data`, which has bytes and no database.
    #[arg(long, value_name = "PLANE")]
    plane: Option<String>,
    /// Of a data node: where the control plane answers.
    #[arg(long, value_name = "URL")]
    control_url: Option<String>,
    /// Of a data node: the file with a token that has the scope `node:<name>`; `node.token` in the state directory, if
    /// left out.
    #[arg(long, value_name = "FILE")]
    node_token_file: Option<PathBuf>,
    /// Of a control node: where clients reach the data plane; several with commas, each gets its turn.
    #[arg(long, value_name = "URL")]
    data_url: Option<String>,
    /// Bound something else than by default, such as `uploads=64`; may be given several times. An unknown NAME is
    /// answered with all of them; `strongroom status` shows what they are.
    #[arg(long = "limit", value_name = "NAME=N", value_parser = Given::parse)]
    limits: Vec<(String, u64)>,
    /// Append although the clock is far from the last event. Times in the log never go back: look at the clock first.
    #[arg(long)]
    accept_clock: bool,
    /// Start although no checkpoint is kept beside the blobs of a log that is not empty, so that it cannot be told
    /// whether the database was rolled back.
    #[arg(long)]
    accept_missing_checkpoint: bool,
    /// Go on from a database that was restored from a backup and is older than the checkpoint kept beside the blobs, if
    /// the newer one is lost for good. That is put on record first; what was there before is never swept.
    #[arg(long)]
    accept_restored_log: bool,
}

#[derive(Serialize)]
struct Ready<'r> {
    url: &'r str,
    state_dir: String,
    first_token: Option<String>,
}

pub(super) async fn run(args: Args, output: &Output) -> anyhow::Result<Exit> {
    log_to_stderr();
    // From here on, so that a signal during the start ends it in order too.
    let stop = stop_signal()?;
    let options = Options {
        accept_clock: args.accept_clock,
        accept_missing_checkpoint: args.accept_missing_checkpoint,
        accept_restored_log: args.accept_restored_log,
        ..Options::default()
    };
    let flags = Source {
        listen: args.listen,
        store: args.store.map(Stores::Named),
        node: args.node,
        plane: args.plane,
        control_url: args.control_url,
        node_token_file: args.node_token_file,
        data_url: args.data_url,
        limits: args.limits.into_iter().collect(),
        ..args.place.source()
    };
    let settings = Settings::load(flags)?;
    let listen = settings.listen;
    let running = match settings.plane {
        Plane::All => Running::All(Arc::new(Node::open_with(settings, options).await?)),
        Plane::Control => Running::Control(Arc::new(ControlNode::open_with(settings, options).await?)),
        Plane::Data => Running::Data(Arc::new(DataNode::open_with(settings, options).await?)),
    };
    let served = serve(&running, listen, stop, output).await;
    running.shutdown().await;
    served
}

/// What was started.
enum Running {
    All(Arc<Node>),
    Control(Arc<ControlNode>),
    Data(Arc<DataNode>),
}

impl Running {
    fn app(&self) -> App {
        match self {
            Self::All(node) => node.clone().into(),
            Self::Control(node) => node.clone().into(),
            Self::Data(node) => node.clone().into(),
        }
    }

    fn settings(&self) -> &Settings {
        match self {
            Self::All(node) => node.settings(),
            Self::Control(node) => node.settings(),
            Self::Data(node) => node.settings(),
        }
    }

    fn first_token(&self) -> Option<&Path> {
        match self {
            Self::All(node) => node.first_token(),
            Self::Control(node) => node.first_token(),
            Self::Data(_) => None,
        }
    }

    fn announce(&self, url: &str) -> Result<(), node::Error> {
        match self {
            Self::All(node) => node.announce(url),
            Self::Control(node) => node.announce(url),
            Self::Data(node) => node.announce(url),
        }
    }

    async fn lost(&self) {
        match self {
            Self::All(node) => node.lost().await,
            Self::Control(node) => node.lost().await,
            Self::Data(_) => std::future::pending().await,
        }
    }

    async fn shutdown(&self) {
        match self {
            Self::All(node) => node.shutdown().await,
            Self::Control(node) => node.shutdown().await,
            Self::Data(node) => node.shutdown().await,
        }
    }
}

async fn serve(
    node: &Running,
    listen: SocketAddr,
    stop: impl Future<Output = ()>,
    output: &Output,
) -> anyhow::Result<Exit> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; choose another address with --listen"))?;
    let bound = listener.local_addr()?;
    if !bound.ip().is_loopback() {
        tracing::warn!(%bound, "listening beyond this machine without TLS: put a proxy that speaks it in front");
    }
    let url = format!("http://{}", reachable(bound));
    node.announce(&url)?;
    if let Err(error) = tell(node, &url, output) {
        // Whoever started it may have stopped reading; that ends no service.
        tracing::debug!(%error, "nobody reads where it is");
    }
    let mut lost = false;
    let shutdown = async {
        tokio::select! {
            () = stop => tracing::info!("asked to stop"),
            () = node.lost() => lost = true,
        }
    };
    http::serve(node.app(), listener, shutdown).await;
    if lost {
        bail!("the private database server ended; its log is in {}", node.settings().state_dir.display());
    }
    Ok(Exit::Done)
}

/// What to print once it answers. The first time, also how to begin.
fn tell(node: &Running, url: &str, output: &Output) -> anyhow::Result<()> {
    let state_dir = node.settings().state_dir.display().to_string();
    let first_token = node.first_token().map(|path| path.display().to_string());
    let ready = Ready { url, state_dir, first_token };
    output.result(&ready, |out| {
        writeln!(out, "strongroom is at {url}, state in {}", ready.state_dir)?;
        if let Some(token) = &ready.first_token {
            writeln!(out, "the admin token is in {token}")?;
            writeln!(out, "try: strongroom push <directory> demo/first:v1")?;
        }
        Ok(())
    })
}

/// The address under which this machine reaches it.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, bound.port())
}

fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A program around us may have its own.
    _ = if io::stderr().is_terminal() {
        builder.with_ansi(color).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_listens_everywhere_is_reached_here() {
        for (bound, expected) in
            [("0.0.0.0:7", "127.0.0.1:7"), ("[::]:7", "[::1]:7"), ("10.0.0.1:7", "10.0.0.1:7")]
        {
            assert_eq!(reachable(bound.parse().unwrap()).to_string(), expected);
        }
    }
}
