//! What writes the bytes of a session: the stage, the hashes and the tree, of which one request has all or none.

use bytes::Bytes;

use super::DataPlane;
use super::fair::Paid;
use super::hashing::Hashing;
use super::trees::Tree;
use crate::stores::{self, Staged};

/// What it takes to take bytes in.
pub(super) struct Pen {
    /// Where they go.
    pub(super) staged: Box<dyn Staged>,
    /// What they come to.
    pub(super) hashing: Hashing,
    /// Where the tiles of its tree go.
    pub(super) tree: Tree,
}

/// Hashes and writes one batch, side by side, and the tiles of earlier ones, if there is room for it.
pub(super) async fn work(
    plane: DataPlane,
    pen: Pen,
    batch: Vec<Bytes>,
    paid: Option<Paid>,
) -> Result<Pen, stores::Error> {
    plane.take_room(batch.iter().map(|piece| piece.len() as u64).sum()).await?;
    let Pen { mut staged, mut hashing, tree } = pen;
    let tiles = hashing.take_tiles();
    let same = batch.clone();
    let hashed = tokio::task::spawn_blocking(move || {
        same.iter().for_each(|piece| hashing.update(piece));
        hashing
    });
    let (hashed, written, kept) = tokio::join!(hashed, staged.write(batch), tree.keep(tiles));
    drop(paid);
    written?;
    kept?;
    match hashed {
        Ok(hashing) => Ok(Pen { staged, hashing, tree }),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(stores::Error::Io(std::io::Error::other(error))),
    }
}
