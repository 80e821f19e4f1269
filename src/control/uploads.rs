//! Opening uploads: which blobs are there already, and a grant for each that is not. Stateless: no event, no row.
//!
//! - A blob is `present` only if it is linked in this repository, or in one that the caller may pull from: knowing a
//!   digest grants nothing and probes nothing. Otherwise the bytes are uploaded again and deduplicated silently.
//! - A blob that is damaged is not present: the bytes that are uploaded then repair it.
//! - `present` promises that the blob outlives the longest session: it is referenced by a package, or was touched so lately
//!   that it is not collected before (see [`super::collection`]). What may go before is uploaded again.
//! - A grant is for one blob and lives for minutes; the session that it opens may go on under later ones.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::repositories::visible;
use super::{Context, Control, collection, quota};
use crate::access::Action;
use crate::contract::{Grant, Operation, Size, Upload};
use crate::kernel::digest::{Blake3, Digest, Sha256};
use crate::kernel::id::{GrantId, RepositoryName};
use crate::kernel::limits::{BLOB_MAX_BYTES, GRANT_LIFE_SECONDS, OPEN_BATCH_MAX, SESSION_LIFE_MAX_SECONDS};
use crate::views::{blobs, references, repositories};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None asked for, or too many at once.
    #[error("open 1 to {OPEN_BATCH_MAX} blobs at once, these are {0}")]
    Count(usize),
    /// Larger than a blob may be.
    #[error("blobs[{index}] has {size_bytes} bytes, a blob at most {BLOB_MAX_BYTES}")]
    TooLarge {
        /// Which.
        index: usize,
        /// Declared.
        size_bytes: u64,
    },
    /// The digest is known, and its blob has another size.
    #[error(
        "blobs[{index}] is declared with {declared_bytes} bytes, the blob of that digest has {stored_bytes}"
    )]
    SizeDiffers {
        /// Which.
        index: usize,
        /// Declared.
        declared_bytes: u64,
        /// Of the blob.
        stored_bytes: u64,
    },
    /// The repository would hold more than it may.
    #[error(transparent)]
    Quota(#[from] super::Exceeded),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// A blob that the caller has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its digest, if known; then the content must match it.
    pub digest: Option<Digest>,
    /// Its length, if known; then the content must have it.
    pub size_bytes: Option<u64>,
}

/// What is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// Nothing: a manifest of this repository may name it.
    Present {
        /// As asked for.
        digest: Digest,
        /// Its length.
        size_bytes: u64,
    },
    /// It is to be sent to the data plane.
    Upload {
        /// The signed permission.
        grant: String,
        /// Until when it may be used, seconds since the epoch.
        expires_at_seconds: u64,
    },
}

/// Opens a batch: one answer for each that was asked, in that order.
///
/// # Errors
/// If the caller may not push there, or what was asked cannot be.
pub async fn open(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    wanted: &[Wanted],
) -> Result<Vec<Opened>, Error> {
    context.caller.require(Action::push(repository))?;
    if wanted.is_empty() || wanted.len() > OPEN_BATCH_MAX {
        return Err(Error::Count(wanted.len()));
    }
    let digests: Vec<Digest> = wanted.iter().filter_map(|wanted| wanted.digest).collect();
    let present = Present::load(control, context, repository, digests).await?;
    let decided = decide(&present, wanted)?;
    let row = repositories::get(control.pool(), repository);
    if let Some(holding) = control.reads().repositories.get(control.log(), repository, row).await? {
        quota::check(&holding, 0, bytes_to_come(&present, &decided))?;
    }
    let key = control.grant_key().await?;
    let now_seconds = control.now_ms() / 1_000;
    let expires_at_seconds = now_seconds + GRANT_LIFE_SECONDS;
    let open = |decided| match decided {
        Decided::Present { digest, size_bytes } => Opened::Present { digest, size_bytes },
        Decided::Upload { expected, size } => {
            let grant = Grant {
                id: GrantId(Uuid::now_v7()),
                actor: context.caller.actor.clone(),
                repository: repository.clone(),
                store: control.0.parts.store.clone(),
                issued_at_seconds: now_seconds,
                expires_at_seconds,
                operation: Operation::Upload(Upload {
                    session: None,
                    expected,
                    size,
                    session_ends_at_seconds: now_seconds + SESSION_LIFE_MAX_SECONDS,
                }),
            };
            Opened::Upload { grant: grant.sign(key), expires_at_seconds }
        }
    };
    Ok(decided.into_iter().map(open).collect())
}

/// Of uploads of unknown length only that they are not empty is known.
fn bytes_to_come(present: &Present, decided: &[Decided]) -> u64 {
    let bytes = |decided: &Decided| match decided {
        Decided::Present { .. } => 0,
        Decided::Upload { expected: Some(digest), .. } if present.1.contains(digest) => 0,
        Decided::Upload { size: Size::Exact(size), .. } => *size,
        Decided::Upload { size: Size::AtMost(_), .. } => 1,
    };
    decided.iter().map(bytes).fold(0, u64::saturating_add)
}

/// Blobs that may be used, under each of their digests, with their sizes.
#[derive(Debug, Default)]
struct Present(HashMap<Digest, (Blake3, u64)>, Repairs);

/// Blobs that count in the repository already, though their bytes have to come again.
type Repairs = HashSet<Digest>;

impl Present {
    async fn load(
        control: &Control,
        context: &Context,
        repository: &RepositoryName,
        mut digests: Vec<Digest>,
    ) -> Result<Self, Error> {
        let mut present = Self::default();
        if digests.is_empty() {
            return Ok(present);
        }
        for linked in blobs::linked(control.pool(), repository, &digests).await? {
            // What is damaged has to come again.
            if linked.blob.damaged.is_some() {
                present.1.extend([Digest::from(linked.blob.blake3), linked.blob.sha256.into()]);
            } else {
                present.insert(linked.blob.blake3, linked.blob.sha256, linked.blob.size_bytes);
            }
        }
        digests.retain(|digest| !present.0.contains_key(digest));
        if !digests.is_empty() {
            for blob in blobs::linked_in_any(control.pool(), &visible(&context.caller), &digests).await? {
                present.insert(blob.blake3, blob.sha256, blob.size_bytes);
            }
        }
        present.without_fleeting(control).await
    }

    /// Those that are there for as long as a session may last.
    async fn without_fleeting(mut self, control: &Control) -> Result<Self, Error> {
        let blobs: Vec<Blake3> = self.0.values().map(|(blob, _)| *blob).collect();
        let mut fleeting = references::claims_of(control.pool(), &blobs).await?;
        fleeting.retain(|_, touched_ms| !collection::outlives_a_session(control, *touched_ms));
        self.0.retain(|_, (blob, _)| !fleeting.contains_key(blob));
        Ok(self)
    }

    fn insert(&mut self, blake3: Blake3, sha256: Sha256, size_bytes: u64) {
        self.0.insert(blake3.into(), (blake3, size_bytes));
        self.0.insert(sha256.into(), (blake3, size_bytes));
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decided {
    Present { digest: Digest, size_bytes: u64 },
    Upload { expected: Option<Digest>, size: Size },
}

fn decide(present: &Present, wanted: &[Wanted]) -> Result<Vec<Decided>, Error> {
    wanted.iter().enumerate().map(|(index, wanted)| decide_one(present, index, wanted)).collect()
}

fn decide_one(present: &Present, index: usize, wanted: &Wanted) -> Result<Decided, Error> {
    if let Some(size_bytes) = wanted.size_bytes.filter(|size| *size > BLOB_MAX_BYTES) {
        return Err(Error::TooLarge { index, size_bytes });
    }
    let known = wanted.digest.and_then(|digest| Some((digest, present.0.get(&digest)?.1)));
    match (known, wanted.size_bytes) {
        (Some((_, stored_bytes)), Some(declared_bytes)) if stored_bytes != declared_bytes => {
            Err(Error::SizeDiffers { index, declared_bytes, stored_bytes })
        }
        (Some((digest, size_bytes)), _) => Ok(Decided::Present { digest, size_bytes }),
        (None, size) => Ok(Decided::Upload {
            expected: wanted.digest,
            size: size.map_or(Size::AtMost(BLOB_MAX_BYTES), Size::Exact),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::given::given;
    use crate::kernel::digest::Digests;

    fn holding(blobs: &[&[u8]]) -> Present {
        let mut present = Present::default();
        for bytes in blobs {
            let digests = Digests::of(bytes);
            present.insert(digests.blake3, digests.sha256, bytes.len() as u64);
        }
        present
    }

    fn wanted(digest: impl Into<Digest>, size_bytes: Option<u64>) -> Wanted {
        Wanted { digest: Some(digest.into()), size_bytes }
    }

    #[test]
    fn a_blob_within_reach_is_present_under_either_digest() {
        let digests = Digests::of(b"evidence");
        given(holding(&[b"evidence"]))
            .when(|state| decide(state, &[wanted(digests.blake3, Some(8)), wanted(digests.sha256, None)]))
            .then(vec![
                Decided::Present { digest: digests.blake3.into(), size_bytes: 8 },
                Decided::Present { digest: digests.sha256.into(), size_bytes: 8 },
            ]);
    }

    #[test]
    fn what_is_not_within_reach_is_uploaded_on_its_declared_terms() {
        let digest: Digest = Digests::of(b"other").blake3.into();
        given(holding(&[b"evidence"]))
            .when(|state| decide(state, &[wanted(digest, Some(5)), Wanted::default()]))
            .then(vec![
                Decided::Upload { expected: Some(digest), size: Size::Exact(5) },
                Decided::Upload { expected: None, size: Size::AtMost(BLOB_MAX_BYTES) },
            ]);
    }

    #[test]
    fn a_size_that_cannot_be_is_refused_by_its_index() {
        let digest = Digests::of(b"evidence").blake3;
        given(holding(&[b"evidence"]))
            .when(|state| decide(state, &[Wanted::default(), wanted(digest, Some(9))]))
            .then_refused(|error| {
                matches!(error, Error::SizeDiffers { index: 1, declared_bytes: 9, stored_bytes: 8 })
            });
        given(holding(&[]))
            .when(|state| decide(state, &[Wanted { digest: None, size_bytes: Some(BLOB_MAX_BYTES + 1) }]))
            .then_refused(|error| matches!(error, Error::TooLarge { index: 0, .. }));
    }
}
