//! Reading a package: grants for its blobs, and the custody trail.
//!
//! - Whoever is given a package to read is on record before they get the grants: one event for an actor, a package and
//!   a day in UTC. Reading on costs no further event.
//! - There is no grant for a blob outside a package, so nothing leaves that the trail does not show.
//! - What is damaged is given to nobody: a package of which a wanted blob is damaged is refused, and each is named with
//!   the event that says so.
//! - What lies in a cold store is given out only while a retrieval of that package stands ([`retrievals`]).
//! - An index holds no blob itself; its parts are packages, read one by one.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::append::{Change, Ids};
use super::manifests::{self, document, find, is_index};
use super::{Context, Control, retrievals};
use crate::contract::{Grant, Operation, Read, SigningKey};
use crate::kernel::digest::{Blake3, Digest, Digests, Sha256};
use crate::kernel::event::{Fact, ManifestReadGranted};
use crate::kernel::id::{GrantId, Reference, RepositoryName, RetrievalId};
use crate::kernel::limits::GRANT_LIFE_SECONDS;
use crate::kernel::manifest::Manifest;
use crate::kernel::tier::Tier;
use crate::log;
use crate::views::blobs::{self, Damaged, Linked};
use crate::views::reads;

/// Milliseconds of a day in UTC, which has no leap seconds in Unix time.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Damaged blobs that are named in a message.
const DAMAGED_NAMED: usize = 5;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The package cannot be found or read.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// Some of what was asked for is not in the package.
    #[error("{} of these digests are not in the package", .digests.len())]
    NotInPackage {
        /// All of them.
        digests: Vec<Digest>,
    },
    /// Blobs of the package are not stored, though it was accepted.
    #[error("{} blobs of this package are not stored any more; run `strongroom audit`", .missing.len())]
    BlobsMissing {
        /// All of them.
        missing: Vec<Blake3>,
    },
    /// Blobs of the package are not what they were. They are given to nobody until they are deposited again.
    #[error("{} blobs of this package are damaged: {}", .damaged.len(), named(.damaged))]
    BlobsDamaged {
        /// All of them.
        damaged: Vec<(Blake3, Damaged)>,
    },
    /// Blobs of the package lie in a cold store, and no retrieval of it is available.
    #[error(
        "the package lies in a cold store, and has to be retrieved before it is read (blobs there: {blobs})"
    )]
    RetrievalNeeded {
        /// Where.
        repository: RepositoryName,
        /// The package.
        manifest: Blake3,
        /// How many of those that were asked for.
        blobs: u64,
        /// The retrieval of it that is not over, and how far that is.
        retrieval: Option<(RetrievalId, retrievals::State)>,
    },
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// Permissions to read a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The package that the reference named.
    pub manifest: Blake3,
    /// Each distinct blob that was asked for, once.
    pub blobs: Vec<GrantedBlob>,
    /// Until when the grants may be used, seconds since the epoch.
    pub expires_at_seconds: u64,
}

/// Permission to read a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedBlob {
    /// Which.
    pub digests: Digests,
    /// Its length.
    pub size_bytes: u64,
    /// The signed permission.
    pub grant: String,
}

/// Grants the reading of a package: of all its blobs, or of those that are asked for.
///
/// # Errors
/// If there is no such package, the caller may not read it, or a digest is not of it.
pub async fn grant(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    only: Option<&[Digest]>,
) -> Result<Granted, Error> {
    let package = find(control, &context.caller, repository, reference).await?;
    let wanted = if is_index(&package.media_type) {
        decide_wanted(&BTreeMap::new(), only)?
    } else {
        let stored = document(control, package.blake3.into()).await?;
        let manifest = Manifest::decode(&stored.bytes).map_err(manifests::Error::from)?;
        decide_wanted(&manifest.blobs(), only)?
    };
    let found = if wanted.is_empty() {
        Vec::new()
    } else {
        let digests: Vec<Digest> = wanted.iter().map(|blob| (*blob).into()).collect();
        blobs::linked(control.pool(), repository, &digests).await?
    };
    if found.len() != wanted.len() {
        let is_there = |blob: &Blake3| found.iter().any(|linked| linked.blob.blake3 == *blob);
        return Err(Error::BlobsMissing { missing: wanted.into_iter().filter(|b| !is_there(b)).collect() });
    }
    let damaged: Vec<(Blake3, Damaged)> =
        found.iter().filter_map(|linked| Some((linked.blob.blake3, linked.blob.damaged?))).collect();
    if !damaged.is_empty() {
        return Err(Error::BlobsDamaged { damaged });
    }
    let until_ms = readable_until_ms(control, repository, package.blake3, &found).await?;
    let key = control.grant_key().await?;
    record(control, context, repository, package.blake3).await?;
    let now_seconds = control.now_ms() / 1_000;
    let expires_at_seconds = (now_seconds + GRANT_LIFE_SECONDS).min(until_ms / 1_000);
    let times = (now_seconds, expires_at_seconds);
    let sign = |linked: Linked| sign(key, context, repository, linked, times);
    Ok(Granted { manifest: package.blake3, blobs: found.into_iter().map(sign).collect(), expires_at_seconds })
}

/// Until when these blobs of a package may be read, as far as where they lie says.
async fn readable_until_ms(
    control: &Control,
    repository: &RepositoryName,
    manifest: Blake3,
    found: &[Linked],
) -> Result<u64, Error> {
    let is_cold = |linked: &&Linked| control.stores().tier(&linked.blob.store) == Some(Tier::Cold);
    let blobs = found.iter().filter(is_cold).count() as u64;
    if blobs == 0 {
        return Ok(u64::MAX);
    }
    let standing = retrievals::standing(control, repository, manifest).await?;
    let available = standing.as_ref().filter(|(_, state)| *state == retrievals::State::Available);
    if let Some((_, until_ms)) = available.and_then(|(retrieval, _)| retrieval.available_ms) {
        return Ok(until_ms);
    }
    let retrieval = standing.map(|(retrieval, state)| (retrieval.retrieval, state));
    Err(Error::RetrievalNeeded { repository: repository.clone(), manifest, blobs, retrieval })
}

/// The first of them, for people; programs get all.
fn named(damaged: &[(Blake3, Damaged)]) -> String {
    let one = |(blob, Damaged { found, position }): &(Blake3, Damaged)| {
        format!("{blob} is {found} since event {position}")
    };
    let mut named: Vec<String> = damaged.iter().take(DAMAGED_NAMED).map(one).collect();
    if damaged.len() > DAMAGED_NAMED {
        named.push(format!("and {} more", damaged.len() - DAMAGED_NAMED));
    }
    named.join(", ")
}

fn sign(
    key: &SigningKey,
    context: &Context,
    repository: &RepositoryName,
    Linked { blob, .. }: Linked,
    (now_seconds, expires_at_seconds): (u64, u64),
) -> GrantedBlob {
    let digests = Digests { blake3: blob.blake3, sha256: blob.sha256 };
    let grant = Grant {
        id: GrantId(Uuid::now_v7()),
        actor: context.caller.actor.clone(),
        repository: repository.clone(),
        store: blob.store,
        issued_at_seconds: now_seconds,
        expires_at_seconds,
        operation: Operation::Read(Read { digests, size_bytes: blob.size_bytes, object: blob.object }),
    };
    let grant = grant.sign(key);
    GrantedBlob { digests, size_bytes: blob.size_bytes, grant }
}

/// Puts the reading on record, unless it is for today.
async fn record(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<(), Error> {
    let day = control.now_ms() / DAY_MS;
    let actor = &context.caller.actor;
    if reads::exists(control.pool(), actor, repository, &manifest, day).await? {
        return Ok(());
    }
    let fact = Fact::from(ManifestReadGranted { repository: repository.clone(), blake3: manifest, day });
    let ids = Ids::of_read(actor, &fact.stream(), day);
    let change = Change { events: ids.assign(vec![fact]), ..Change::default() };
    // It depends on nothing, and a second one at the same time has the same id: there is no conflict to retry.
    match control.append(actor, context.cause, change).await {
        Ok(_) => Ok(()),
        Err(log::Error::IdReused { .. }) => Err(super::Error::IdempotencyKeyReused.into()),
        Err(error) => Err(super::Error::Log(error).into()),
    }
}

fn decide_wanted(
    package: &BTreeMap<Blake3, (Sha256, u64)>,
    only: Option<&[Digest]>,
) -> Result<Vec<Blake3>, Error> {
    let Some(only) = only else { return Ok(package.keys().copied().collect()) };
    let by_sha256: BTreeMap<Sha256, Blake3> =
        package.iter().map(|(blake3, (sha256, _))| (*sha256, *blake3)).collect();
    let find = |digest: &Digest| match digest {
        Digest::Blake3(digest) => package.contains_key(digest).then_some(*digest),
        Digest::Sha256(digest) => by_sha256.get(digest).copied(),
    };
    let digests: Vec<Digest> = only.iter().filter(|digest| find(digest).is_none()).copied().collect();
    if !digests.is_empty() {
        return Err(Error::NotInPackage { digests });
    }
    let mut wanted: Vec<Blake3> = only.iter().filter_map(find).collect();
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::given::given;

    fn package(blobs: &[&[u8]]) -> BTreeMap<Blake3, (Sha256, u64)> {
        let blob = |bytes: &&[u8]| {
            let digests = Digests::of(bytes);
            (digests.blake3, (digests.sha256, bytes.len() as u64))
        };
        blobs.iter().map(blob).collect()
    }

    #[test]
    fn all_of_a_package_is_each_blob_once() {
        let package = package(&[b"a", b"b", b"a"]);
        let all = package.keys().copied().collect();
        given(package).when(|package| decide_wanted(package, None)).then(all);
    }

    #[test]
    fn some_of_it_is_asked_for_by_either_digest() {
        let a = Digests::of(b"a");
        given(package(&[b"a", b"b"]))
            .when(|package| decide_wanted(package, Some(&[a.sha256.into(), a.blake3.into()])))
            .then(vec![a.blake3]);
    }

    #[test]
    fn what_is_not_of_the_package_is_named_and_not_granted() {
        let other: Digest = Digests::of(b"other").blake3.into();
        given(package(&[b"a"]))
            .when(|package| decide_wanted(package, Some(&[other, Digests::of(b"a").blake3.into()])))
            .then_refused(|error| matches!(error, Error::NotInPackage { digests } if *digests == [other]));
    }
}
