//! What an erasure records, or why it is refused.

use std::collections::HashMap;

use crate::access::{Action, Caller, RetentionRight};
use crate::control::Control;
use crate::control::append::{Change, Ids};
use crate::control::deletions::{InTheWay, tombstone};
use crate::control::erasures::{Error, Known};
use crate::control::retention::{Assessed, assess};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::event::{Authority, DocumentErased, Fact, LockMode, PinReleased};
use crate::kernel::id::{PinName, RepositoryName};
use crate::log::Guard;
use crate::log::guard::Erasable;
use crate::retention::Blocker;
use crate::views::manifests::{self, Manifest};

/// What the decision depends on.
#[derive(Debug)]
pub(super) struct State {
    packages: Vec<Package>,
    /// Documents that nothing else has, and that were not erased before.
    documents: Vec<Erasing>,
}

/// A package that is to go.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) row: Manifest,
    pub(super) position: u64,
    pub(super) pins: Vec<PinName>,
    pub(super) blockers: Vec<(Blocker, InTheWay)>,
}

/// A document that is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Erasing {
    pub(super) digests: Digests,
    /// The manifest that it is the rendering of.
    pub(super) manifest: Option<Blake3>,
}

impl State {
    /// Of a package in one repository, or in all. None: it changed while it was looked at.
    pub(super) async fn load(
        control: &Control,
        only: Option<&RepositoryName>,
        known: &Known,
    ) -> Result<Option<Self>, Error> {
        let manifest = known.digests.blake3;
        let found = super::view::packages_with(control.pool(), &[known.digests.sha256]).await?;
        let chosen = |(repository, digest): &(RepositoryName, Blake3)| {
            *digest == manifest && only.is_none_or(|only| only == repository)
        };
        let going: Vec<(RepositoryName, Blake3)> = found.into_iter().filter(chosen).collect();
        let keys: Vec<(&RepositoryName, Blake3)> =
            going.iter().map(|(name, digest)| (name, *digest)).collect();
        let rows = manifests::among(control.pool(), &keys).await?;
        let mut rows: HashMap<RepositoryName, Manifest> =
            rows.into_iter().map(|row| (row.repository.clone(), row)).collect();
        let mut packages = Vec::with_capacity(going.len());
        for (repository, _) in &going {
            let assessed = assess(control, repository, manifest).await?;
            let (Some(assessed), Some(row)) = (assessed, rows.remove(repository)) else { return Ok(None) };
            packages.push(Package::of(row, &assessed, going.len() > 1));
        }
        let documents = super::documents::unneeded(control, known, &going).await?;
        Ok(Some(Self { packages, documents }))
    }

    pub(super) fn repositories(&self) -> Vec<RepositoryName> {
        self.packages.iter().map(|package| package.row.repository.clone()).collect()
    }

    pub(super) fn pins(&self) -> Vec<(RepositoryName, PinName)> {
        let of = |package: &Package| {
            let repository = package.row.repository.clone();
            package.pins.clone().into_iter().map(move |pin| (repository.clone(), pin))
        };
        self.packages.iter().flat_map(of).collect()
    }
}

impl Package {
    fn of(row: Manifest, assessed: &Assessed, of_many: bool) -> Self {
        let told = |blocker: &Blocker| {
            let mut told = InTheWay::of(blocker, &assessed.policies);
            if of_many {
                told.text = format!("{} in {}", told.text, row.repository);
            }
            (blocker.clone(), told)
        };
        let blockers = assessed.blockers.iter().map(told).collect();
        let pins = assessed.package.pins.iter().filter_map(|pin| pin.parse().ok()).collect();
        Self { position: assessed.position, pins, blockers, row }
    }

    fn key(&self) -> (RepositoryName, Blake3) {
        (self.row.repository.clone(), self.row.blake3)
    }
}

/// What is recorded, in order, and what must still be so then.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) facts: Vec<Fact>,
    pub(super) guards: Vec<Guard>,
}

impl Decided {
    /// The fact that the caller is told of: the tombstone in that repository, else the first of what is erased.
    pub(super) fn main(&self, repository: &RepositoryName) -> Option<usize> {
        let is_tombstone =
            |fact: &Fact| matches!(fact, Fact::ManifestDeleted(fact) if fact.repository == *repository);
        let is_erasure = |fact: &Fact| matches!(fact, Fact::ManifestDeleted(_) | Fact::DocumentErased(_));
        let found = self.facts.iter().position(is_tombstone);
        found.or_else(|| self.facts.iter().position(is_erasure))
    }

    pub(super) fn change(self, ids: &Ids) -> Change {
        Change { events: ids.assign(self.facts), guards: self.guards, ..Change::default() }
    }
}

/// Holds and compliance locks refuse, wherever they are; governance locks ask for one scope more. Nothing else stops it.
pub(super) fn decide(state: &State, statement: Blake3, caller: &Caller) -> Result<Decided, Error> {
    let all = || state.packages.iter().flat_map(|package| &package.blockers);
    let refuses = |blocker: &Blocker| {
        matches!(blocker, Blocker::Hold(_) | Blocker::Lock { mode: LockMode::Compliance, .. })
    };
    let blockers: Vec<InTheWay> =
        all().filter(|(blocker, _)| refuses(blocker)).map(|(_, told)| told.clone()).collect();
    if !blockers.is_empty() {
        return Err(Error::Kept { blockers });
    }
    if all().any(|(blocker, _)| matches!(blocker, Blocker::Lock { mode: LockMode::Governance, .. })) {
        caller.require(Action::Retention(RetentionRight::Bypass))?;
    }
    let released = state.packages.iter().flat_map(|package| {
        package.pins.iter().map(|pin| {
            let (repository, previous) = package.key();
            Fact::from(PinReleased { repository, pin: pin.clone(), previous, statement })
        })
    });
    let deleted =
        state.packages.iter().map(|package| tombstone(&package.row, Authority::Erasure { statement }).into());
    let erased = state.documents.iter().map(|document| {
        let Digests { blake3, sha256 } = document.digests;
        DocumentErased { document: blake3, sha256, manifest: document.manifest, statement }.into()
    });
    let facts = released.chain(deleted).chain(erased).collect();
    Ok(Decided { facts, guards: guards(state) })
}

fn guards(state: &State) -> Vec<Guard> {
    let mut guards = Vec::new();
    if let Some(decided_at) = state.packages.iter().map(|package| package.position).min() {
        let pins = |package: &Package| package.pins.len() as u64;
        let of = |package: &Package| (package.row.repository.clone(), package.row.blake3, pins(package));
        let packages = state.packages.iter().map(of).collect();
        guards.push(Guard::PackagesErasable(Erasable { decided_at, packages }));
    }
    if !state.documents.is_empty() {
        guards.push(Guard::DocumentsUnneeded {
            documents: state.documents.iter().map(|document| document.digests).collect(),
            but: state.packages.iter().map(Package::key).collect(),
        });
    }
    guards
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scopes;
    use crate::control::given::given;

    fn row() -> Manifest {
        let Digests { blake3, sha256 } = Digests::of(b"manifest");
        Manifest {
            repository: "acme/reports".parse().unwrap(),
            blake3,
            sha256,
            size_bytes: 8,
            media_type: "x/y".into(),
            artifact_type: None,
            subject: None,
            oci_sha256: None,
            oci_size_bytes: None,
            blobs: 1,
            blobs_bytes: 1,
            accepted_at_ms: 0,
            accepted_by: "ci".parse().unwrap(),
            position: 0,
        }
    }

    fn state(blockers: &[Blocker]) -> State {
        let blockers = blockers.iter().map(|one| (one.clone(), InTheWay::of(one, &[]))).collect();
        let pins = vec!["prod".parse().unwrap()];
        let documents = vec![Erasing { digests: Digests::of(b"manifest"), manifest: None }];
        State { packages: vec![Package { row: row(), position: 7, pins, blockers }], documents }
    }

    fn ground() -> Blake3 {
        Digests::of(b"ground").blake3
    }

    fn lock(mode: LockMode) -> Blocker {
        Blocker::Lock { mode, until_ms: 9, due: None }
    }

    fn caller(scopes: &str) -> Caller {
        let mut caller = Caller::local("officer".parse().unwrap());
        caller.scopes = Scopes::parse([scopes]).unwrap();
        caller
    }

    #[test]
    fn pins_are_released_before_the_package_goes_and_its_document_goes_last() {
        let blockers = [Blocker::Pin("prod".into()), Blocker::Listed(ground()), Blocker::Subject(ground())];
        let decided = decide(&state(&blockers), ground(), &caller("retention:erase")).unwrap();
        let types: Vec<&str> = decided.facts.iter().map(Fact::type_name).collect();
        assert_eq!(types, ["pin.released", "manifest.deleted", "document.erased"]);
        assert_eq!(decided.main(&row().repository), Some(1));
        assert_eq!(decided.main(&"acme/other".parse().unwrap()), Some(1));
        assert_eq!(decided.guards.len(), 2);
    }

    #[test]
    fn every_hold_and_compliance_lock_is_named_and_nothing_else() {
        let hold = Blocker::Hold("case-1".into());
        let blockers =
            [hold, lock(LockMode::Compliance), lock(LockMode::Governance), Blocker::Pin("p".into())];
        given(state(&blockers))
            .when(|state| decide(state, ground(), &caller("retention:erase")))
            .then_refused(|error| {
                let Error::Kept { blockers } = error else { return false };
                blockers.iter().map(|one| one.kind).eq(["hold", "compliance-lock"])
            });
    }

    #[test]
    fn a_governance_lock_asks_for_the_right_to_bypass_it() {
        let locked = state(&[lock(LockMode::Governance)]);
        let refused = decide(&locked, ground(), &caller("retention:erase")).unwrap_err();
        assert!(refused.to_string().contains("retention:bypass"), "{refused}");
        assert!(decide(&locked, ground(), &caller("retention:erase,bypass")).is_ok());
    }

    #[test]
    fn where_nothing_is_left_nothing_is_recorded() {
        let nothing = State { packages: vec![], documents: vec![] };
        let decided = decide(&nothing, ground(), &caller("retention:erase")).unwrap();
        assert!(decided.facts.is_empty() && decided.guards.is_empty());
    }
}
