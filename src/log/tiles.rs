//! Tiles: the inner nodes of the Merkle tree, kept so that any past root costs a logarithmic number of reads.
//!
//! Tile `(level, index)` holds the 256 nodes `index * 256 ..` of tree level `8 * level` (C2SP tlog-tiles). Only full
//! tiles are kept; the unfinished right edge is derived from the events, or from the roots of the tiles below.

use sqlx::PgConnection;

use crate::kernel::limits::TILE_WIDTH;
use crate::kernel::merkle::{self, Hash, Subtree, TILE_LEVELS, perfect_root};

/// A full tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// 0 for leaves, 1 for roots of those tiles, and so on.
    pub level: u32,
    /// Which one of that level, from the left.
    pub index: u64,
    /// Its [`TILE_WIDTH`] nodes.
    pub hashes: Vec<Hash>,
    /// The node above them all.
    pub root: Hash,
}

/// Why nodes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("reading Merkle tiles: {0}")]
    Database(#[from] sqlx::Error),
    /// A node that must exist at this size does not; `strongroom audit` tells more.
    #[error("Merkle tiles are damaged: level {level} has no nodes {from}..{to}")]
    Missing {
        /// Tile level.
        level: u32,
        /// First node asked for.
        from: u64,
        /// One past the last.
        to: u64,
    },
}

/// The unfinished tiles at the right edge, from which the writer cuts full ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// Of an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves that it has seen.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf; gives the tiles that it completes, lowest first.
    pub fn push(&mut self, leaf: Hash) -> Vec<Tile> {
        self.size += 1;
        let mut full = Vec::new();
        let mut node = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH as usize));
            }
            let nodes = &mut self.levels[level];
            nodes.push(node);
            if (nodes.len() as u64) < TILE_WIDTH {
                break;
            }
            let hashes = std::mem::take(nodes);
            node = perfect_root(&hashes);
            let level = u32::try_from(level).expect("a 64-bit size has at most 8 tile levels");
            full.push(Tile {
                level,
                index: (self.size >> (TILE_LEVELS * (level + 1))) - 1,
                hashes,
                root: node,
            });
        }
        full
    }

    /// Derives the edge at `size` from what is stored.
    ///
    /// # Errors
    /// If the database fails or nodes are missing.
    pub async fn load(connection: &mut PgConnection, size: u64) -> Result<Self, Error> {
        let mut levels = Vec::new();
        for level in 0..u64::BITS / TILE_LEVELS {
            let nodes = size >> (TILE_LEVELS * level);
            if nodes == 0 {
                break;
            }
            let from = nodes - nodes % TILE_WIDTH;
            levels.push(unfinished(connection, level, from, nodes - from).await?);
        }
        Ok(Self { size, levels })
    }
}

/// Nodes of tree level `8 * level` that are in no full tile yet.
async fn unfinished(
    connection: &mut PgConnection,
    level: u32,
    from: u64,
    count: u64,
) -> Result<Vec<Hash>, Error> {
    let missing = || Error::Missing { level, from, to: from + count };
    if count == 0 {
        return Ok(Vec::new());
    }
    let (first, limit) = (to_column(from), to_column(count));
    let rows = if level == 0 {
        sqlx::query_file_scalar!("src/log/sql/tiles_leaves.sql", first, limit).fetch_all(connection).await?
    } else {
        let below = i16::try_from(level - 1).expect("at most 8 levels");
        sqlx::query_file_scalar!("src/log/sql/tiles_roots.sql", below, first, limit)
            .fetch_all(connection)
            .await?
    };
    let nodes: Option<Vec<Hash>> = rows.into_iter().map(|row| row.try_into().ok()).collect();
    nodes.filter(|nodes| nodes.len() as u64 == count).ok_or_else(missing)
}

/// The root of a perfect subtree.
///
/// # Errors
/// If the database fails, or the log is not large enough to have that subtree.
pub async fn subtree_root(connection: &mut PgConnection, subtree: Subtree) -> Result<Hash, Error> {
    let (level, height) = (subtree.level / TILE_LEVELS, subtree.level % TILE_LEVELS);
    let (first, count) = (subtree.index << height, 1_u64 << height);
    let tile = sqlx::query_file_scalar!(
        "src/log/sql/tiles_get.sql",
        i16::try_from(level).expect("at most 8 levels"),
        to_column(first / TILE_WIDTH)
    )
    .fetch_optional(&mut *connection)
    .await?;
    let nodes = match tile {
        Some(hashes) => {
            let (hashes, _) = hashes.as_chunks::<32>();
            let offset = usize::try_from(first % TILE_WIDTH).expect("less than a tile");
            let end = offset + usize::try_from(count).expect("at most half a tile");
            hashes.get(offset..end).ok_or(Error::Missing { level, from: first, to: first + count })?.to_vec()
        }
        None => unfinished(connection, level, first, count).await?,
    };
    Ok(perfect_root(&nodes))
}

/// The root of the tree as it was at `size`.
///
/// # Errors
/// As [`subtree_root`].
pub async fn root_at(connection: &mut PgConnection, size: u64) -> Result<Hash, Error> {
    range_root(connection, 0, size).await
}

/// The root over the leaves `from..to` as a tree of its own; `from` is where a subtree of that width may begin.
///
/// # Errors
/// As [`subtree_root`].
pub async fn range_root(connection: &mut PgConnection, from: u64, to: u64) -> Result<Hash, Error> {
    let mut root: Option<Hash> = None;
    for part in merkle::frontier_subtrees(to - from).into_iter().rev() {
        let shifted = Subtree { level: part.level, index: part.index + (from >> part.level) };
        let node = subtree_root(connection, shifted).await?;
        root = Some(root.map_or(node, |right| merkle::node_hash(&node, &right)));
    }
    Ok(root.unwrap_or_else(merkle::empty_root))
}

fn to_column(n: u64) -> i64 {
    i64::try_from(n).expect("positions fit 63 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_cuts_full_tiles_of_every_level() {
        let leaves: Vec<Hash> = (0..65_536_u32).map(|i| merkle::leaf_hash(&i.to_be_bytes())).collect();
        let mut edge = Edge::new();
        let tiles: Vec<Tile> = leaves.iter().flat_map(|leaf| edge.push(*leaf)).collect();
        assert_eq!(tiles.len(), 257);
        assert_eq!((tiles[0].level, tiles[0].index), (0, 0));
        assert_eq!((tiles[255].level, tiles[255].index), (0, 255));
        assert_eq!((tiles[256].level, tiles[256].index), (1, 0));
        assert_eq!(tiles[3].hashes, leaves[768..1024]);
        assert_eq!(tiles[256].hashes[3], tiles[3].root);
        assert_eq!(tiles[256].root, perfect_root(&leaves));
        assert_eq!(edge.size(), 65_536);
    }
}
