//! **Strongroom** keeps evidence: files that must still be provably the same, years later.
//!
//! Services deposit packages of files over resumable uploads. Every change of state is an event in an append-only,
//! Merkle-hashed log in Postgres; auditors replay and verify that log without trusting the service.
//!
//! ```text
//!              services            auditors              admins
//!                 |                    |                    |
//!                 |        HTTP  /v1 (control)  /data (data)  /log (auditors)
//!                 v                    v                    v
//!    +-----------------------------------------------------------------+
//!    | control plane: decides, appends events, answers from views      |   never touches blob bytes
//!    +-----------------------------------------------------------------+
//!         |  append (expected versions)  ^  read            ^ receipt   | grant
//!         v                              |                  |           v
//!    +---------------------------+  +-----------+     +------------------------+
//!    | event log (Postgres)      |->| views     |     | data plane             |   never touches Postgres
//!    | the only source of truth  |  | folds     |     | sessions, seal, serve  |
//!    +---------------------------+  +-----------+     +------------------------+
//!                                                           |  object stores: disks, S3 buckets
//! ```
//!
//! Two rules carry everything. **The log is the only truth**: a state change is an event or it did not happen; views
//! are folds of the log and can be dropped and rebuilt. **Bytes before event**: what an event names is durable before
//! the event is appended; bytes without an event are garbage, an event without bytes would be a lie.
//!
//! # The way of a deposit
//! 1. A client opens an upload ([`control::uploads`]) and gets a *grant*: a signed permission to move certain bytes.
//! 2. It brings bytes and grant to the data plane ([`data`]), which hashes them as they come, makes them durable, and
//!    signs a *receipt*. Both statements are in [`contract`].
//! 3. The receipt becomes `blob.stored` ([`control::receipts`]), with the receipt inside.
//! 4. The client puts a *manifest* ([`kernel::manifest`]) that names the blobs; the package is `manifest.accepted`
//!    ([`control::manifests`]) if all of them are live and linked to that repository, and a *tag* may name it.
//!
//! # The way of a deletion
//! 1. Policies ([`control::policies`]) say what is kept, locked or deleted; [`retention`] evaluates them purely, with holds
//!    ([`control::holds`]), locks ([`control::locks`]) and pins ([`control::pins`]). A plan ([`control::retention`]) says what
//!    would be done and why not; making one writes nothing.
//! 2. It is submitted, approved and applied by its digest ([`control::plans`]), or a package is deleted by its name
//!    ([`control::deletions`]). Either way the log keeps a tombstone, `manifest.deleted`, that says who allowed it.
//! 3. Blobs that no package references any more are absent from `blob.deletion-started` on; their objects are deleted by
//!    order, and `blob.deleted` says that the bytes are gone ([`control::collection`]).
//!
//! Where a law demands it, a package, or what somebody said, is erased at once and does not come back; the log stands
//! ([`control::erasures`]).
//!
//! # The way to another tier, and back
//! 1. A rule gives packages a tier, and a plan that is applied records it ([`control::plans`]). A blob is to be as near as the
//!    nearest package that references it.
//! 2. The mover ([`control::tiers`]) has the data plane copy what lies elsewhere; `blob.moved` has its signed report inside, and
//!    gives the object before up to the collection.
//! 3. What lies in a cold store is read after a retrieval ([`control::retrievals`]), for some days.
//!
//! # From Rust, with no HTTP between
//! Whatever the `strongroom` command does, a program can do by calling this crate. [`node`] puts both planes together in
//! one process ([`node::Node`]), or runs one of them alone ([`node::ControlNode`], [`node::DataNode`]), with the same
//! statements between them over HTTP:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use strongroom::config::Settings;
//! use strongroom::node::Node;
//!
//! let directory = std::env::temp_dir().join(format!("strongroom-example-{}", std::process::id()));
//! let node = Node::open(Settings::in_directory(&directory)).await?;
//!
//! // Deposit a file.
//! let report = directory.join("report.txt");
//! std::fs::write(&report, "all is well")?;
//! let package = "acme/reports:v1".parse()?;
//! node.deposit(&package, [("2026/report.txt".parse()?, &report)]).await?;
//!
//! // Read it back: the bytes are checked against their digest as they come.
//! let read = node.read(&package, &"2026/report.txt".parse()?).await?.bytes().await?;
//! assert_eq!(read, b"all is well");
//!
//! // Replay the log: every record, in order, hashed to its root.
//! let mut types = Vec::new();
//! let replayed = node.replay(|recorded| types.push(recorded.event.fact.type_name())).await?;
//! assert_eq!(replayed.size as usize, types.len());
//! assert!(types.ends_with(&["manifest.accepted", "tag.set", "manifest.read-granted"]));
//!
//! node.shutdown().await;
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok(())
//! # })
//! # }
//! ```

// In dependency order: a module imports only from modules above it, and not from all of those. `tests/architecture.rs`
// has the rules and fails on a breach; the two are changed together.

pub mod kernel;

pub mod clock;
pub mod postgres;

pub mod config;

pub mod contract;

pub mod access;
pub mod log;
pub mod views;

pub mod retention;

pub mod control;

pub mod stores;

pub mod data;

pub mod audit;

pub mod wire;

pub mod client;

pub mod node;

pub mod http;

pub mod cli;
