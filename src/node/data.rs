//! A data node: a store, a key for receipts, and a control plane somewhere else. It has no database.
//!
//! - It starts and goes on whether or not the control plane answers. What it lacks ([`DataNode::lacks`]) it asks for
//!   again and again: the keys that sign grants, and that its own key is recorded (enrolment).
//! - Without keys it admits nobody; without enrolment nobody believes its receipts, which are kept until somebody does.
//! - Nothing is swept before the control plane has answered: it answers only when its log has proven to continue what
//!   was signed.

use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use super::link::Link;
use super::orders::Errands;
use super::sweep::{SweepError, SweptObjects};
use super::{Error, Options, background, bounds, files, keys, service, stores};
use crate::clock::{Clock, System};
use crate::config::Settings;
use crate::contract::SharedRing;
use crate::data::{self, Damaged, DataPlane, Moving, Orderly, Pace};
use crate::kernel::event::KeyKind;
use crate::kernel::id::NodeName;
use crate::stores as kept;
use tokio::sync::Mutex;

/// A data plane, running. Share it by [`Arc`]; [`shutdown`](Self::shutdown) it to end in order.
pub struct DataNode {
    settings: Settings,
    data: DataPlane,
    link: Arc<Link>,
    errands: Errands,
    background: Mutex<Option<background::Tasks>>,
    clock: Arc<dyn Clock>,
}

impl DataNode {
    /// Starts a data node. The control plane does not have to answer yet.
    ///
    /// # Errors
    /// If the settings name no control plane, or store, keys or token are not to be had.
    pub async fn open_with(settings: Settings, options: Options) -> Result<Self, Error> {
        let url = settings.control_url.clone().ok_or(Error::NoControl)?;
        files::directory(&settings.state_dir, files::OPEN_TO_ALL)?;
        let token_file: PathBuf = settings.node_token_file.clone();
        let ring = SharedRing::default();
        let link = Arc::new(Link::new(&url, token_file, settings.node.clone(), ring.clone())?);
        let stores = stores::open(&settings.stores).await?;
        // If it cannot be asked, the newest key is as good a guess as any; what is wrong with it is found out later.
        let retired = link.retired_keys().await;
        let key = keys::current(&settings.state_dir, KeyKind::Receipt, retired.clone()).await?;
        let reports = keys::current(&settings.state_dir, KeyKind::Report, retired).await?;
        link.hold(vec![key.verifying_key(), reports.verifying_key()]);
        let data = DataPlane::open(data::Config {
            store: stores[&settings.store().name].clone(),
            store_name: settings.store().name.clone(),
            stores: stores.clone(),
            node: settings.node.clone(),
            receipts: key,
            keys: ring.clone(),
            clock: options.clock.clone(),
            deliver: link.clone(),
            bounds: bounds::of(&settings.limits),
        });
        let orderly = Orderly {
            stores,
            node: settings.node.clone(),
            reports,
            orders: ring,
            clock: options.clock.clone(),
            damaged: data.damaged().clone(),
            pace: NonZeroU64::new(settings.scrub_rate_bytes).map_or_else(Pace::unbounded, Pace::of),
            moving: data.moving().clone(),
        };
        let errands = Errands::new(link.clone(), orderly, &settings.state_dir)?;
        link.refresh().await;
        let background = background::Tasks::apart(&data, &link, &errands);
        let clock = options.clock;
        Ok(Self { settings, data, link, errands, background: Mutex::new(Some(background)), clock })
    }

    /// The settings that it runs by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The data plane.
    pub fn data(&self) -> &DataPlane {
        &self.data
    }

    /// Its name.
    pub fn name(&self) -> &NodeName {
        &self.settings.node
    }

    /// What it needs and does not have, for people. Nothing, if it can do all of its work.
    pub fn lacks(&self) -> Vec<String> {
        let retired = self.data.retired_key().into_iter().chain(self.errands.retired_key());
        let retired = retired.map(|key| format!("key {key} of this node was retired: restart it"));
        self.link.lacks().into_iter().chain(retired).collect()
    }

    /// Whether the keys that sign grants are known. Until then nobody can be told that a grant is bad.
    pub fn knows_keys(&self) -> bool {
        self.link.has_answered()
    }

    /// Asks for keys that may have been added since, but not for every stranger. Whether they are as they are now.
    pub async fn refresh_keys(&self) -> bool {
        self.link.refresh_for_stranger().await
    }

    /// Sweeps objects that nobody claims; in a dry run it only says which.
    ///
    /// # Errors
    /// If the control plane does not say which, or a store does not say what is there.
    pub async fn sweep(&self, dry_run: bool) -> Result<SweptObjects, SweepError> {
        self.errands.sweep(dry_run).await
    }

    /// Tells where it answers.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn announce(&self, url: &str) -> Result<(), Error> {
        service::announce(&self.settings.state_dir, url, self.clock.now_ms())
    }

    /// Ends in order. A second call waits for nothing and changes nothing.
    pub async fn shutdown(&self) {
        let Some(background) = self.background.lock().await.take() else { return };
        self.data.park().await;
        background.stop().await;
        service::withdraw(&self.settings.state_dir);
    }
}

/// Sweeps the objects of a data node beside its service, or without one. Beside one they are given up, and deleted by
/// that service.
///
/// # Errors
/// As [`DataNode::sweep`].
pub async fn sweep_apart(settings: &Settings, dry_run: bool) -> Result<SweptObjects, SweepError> {
    let taken = if dry_run { None } else { Some(stores::open(&settings.stores).await) };
    let stores = match taken {
        Some(Ok(opened)) => opened,
        None | Some(Err(Error::Store(kept::Error::Owned(_)))) => stores::all_beside(&settings.stores).await?,
        Some(Err(error)) => return Err(Box::new(error).into()),
    };
    let prepare = async {
        let url = settings.control_url.clone().ok_or(Error::NoControl)?;
        let ring = SharedRing::default();
        let token_file = settings.node_token_file.clone();
        let link = Arc::new(Link::new(&url, token_file, settings.node.clone(), ring.clone())?);
        let retired = link.retired_keys().await;
        let reports = keys::current(&settings.state_dir, KeyKind::Report, retired).await?;
        link.hold(vec![reports.verifying_key()]);
        link.refresh().await;
        let orderly = Orderly {
            stores,
            node: settings.node.clone(),
            reports,
            orders: ring,
            clock: Arc::new(System),
            damaged: Damaged::default(),
            pace: Pace::unbounded(),
            moving: Moving::keeping(bounds::of(&settings.limits).free_bytes),
        };
        Errands::new(link, orderly, &settings.state_dir)
    };
    prepare.await.map_err(Box::new)?.sweep(dry_run).await
}

impl fmt::Debug for DataNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataNode({} in {})", self.settings.node, self.settings.state_dir.display())
    }
}
