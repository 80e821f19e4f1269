//! The signing keys of a node: `<state dir>/keys/{grant,receipt,checkpoint}.pem`, 0600.

use std::sync::Arc;

use sqlx::PgPool;

use super::anchor::StoreAnchor;
use super::{Error, files};
use crate::config::Settings;
use crate::contract::{SigningKey, VerifyingKey};
use crate::kernel::event::KeyKind;
use crate::log::checkpoint::Signer;
use crate::stores::Store;
use crate::views;

/// One key for each kind of statement.
pub(super) struct Keys {
    pub(super) grant: SigningKey,
    pub(super) receipt: SigningKey,
    checkpoint: CheckpointKey,
    pub(super) public: Vec<VerifyingKey>,
}

/// Given away once, to the signer.
type CheckpointKey = std::sync::Mutex<Option<SigningKey>>;

impl Keys {
    pub(super) async fn load_or_create(settings: &Settings) -> Result<Self, Error> {
        let directory = settings.state_dir.join("keys");
        let load = move || -> Result<Self, Error> {
            files::directory(&directory, files::OWNER_ONLY)?;
            let load =
                |kind: KeyKind| SigningKey::load_or_create(&directory.join(format!("{kind}.pem")), kind);
            let (grant, receipt) = (load(KeyKind::Grant)?, load(KeyKind::Receipt)?);
            let checkpoint = load(KeyKind::Checkpoint)?;
            let public = [&grant, &receipt, &checkpoint].map(SigningKey::verifying_key).into();
            Ok(Self { grant, receipt, checkpoint: Some(checkpoint).into(), public })
        };
        tokio::task::spawn_blocking(load).await.expect("loading keys does not panic")
    }

    /// The signer of checkpoints. The log is named by the first checkpoint key that it knows: ours, if it is empty.
    ///
    /// # Panics
    /// The second time.
    pub(super) async fn signer(&self, pool: &PgPool, store: Arc<dyn Store>) -> Result<Signer, Error> {
        let key = self.checkpoint.lock().expect("no holder panics").take().expect("asked for once");
        let known = views::keys::list(pool).await?;
        let signing: Vec<_> = known.iter().filter(|known| known.kind == KeyKind::Checkpoint).collect();
        let first = signing.first().map_or_else(|| key.id(), |first| first.key.clone());
        let mut known_keys: Vec<[u8; 32]> = signing.iter().map(|known| known.public).collect();
        known_keys.push(*key.verifying_key().public());
        Ok(Signer {
            origin: format!("strongroom/{first}"),
            key,
            known_keys,
            anchor: Arc::new(StoreAnchor::new(store)),
        })
    }
}
