//! What handlers work with.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::problem::{Code, Problem};
use super::process;
use crate::control::Control;
use crate::data::DataPlane;
use crate::log::head::{self, Head};
use crate::log::{Log, checkpoint};
use crate::node::Node;
use crate::wire::status as wire;

/// The state of the service: the node that it serves, and whether it is stopping. Cheap to clone.
#[derive(Clone)]
pub struct App {
    node: Arc<Node>,
    stopping: CancellationToken,
}

impl App {
    /// That serves a node. Counts requests in the process's metrics from here on.
    pub fn new(node: Arc<Node>) -> Self {
        process::recorder();
        Self { node, stopping: CancellationToken::new() }
    }

    pub(super) fn control(&self) -> &Control {
        self.node.control()
    }

    pub(super) fn data(&self) -> &DataPlane {
        self.node.data()
    }

    pub(super) fn log(&self) -> &Log {
        self.node.log()
    }

    /// The node itself, for what only reads.
    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Where the data plane answers, for links: relative while both planes are one process.
    pub(super) fn data_href(&self, path: &str) -> String {
        path.to_owned()
    }

    /// Done when the service has been asked to stop.
    pub(super) fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Ends event streams, and readiness.
    pub(super) fn stop(&self) {
        self.stopping.cancel();
    }

    /// Waits until every upload has come to rest.
    pub(super) async fn park_uploads(&self) {
        self.data().park().await;
    }

    pub(super) async fn head(&self) -> Result<Head, Problem> {
        let unavailable = |error| {
            Problem::failure(Code::Unavailable, format_args!("no connection to the database: {error}"))
        };
        let mut connection = self.node.pool().acquire().await.map_err(unavailable)?;
        Ok(head::read(&mut connection).await?)
    }

    pub(super) async fn status(&self) -> Result<wire::Status, Problem> {
        let head = self.head().await?;
        let note = checkpoint::latest(self.node.pool()).await;
        let note = note.map_err(|error| Problem::failure(Code::Unavailable, error))?;
        // A signed note's second line is the size of the log (C2SP tlog-checkpoint).
        let signed = note.and_then(|note| note.lines().nth(1)?.parse().ok());
        let log = wire::LogStatus { size: head.size(), root: hex::encode(head.root()), checkpoint: signed };
        let stores = self.node.settings().stores.iter();
        let stores = stores
            .map(|store| wire::StoreStatus { name: store.name.clone(), kind: store.place.kind().to_owned() });
        let stores: Vec<_> = stores.collect();
        Ok(wire::Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.node.name().clone(),
            log,
            store: stores[0].clone(),
            stores,
            postgres: wire::PostgresStatus {
                version: self.node.postgres_version().to_owned(),
                embedded: self.node.postgres_is_embedded(),
            },
        })
    }
}
