//! The log as a body that is read from the table as fast as the caller takes it.
//!
//! - One task reads pages of [`EVENTS_STREAM_ROWS`] and writes chunks of about [`EVENTS_CHUNK_BYTES`]; a few chunks wait
//!   for the caller, no more, so a slow reader costs two pages and those.
//! - Following, it sleeps at the head until the log has grown, the service stops, or silence has lasted.
//! - Damage (a gap, a record that does not decode) breaks the body off: an end that looked clean would be a lie.

use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::stream::unfold;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::form::Form;
use crate::http::app::App;
use crate::kernel::limits::{
    EVENTS_CHUNK_BYTES, EVENTS_CHUNKS_WAITING, EVENTS_HEARTBEAT_SECONDS, EVENTS_STREAM_ROWS,
};
use crate::log::read;

/// What to stream.
pub(super) struct Wanted {
    pub(super) query: read::Query,
    pub(super) form: Form,
    /// How many events at most.
    pub(super) limit: Option<u64>,
    /// Whether to go on at the head.
    pub(super) follow: bool,
}

/// The body, read by a task that ends with it.
pub(super) fn body(app: &App, wanted: Wanted) -> Body {
    let (chunks, waiting) = mpsc::channel(EVENTS_CHUNKS_WAITING);
    let left = wanted.limit.unwrap_or(u64::MAX);
    let reader = Reader { app: app.clone(), left, wanted, chunks, chunk: BytesMut::new() };
    tokio::spawn(reader.run().in_current_span());
    Body::from_stream(unfold(waiting, async |mut waiting| Some((waiting.recv().await?, waiting))))
}

struct Reader {
    app: App,
    wanted: Wanted,
    left: u64,
    chunks: mpsc::Sender<io::Result<Bytes>>,
    chunk: BytesMut,
}

/// The caller went away.
struct Gone;

impl Reader {
    async fn run(mut self) {
        let stopping = self.app.stopping();
        let ended = tokio::select! {
            ended = self.pump() => ended,
            () = stopping.cancelled() => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(%error, "streaming the log");
            let _ = self.chunks.send(Err(io::Error::other("the log could not be read"))).await;
        }
    }

    async fn pump(&mut self) -> Result<(), read::Error> {
        let mut grown = self.app.node().log().grown();
        while self.left > 0 {
            // Seen before the page is read: what is appended meanwhile wakes the wait below.
            grown.borrow_and_update();
            let mut ahead = Some(self.page().await?);
            while let Some(page) = ahead {
                self.left -= page.records.len() as u64;
                self.wanted.query.from = page.next;
                let goes_on = self.left > 0 && page.next < page.size;
                // The database reads the next page while this one is on its way.
                let next = self.page();
                let next = async { if goes_on { next.await.map(Some) } else { Ok(None) } };
                let (written, next) = tokio::join!(self.write(page.records), next);
                if written?.is_err() {
                    return Ok(());
                }
                ahead = next?;
            }
            if self.flush().await.is_err() || !self.wanted.follow {
                return Ok(());
            }
            if self.left > 0 && self.wait(&mut grown).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next page. Not read before it is awaited.
    fn page(&self) -> impl Future<Output = Result<read::Page, read::Error>> + use<> {
        let (app, query) = (self.app.clone(), self.wanted.query.clone());
        let rows = u32::try_from(self.left).unwrap_or(u32::MAX).min(EVENTS_STREAM_ROWS);
        async move { read::page(app.node().pool(), &query, rows).await }
    }

    async fn write(&mut self, records: Vec<read::Raw>) -> Result<Result<(), Gone>, read::Error> {
        for raw in records {
            self.wanted.form.write(raw, &mut self.chunk)?;
            if self.chunk.len() >= EVENTS_CHUNK_BYTES && self.flush().await.is_err() {
                return Ok(Err(Gone));
            }
        }
        Ok(Ok(()))
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.chunk, BytesMut::with_capacity(EVENTS_CHUNK_BYTES / 16));
        self.chunks.send(Ok(full.freeze())).await.map_err(|_| Gone)
    }

    /// Until the log has grown, saying now and then that the stream is alive.
    async fn wait(&mut self, grown: &mut watch::Receiver<u64>) -> Result<(), Gone> {
        let silence = Duration::from_secs(EVENTS_HEARTBEAT_SECONDS);
        loop {
            tokio::select! {
                grew = timeout(silence, grown.changed()) => match grew {
                    Ok(changed) => return changed.map_err(|_| Gone),
                    Err(_) => {
                        if let Some(heartbeat) = self.wanted.form.heartbeat() {
                            self.chunks.send(Ok(Bytes::from_static(heartbeat.as_bytes()))).await.map_err(|_| Gone)?;
                        }
                    }
                },
                () = self.chunks.closed() => return Err(Gone),
            }
        }
    }
}
