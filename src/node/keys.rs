//! The signing keys of a node: `<state dir>/keys/<kind>.pem`, then `<kind>-2.pem` and so on, 0600.
//!
//! - The key that signs is the newest that was not retired. If all were, a start makes the next one.
//! - So a successor can be made, and recorded, while its predecessor still signs ([`successor`]): the node takes it at
//!   its next start, and nothing goes unsigned in between.
//! - No file is ever changed or removed: what they signed has to stay explicable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::anchor::StoreAnchor;
use super::{Error, files};
use crate::contract::{SigningKey, VerifyingKey};
use crate::kernel::event::KeyKind;
use crate::kernel::id::KeyId;
use crate::log::checkpoint::Signer;
use crate::stores::Store;
use crate::views::keys::Key;

/// The keys of one kind that a node ever has, at most: a start that finds as many was told that all are retired, which
/// is no rotation but a mistake.
const GENERATIONS_MAX: u32 = 1_000;

/// Held while a key file is looked for, and made if there is none.
static LOADING: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// The keys that every control plane has. The one for receipts is the data plane's.
pub(super) struct Keys {
    pub(super) grant: SigningKey,
    checkpoint: CheckpointKey,
    pub(super) public: Vec<VerifyingKey>,
}

/// Given away once, to the signer.
type CheckpointKey = std::sync::Mutex<Option<SigningKey>>;

impl Keys {
    /// Those that sign from now on. `known` are all that the log knows.
    pub(super) async fn load_or_create(state_dir: &Path, known: &[Key]) -> Result<Self, Error> {
        let current = async |kind| current(state_dir, kind, retired(known, kind)).await;
        let (grant, checkpoint) = (current(KeyKind::Grant).await?, current(KeyKind::Checkpoint).await?);
        let public = [&grant, &checkpoint].map(SigningKey::verifying_key).into();
        Ok(Self { grant, checkpoint: Some(checkpoint).into(), public })
    }

    /// The signer of checkpoints. The log is named by the first checkpoint key that it knows: ours, if it is empty.
    ///
    /// # Panics
    /// The second time.
    pub(super) fn signer(&self, known: &[Key], store: Arc<dyn Store>) -> Signer {
        let key = self.checkpoint.lock().expect("no holder panics").take().expect("asked for once");
        let signing: Vec<_> = known.iter().filter(|known| known.kind == KeyKind::Checkpoint).collect();
        let first = signing.first().map_or_else(|| key.id(), |first| first.key.clone());
        let mut known_keys: Vec<[u8; 32]> = signing.iter().map(|known| known.public).collect();
        known_keys.push(*key.verifying_key().public());
        Signer {
            origin: format!("strongroom/{first}"),
            key,
            known_keys,
            anchor: Arc::new(StoreAnchor::new(store)),
        }
    }
}

/// Those of a kind that were retired.
pub(super) fn retired(known: &[Key], kind: KeyKind) -> Vec<KeyId> {
    let retired = known.iter().filter(|key| key.kind == kind && key.retired_at_ms.is_some());
    retired.map(|key| key.key.clone()).collect()
}

/// The newest key of a kind that is not among the retired; made, if there is none.
pub(super) async fn current(
    state_dir: &Path,
    kind: KeyKind,
    retired: Vec<KeyId>,
) -> Result<SigningKey, Error> {
    let directory = state_dir.join("keys");
    let load = move || -> Result<SigningKey, Error> {
        // Two that make the same key at once in one process would meet at the file beside it.
        let _alone = LOADING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let last = last(&directory, kind)?;
        for generation in (1..=last).rev() {
            let key = SigningKey::load(&file(&directory, kind, generation), kind)?;
            if !retired.contains(&key.id()) {
                return Ok(key);
            }
            tracing::info!(key = %key.id(), %kind, "a key of this node was retired");
        }
        Ok(SigningKey::load_or_create(&file(&directory, kind, last + 1), kind)?)
    };
    tokio::task::spawn_blocking(load).await.expect("loading keys does not panic")
}

/// Makes the key that the node of that state directory takes at its next start, and gives its public half to be
/// recorded. Blocking.
///
/// # Errors
/// If its file cannot be written.
pub fn successor(state_dir: &Path, kind: KeyKind) -> Result<(VerifyingKey, PathBuf), Error> {
    let directory = state_dir.join("keys");
    let path = file(&directory, kind, last(&directory, kind)? + 1);
    Ok((SigningKey::load_or_create(&path, kind)?.verifying_key(), path))
}

/// How many keys of a kind there are.
fn last(directory: &Path, kind: KeyKind) -> Result<u32, Error> {
    files::directory(directory, files::OWNER_ONLY)?;
    let is_there = |generation: &u32| file(directory, kind, *generation).exists();
    Ok((1..GENERATIONS_MAX).take_while(is_there).last().unwrap_or(0))
}

fn file(directory: &Path, kind: KeyKind, generation: u32) -> PathBuf {
    directory.join(match generation {
        1 => format!("{kind}.pem"),
        more => format!("{kind}-{more}.pem"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_that_was_retired_is_followed_by_a_new_one_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let first = current(directory.path(), KeyKind::Receipt, vec![]).await.unwrap().id();
        assert_eq!(current(directory.path(), KeyKind::Receipt, vec![]).await.unwrap().id(), first);
        let second = current(directory.path(), KeyKind::Receipt, vec![first.clone()]).await.unwrap().id();
        assert_ne!(second, first);
        let again = current(directory.path(), KeyKind::Receipt, vec![first.clone()]).await.unwrap().id();
        assert_eq!(again, second);
        let third = current(directory.path(), KeyKind::Receipt, vec![first, second]).await.unwrap().id();
        let names = std::fs::read_dir(directory.path().join("keys")).unwrap();
        let mut names: Vec<_> = names.map(|name| name.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["receipt-2.pem", "receipt-3.pem", "receipt.pem"]);
        let kept = SigningKey::load(&directory.path().join("keys/receipt-3.pem"), KeyKind::Receipt).unwrap();
        assert_eq!(kept.id(), third);
    }

    #[tokio::test]
    async fn a_successor_signs_from_the_next_start_on() {
        let directory = tempfile::tempdir().unwrap();
        let first = current(directory.path(), KeyKind::Checkpoint, vec![]).await.unwrap().id();
        let (next, path) = successor(directory.path(), KeyKind::Checkpoint).unwrap();
        assert!(path.ends_with("checkpoint-2.pem"));
        assert_ne!(next.id(), first);
        let started = current(directory.path(), KeyKind::Checkpoint, vec![]).await.unwrap();
        assert_eq!(started.id(), next.id());
    }
}
