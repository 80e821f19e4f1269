//! Whether a package is accepted, and what is recorded. Pure.

use std::collections::{BTreeMap, HashMap};

use crate::control::lock_rules::Locks;
use crate::control::manifests::{Accepted, Contents, Error};
use crate::control::tags::{self, Current};
use crate::control::{Precondition, pins, quota};
use crate::kernel::digest::{Blake3, Sha256};
use crate::kernel::event::{BlobLinked, Fact, ManifestAccepted, ManifestReferences};
use crate::kernel::id::{RepositoryName, Tag};
use crate::kernel::manifest::{Annotations, Document, DocumentDescriptor};
use crate::kernel::statement::Statement;
use crate::log::Guard;
use crate::views::repositories::Repository;

/// A package to accept.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) repository: RepositoryName,
    pub(super) descriptor: DocumentDescriptor,
    pub(super) artifact_type: Option<String>,
    pub(super) subject: Option<DocumentDescriptor>,
    /// Blobs that it references itself, each once.
    pub(super) blobs: BTreeMap<Blake3, (Sha256, u64)>,
    /// Manifests that it lists.
    pub(super) parts: Vec<DocumentDescriptor>,
    pub(super) tag: Option<(Tag, Precondition)>,
    pub(super) pin: Option<pins::Wanted>,
    /// What it says of itself.
    pub(super) annotations: Annotations,
}

impl Command {
    pub(super) fn new(
        repository: RepositoryName,
        document: &Document,
        tag: Option<(Tag, Precondition)>,
    ) -> Self {
        let (blobs, parts) = match document {
            Document::Manifest(manifest) => (manifest.blobs(), Vec::new()),
            Document::Index(index) => (BTreeMap::new(), index.manifests().to_vec()),
        };
        let header = document.header();
        Self {
            repository,
            descriptor: document.descriptor(),
            artifact_type: header.artifact_type.as_ref().map(ToString::to_string),
            subject: header.subject.clone(),
            blobs,
            parts,
            tag,
            pin: None,
            annotations: header.annotations.clone(),
        }
    }

    /// Its manifest and its rendering.
    pub(super) fn documents(&self) -> Vec<Sha256> {
        let rendering = self.descriptor.rendering.as_ref().map(|rendering| rendering.sha256);
        [self.descriptor.digests.sha256].into_iter().chain(rendering).collect()
    }

    pub(super) fn accepted(&self, position: u64, created: bool) -> Accepted {
        Accepted {
            digests: self.descriptor.digests,
            oci_sha256: self.descriptor.rendering.as_ref().map(|rendering| rendering.sha256),
            size_bytes: self.descriptor.size_bytes,
            position,
            created,
        }
    }
}

/// A blob within reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) sha256: Sha256,
    pub(super) size_bytes: u64,
    /// The other repository from which it is to be linked. None if it is linked here.
    pub(super) from: Option<RepositoryName>,
}

/// A manifest that is accepted in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// As it is, without annotations.
    pub(super) descriptor: DocumentDescriptor,
    pub(super) blobs: u64,
    pub(super) blobs_bytes: u64,
}

/// What is known when a package comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Where it was accepted before.
    pub(super) accepted_at: Option<u64>,
    /// The event by which it was erased, or a document of it.
    pub(super) erased_at: Option<u64>,
    /// Those of its blobs that are within reach.
    pub(super) blobs: HashMap<Blake3, Reach>,
    /// Those of the manifests that it names which are accepted here.
    pub(super) manifests: HashMap<Blake3, Part>,
    /// What the tag names.
    pub(super) tag: Option<Current>,
    /// What the pin claims.
    pub(super) pin: Option<pins::Current>,
    /// The repository, with what it holds and may hold. None if it comes to be by this.
    pub(super) repository: Option<Repository>,
    /// What has to be there whole for the pin, beyond what the acceptance asks for.
    pub(super) contents: Contents,
    /// What rules lock it for, if it is accepted by this or gets the tag.
    pub(super) locks: Locks,
}

impl State {
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted_at.is_some()
    }

    /// Bytes of what the package references, of what is known.
    pub(super) fn blobs_bytes(&self, command: &Command) -> u64 {
        let parts = command.parts.iter().filter_map(|part| self.manifests.get(&part.digests.blake3));
        command.blobs.values().map(|(_, size)| size).sum::<u64>()
            + parts.map(|part| part.blobs_bytes).sum::<u64>()
    }
}

/// What is recorded, in order, and what must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) facts: Vec<Fact>,
    pub(super) guards: Vec<Guard>,
    /// To be written before the pin's event, which names it.
    pub(super) statement: Option<Statement>,
    /// Annotations that the repository wants and the package lacks.
    pub(super) missing: Vec<&'static str>,
}

impl Decided {
    /// With what rules lock. Before the fact that it is for, as all that belongs to it.
    fn lock(&mut self, locks: &Locks) {
        self.facts.extend(locks.facts.iter().cloned());
        self.guards.extend(locks.guards.iter().cloned());
    }
}

/// None if everything is so already.
pub(super) fn decide(state: &State, command: &Command) -> Result<Option<Decided>, Error> {
    let mut decided = if state.is_accepted() { Decided::default() } else { accept(state, command)? };
    if let Some((tag, precondition)) = &command.tag {
        let manifest = command.descriptor.digests.blake3;
        let set = tags::decide_set(state.tag.as_ref(), &command.repository, tag, manifest, *precondition)?;
        if state.is_accepted() && set.is_some() {
            let repository = command.repository.clone();
            decided.guards.push(Guard::ManifestsAccepted { repository, manifests: vec![manifest] });
            decided.lock(&state.locks);
        }
        decided.facts.extend(set);
    }
    if let Some(wanted) = &command.pin {
        pin(state, command, wanted, &mut decided)?;
    }
    Ok(if decided.facts.is_empty() { None } else { Some(decided) })
}

/// Sets the pin too. Last, so that its event is the one that a repeated request finds.
fn pin(state: &State, command: &Command, wanted: &pins::Wanted, decided: &mut Decided) -> Result<(), Error> {
    let manifest = command.descriptor.digests.blake3;
    let set = pins::decide_set(state.pin.as_ref(), &command.repository, wanted, manifest)?;
    let provenance = state.repository.as_ref().map(|repository| repository.provenance).unwrap_or_default();
    decided.missing = pins::decide_provenance(provenance, &command.annotations)?;
    if let Some(set) = set {
        decided.guards.extend(state.contents.guards(&command.repository));
        decided.facts.push(set.fact.into());
        decided.statement = Some(set.statement);
    }
    Ok(())
}

/// What the package adds to the repository is within its quotas, now and under the head lock.
fn within_quota(state: &State, command: &Command) -> Result<Option<Guard>, Error> {
    let Some(repository) = &state.repository else { return Ok(None) };
    let linked = command.blobs.keys().filter_map(|blob| state.blobs.get(blob));
    let bytes = linked.filter(|reach| reach.from.is_some()).map(|reach| reach.size_bytes).sum();
    quota::check(repository, 1, bytes)?;
    let is_limited = repository.quota_packages > 0 || repository.quota_bytes > 0;
    let repository = command.repository.clone();
    Ok(is_limited.then_some(Guard::WithinQuota { repository, packages: 1, bytes }))
}

fn accept(state: &State, command: &Command) -> Result<Decided, Error> {
    let manifest = command.descriptor.digests.blake3;
    if let Some(position) = state.erased_at {
        return Err(Error::ErasedBefore { manifest, position });
    }
    check_blobs(state, command)?;
    check_manifests(state, command)?;
    let named: Vec<Blake3> = named_manifests(command).map(|named| named.digests.blake3).collect();
    let mut decided = Decided::default();
    let mut here = Vec::new();
    let mut elsewhere: BTreeMap<RepositoryName, Vec<Blake3>> = BTreeMap::new();
    for blob in command.blobs.keys() {
        match state.blobs.get(blob).and_then(|reach| reach.from.clone()) {
            None => here.push(*blob),
            Some(from) => {
                let linked = BlobLinked {
                    repository: command.repository.clone(),
                    blake3: *blob,
                    from: Some(from.clone()),
                    receipt: None,
                };
                decided.facts.push(linked.into());
                elsewhere.entry(from).or_default().push(*blob);
            }
        }
    }
    elsewhere.insert(command.repository.clone(), here);
    let linked = |(repository, blobs): (RepositoryName, Vec<Blake3>)| {
        (!blobs.is_empty()).then_some(Guard::BlobsLinked { repository, blobs })
    };
    decided.guards.extend(elsewhere.into_iter().filter_map(linked));
    if !named.is_empty() {
        let repository = command.repository.clone();
        decided.guards.push(Guard::ManifestsAccepted { repository, manifests: named });
    }
    decided.guards.extend(within_quota(state, command)?);
    decided.guards.push(Guard::NotErased {
        repository: command.repository.clone(),
        manifest,
        documents: command.documents(),
    });
    let blobs: Vec<Blake3> = command.blobs.keys().copied().collect();
    let parts: Vec<Blake3> = command.parts.iter().map(|part| part.digests.blake3).collect();
    let references = ManifestReferences::split(&command.repository, manifest, &blobs, &parts);
    decided.facts.extend(references.into_iter().map(Fact::from));
    decided.lock(&state.locks);
    decided.facts.push(accepted(state, command));
    Ok(decided)
}

fn check_blobs(state: &State, command: &Command) -> Result<(), Error> {
    let missing: Vec<Blake3> =
        command.blobs.keys().filter(|blob| !state.blobs.contains_key(blob)).copied().collect();
    if !missing.is_empty() {
        return Err(Error::BlobsMissing { missing });
    }
    let differs = |(blob, (sha256, size)): (&Blake3, &(Sha256, u64))| {
        let known = &state.blobs[blob];
        (known.sha256 != *sha256 || known.size_bytes != *size).then_some(*blob)
    };
    let blobs: Vec<Blake3> = command.blobs.iter().filter_map(differs).collect();
    if blobs.is_empty() { Ok(()) } else { Err(Error::BlobsDiffer { blobs }) }
}

fn check_manifests(state: &State, command: &Command) -> Result<(), Error> {
    let is_missing = |named: &DocumentDescriptor| !state.manifests.contains_key(&named.digests.blake3);
    let missing: Vec<Blake3> =
        command.parts.iter().filter(|part| is_missing(part)).map(|part| part.digests.blake3).collect();
    if !missing.is_empty() {
        return Err(Error::ManifestsMissing { missing });
    }
    if let Some(subject) = command.subject.as_ref().filter(|subject| is_missing(subject)) {
        return Err(Error::SubjectMissing(subject.digests.blake3));
    }
    let differs = |named: &&DocumentDescriptor| {
        let known = &state.manifests[&named.digests.blake3].descriptor;
        // Annotations are what this document says of the other, not what the other is.
        (known.digests, known.size_bytes, &known.media_type, &known.rendering)
            != (named.digests, named.size_bytes, &named.media_type, &named.rendering)
    };
    let manifests: Vec<Blake3> =
        named_manifests(command).filter(differs).map(|named| named.digests.blake3).collect();
    if manifests.is_empty() { Ok(()) } else { Err(Error::ManifestsDiffer { manifests }) }
}

fn named_manifests(command: &Command) -> impl Iterator<Item = &DocumentDescriptor> {
    command.parts.iter().chain(&command.subject)
}

fn accepted(state: &State, command: &Command) -> Fact {
    let parts = command.parts.iter().map(|part| &state.manifests[&part.digests.blake3]);
    let blobs_bytes = state.blobs_bytes(command);
    let rendering = command.descriptor.rendering.as_ref();
    ManifestAccepted {
        repository: command.repository.clone(),
        blake3: command.descriptor.digests.blake3,
        sha256: command.descriptor.digests.sha256,
        size_bytes: command.descriptor.size_bytes,
        media_type: command.descriptor.media_type.to_string(),
        artifact_type: command.artifact_type.clone(),
        subject: command.subject.as_ref().map(|subject| subject.digests.blake3),
        oci_sha256: rendering.map(|rendering| rendering.sha256),
        oci_size_bytes: rendering.map(|rendering| rendering.size_bytes),
        blobs: command.blobs.len() as u64 + parts.map(|part| part.blobs).sum::<u64>(),
        blobs_bytes,
    }
    .into()
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
