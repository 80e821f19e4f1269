//! A node with a cold store beside the one of deposits, and what goes wrong between it and its control plane.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use strongroom::audit::{Depth, Subject};
use strongroom::config::{StorePlace, StoreSettings};
use strongroom::contract::{KeyRing, Order, Outcome, Report, Reported, SigningKey, Task};
use strongroom::control::orders::{Carry, Desk, NotCarried};
use strongroom::control::retrievals::{self, Found};
use strongroom::control::tiers::Step;
use strongroom::control::{keys, reads};
use strongroom::data::{Damaged, Moving, Orderly, Pace};
use strongroom::kernel::event::{Fact, KeyKind};
use strongroom::kernel::id::StoreName;
use strongroom::kernel::tier::Tier;
use strongroom::node::{Offline, ReadError};
use strongroom::stores::{Memory, Store};

use crate::harness::node::package;
use crate::scene::Scene;

/// What is smaller is not moved to the cold store.
pub(crate) const MIN_BYTES: u64 = 16;

/// Days that the cold store charges for.
pub(crate) const EARLY_DAYS: u64 = 90;

pub(crate) const ALL_COLD: &str =
    "[[rules]]\nname = 'cold'\nselect = { repository = 'acme/*' }\naction = { tier = 'cold' }";

pub(crate) const ALL_HOT: &str =
    "[[rules]]\nname = 'hot'\nselect = { repository = 'acme/*' }\naction = { tier = 'hot' }";

pub(crate) fn store(name: &str) -> StoreName {
    name.parse().unwrap()
}

impl Scene {
    /// With a cold store on the same disk.
    pub(crate) async fn with_a_cold_store() -> Self {
        Self::start_with(|settings| {
            let path = settings.state_dir.join("cold");
            settings.stores.push(StoreSettings {
                name: store("cold"),
                place: StorePlace::Filesystem { path },
                redirect: false,
                tier: Tier::Cold,
                min_object_bytes: MIN_BYTES,
                early_delete_days: EARLY_DAYS as u32,
            });
        })
        .await
    }

    /// Gives all packages of `acme` the tier that a policy says.
    pub(crate) async fn tier_all(&self, policy: &str) -> u64 {
        self.policy("tiers", policy).await;
        let plan = self.plan().await;
        let applied = self.apply(plan).await.unwrap();
        assert!(applied.skipped.is_empty(), "{:?}", applied.skipped);
        applied.tiered
    }

    /// Moves whatever waits, to the end.
    pub(crate) async fn move_all(&self) -> Step {
        let (mut all, mut after) = (Step::default(), None);
        loop {
            let step = self.node.move_some(&self.context("keeper"), after).await.unwrap();
            assert_eq!(step.reason, None);
            all.moved.count += step.moved.count;
            all.moved.bytes += step.moved.bytes;
            all.overtaken += step.overtaken;
            match step.next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
    }

    pub(crate) async fn retrieve(&self, target: &str) -> Result<Found, retrievals::Error> {
        let target = package(target);
        let context = self.context("reader");
        self.node.retrieve(&context, &target.repository, &target.reference, None).await
    }

    /// The file of a package.
    pub(crate) async fn read(&self, target: &str) -> Result<Vec<u8>, ReadError> {
        self.node.read(&package(target), &"file".parse().unwrap()).await?.bytes().await
    }

    /// Whether reading it takes a retrieval.
    pub(crate) async fn is_cold(&self, target: &str) -> bool {
        match self.read(target).await {
            Err(ReadError::Grant(reads::Error::RetrievalNeeded { .. })) => true,
            Ok(_) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Every move of the log, as `from -> to`.
    pub(crate) async fn moves(&self) -> Vec<String> {
        let told = |fact| match fact {
            Fact::BlobMoved(moved) => Some(format!("{} -> {}", moved.from_store, moved.store)),
            _ => None,
        };
        self.facts().await.into_iter().filter_map(told).collect()
    }

    /// An audit of everything, which finds nothing but that the actors of these tests have no tokens.
    pub(crate) async fn expect_sound(&self) {
        let offline = Offline::open(self.node.settings().clone()).await.unwrap();
        let mut findings = offline.audit(Depth::Full, &[], &|_| {}).await.unwrap().findings;
        offline.close().await;
        findings.retain(|finding| finding.subject != Subject::Authority);
        assert!(findings.is_empty(), "{findings:?}");
    }

    /// A desk of the test's own, whose orders go wrong as it says. Its cold store is another one.
    pub(crate) async fn desk(&self, how: How) -> Desk {
        let (orders, orderly) = self.orderly(Arc::new(Memory::new())).await;
        Desk::new(orders, Arc::new(Faulty { orderly, how, carried: AtomicUsize::default() }))
    }

    /// Who obeys orders that are signed with that key, with this cold store.
    pub(crate) async fn orderly(&self, cold: Arc<dyn Store>) -> (SigningKey, Orderly) {
        let stores = HashMap::from([(store("main"), self.node.store().clone()), (store("cold"), cold)]);
        let (orders, reports) = (SigningKey::generate(KeyKind::Order), SigningKey::generate(KeyKind::Report));
        let actor = "strongroom".parse().unwrap();
        for key in [&orders, &reports] {
            keys::add(self.node.control(), &actor, &key.verifying_key(), self.node.name()).await.unwrap();
        }
        let orderly = Orderly {
            stores,
            node: self.node.name().clone(),
            reports,
            orders: KeyRing::of([orders.verifying_key()]).into(),
            clock: self.clock.clone(),
            damaged: Damaged::default(),
            pace: Pace::unbounded(),
            moving: Moving::keeping(0),
        };
        (orders, orderly)
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Nothing.
    Well,
    /// Nobody takes the order.
    Untaken,
    /// It is obeyed, and the report is lost.
    ReportLost,
    /// So many times a restoration is under way.
    Archive(usize),
}

struct Faulty {
    orderly: Orderly,
    how: How,
    carried: AtomicUsize,
}

#[async_trait]
impl Carry for Faulty {
    async fn carry(&self, order: &Order, text: &str) -> Result<String, NotCarried> {
        let count = self.carried.fetch_add(1, Ordering::Relaxed);
        if self.how == How::Untaken {
            return Err(NotCarried("nobody is there".to_owned()));
        }
        if let (How::Archive(times), Task::Restore(_)) = (self.how, &order.task) {
            let until_ms = Some(order.issued_at_seconds * 1_000 + 86_400_000);
            let outcome = if count < times { Outcome::Restoring } else { Outcome::Available { until_ms } };
            let report = Report {
                order: order.id,
                node: self.orderly.node.clone(),
                store: order.store.clone(),
                object: order.object.clone(),
                at_ms: order.issued_at_seconds * 1_000,
                task: Reported::Restore,
                outcome,
            };
            return Ok(report.sign(&self.orderly.reports));
        }
        let read = self.orderly.read(text).expect("a true order");
        let obeyed = self.orderly.obey(&read).await;
        match self.how {
            How::ReportLost => Err(NotCarried("the connection broke".to_owned())),
            _ => Ok(obeyed.text),
        }
    }
}
