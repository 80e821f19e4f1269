//! Keeping the tree over an object: its tiles, as documents beside it.
//!
//! - A tile is believed by nobody (see [`super::outline`]), so it may be lost or wrong without harm: it is made again. What
//!   is promised is only that a blob which was sealed undisturbed has all of its tiles.
//! - A session writes a tile before the journal goes on behind it. What comes again after a crash may be other bytes, and
//!   then another tile: it replaces the first one.
//! - Tiles go before the object does, so that none is left that nobody would look for.

use std::sync::Arc;

use bytes::Bytes;

use crate::kernel::id::ObjectKey;
use crate::kernel::limits::TREELESS_BLOB_MAX_BYTES;
use crate::kernel::tree::tiles::{Position, Shape, Tile};
use crate::stores::{Document, Error, Store};

/// Times that a tile is offered to a store in which another process changes it.
const OFFERS_MAX: u32 = 3;

/// The tree over one object, in the store.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    store: Arc<dyn Store>,
    object: ObjectKey,
}

impl Tree {
    pub(super) const fn of(store: Arc<dyn Store>, object: ObjectKey) -> Self {
        Self { store, object }
    }

    /// Whether a blob of that size has one.
    pub(super) const fn is_kept_for(size_bytes: u64) -> bool {
        size_bytes > TREELESS_BLOB_MAX_BYTES
    }

    fn document(&self, position: Position) -> Document {
        Document::Tile(self.object.uuid(), position)
    }

    /// A tile as it lies there.
    pub(super) async fn load(&self, position: Position) -> Result<Option<Bytes>, Error> {
        Ok(self.store.load(self.document(position)).await?.map(|(bytes, _)| bytes))
    }

    /// Keeps tiles where there is none. One that is there may be better: it comes from before the object was damaged.
    pub(super) async fn keep_missing(&self, tiles: Vec<Tile>) -> Result<(), Error> {
        for tile in tiles {
            let content = Some(Bytes::from(tile.to_bytes()));
            match self.store.swap(self.document(tile.position), None, content).await {
                Ok(_) | Err(Error::Stale(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps tiles, whatever is there.
    pub(super) async fn keep(&self, tiles: Vec<Tile>) -> Result<(), Error> {
        for tile in tiles {
            self.keep_one(&tile).await?;
        }
        Ok(())
    }

    async fn keep_one(&self, tile: &Tile) -> Result<(), Error> {
        let (document, content) = (self.document(tile.position), Bytes::from(tile.to_bytes()));
        let mut expected = None;
        for _ in 0..OFFERS_MAX {
            match self.store.swap(document, expected.as_ref(), Some(content.clone())).await {
                Err(Error::Stale(_)) => {}
                outcome => return outcome.map(drop),
            }
            match self.store.load(document).await? {
                Some((found, _)) if found == content => return Ok(()),
                found => expected = found.map(|(_, version)| version),
            }
        }
        // Someone else is as eager. If the wrong one stays, whoever reads it finds out.
        tracing::warn!(%document, "a tile is written by others too");
        Ok(())
    }

    /// Deletes the tiles of an object of that size; of an upload whose size is not known, those that were begun.
    pub(super) async fn forget(&self, size_bytes: Option<u64>) -> Result<(), Error> {
        match size_bytes {
            Some(size_bytes) if Self::is_kept_for(size_bytes) => {
                for position in Shape::of(size_bytes).tiles() {
                    self.forget_one(position).await?;
                }
            }
            Some(_) => {}
            // They are written in order, so the first that is not there ends a level, and a level without any ends all.
            None => {
                for level in 0.. {
                    let mut index = 0;
                    while self.forget_one(Position { level, index }).await? {
                        index += 1;
                    }
                    if index == 0 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether there was one.
    async fn forget_one(&self, position: Position) -> Result<bool, Error> {
        let document = self.document(position);
        while let Some((_, version)) = self.store.load(document).await? {
            match self.store.swap(document, Some(&version), None).await {
                Err(Error::Stale(_)) => {}
                outcome => return outcome.map(|_| true),
            }
        }
        Ok(false)
    }
}
