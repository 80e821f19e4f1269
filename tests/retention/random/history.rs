//! The log, read by a fold that shares nothing with the views: what stood when something was deleted.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgPool;
use strongroom::kernel::digest::{Blake3, Digests};
use strongroom::kernel::event::{Authority, Event, Fact, HoldTarget, LockMode};
use strongroom::kernel::id::{HoldName, PinName, RepositoryName, StoreName};
use strongroom::kernel::tier::Tier;
use strongroom::log::read;

use super::world::{MIN_BYTES, REPOSITORIES, Why, World, selector};

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
    /// The blobs whose bytes were said to be there, with their length.
    sizes: BTreeMap<Blake3, u64>,
    /// Where each lies: its store, and its object.
    lies: BTreeMap<Blake3, (StoreName, String)>,
    /// Objects that blobs had before.
    left: BTreeSet<String>,
    /// From when to when each lay in the cold store, by position.
    lay_cold: BTreeMap<Blake3, Vec<(u64, Option<u64>)>>,
    tiers: BTreeMap<Package, Tier>,
    /// Where a package went because a law demands it, and what of that went everywhere.
    erased: BTreeSet<Package>,
    erased_documents: BTreeSet<Blake3>,
    started: BTreeSet<String>,
    /// Objects that were given up by a deletion or a move, with their lengths, and of which nobody said that they are gone.
    deleting: BTreeMap<String, u64>,
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
            let (package, between) = (&unread.package, unread.between);
            match &unread.why {
                Why::Cold => {
                    let mut blobs = self.blobs(package).iter().filter_map(|blob| self.lay_cold.get(blob));
                    assert!(blobs.any(|lay| any_of(lay, between)), "{unread:?}: none of its blobs lay cold");
                }
                Why::Other(_) => {
                    let stood = self.stood.get(package).into_iter().flatten();
                    let all_the_time = |(since, until): &&(u64, Option<u64>)| {
                        *since < between.0 && until.is_none_or(|until| until >= between.1)
                    };
                    assert_eq!(stood.filter(all_the_time).count(), 0, "{unread:?}: it stood");
                }
            }
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

    /// Bytes of objects that were given up, but for those that are there.
    pub(super) fn deleting_but(&self, there: &BTreeSet<String>) -> u64 {
        self.deleting.iter().filter(|(object, _)| !there.contains(*object)).map(|(_, bytes)| bytes).sum()
    }

    /// Where a blob is to lie that packages need: as near as the nearest of them.
    pub(super) fn store_of(&self, blob: &Blake3) -> &'static str {
        let mut needing = self.standing().into_iter().filter(|package| self.blobs(package).contains(blob));
        let are_cold = needing.all(|package| self.tiers.get(package) == Some(&Tier::Cold));
        if are_cold && self.sizes[blob] >= MIN_BYTES { "cold" } else { "main" }
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
                let package = (fact.repository.clone(), fact.blake3);
                if self.erased.contains(&package) || self.erased_documents.contains(&package.1) {
                    self.broken.push(format!("{position}: {package:?} was erased, and is accepted"));
                }
                self.stood.entry(package).or_default().push((position, None));
            }
            Fact::ManifestDeleted(fact) => {
                let package = (fact.repository.clone(), fact.blake3);
                let by_law = matches!(fact.authority, Authority::Erasure { .. });
                self.deletes(position, event.at_ms, &package, by_law);
            }
            Fact::ManifestTiered(fact) => {
                self.tiers.insert((fact.repository.clone(), fact.blake3), fact.tier);
            }
            Fact::DocumentErased(fact) => {
                self.erased_documents.insert(fact.document);
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
            fact => self.fold_bytes(position, fact),
        }
    }

    /// Where bytes lie, and which of them go.
    fn fold_bytes(&mut self, position: u64, fact: &Fact) {
        match fact {
            Fact::BlobStored(fact) => {
                self.sizes.insert(fact.blake3, fact.size_bytes);
                self.lie(position, fact.blake3, &fact.store, fact.object.to_string());
            }
            Fact::BlobMoved(fact) => {
                self.deleting.insert(fact.from_object.to_string(), fact.size_bytes);
                let from = (fact.from_store.clone(), fact.from_object.to_string());
                if self.lies.get(&fact.blake3) != Some(&from) {
                    self.broken.push(format!("{position}: {} is moved, and does not lie there", fact.blake3));
                }
                self.lie(position, fact.blake3, &fact.store, fact.object.to_string());
            }
            Fact::BlobDeleted(fact) => {
                self.deleting.remove(&fact.object.to_string());
            }
            Fact::BlobDeletionStarted(fact) => {
                self.deleting.insert(fact.object.to_string(), fact.size_bytes);
                if !self.started.insert(fact.object.to_string()) {
                    self.broken.push(format!("{position}: {} is deleted twice", fact.object));
                }
                if self.lies.get(&fact.blake3).is_some_and(|(_, object)| *object == fact.object.to_string()) {
                    self.goes(position, fact.blake3);
                } else if !self.left.contains(&fact.object.to_string()) {
                    self.broken.push(format!("{position}: {} was the object of no blob", fact.object));
                }
            }
            _ => {}
        }
    }

    /// A blob lies there from now on.
    fn lie(&mut self, position: u64, blob: Blake3, store: &StoreName, object: String) {
        let before = self.lies.insert(blob, (store.clone(), object));
        self.left.extend(before.map(|(_, object)| object));
        let cold = self.lay_cold.entry(blob).or_default();
        if let Some((_, until @ None)) = cold.last_mut() {
            *until = Some(position);
        }
        if store.as_str() == "cold" {
            cold.push((position, None));
        }
    }

    /// The bytes of a blob go. No package may need them.
    fn goes(&mut self, position: u64, blob: Blake3) {
        self.lies.remove(&blob);
        if let Some((_, until @ None)) = self.lay_cold.get_mut(&blob).and_then(|lay| lay.last_mut()) {
            *until = Some(position);
        }
        let needing = self.standing().into_iter().filter(|package| self.blobs(package).contains(&blob));
        let needing: Vec<_> =
            needing.map(|package| format!("{position}: {package:?} needs {blob}")).collect();
        self.broken.extend(needing);
    }

    fn deletes(&mut self, position: u64, at_ms: u64, package: &Package, by_law: bool) {
        self.deleted += 1;
        self.tiers.remove(package);
        if by_law {
            self.erased.insert(package.clone());
        }
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
            // Who may erase overrides a governance lock, if the right to bypass it is there too.
            let is_overridden = by_law && mode == LockMode::Governance;
            if until_ms > at_ms && !is_lifted && !is_overridden {
                broken(format!("{mode:?} lock until {until_ms}"));
            }
        }
        self.bypassed.remove(package);
    }
}

/// Whether it was so at any time while the log grew from one size to the other.
fn any_of(intervals: &[(u64, Option<u64>)], (from, to): (u64, u64)) -> bool {
    intervals.iter().any(|(since, until)| *since < to && until.is_none_or(|until| until >= from))
}
