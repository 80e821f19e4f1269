//! The log, read by a fold that shares nothing with the views: what stood when something was deleted.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgPool;
use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::event::{Event, Fact, HoldTarget, LockMode};
use strongroom::kernel::id::{HoldName, PinName, RepositoryName};
use strongroom::log::read;

use super::world::{REPOSITORIES, World, selector};

pub(super) type Package = (RepositoryName, Blake3);

/// All of it.
#[derive(Default)]
pub(super) struct History {
    pub(super) events: u64,
    pub(super) deleted: u64,
    types: Vec<&'static str>,
    /// From when to when each package stood, by position.
    stood: BTreeMap<Package, Vec<(u64, Option<u64>)>>,
    references: BTreeMap<Blake3, BTreeSet<Blake3>>,
    pins: BTreeMap<(RepositoryName, PinName), Blake3>,
    holds: BTreeMap<HoldName, HoldTarget>,
    locks: BTreeMap<(Package, LockMode), u64>,
    bypassed: BTreeMap<Package, u64>,
    started: BTreeSet<String>,
    /// What must not be.
    broken: Vec<String>,
}

impl History {
    pub(super) async fn read(pool: &PgPool) -> Self {
        let mut history = Self::default();
        loop {
            let page = read::page(pool, &read::Query::from(history.events), 1_000).await.unwrap();
            if page.records.is_empty() {
                return history;
            }
            for raw in page.records {
                let recorded = raw.decode().unwrap();
                history.fold(recorded.position, &recorded.event);
            }
        }
    }

    /// Whatever was answered is there, and nothing that must not be.
    pub(super) fn check(&self, world: &World) {
        assert!(self.broken.is_empty(), "{:#?}", self.broken);
        for answered in world.answered.lock().unwrap().iter() {
            let found = self.types.get(answered.position as usize);
            assert_eq!(found, Some(&answered.type_name), "{answered:?}");
        }
        for unread in world.unread.lock().unwrap().iter() {
            let (from, to) = unread.between;
            let stood = self.stood.get(&unread.package).into_iter().flatten();
            let all_the_time =
                stood.filter(|(since, until)| *since < from && until.is_none_or(|until| until >= to));
            let (package, error) = (&unread.package, &unread.error);
            assert_eq!(
                all_the_time.count(),
                0,
                "{package:?} stood from {from} to {to}, and was not read: {error}"
            );
        }
    }

    pub(super) fn standing(&self) -> Vec<&Package> {
        let stands = |stood: &[(u64, Option<u64>)]| stood.last().is_some_and(|(_, until)| until.is_none());
        self.stood.iter().filter(|(_, stood)| stands(stood)).map(|(package, _)| package).collect()
    }

    /// What a package holds on to, as it was said when it was accepted.
    pub(super) fn blobs(&self, package: &Package) -> &BTreeSet<Blake3> {
        &self.references[&package.1]
    }

    fn fold(&mut self, position: u64, event: &Event) {
        assert_eq!(position, self.events, "positions have no gap");
        self.events += 1;
        self.types.push(event.fact.type_name());
        match &event.fact {
            Fact::ManifestReferences(fact) => {
                self.references.entry(fact.blake3).or_default().extend(&fact.blobs);
            }
            Fact::ManifestAccepted(fact) => {
                self.stood.entry((fact.repository.clone(), fact.blake3)).or_default().push((position, None));
            }
            Fact::ManifestDeleted(fact) => {
                self.deletes(position, event.at_ms, &(fact.repository.clone(), fact.blake3));
            }
            Fact::PinSet(fact) => {
                self.pins.insert((fact.repository.clone(), fact.pin.clone()), fact.manifest);
            }
            Fact::PinReleased(fact) => {
                self.pins.remove(&(fact.repository.clone(), fact.pin.clone()));
            }
            Fact::HoldPlaced(fact) => {
                self.holds.insert(fact.hold.clone(), fact.target.clone());
            }
            Fact::HoldReleased(fact) => {
                self.holds.remove(&fact.hold);
            }
            Fact::LockExtended(fact) => {
                let package = (fact.repository.clone(), fact.blake3);
                let until = self.locks.entry((package, fact.mode)).or_default();
                *until = fact.until_ms.max(*until);
            }
            Fact::LockBypassed(fact) => {
                let until = self.bypassed.entry((fact.repository.clone(), fact.blake3)).or_default();
                *until = fact.until_ms.max(*until);
            }
            Fact::BlobDeletionStarted(fact) => {
                if !self.started.insert(fact.object.to_string()) {
                    self.broken.push(format!("{position}: {} is deleted twice", fact.object));
                }
                let standing = self.standing();
                let needing =
                    standing.into_iter().filter(|package| self.blobs(package).contains(&fact.blake3));
                let needing = needing.map(|package| format!("{position}: {package:?} needs {}", fact.blake3));
                let needing: Vec<String> = needing.collect();
                self.broken.extend(needing);
            }
            _ => {}
        }
    }

    fn deletes(&mut self, position: u64, at_ms: u64, package: &Package) {
        self.deleted += 1;
        let mut broken = |what: String| self.broken.push(format!("{position}: {package:?} went: {what}"));
        match self.stood.get_mut(package).and_then(|stood| stood.last_mut()) {
            Some((_, until @ None)) => *until = Some(position),
            _ => broken("it was not there".into()),
        }
        for (hold, target) in &self.holds {
            let covers = match target {
                HoldTarget::Package(repository, manifest) => {
                    (repository, manifest) == (&package.0, &package.1)
                }
                HoldTarget::Repository(repository) => *repository == package.0,
                HoldTarget::Query(query) => REPOSITORIES.iter().any(|repository| {
                    *repository == package.0.as_str()
                        && Digests::of(&selector(repository).encode()).blake3 == *query
                }),
            };
            if covers {
                broken(format!("hold {hold}"));
            }
        }
        for ((repository, pin), manifest) in &self.pins {
            if (repository, manifest) == (&package.0, &package.1) {
                broken(format!("pin {pin}"));
            }
        }
        for mode in LockMode::ALL {
            let until_ms = self.locks.remove(&(package.clone(), mode)).unwrap_or(0);
            let is_lifted = mode == LockMode::Governance
                && self.bypassed.get(package).is_some_and(|bypassed_ms| *bypassed_ms >= until_ms);
            if until_ms > at_ms && !is_lifted {
                broken(format!("{mode:?} lock until {until_ms}"));
            }
        }
        self.bypassed.remove(package);
    }
}
