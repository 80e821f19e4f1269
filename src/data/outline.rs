//! The tree over an object, proven from the digest down: what a part of the object is compared with.
//!
//! - Nothing that the store gives is believed. A tile is compared with the value above it, the top one with the digest.
//! - A tile that is missing or wrong is made again from the bytes under it, which are compared in its place: an object of
//!   a version that kept no trees gets its tree when a part of it is first read. That goes on if the reader goes away, and
//!   one at a time: it reads as much as the whole object.
//! - Of a blob of up to [`TREELESS_BLOB_MAX_BYTES`](crate::kernel::limits::TREELESS_BLOB_MAX_BYTES) nothing is kept; it is read
//!   whole, once more, for its values.
//! - One tile of each level is in memory: 24 KiB at most.

use super::DataPlane;
use super::blocks::Blocks;
use super::download::{Error, Object};
use super::trees::Tree;
use crate::kernel::tree::tiles::{Position, Shape, Tile, Tiler};
use crate::kernel::tree::{Expected, Value, merge};

/// The tree over one object, for one reader.
pub(super) struct Outline {
    plane: DataPlane,
    object: Object,
    tree: Tree,
    shape: Shape,
    /// Of each level the tile that was used last, proven.
    tiles: Vec<Option<Tile>>,
}

impl Outline {
    pub(super) fn of(plane: &DataPlane, object: &Object) -> Self {
        let shape = Shape::of(object.read.size_bytes);
        Self {
            plane: plane.clone(),
            object: object.clone(),
            tree: Tree::of(object.store.clone(), object.read.object.clone()),
            shape,
            tiles: vec![None; usize::from(shape.top().level) + 1],
        }
    }

    /// What the block has to be.
    pub(super) async fn block(&mut self, block: u64) -> Result<Expected, Error> {
        if self.shape.blocks() == 1 {
            return Ok(Expected::Root(self.object.read.digests.blake3));
        }
        Ok(Expected::Inner(self.node(block, block + 1).await?))
    }

    /// The value of the node over these blocks, which is not the root.
    pub(super) async fn node(&mut self, from: u64, to: u64) -> Result<Value, Error> {
        let (position, within) = self.shape.locate(from, to);
        self.fetch(position).await?;
        let tile = self.tiles[usize::from(position.level)].as_ref().expect("it was fetched");
        Ok(merge(&tile.values[within]))
    }

    /// Has that tile among those in memory, with what it takes to prove it.
    async fn fetch(&mut self, wanted: Position) -> Result<(), Error> {
        let mut way = vec![wanted];
        while let Some(position) = way.last().copied().filter(|position| !self.has(*position)) {
            if position == self.shape.top() {
                break;
            }
            way.push(position.above().0);
        }
        while let Some(position) = way.pop() {
            if self.has(position) {
                continue;
            }
            let tile = self.prove(position, self.expected(position)).await?;
            self.tiles[usize::from(position.level)] = Some(tile);
        }
        Ok(())
    }

    fn has(&self, position: Position) -> bool {
        self.tiles[usize::from(position.level)].as_ref().is_some_and(|tile| tile.position == position)
    }

    /// What a tile has to be, by the one above, which is in memory.
    fn expected(&self, position: Position) -> Expected {
        if position == self.shape.top() {
            return Expected::Root(self.object.read.digests.blake3);
        }
        let (above, at) = position.above();
        let above = self.tiles[usize::from(above.level)].as_ref().expect("it was fetched before");
        Expected::Inner(above.values[at])
    }

    /// The tile, from the store or from the object.
    async fn prove(&self, position: Position, expected: Expected) -> Result<Tile, Error> {
        if !Tree::is_kept_for(self.object.read.size_bytes) {
            return rebuild(&self.object, &self.tree, position, expected).await;
        }
        if let Some(tile) = self.kept(position, &expected).await? {
            return Ok(tile);
        }
        let one_at_a_time = self.plane.0.rebuilding.lock().await;
        if let Some(tile) = self.kept(position, &expected).await? {
            return Ok(tile);
        }
        let (plane, object, tree) = (self.plane.clone(), self.object.clone(), self.tree.clone());
        let rebuilding = tokio::spawn(async move {
            tracing::info!(object = %object.read.object, ?position, "making a part of a tree again");
            let rebuilding = rebuild(&object, &tree, position, expected);
            tokio::select! {
                tile = rebuilding => tile,
                () = plane.0.closing.cancelled() => Err(Error::Busy),
            }
        });
        let outcome = rebuilding.await;
        drop(one_at_a_time);
        match outcome {
            Ok(tile) => tile,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Error::Busy),
        }
    }

    async fn kept(&self, position: Position, expected: &Expected) -> Result<Option<Tile>, Error> {
        let found = self.tree.load(position).await.map_err(Error::Store)?;
        Ok(found.and_then(|bytes| Tile::read(position, self.shape, &bytes, expected)))
    }
}

/// Makes a tile, and those beneath it, from the bytes of the object. What is kept is what leads to the expected value.
async fn rebuild(
    object: &Object,
    tree: &Tree,
    position: Position,
    expected: Expected,
) -> Result<Tile, Error> {
    let read = &object.read;
    let mut blocks = Blocks::read(object, position.blocks(Shape::of(read.size_bytes))).await?;
    let (mut tiler, mut wanted) = (Tiler::beneath(position), Vec::new());
    while let Some(block) = blocks.next().await? {
        tiler.push(block.value());
        let done = tiler.take_full().into_iter().partition(|tile| tile.position == position);
        let (whole, beneath): (Vec<Tile>, Vec<Tile>) = done;
        tree.keep_missing(beneath).await.map_err(Error::Store)?;
        wanted.extend(whole);
    }
    let (last, beneath): (Vec<Tile>, Vec<Tile>) =
        tiler.finish().into_iter().partition(|tile| tile.position == position);
    tree.keep_missing(beneath).await.map_err(Error::Store)?;
    let tile = wanted.into_iter().chain(last).next().expect("blocks make a tile");
    if !expected.is_over_all(&tile.values) {
        return Err(read.corrupt("its blocks are not those of the blob".to_owned()));
    }
    if Tree::is_kept_for(read.size_bytes) {
        tree.keep(vec![tile.clone()]).await.map_err(Error::Store)?;
    }
    Ok(tile)
}
