//! `POST /data/blobs`: small blobs together, so that thousands of them do not pay a round trip and a flush each.
//!
//! ```text
//! body   = CBOR sequence (RFC 8742) of { "grant": text (as it was opened), "content": bytes }, canonical
//! answer = { "blobs": [ { "status": "stored", .. as for PUT } | { "status": "refused", "problem": { .. } } ] }
//! ```
//! - Each stays an upload of its own: its grant, its digest, its object, its receipt, its place in the answer. What is
//!   wrong with one of them costs the others nothing.
//! - The request shows one of its grants as bearer, so that bytes are taken only from whoever may bring some.
//! - They are stored in groups as they come; the whole body is never in memory. Memory is taken from the budget of small
//!   blobs before an item comes; a request that would have to wait for it first stores what it holds.
//! - A body that breaks off or is none from somewhere on is refused as a whole, but what came before is stored: sending
//!   it again under the same grants is answered the same.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http_body::Body as _;
use tokio::time::timeout;

use super::app::App;
use super::body;
use super::caller::granted;
use super::json::Json;
use super::problem::{Code, Problem};
use super::tus::headers::text;
use crate::contract::Operation;
use crate::data::{Admitted, Offered, Refused, Reserved, Sealed};
use crate::kernel::cbor::{self, Bounds, Fields, sequence};
use crate::kernel::limits::{
    BODY_WHOLE_SECONDS, SMALL_BATCH_BLOBS_MAX, SMALL_BATCH_BYTES_MAX, SMALL_BATCH_OVERHEAD_BYTES,
    SMALL_BLOB_MAX_BYTES, SMALL_GROUP_BLOBS_MAX, SMALL_GROUP_BYTES_MAX,
};
use crate::wire::upload as wire;

/// Bytes of one item.
const ITEM_MAX_BYTES: u64 = SMALL_BLOB_MAX_BYTES + SMALL_BATCH_OVERHEAD_BYTES;

pub(super) async fn put(
    State(app): State<App>,
    request: Request,
) -> Result<Json<wire::StoredBlobs>, Problem> {
    let grant = granted(&app, request.headers(), None).await?;
    if !matches!(grant.operation, Operation::Upload(_)) {
        return Err(Problem::new(Code::GrantNarrower, "The grant is for reading; show one of the uploads'."));
    }
    check_media_type(request.headers())?;
    let announced = request.body().size_hint();
    if announced.lower() > SMALL_BATCH_BYTES_MAX {
        return Err(too_large());
    }
    let announced = announced.exact().unwrap_or(SMALL_BATCH_BYTES_MAX);
    let mut items = Items::of(request.into_body().into_data_stream());
    let _place = app.data().place(&grant)?;
    let mut stored = Stored {
        app: &app,
        grant: &grant,
        group: Vec::new(),
        held: Vec::new(),
        bytes: 0,
        answers: Vec::new(),
    };
    let end = loop {
        // What an item has beside its content is not counted: it is far less than the connection buffers.
        let room = stored.room(SMALL_BLOB_MAX_BYTES.min(announced.saturating_sub(items.taken))).await?;
        match items.next().await {
            Ok(Some(item)) => stored.take(item, room).await?,
            Ok(None) => break Ok(()),
            Err(problem) => break Err(problem),
        }
    };
    stored.store().await;
    end?;
    match stored.answers.len() {
        0 => Err(Problem::new(Code::InvalidBody, "The body holds no blob.")),
        _ => Ok(Json(wire::StoredBlobs { blobs: stored.answers })),
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    match text(headers, &header::CONTENT_TYPE)? {
        Some(given) if given.eq_ignore_ascii_case(wire::BATCH_MEDIA_TYPE) => Ok(()),
        _ => {
            let told = format!("Send `Content-Type: {}`.", wire::BATCH_MEDIA_TYPE);
            Err(Problem::new(Code::MediaTypeUnsupported, told))
        }
    }
}

fn too_large() -> Problem {
    let told = format!(
        "A request may bring {SMALL_BATCH_BLOBS_MAX} blobs in {SMALL_BATCH_BYTES_MAX} bytes. What came before that is \
         stored; send the rest in another."
    );
    Problem::new(Code::BodyTooLarge, told).member("max", SMALL_BATCH_BYTES_MAX)
}

/// The blobs of a request: those that wait to be stored, and what became of those before.
struct Stored<'a> {
    app: &'a App,
    grant: &'a Admitted,
    group: Vec<Offered>,
    /// What their bytes are paid with.
    held: Vec<Reserved>,
    bytes: u64,
    answers: Vec<wire::BatchedBlob>,
}

impl Stored<'_> {
    /// Memory for the next item. Nothing is held while it is waited for.
    async fn room(&mut self, bytes: u64) -> Result<Reserved, Problem> {
        if let Some(room) = self.app.data().reserve_now(self.grant, bytes)? {
            return Ok(room);
        }
        self.store().await;
        Ok(self.app.data().reserve(self.grant, bytes).await?)
    }

    async fn take(&mut self, item: Bytes, mut room: Reserved) -> Result<(), Problem> {
        if self.answers.len() + self.group.len() >= SMALL_BATCH_BLOBS_MAX {
            self.store().await;
            return Err(too_large());
        }
        let blob = match read(&item) {
            Ok(blob) => blob,
            Err(problem) => {
                self.store().await;
                return Err(problem);
            }
        };
        room.shrink_to(item.len() as u64);
        self.held.push(room);
        self.bytes += item.len() as u64;
        self.group.push(blob);
        if self.group.len() >= SMALL_GROUP_BLOBS_MAX || self.bytes >= SMALL_GROUP_BYTES_MAX {
            self.store().await;
        }
        Ok(())
    }

    async fn store(&mut self) {
        if self.group.is_empty() {
            return;
        }
        let outcomes = self.app.data().put_together(std::mem::take(&mut self.group)).await;
        self.held.clear();
        self.bytes = 0;
        self.answers.extend(outcomes.into_iter().map(draw));
    }
}

fn draw(outcome: Result<Sealed, Refused>) -> wire::BatchedBlob {
    match outcome {
        Ok(sealed) => wire::BatchedBlob::Stored(wire::StoredBlob {
            digest: sealed.digests.blake3,
            sha256: sealed.digests.sha256,
            size: sealed.size_bytes,
            receipt: sealed.receipt.into(),
        }),
        Err(refused) => {
            let problem = match refused {
                Refused::Grant(error) => Problem::of_grant(error),
                Refused::Upload(error) => error.into(),
            };
            wire::BatchedBlob::Refused { problem: problem.told() }
        }
    }
}

/// One item as a blob.
fn read(item: &[u8]) -> Result<Offered, Problem> {
    let invalid = |error| {
        let told =
            format!("An item is {{ \"grant\": text, \"content\": bytes }} in canonical CBOR: {error}.");
        Problem::new(Code::InvalidBody, told)
    };
    let read = || {
        let mut fields = Fields::of(cbor::decode(item, Bounds::bytes(item.len()))?)?;
        let blob = Offered { grant: fields.parse("grant")?, bytes: fields.bytes("content")?.into() };
        fields.finish()?;
        Ok(blob)
    };
    read().map_err(|error: cbor::Error| invalid(error))
}

/// The items of a body as they come.
struct Items {
    body: BodyDataStream,
    buffer: BytesMut,
    /// Bytes of the items that were given.
    taken: u64,
}

impl Items {
    fn of(body: BodyDataStream) -> Self {
        Self { body, buffer: BytesMut::new(), taken: 0 }
    }

    /// The next one whole. None at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match timeout(Duration::from_secs(BODY_WHOLE_SECONDS), self.collect()).await {
            Ok(item) => item,
            Err(_) => Err(body::too_slow()),
        }
    }

    async fn collect(&mut self) -> Result<Option<Bytes>, Problem> {
        let max = usize::try_from(ITEM_MAX_BYTES).expect("an item fits memory");
        loop {
            match sequence::item_length(&self.buffer, max) {
                Ok(Some(length)) => {
                    self.taken += length as u64;
                    if self.taken > SMALL_BATCH_BYTES_MAX {
                        return Err(too_large());
                    }
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
                Ok(None) => {}
                Err(error) => {
                    let told =
                        format!("The body: {error}. A blob may have {SMALL_BLOB_MAX_BYTES} bytes here.");
                    return Err(Problem::new(Code::InvalidBody, told));
                }
            }
            match self.body.next().await {
                Some(Ok(piece)) => self.buffer.extend_from_slice(&piece),
                Some(Err(error)) => return Err(body::interrupted(&error)),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Problem::new(Code::IncompleteBody, "The body ends within an item.")),
            }
        }
    }
}
