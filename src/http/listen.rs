//! Connections: accepted in bounded number, bounded in time, ended in order.
//!
//! - At most as many at once as the settings say, fewer where the process may open fewer files; more wait in the
//!   kernel's queue.
//! - Headers have to arrive within [`REQUEST_HEAD_SECONDS`]; an idle connection is kept as long.
//! - Stopping: nothing new is accepted, event streams end, requests in progress have [`SHUTDOWN_SECONDS`] to finish.
//!   Uploads that still run then are parked: they answer how far they are. What is left is cut off.
//! - A peer that vanished is noticed after about [`KEEPALIVE_SECONDS`], also by a stream with nothing to say.
//! - A failing `accept` (no file descriptors left) is waited out, never fatal.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::app::App;
use super::bounded;
use super::rate::Peer;
use super::routes;
use super::stall::Stalling;
use crate::kernel::limits::{
    CONNECTION_BUFFER_BYTES, KEEPALIVE_SECONDS, REQUEST_HEAD_SECONDS, REQUEST_HEADERS_MAX, SHUTDOWN_SECONDS,
};

/// Files that a process needs besides connections: the log's, the database's, the objects being read and written.
const FILES_RESERVED: u64 = 256;

/// Answers requests on the listener until `shutdown` is done, then ends in order.
pub async fn serve(app: App, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let connections = Connections {
        service: routes::service(app.clone()),
        open: app.connections().clone(),
        stall: Duration::from_secs(app.limits().answer_stall_seconds),
        permits: Arc::new(Semaphore::new(connections_max(app.limits().connections))),
        graceful: GracefulShutdown::new(),
        tasks: TaskTracker::new(),
        cut: CancellationToken::new(),
    };
    tokio::select! {
        () = connections.accept(&listener) => {}
        () = shutdown => {}
    }
    drop(listener);
    tracing::info!("no longer accepting connections");
    app.stop();
    connections.end(&app).await;
}

struct Connections<S> {
    service: S,
    open: bounded::Connections,
    stall: Duration,
    permits: Arc<Semaphore>,
    graceful: GracefulShutdown,
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl<S> Connections<S>
where
    S: tower::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
{
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let permit = Arc::clone(&self.permits).acquire_owned().await.expect("never closed");
            match listener.accept().await {
                Ok((stream, peer)) => self.spawn(stream, Peer(peer.ip()), permit),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "accepting connections");
                    sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    fn spawn(&self, stream: TcpStream, peer: Peer, permit: tokio::sync::OwnedSemaphorePermit) {
        if let Err(error) = prepare(&stream) {
            tracing::debug!(%error, "a connection that ended before it was begun");
        }
        let service = self.service.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(REQUEST_HEAD_SECONDS))
            .max_buf_size(CONNECTION_BUFFER_BYTES)
            .max_headers(REQUEST_HEADERS_MAX)
            .serve_connection(
                TokioIo::new(Stalling::with_patience(stream, self.stall)),
                TowerToHyperService::new(service),
            );
        let connection = self.graceful.watch(connection);
        let (cut, counted) = (self.cut.clone(), self.open.one());
        self.tasks.spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection ended early");
                    }
                }
                () = cut.cancelled() => {}
            }
            drop((permit, counted));
        });
    }

    async fn end(self, app: &App) {
        let patience = Duration::from_secs(SHUTDOWN_SECONDS);
        self.tasks.close();
        let finished = timeout(patience, self.graceful.shutdown()).await.is_ok();
        if timeout(patience, app.park_uploads()).await.is_err() {
            tracing::error!("uploads did not come to rest in time; they go on from what was durable");
        }
        if !finished && timeout(Duration::from_secs(1), self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "cutting off what did not finish in time");
        }
        self.cut.cancel();
        self.tasks.wait().await;
    }
}

/// Small answers leave at once, and a peer that is gone is noticed.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle, set_tcp_keepintvl};
    stream.set_nodelay(true)?;
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, Duration::from_secs(KEEPALIVE_SECONDS))?;
    Ok(set_tcp_keepintvl(stream, Duration::from_secs(KEEPALIVE_SECONDS / 6))?)
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Raises the soft limit on open files to the hard one, and takes what that leaves: a connection may have a file open.
fn connections_max(wanted: u64) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Refused where the platform caps it below the hard limit; then the soft limit counts.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_ok();
    let files = if raised { limit.maximum } else { limit.current }.unwrap_or(u64::MAX);
    let room = usize::try_from(files.saturating_sub(FILES_RESERVED) / 2).unwrap_or(usize::MAX);
    room.clamp(16, usize::try_from(wanted).unwrap_or(usize::MAX).max(16))
}
