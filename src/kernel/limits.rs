//! Every bound of the system: unit in the name, reason beside it, relations asserted at compile time.
//!
//! A bound that is not here does not exist; a bound that is here is enforced where the value enters.

mod operator;
mod policy;
mod retention;
mod s3;
mod tiers;
mod upkeep;

pub use operator::*;
pub use policy::*;
pub use retention::*;
pub use s3::*;
pub use tiers::*;
pub use upkeep::*;

/// Bytes of one event record. The bound of an entry in a tlog-tiles bundle (a 16-bit length), so that the log can
/// be served as C2SP tiles without another format. Records carry digests, never contents.
pub const EVENT_RECORD_MAX_BYTES: usize = 65_535;

/// Bytes of one canonical document (manifest, policy, plan). The bound that OCI registries put on manifests.
pub const DOCUMENT_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Rows of each kind (tokens, repositories, manifests) that the control plane keeps in memory: some MiB together.
pub const CACHED_ROWS_MAX: usize = 10_000;

/// Bytes of documents that the control plane keeps in memory: thousands of manifests as they usually are.
pub const CACHED_DOCUMENTS_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Layers of one manifest. With about 500 bytes a descriptor this is what fits [`DOCUMENT_MAX_BYTES`]; a larger
/// package is a manifest of manifests.
pub const MANIFEST_LAYERS_MAX: usize = 8_000;

/// Manifests of one index, about 300 bytes each: a package of 8,000,000 layers, which is more files than one tree of
/// evidence has been seen to hold, and few enough to check as one.
pub const INDEX_MANIFESTS_MAX: usize = 1_000;

/// Annotations on one manifest or descriptor. Evidence is labelled, not stored, in annotations.
pub const ANNOTATIONS_MAX: usize = 256;

/// Bytes of one annotation key; a reverse-DNS name with room to spare.
pub const ANNOTATION_KEY_MAX_BYTES: usize = 255;

/// Bytes of one annotation value. Long enough for a URL, a revision, a symbolic link or a file path.
pub const ANNOTATION_VALUE_MAX_BYTES: usize = 4_096;

/// Bytes of a file's path inside a package: `PATH_MAX` of Linux, so every packed path can be unpacked.
pub const PACKAGE_PATH_MAX_BYTES: usize = 4_096;

/// Bytes of one component of such a path: `NAME_MAX` of Linux and of most filesystems.
pub const PACKAGE_PATH_COMPONENT_MAX_BYTES: usize = 255;

/// Bytes of a media type or artifact type: RFC 6838 section 4.2 allows 127 on each side of the slash.
pub const MEDIA_TYPE_MAX_BYTES: usize = 255;

/// Bytes of a repository name, as OCI clients and registries bound it.
pub const REPOSITORY_NAME_MAX_BYTES: usize = 255;

/// Bytes of a tag: OCI distribution-spec, `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
pub const TAG_MAX_BYTES: usize = 128;

/// Bytes of an actor: a pseudonymous token subject, not prose.
pub const ACTOR_MAX_BYTES: usize = 128;

/// Bytes of a stream name: a repository, a digest and a prefix.
pub const STREAM_NAME_MAX_BYTES: usize = 512;

/// Nesting of canonical CBOR. The deepest format of ours (manifest > layers > descriptor > annotations) needs 4;
/// the rest is headroom that still fits any stack.
pub const CBOR_DEPTH_MAX: usize = 16;

/// Values inside one canonical CBOR item, so that a small input cannot demand a large allocation: a full manifest
/// holds [`MANIFEST_LAYERS_MAX`] descriptors of a dozen values each, and their annotations.
pub const CBOR_ITEMS_MAX: usize = 1_000_000;

/// Bytes after which hash state can be saved and restored. One aligned BLAKE3 subtree; what a takeover has to read
/// again is less than one block.
pub const HASH_BLOCK_BYTES: u64 = 1024 * 1024;

/// Bytes of one group of a slice: what has to be sent whole to prove a byte of it. 16 chunks, as `bao-tree` users have it:
/// the proofs are 0.4 % of what is sent, and the part that is sent in vain is at most two of these.
pub const SLICE_GROUP_BYTES: u64 = 16 * 1024;

/// Bytes of a blob of which no tree is kept: to read and hash it again takes a few milliseconds.
pub const TREELESS_BLOB_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes of a blob: 5 TiB, the largest object of S3.
pub const BLOB_MAX_BYTES: u64 = 5 * 1024 * 1024 * 1024 * 1024;

/// Bytes of a blob that may arrive in one request without a session: nothing is acknowledged before it is sealed,
/// so it needs no journal. Also what one such request may buffer.
pub const SMALL_BLOB_MAX_BYTES: u64 = 1024 * 1024;

/// Bytes of a JSON request body, manifests excepted.
pub const JSON_BODY_MAX_BYTES: usize = 1024 * 1024;

/// Blobs named in one open request; a page of digests, answered by one query.
pub const OPEN_BATCH_MAX: usize = 1_000;

/// Items of one listed page.
pub const PAGE_MAX_ITEMS: u32 = 1_000;

/// Items of a page when the caller does not say.
pub const PAGE_DEFAULT_ITEMS: u32 = 100;

/// Minutes, in seconds, for which a grant is valid; renewed by opening again.
pub const GRANT_LIFE_SECONDS: u64 = 15 * 60;

/// Seconds after which a session ends, whatever happens. Retention's grace has to be longer.
pub const SESSION_LIFE_MAX_SECONDS: u64 = 24 * 60 * 60;

/// Seconds within which a receipt must reach the control plane; longer than any outage that is not a disaster.
pub const RECEIPT_DELIVERY_SECONDS: u64 = 7 * 24 * 60 * 60;

/// Bytes of a signed statement (grant, receipt, order, report): names and digests, so that one fits a header line of
/// any server.
pub const STATEMENT_MAX_BYTES: usize = 4_096;

/// Seconds that the control plane may take to answer for a receipt; then it is offered again later.
pub const DELIVERY_ATTEMPT_SECONDS: u64 = 30;

/// Seconds that a data node gives the control plane for one answer; less than [`DELIVERY_ATTEMPT_SECONDS`], so that what
/// went wrong is told rather than that time ran out.
pub const CONTROL_ANSWER_SECONDS: u64 = 10;

/// Milliseconds between two questions of a data node for keys that a grant names and that it does not know: anyone can
/// make up such a name.
pub const KEY_LOOKUP_MS: u64 = 1_000;

/// Seconds between two offers of receipts that could not be delivered: the log may have been busy or away.
pub const REDELIVERY_INTERVAL_SECONDS: u64 = 15;

/// Seconds between two sweeps of what uploads left behind: many in the life of a session, few in that of a machine.
pub const SWEEP_INTERVAL_SECONDS: u64 = 10 * 60;

/// Seconds for which a link to an object in a bucket is good: to begin a download, not to end it.
pub const REDIRECT_LIFE_SECONDS: u64 = 5 * 60;

/// Seconds by which two machines' clocks may differ before a signed statement's times are doubted.
pub const CLOCK_SKEW_SECONDS: u64 = 60;

/// Milliseconds by which the clock may run ahead of the last event before appends stop. `at` never goes back, so
/// one bad jump would be permanent; a service that slept longer must be told so by its operator.
pub const CLOCK_JUMP_FORWARD_MAX_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// Milliseconds by which the clock may be behind the last event before appends stop. Less than this is smoothed
/// over by repeating the last `at`.
pub const CLOCK_JUMP_BACK_MAX_MS: u64 = 60 * 60 * 1_000;

/// Append requests that wait for the writer; more are refused with "try again", which bounds memory and latency.
pub const APPEND_QUEUE_MAX: usize = 4_096;

/// Members of one batch: beyond this a larger batch no longer pays and only adds latency.
pub const APPEND_BATCH_MAX_MEMBERS: usize = 1_024;

/// Events of one batch.
pub const APPEND_BATCH_MAX_EVENTS: usize = 16_384;

/// Events of one member: a package accepted together with the links of all of its layers.
pub const APPEND_MEMBER_MAX_EVENTS: usize = MANIFEST_LAYERS_MAX + 64;

/// Digests in one `manifest.references`: with the rest of the record they fit an entry of the log.
pub const REFERENCES_EVENT_MAX: usize = 1_900;

/// Bytes of the records of one batch, so that one transaction's parameters stay in memory and under the wire's bound.
pub const APPEND_BATCH_MAX_BYTES: usize = 16 * 1024 * 1024;

/// How often a use case reloads and decides again after a conflict before it gives the conflict to the caller.
pub const APPEND_RETRIES_MAX: u32 = 5;

/// Milliseconds to pause at most before the first of those decisions; doubled with each. A batch commits in about one.
pub const APPEND_RETRY_PAUSE_MS: u64 = 4;

/// Bytes of an `Idempotency-Key`: room for a UUID with a prefix, and no place to keep data.
pub const IDEMPOTENCY_KEY_MAX_BYTES: usize = 128;

/// Milliseconds for which the set of signing keys may be out of date: so long after its retirement by another process
/// a key's new statements may still be believed. Far less than a grant lives.
pub const KEY_RING_AGE_MAX_MS: u64 = 5_000;

/// Bytes of all the documents that one index lists, so that it can be checked as one tree: about 500,000 files.
pub const INDEX_DOCUMENTS_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Scopes of one token: with the longest repository name in each, the event that mints it still fits a record.
pub const TOKEN_SCOPES_MAX: usize = 64;

/// Seconds for which an access token works, at most: as long as a build takes, shorter than a leak goes unnoticed.
pub const ACCESS_TOKEN_LIFE_MAX_SECONDS: u64 = 60 * 60;

/// Seconds for which an access token works, if nobody says: as long as a grant.
pub const ACCESS_TOKEN_LIFE_SECONDS: u64 = GRANT_LIFE_SECONDS;

/// Hashes in a full Merkle tile (2^8), as in C2SP tlog-tiles.
pub const TILE_WIDTH: u64 = 256;

/// Bytes that all uploads together may hold in memory, whatever their number.
pub const UPLOAD_BUFFER_BUDGET_BYTES: usize = 32 * 1024 * 1024;

/// Bytes that are gathered before they are hashed and written: enough that the work outweighs handing it over.
pub const UPLOAD_BATCH_BYTES: usize = 1024 * 1024;

/// Bytes after which the journal of a running upload moves on: what a kill -9 may cost the client.
pub const JOURNAL_EVERY_BYTES: u64 = 64 * 1024 * 1024;

/// How often a newcomer tries to take a session over from a writer in another process, which may be about to journal.
pub const TAKEOVER_TRIES_MAX: u32 = 5;

/// Bytes after which the filesystem is asked to start flushing, so that the flush at the end has little left.
pub const FLUSH_EVERY_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes of one piece of an object as it is read; three are in memory for each download.
pub const READ_PIECE_BYTES: u64 = 256 * 1024;

/// Parts of blobs that are read at once, as ranges or slices: each holds two blocks of [`HASH_BLOCK_BYTES`], all together
/// half a GiB.
pub const PROVEN_READS_MAX: usize = 256;

/// Bytes of a document in a store: a journal holds hash states and a receipt, of a bucket also 10,000 parts.
pub const STORE_DOCUMENT_MAX_BYTES: usize = 2 * 1024 * 1024;

/// Small objects that a store without a shared barrier writes at the same time: a filesystem commits what waits
/// together, a bucket answers each in tens of milliseconds.
pub const STORE_PUTS_AT_ONCE: usize = 32;

/// Objects from which on a filesystem makes all of them durable by one barrier: for fewer, a flush of each costs less
/// than one of everything that is dirty.
pub const STORE_BARRIER_OBJECTS_MIN: usize = 8;

/// Small blobs that one request may bring together: as many as one request opens.
pub const SMALL_BATCH_BLOBS_MAX: usize = OPEN_BATCH_MAX;

/// Bytes of such a request, framing and all: a few seconds of a slow line, so that little is sent twice after a break.
pub const SMALL_BATCH_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Blobs of one request that are stored together: enough to share a barrier and an append, few enough to be answered
/// soon and to fit the log's queue beside others.
pub const SMALL_GROUP_BLOBS_MAX: usize = 256;

/// Bytes of blobs that are stored together; two such groups fit the part of the upload budget that small blobs have.
pub const SMALL_GROUP_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes that a batch says about one blob beside its content: a grant, and the framing.
pub const SMALL_BATCH_OVERHEAD_BYTES: u64 = STATEMENT_MAX_BYTES as u64 + 64;

const _: () = assert!(SMALL_GROUP_BYTES_MAX * 8 <= UPLOAD_BUFFER_BUDGET_BYTES as u64);
const _: () = assert!(SMALL_GROUP_BLOBS_MAX * 4 <= APPEND_QUEUE_MAX);
const _: () = assert!(SMALL_BLOB_MAX_BYTES + SMALL_BATCH_OVERHEAD_BYTES <= SMALL_BATCH_BYTES_MAX);

/// Seconds in which an upload has to bring [`UPLOAD_PROGRESS_BYTES`]. A half-closed connection says nothing at all.
pub const UPLOAD_IDLE_SECONDS: u64 = 30;

/// Bytes that are progress. Less in [`UPLOAD_IDLE_SECONDS`] is a connection held for its own sake.
pub const UPLOAD_PROGRESS_BYTES: u64 = 1024;

/// Events folded in one transaction of a rebuild, which bounds its memory.
pub const REBUILD_BATCH_EVENTS: u32 = 10_000;

/// Connections that one process serves at once; more wait in the listener's queue. What this costs is a few KiB each,
/// and a file where an upload is written; a process that may open fewer files takes fewer.
pub const CONNECTIONS_MAX: usize = 4_096;

/// Bytes of a request's line and headers together. A grant is below 2 KiB, metadata bounded below.
pub const REQUEST_HEAD_MAX_BYTES: usize = 32 * 1024;

/// Headers of one request.
pub const REQUEST_HEADERS_MAX: usize = 64;

/// Bytes that a connection buffers to read or write: the size of the pieces in which uploads arrive.
pub const CONNECTION_BUFFER_BYTES: usize = 256 * 1024;

/// Seconds for a request's headers to arrive, and for which an idle connection is kept.
pub const REQUEST_HEAD_SECONDS: u64 = 30;

/// Seconds for which a body may stand still before the request ends; an upload keeps what arrived.
pub const BODY_IDLE_SECONDS: u64 = 30;

/// Bytes of a refused body that are still taken, so that the caller sees the answer rather than a reset connection.
pub const BODY_LINGER_BYTES: usize = 8 * 1024 * 1024;

/// Seconds for which they are taken.
pub const BODY_LINGER_SECONDS: u64 = 5;

/// Seconds for a bounded body (JSON, a manifest) to arrive whole, so that dripping bytes do not hold a connection.
pub const BODY_WHOLE_SECONDS: u64 = 60;

/// Seconds for which a caller may take nothing of an answer before the connection ends.
pub const ANSWER_STALL_SECONDS: u64 = 60;

/// Seconds after which a silent peer is asked whether it is there; it is given up after as long again.
pub const KEEPALIVE_SECONDS: u64 = 60;

/// Seconds that requests in progress get to finish when the service stops; uploads are parked then. With what the
/// log and Postgres need to end, it stays below the 10 s after which container engines kill.
pub const SHUTDOWN_SECONDS: u64 = 5;

/// Bytes of `Upload-Metadata`, which is kept and given back, never interpreted.
pub const UPLOAD_METADATA_MAX_BYTES: usize = 4_096;

/// Rows read at a time to stream the log: the memory of one reader.
pub const EVENTS_STREAM_ROWS: u32 = 4_096;

/// Bytes after which encoded events go out as one chunk.
pub const EVENTS_CHUNK_BYTES: usize = 256 * 1024;

/// Such chunks that wait for a slow reader.
pub const EVENTS_CHUNKS_WAITING: usize = 8;

/// Seconds after which a silent event stream says that it is alive; below the idle limit of common proxies (60 s).
pub const EVENTS_HEARTBEAT_SECONDS: u64 = 15;

/// Connections of the pool to Postgres. The embedded server takes 128: this pool, the writer, the signer and a few
/// offline commands fit; more than a few times the cores only queue inside the server.
pub const DATABASE_CONNECTIONS_MAX: u32 = 32;

/// Seconds to wait for a connection of the pool before a request is answered with "try again".
pub const DATABASE_ACQUIRE_SECONDS: u64 = 10;

/// Milliseconds of one statement. All statements are paged or batched; what has to run longer (a rebuild's last
/// step, a migration) says so for its own transaction.
pub const DATABASE_STATEMENT_MAX_MS: u64 = 30_000;

/// Milliseconds to wait for a lock: longer than the largest batch holds the head row, shorter than a statement.
pub const DATABASE_LOCK_WAIT_MAX_MS: u64 = 10_000;

/// Milliseconds that a transaction may sit idle: a client that hangs must not hold the head row for ever.
pub const DATABASE_IDLE_IN_TRANSACTION_MAX_MS: u64 = 60_000;

const _: () = assert!(DATABASE_LOCK_WAIT_MAX_MS < DATABASE_STATEMENT_MAX_MS);
const _: () = assert!(REQUEST_HEAD_MAX_BYTES < CONNECTION_BUFFER_BYTES);
const _: () = assert!(EVENTS_HEARTBEAT_SECONDS < ANSWER_STALL_SECONDS);

/// Seconds for which a client goes on trying after a server that had answered stops to: a restart with recovery of
/// an embedded database fits twice.
pub const CLIENT_PATIENCE_SECONDS: u64 = 90;

/// Seconds without a byte moving in either direction after which a client takes a connection for lost. Longer than
/// the flush of a large file to a slow disk, which is silent.
pub const CLIENT_STALL_SECONDS: u64 = 120;

/// Milliseconds before a client's first repeat of a request; doubled each time.
pub const CLIENT_BACKOFF_FIRST_MS: u64 = 100;

/// Milliseconds between two repeats, at most: a server that is back is found within seconds.
pub const CLIENT_BACKOFF_MAX_MS: u64 = 5_000;

/// Bytes of a JSON answer that a client reads: grants for a package of [`MANIFEST_LAYERS_MAX`] layers are under
/// 1 KiB each.
pub const CLIENT_ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Blobs that a client moves at the same time: enough to hide a round trip each, few enough to be fair.
pub const CLIENT_TRANSFERS_MAX: usize = 8;

/// Bytes of a stream of unknown length that a client keeps until the server has them, so that a lost connection
/// loses nothing.
pub const CLIENT_STREAM_PART_BYTES: usize = 8 * 1024 * 1024;

const _: () = assert!(APPEND_MEMBER_MAX_EVENTS <= APPEND_BATCH_MAX_EVENTS);
const _: () = assert!(SMALL_BLOB_MAX_BYTES <= HASH_BLOCK_BYTES, "a small blob hashes as one block");
const _: () = assert!(CONTROL_ANSWER_SECONDS < DELIVERY_ATTEMPT_SECONDS);
const _: () = assert!(GRANT_LIFE_SECONDS < SESSION_LIFE_MAX_SECONDS);
const _: () = assert!(SESSION_LIFE_MAX_SECONDS < RECEIPT_DELIVERY_SECONDS);
const _: () = assert!(HASH_BLOCK_BYTES.is_power_of_two());
const _: () = assert!(UPLOAD_BATCH_BYTES * 4 <= UPLOAD_BUFFER_BUDGET_BYTES, "several uploads move at once");
const _: () =
    assert!(S3_PART_MIN_BYTES.is_multiple_of(HASH_BLOCK_BYTES), "what is read again lies within a part");
const _: () =
    assert!(2 * S3_PART_MAX_BYTES as usize <= S3_BUFFER_BUDGET_BYTES, "a part can always be gathered");
const _: () = assert!(UPLOAD_BATCH_BYTES as u64 <= S3_PART_MIN_BYTES, "a batch fills one part at most");
const _: () = assert!(S3_PARTS_PLANNED < S3_PART_NUMBER_MAX as u64);
const _: () = assert!(S3_PARTS_RESERVED as u64 * S3_PART_MIN_BYTES >= 2 * JOURNAL_EVERY_BYTES);
const _: () = assert!(FLUSH_EVERY_BYTES < JOURNAL_EVERY_BYTES);
const _: () = assert!(TILE_WIDTH.is_power_of_two());
const _: () = assert!(HASH_BLOCK_BYTES.is_multiple_of(SLICE_GROUP_BYTES), "a block is made of whole groups");
const _: () = assert!(SLICE_GROUP_BYTES.is_power_of_two());
const _: () = assert!(TREELESS_BLOB_MAX_BYTES <= TILE_WIDTH * HASH_BLOCK_BYTES, "one tile has all of it");
