//! Why a node did not start.

use std::path::PathBuf;

use crate::contract::KeyFileError;
use crate::control::{self, tokens};
use crate::kernel::id::{KeyId, NodeName};
use crate::log::{self, checkpoint};
use crate::postgres;
use crate::stores;
use crate::views;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is not to be had.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// A file or directory could not be read or made.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The views could not be prepared.
    #[error(transparent)]
    Views(#[from] views::replay::Error),
    /// The views could not be read.
    #[error(transparent)]
    View(#[from] views::Error),
    /// Other folds wrote the views.
    #[error(
        "the views were folded by generation {found}, this program has {ours}: run `strongroom views rebuild`"
    )]
    OtherFolds {
        /// What is live.
        found: i32,
        /// What this program has.
        ours: i32,
    },
    /// A webhook cannot be told of anything.
    #[error("webhook {name}: {reason}")]
    Webhook {
        /// Which.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The store is not to be had.
    #[error("blob store: {0}")]
    Store(#[from] stores::Error),
    /// A signing key is not to be had.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A signing key is recorded as held by another node.
    #[error("key {key} is recorded as held by node {recorded}, this is {configured}: set --node {recorded}")]
    OtherNode {
        /// Which.
        key: KeyId,
        /// In the log.
        recorded: NodeName,
        /// In the settings.
        configured: NodeName,
    },
    /// A data node was not told where its control plane is.
    #[error("a data node has to be told where the control plane answers: --control-url")]
    NoControl,
    /// The address of the control plane cannot be used.
    #[error("control-url: {0}")]
    ControlUrl(crate::client::Error),
    /// A data node has no log.
    #[error(
        "this is a data node: it has no log to look at; ask the control plane, with --url or on its machine"
    )]
    NoLog,
    /// A control node has no bytes.
    #[error(
        "this is a control node: it has no objects; each data node sweeps its own, once a day by itself, and by this command"
    )]
    NoBytes,
    /// The service of a control node has to run, for its data nodes ask it for orders.
    #[error(
        "data nodes ask the running service of this control node for orders: start it, and keep admin.token in its state \
         directory"
    )]
    NoService,
    /// The file of the admin token holds something else.
    #[error("{} does not hold an API token; move it away", .0.display())]
    AdminToken(PathBuf),
    /// The log does not continue what was signed, or that cannot be found out.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The log does not start.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// The keys of this node could not be recorded.
    #[error("recording the keys of this node: {0}")]
    Record(#[from] control::keys::Error),
    /// The control plane does not start.
    #[error(transparent)]
    Control(#[from] control::Error),
    /// The admin token could not be minted.
    #[error(transparent)]
    Token(#[from] tokens::Error),
}
