//! What is known of every package, read in one snapshot, in pages: round trips do not grow with what there is in a page.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::PgConnection;

use super::Error;
use super::holds::Holds;
use crate::kernel::digest::Blake3;
use crate::kernel::id::RepositoryName;
use crate::kernel::limits::{PLAN_DOCUMENTS_BYTES, PLAN_DOCUMENTS_MAX, PLAN_PAGE_ROWS};
use crate::kernel::manifest::{Annotations, Document, MediaType};
use crate::log::documents;
use crate::retention::{InForce, Package, TagOf, evaluate::needs_annotations};
use crate::views::packages::{self, PackageRow, PartRow, TagRow};
use crate::views::tiers::{self, EarlyAt};

/// Packages by repository and digest.
type Packages = BTreeMap<(RepositoryName, Blake3), Known>;

/// A package, and how long its document is.
struct Known {
    package: Package,
    document_bytes: u64,
}

/// All packages of the snapshot, or of one repository. Their annotations are there where a rule of those policies needs them.
pub(super) async fn load(
    connection: &mut PgConnection,
    policies: &[InForce],
    only: Option<&RepositoryName>,
) -> Result<Vec<Package>, Error> {
    let mut all = accepted(connection, only).await?;
    tags(connection, only, &mut all).await?;
    listed(connection, only, &mut all).await?;
    finish(connection, policies, all).await
}

/// What depends on more than one row.
async fn finish(
    connection: &mut PgConnection,
    policies: &[InForce],
    mut all: Packages,
) -> Result<Vec<Package>, Error> {
    let holds = Holds::load(connection).await?;
    let there: BTreeSet<(RepositoryName, Blake3)> = all.keys().cloned().collect();
    for ((repository, _), known) in &mut all {
        // What is deleted protects nothing.
        known.package.subject =
            known.package.subject.filter(|subject| there.contains(&(repository.clone(), *subject)));
    }
    annotations(connection, &mut all, policies, &holds).await?;
    all.values_mut().for_each(|known| holds.apply(&mut known.package));
    Ok(all.into_values().map(|known| known.package).collect())
}

/// One package by itself, if it is there: its tags, and what lists it, are not looked at.
pub(in crate::control) async fn alone(
    connection: &mut PgConnection,
    policies: &[InForce],
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<Option<Package>, Error> {
    let rows = packages::among(connection, repository, &[manifest]).await?;
    let holds = Holds::load(connection).await?;
    let mut one = keyed(rows);
    annotations(connection, &mut one, policies, &holds).await?;
    one.values_mut().for_each(|known| holds.apply(&mut known.package));
    Ok(one.into_values().next().map(|known| known.package))
}

/// One package with all that may have to go before it: what lists it, what it is about, and so on. What is decided about it is
/// the same as if all of its repository were there, unless a rule counts packages.
///
/// None: not all that lists it is known without the documents of indexes, which older logs did not record.
pub(super) async fn around(
    connection: &mut PgConnection,
    policies: &[InForce],
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<Option<Vec<Package>>, Error> {
    if packages::any_unrecorded(connection, repository, MediaType::INDEX.as_str()).await? {
        return Ok(None);
    }
    let (mut all, mut listed) = (Packages::new(), Vec::new());
    let (mut seen, mut digests) = (BTreeSet::from([manifest]), vec![manifest]);
    while !digests.is_empty() {
        let found = packages::among(connection, repository, &digests).await?;
        let parts = packages::parts_among(connection, repository, &digests).await?;
        let before = parts.iter().map(|row| row.listed_by).chain(found.iter().filter_map(|row| row.subject));
        digests = before.filter(|digest| seen.insert(*digest)).collect();
        all.extend(keyed(found));
        listed.extend(parts);
    }
    let digests: Vec<Blake3> = all.keys().map(|(_, digest)| *digest).collect();
    name(&mut all, packages::tags_among(connection, repository, &digests).await?);
    list(&mut all, listed);
    Ok(Some(finish(connection, policies, all).await?))
}

/// What it costs, at that time, to take blobs out of stores that charge for a time. Only a plan says so.
pub(super) async fn early(
    connection: &mut PgConnection,
    stores: &[EarlyAt],
    now_ms: u64,
    packages: &mut [Package],
) -> Result<(), Error> {
    if stores.is_empty() {
        return Ok(());
    }
    for found in tiers::early(connection, stores, now_ms, None).await? {
        let key = (&found.repository, found.manifest);
        // They are in the order of their keys.
        if let Ok(at) = packages.binary_search_by(|package| (&package.repository, package.digest).cmp(&key)) {
            packages[at].early_byte_days[found.tier as usize] = found.byte_days;
        }
    }
    Ok(())
}

async fn accepted(connection: &mut PgConnection, only: Option<&RepositoryName>) -> Result<Packages, Error> {
    let mut all = Packages::new();
    loop {
        let after = all.last_key_value().map(|((repository, digest), _)| (repository, *digest));
        let page = packages::page(connection, only, after, PLAN_PAGE_ROWS).await?;
        let full = page.len() == PLAN_PAGE_ROWS as usize;
        all.extend(keyed(page));
        if !full {
            return Ok(all);
        }
    }
}

fn keyed(rows: Vec<PackageRow>) -> Packages {
    rows.into_iter().map(|row| ((row.repository.clone(), row.digest), known(row))).collect()
}

fn known(row: PackageRow) -> Known {
    let package = Package {
        repository: row.repository,
        digest: row.digest,
        media_type: row.media_type,
        artifact_type: row.artifact_type,
        annotations: None,
        tags: Vec::new(),
        size_bytes: row.blobs_bytes,
        accepted_at_ms: row.accepted_at_ms,
        clock_start_ms: row.accepted_at_ms,
        last_read_day: row.last_read_day,
        governance_until_ms: row.governance_until_ms,
        compliance_until_ms: row.compliance_until_ms,
        bypassed_until_ms: row.bypassed_until_ms,
        tier: row.tier,
        early_byte_days: Default::default(),
        pins: row.pins,
        holds: Vec::new(),
        listed_by: Vec::new(),
        subject: row.subject,
    };
    Known { package, document_bytes: row.document_bytes }
}

async fn tags(
    connection: &mut PgConnection,
    only: Option<&RepositoryName>,
    all: &mut Packages,
) -> Result<(), Error> {
    let mut last = None;
    loop {
        let after = last.as_ref().map(|(repository, tag)| (repository, tag));
        let page = packages::tags(connection, only, after, PLAN_PAGE_ROWS).await?;
        let full = page.len() == PLAN_PAGE_ROWS as usize;
        last = page.last().map(|row| (row.repository.clone(), row.tag.clone()));
        name(all, page);
        if !full {
            return Ok(());
        }
    }
}

fn name(all: &mut Packages, rows: Vec<TagRow>) {
    for row in rows {
        if let Some(known) = all.get_mut(&(row.repository, row.manifest)) {
            known.package.tags.push(TagOf { tag: row.tag, set_at_ms: row.set_at_ms });
        }
    }
}

fn list(all: &mut Packages, rows: Vec<PartRow>) {
    for row in rows {
        if let Some(known) = all.get_mut(&(row.repository, row.part)) {
            known.package.listed_by.push(row.listed_by);
        }
    }
}

/// Which indexes list each package, as the log has recorded it: an index whose document was erased lists what it listed.
async fn listed(
    connection: &mut PgConnection,
    only: Option<&RepositoryName>,
    all: &mut Packages,
) -> Result<(), Error> {
    let mut last = None;
    loop {
        let page = packages::parts(connection, only, last.as_ref(), PLAN_PAGE_ROWS).await?;
        let full = page.len() == PLAN_PAGE_ROWS as usize;
        last = page.last().cloned();
        list(all, page);
        if !full {
            break;
        }
    }
    listed_by_documents(connection, all).await
}

/// The same for indexes of older logs, of which it was not recorded, from their documents.
async fn listed_by_documents(connection: &mut PgConnection, all: &mut Packages) -> Result<(), Error> {
    let is_index = |known: &&Known| known.package.media_type == MediaType::INDEX.as_str();
    let named = |known: &Known| (known.package.repository.clone(), known.package.digest);
    let (indexes, bytes): (Vec<_>, Vec<_>) =
        all.values().filter(is_index).map(|known| (named(known), known.document_bytes)).unzip();
    if indexes.is_empty() {
        return Ok(());
    }
    let unrecorded = packages::unrecorded(connection, &indexes).await?;
    for batch in batches(&unrecorded, |at| bytes[*at]) {
        let found = read(connection, batch.iter().map(|at| indexes[*at].1)).await?;
        for (repository, digest) in batch.iter().map(|at| &indexes[*at]) {
            let Some(Document::Index(index)) = found.get(digest) else {
                return Err(Error::IndexMissing(*digest));
            };
            for part in index.manifests() {
                if let Some(part) = all.get_mut(&(repository.clone(), part.digests.blake3)) {
                    part.package.listed_by.push(*digest);
                }
            }
        }
    }
    Ok(())
}

/// Annotations where a rule needs them. A document that is not there was erased: they stay unknown.
async fn annotations(
    connection: &mut PgConnection,
    all: &mut Packages,
    policies: &[InForce],
    holds: &Holds,
) -> Result<(), Error> {
    let wanted: Vec<((RepositoryName, Blake3), u64)> = all
        .iter()
        .filter(|(_, known)| {
            needs_annotations(policies, &known.package) || holds.needs_annotations(&known.package)
        })
        .map(|(key, known)| (key.clone(), known.document_bytes))
        .collect();
    for batch in batches(&wanted, |one| one.1) {
        let found = fetch(connection, batch.iter().map(|(key, _)| key.1)).await?;
        // One after the other: whoever uploads meanwhile is in more of a hurry than a plan.
        let found = tokio::task::spawn_blocking(|| annotations_of(found)).await;
        let found = found.expect("decoding does not panic");
        for (key, _) in batch {
            if let (Some(known), Some(annotations)) = (all.get_mut(key), found.get(&key.1)) {
                known.package.annotations = Some(annotations.clone());
            }
        }
    }
    Ok(())
}

fn annotations_of(documents: Vec<documents::Document>) -> HashMap<Blake3, Annotations> {
    let of = |document: documents::Document| {
        // It was accepted whole, and is what its digest says: there is no need to look at its entries again.
        Some((document.digests.blake3, Document::annotations(&document.bytes).ok()?))
    };
    documents.into_iter().filter_map(of).collect()
}

/// Native documents by their digests; what is of another format says nothing here.
async fn read(
    connection: &mut PgConnection,
    digests: impl Iterator<Item = Blake3>,
) -> Result<BTreeMap<Blake3, Document>, Error> {
    let found = fetch(connection, digests).await?;
    let decode = |document: documents::Document| {
        Some((document.digests.blake3, Document::decode(&document.bytes).ok()?))
    };
    Ok(found.into_iter().filter_map(decode).collect())
}

async fn fetch(
    connection: &mut PgConnection,
    digests: impl Iterator<Item = Blake3>,
) -> Result<Vec<documents::Document>, Error> {
    let digests: BTreeSet<Blake3> = digests.collect();
    let digests: Vec<Blake3> = digests.into_iter().collect();
    Ok(documents::get_many(connection, &digests).await?)
}

/// Runs of bounded number and bytes; one that is too large alone is a run of its own.
fn batches<T>(items: &[T], bytes: impl Fn(&T) -> u64) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut sum: u64 = 0;
        let fits = |item: &&T| {
            sum = sum.saturating_add(bytes(item));
            sum <= PLAN_DOCUMENTS_BYTES
        };
        let count = rest.iter().take(PLAN_DOCUMENTS_MAX).take_while(fits).count().max(1).min(rest.len());
        let (batch, behind) = rest.split_at(count);
        rest = behind;
        (!batch.is_empty()).then_some(batch)
    })
}
