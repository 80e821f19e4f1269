//! What the decision about a package depends on, loaded.

use std::collections::HashMap;

use futures::future::try_join_all;

use crate::access::Caller;
use crate::control::append::{Change, Ids};
use crate::control::lock_rules::{LockRules, Locks};
use crate::control::manifests::decide::{Command, Decided, Part, Reach, State};
use crate::control::manifests::{Contents, Error};
use crate::control::repositories::{RoomMade, visible};
use crate::control::{Control, pins, tags};
use crate::kernel::digest::{Blake3, Digest, Digests};
use crate::kernel::event::Fact;
use crate::kernel::id::{RepositoryName, StreamName};
use crate::kernel::manifest::{Document, DocumentDescriptor, MediaType, Rendering};
use crate::retention::{Package, TagOf};
use crate::views::{blobs, erasures, manifests, repositories};

/// A state with what guards it.
pub(super) struct Loaded {
    pub(super) state: State,
    expected: Vec<(StreamName, Option<u64>)>,
    room: Option<RoomMade>,
}

impl Loaded {
    pub(super) async fn load(
        control: &Control,
        caller: &Caller,
        command: &Command,
        document: &Document,
        now_ms: u64,
    ) -> Result<Self, Error> {
        let repository = &command.repository;
        let digest = command.descriptor.digests.blake3;
        let mut streams = vec![StreamName::manifest(repository, digest)];
        if let Some(wanted) = &command.pin {
            streams.push(StreamName::pin(repository, &wanted.pin));
        }
        streams.extend(command.tag.as_ref().map(|(tag, _)| StreamName::tag(repository, tag)));
        let versions = try_join_all(streams.iter().map(|stream| control.version(stream))).await?;
        let mut expected: Vec<_> = streams.into_iter().zip(versions).collect();
        let room = control.making_room(repository);
        let digest: Digest = digest.into();
        let accepted = async { Ok(manifests::get(control.pool(), repository, &digest).await?) };
        let tag = async {
            match &command.tag {
                Some((tag, _)) => tags::current(control, repository, tag).await,
                None => Ok(None),
            }
        };
        let (room, accepted, tag) = tokio::try_join!(room, accepted, tag)?;
        if command.pin.is_some() && room.is_none() {
            // What it asks of packages that are pinned.
            let stream = StreamName::repository(repository);
            let version = control.version(&stream).await?;
            expected.push((stream, version));
        }
        let repository_now = repositories::get(control.pool(), repository).await?;
        let mut state = State {
            accepted_at: accepted.map(|found| found.position),
            tag,
            repository: repository_now,
            ..State::default()
        };
        if let Some(wanted) = &command.pin {
            state.pin = pins::current(control, repository, &wanted.pin).await?;
            state.contents = if state.is_accepted() {
                Contents::of_accepted(control, document).await?
            } else {
                Contents::of_parts(control, document).await?
            };
            state.contents.check(control, repository).await?;
        }
        if !state.is_accepted() {
            state.erased_at = erased_at(control, command).await?;
            state.blobs = load_blobs(control, caller, command).await?;
            state.manifests = load_manifests(control, command, document).await?;
        }
        state.locks = load_locks(control, command, &state, now_ms).await?;
        Ok(Self { state, expected, room })
    }

    /// Where the package was accepted before.
    ///
    /// # Panics
    /// If it was not.
    pub(super) fn position(&self) -> u64 {
        self.state.accepted_at.expect("a package that needs no acceptance was accepted")
    }

    /// The pin that the command wants, which claims the package already.
    pub(super) fn pin_as_it_is(&self, command: &Command) -> Result<Option<pins::Set>, Error> {
        let Some(wanted) = &command.pin else { return Ok(None) };
        let provenance = self.state.repository.as_ref().map(|found| found.provenance).unwrap_or_default();
        let missing = pins::decide_provenance(provenance, &command.annotations)?;
        let now = self.state.pin.as_ref().expect("what needs no change is there");
        Ok(Some(pins::Set::unchanged(wanted, now, missing)))
    }

    /// The pin that the command wants, as it is once that is recorded.
    pub(super) fn pin_as_decided(
        &self,
        command: &Command,
        decided: &Decided,
    ) -> Result<Option<pins::Set>, Error> {
        let (Some(wanted), Some(statement)) = (&command.pin, &decided.statement) else {
            return self.pin_as_it_is(command);
        };
        Ok(Some(pins::Set {
            pin: wanted.pin.clone(),
            manifest: command.descriptor.digests.blake3,
            previous: self.state.pin.as_ref().map(|pin| pin.digests.blake3),
            says: Some(statement.clone()),
            missing: decided.missing.clone(),
            position: None,
        }))
    }

    /// The change, and which of its events accepts the package.
    pub(super) fn change(&self, ids: &Ids, decided: Decided) -> (Option<usize>, Change) {
        let mut expected = self.expected.clone();
        let mut facts = decided.facts;
        if let Some(room) = &self.room {
            facts.insert(0, room.fact.clone());
            expected.push((room.stream.clone(), None));
        }
        let accepts_at = facts.iter().position(|fact| matches!(fact, Fact::ManifestAccepted(_)));
        (accepts_at, Change { events: ids.assign(facts), expected, guards: decided.guards })
    }
}

/// What rules lock the package for.
async fn load_locks(
    control: &Control,
    command: &Command,
    state: &State,
    now_ms: u64,
) -> Result<Locks, Error> {
    let digest = command.descriptor.digests.blake3;
    let tag = command.tag.as_ref().map(|(tag, _)| tag);
    if !state.is_accepted() {
        let package = || Package {
            artifact_type: command.artifact_type.clone(),
            annotations: Some(command.annotations.clone()),
            tags: tag.into_iter().map(|tag| TagOf { tag: tag.clone(), set_at_ms: now_ms }).collect(),
            size_bytes: state.blobs_bytes(command),
            ..Package::new(
                command.repository.clone(),
                digest,
                command.descriptor.media_type.to_string(),
                now_ms,
            )
        };
        return Ok(LockRules::load(control).await?.at_acceptance(now_ms, package));
    }
    match tag {
        Some(tag) => {
            Ok(LockRules::load(control).await?.at_tag(control, &command.repository, digest, tag).await?)
        }
        None => Ok(Locks::default()),
    }
}

/// The event by which the package was erased from the repository, or one of its documents from anywhere.
async fn erased_at(control: &Control, command: &Command) -> Result<Option<u64>, Error> {
    let digest: Digest = command.descriptor.digests.blake3.into();
    if let Some(erased) = erasures::package(control.pool(), &command.repository, &digest).await? {
        return Ok(Some(erased.position));
    }
    for document in command.documents() {
        if let Some(position) = erasures::document(control.pool(), &document.into()).await? {
            return Ok(Some(position));
        }
    }
    Ok(None)
}

async fn load_blobs(
    control: &Control,
    caller: &Caller,
    command: &Command,
) -> Result<HashMap<Blake3, Reach>, Error> {
    let mut wanted: Vec<Digest> = command.blobs.keys().map(|blob| (*blob).into()).collect();
    let mut found = HashMap::with_capacity(wanted.len());
    if wanted.is_empty() {
        return Ok(found);
    }
    for linked in blobs::linked(control.pool(), &command.repository, &wanted).await? {
        let blob = linked.blob;
        if blob.damaged.is_some() {
            // As good as not stored: what is missing is pushed, and that repairs it.
            continue;
        }
        found.insert(blob.blake3, Reach { sha256: blob.sha256, size_bytes: blob.size_bytes, from: None });
    }
    wanted.retain(|digest| !matches!(digest, Digest::Blake3(blob) if found.contains_key(blob)));
    if !wanted.is_empty() {
        for blob in blobs::linked_in_any(control.pool(), &visible(caller), &wanted).await? {
            let reach =
                Reach { sha256: blob.sha256, size_bytes: blob.size_bytes, from: Some(blob.repository) };
            found.insert(blob.blake3, reach);
        }
    }
    Ok(found)
}

async fn load_manifests(
    control: &Control,
    command: &Command,
    document: &Document,
) -> Result<HashMap<Blake3, Part>, Error> {
    let mut found = HashMap::new();
    for named in command.parts.iter().chain(&document.header().subject) {
        if let Some(part) = load_manifest(control, &command.repository, named.digests.blake3).await? {
            found.insert(named.digests.blake3, part);
        }
    }
    Ok(found)
}

async fn load_manifest(
    control: &Control,
    repository: &RepositoryName,
    digest: Blake3,
) -> Result<Option<Part>, Error> {
    let Some(row) = manifests::get(control.pool(), repository, &digest.into()).await? else {
        return Ok(None);
    };
    let rendering = match (row.oci_sha256, row.oci_size_bytes) {
        (Some(sha256), Some(size_bytes)) => Some(Rendering { sha256, size_bytes }),
        _ => None,
    };
    // A type that this program cannot parse is one that no descriptor can name either.
    let media_type: MediaType = row.media_type.parse().unwrap_or(MediaType::OCTET_STREAM);
    let descriptor = DocumentDescriptor {
        media_type,
        digests: Digests { blake3: row.blake3, sha256: row.sha256 },
        size_bytes: row.size_bytes,
        rendering,
        annotations: Default::default(),
    };
    Ok(Some(Part { descriptor, blobs: row.blobs, blobs_bytes: row.blobs_bytes }))
}
