//! What handlers work with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::bounded::Connections;
use super::problem::{Code, Problem};
use super::process;
use super::rate::Rates;
use crate::config::limits::Limits;
use crate::config::{Plane, Settings};
use crate::contract;
use crate::control::collection::{Next, Step};
use crate::control::erasures::{Erase, Erased};
use crate::control::retrievals::{self, Found};
use crate::control::{Context, Control, tiers};
use crate::data::{Admitted, DataPlane};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Reference, RepositoryName};
use crate::log::head::{self, Head};
use crate::node::{CollectError, ControlNode, DataNode, EraseError, MoveError, Node};

/// The state of the service: the node that it serves, and whether it is stopping. Cheap to clone.
#[derive(Clone)]
pub struct App {
    serving: Serving,
    next_data_url: Arc<AtomicUsize>,
    stopping: CancellationToken,
    rates: Arc<Rates>,
    connections: Connections,
    started: Instant,
}

/// Which planes there are.
#[derive(Clone)]
enum Serving {
    All(Arc<Node>),
    Control(Arc<ControlNode>),
    Data(Arc<DataNode>),
}

impl Serving {
    fn settings(&self) -> &Settings {
        match self {
            Self::All(node) => node.settings(),
            Self::Control(node) => node.settings(),
            Self::Data(node) => node.settings(),
        }
    }
}

impl From<Arc<Node>> for App {
    fn from(node: Arc<Node>) -> Self {
        Self::serving(Serving::All(node))
    }
}

impl From<Arc<ControlNode>> for App {
    fn from(node: Arc<ControlNode>) -> Self {
        Self::serving(Serving::Control(node))
    }
}

impl From<Arc<DataNode>> for App {
    fn from(node: Arc<DataNode>) -> Self {
        Self::serving(Serving::Data(node))
    }
}

impl App {
    /// That serves a node with both planes. Counts requests in the process's metrics from here on.
    pub fn new(node: Arc<Node>) -> Self {
        node.into()
    }

    fn serving(serving: Serving) -> Self {
        process::recorder();
        let limits = &serving.settings().limits;
        let rates = Arc::new(Rates::new(limits.requests_per_token, limits.requests_per_address));
        Self {
            serving,
            next_data_url: Arc::default(),
            stopping: CancellationToken::new(),
            rates,
            connections: Connections::default(),
            started: Instant::now(),
        }
    }

    /// Which planes are here, as settings call them.
    pub(super) fn plane_name(&self) -> &'static str {
        let plane = match self.serving {
            Serving::All(_) => Plane::All,
            Serving::Control(_) => Plane::Control,
            Serving::Data(_) => Plane::Data,
        };
        plane.name()
    }

    /// The settings that the node runs by.
    pub(super) fn settings(&self) -> &Settings {
        self.serving.settings()
    }

    /// What is bounded by settings.
    pub(super) fn limits(&self) -> &Limits {
        &self.settings().limits
    }

    /// How often whom may ask.
    pub(super) fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Connections that are open.
    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// For how long it has run.
    pub(super) fn uptime_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// That this node serves what lies at this path of the route table.
    pub(super) fn require_plane(&self, path: &str) -> Result<(), Problem> {
        let is_data = path.starts_with("/data/");
        let is_control = ["/v1/", "/log/", "/.well-known/"].iter().any(|prefix| path.starts_with(prefix));
        let detail = match self.serving {
            Serving::Data(_) if is_control => {
                "This node serves the data plane: uploads and blobs, by grants. Ask the control plane."
            }
            Serving::Control(_) if is_data => {
                "This node serves the control plane. Bytes go where the `href` beside a grant says."
            }
            _ => return Ok(()),
        };
        Err(Problem::new(Code::OtherPlane, detail))
    }

    /// The control plane's part, if it is here.
    pub(super) fn plane(&self) -> Option<&ControlNode> {
        match &self.serving {
            Serving::All(node) => Some(node.plane()),
            Serving::Control(node) => Some(node),
            Serving::Data(_) => None,
        }
    }

    /// The same, where the route table has made sure of it.
    pub(super) fn node(&self) -> &ControlNode {
        self.plane().expect("routes of the control plane are served where it is")
    }

    pub(super) fn control(&self) -> &Control {
        self.node().control()
    }

    /// The data plane, if it is here.
    pub(super) fn data_plane(&self) -> Option<&DataPlane> {
        match &self.serving {
            Serving::All(node) => Some(node.data()),
            Serving::Control(_) => None,
            Serving::Data(node) => Some(node.data()),
        }
    }

    pub(super) fn data(&self) -> &DataPlane {
        self.data_plane().expect("routes of the data plane are served where it is")
    }

    /// Verifies a grant. One by a key that is not known yet is worth a question to the control plane.
    pub(super) async fn admit(&self, grant: &str) -> Result<Admitted, Problem> {
        let admitted = self.data().admit(grant);
        let (Err(contract::Error::UnknownKey(_)), Serving::Data(node)) = (&admitted, &self.serving) else {
            return admitted.map_err(Problem::of_grant);
        };
        let is_current = node.refresh_keys().await;
        match self.data().admit(grant) {
            // Whether it is ours cannot be told, so the caller must not take it for a no.
            Err(contract::Error::UnknownKey(_)) if !is_current || !node.knows_keys() => {
                Err(Problem::busy(Code::Unavailable, 2, "the keys of the control plane are not known"))
            }
            outcome => outcome.map_err(Problem::of_grant),
        }
    }

    /// Where the data plane answers, for links: here, unless the settings name other places, each in its turn.
    pub(super) fn data_href(&self, path: &str) -> String {
        let urls = &self.node().settings().data_urls;
        match urls.len() {
            0 => path.to_owned(),
            count => {
                let next = self.next_data_url.fetch_add(1, Ordering::Relaxed);
                format!("{}{path}", urls[next % count])
            }
        }
    }

    /// One step of a collection.
    pub(super) async fn collect(&self, context: &Context, from: Option<Next>) -> Result<Step, CollectError> {
        match &self.serving {
            Serving::All(node) => node.collect(context, from).await,
            _ => self.node().collect(context, from).await,
        }
    }

    /// One step of the erasure of a package.
    pub(super) async fn erase(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        request: &Erase,
    ) -> Result<Erased, EraseError> {
        match &self.serving {
            Serving::All(node) => node.erase(context, repository, reference, request).await,
            _ => self.node().erase(context, repository, reference, request).await,
        }
    }

    /// One step of the mover.
    pub(super) async fn move_some(
        &self,
        context: &Context,
        after: Option<Blake3>,
    ) -> Result<tiers::Step, MoveError> {
        match &self.serving {
            Serving::All(node) => node.move_some(context, after).await,
            _ => self.node().move_some(context, after).await,
        }
    }

    /// A package is asked for that lies in a cold store.
    pub(super) async fn retrieve(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        days: Option<u64>,
    ) -> Result<Found, retrievals::Error> {
        match &self.serving {
            Serving::All(node) => node.retrieve(context, repository, reference, days).await,
            _ => self.node().retrieve(context, repository, reference, days).await,
        }
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
        if let Some(data) = self.data_plane() {
            data.park().await;
        }
    }

    pub(super) async fn head(&self) -> Result<Head, Problem> {
        let unavailable = |error| {
            Problem::failure(Code::Unavailable, format_args!("no connection to the database: {error}"))
        };
        let mut connection = self.node().pool().acquire().await.map_err(unavailable)?;
        Ok(head::read(&mut connection).await?)
    }

    /// What this node needs and does not have, for people. Nothing, if it can do all of its work.
    pub(super) async fn lacks(&self) -> Vec<String> {
        let mut lacks = match &self.serving {
            Serving::Data(node) => node.lacks(),
            Serving::All(node) => node.lacks(),
            Serving::Control(node) => node.lacks(),
        };
        if self.plane().is_some() && self.head().await.is_err() {
            lacks.push("the database does not answer".to_owned());
        }
        lacks
    }
}
