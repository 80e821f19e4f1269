//! What is kept of the tree of a blob: tiles of 256 values, level by level.
//!
//! Tile `n` of level 0 holds the values of the blocks `256 n ..`, tile `n` of level 1 those of the level-0 tiles `256 n ..`,
//! and so on until one tile holds all. Only the last tile of a level may be shorter, and its last value of a smaller subtree.
//!
//! ```text
//! tile  = bytes of 32 * values          (1 <= values <= 256)
//! state = for each level from 0: bytes of 32 * (digit of the count of blocks in base 256)
//! ```
//! - A [`Tiler`] holds one unfinished tile of each level, so its state is less than 8 KiB for each level: three, at most.
//! - A state exists after complete blocks, and is empty where the tiles made so far are all complete.
//! - A tile proves itself: the node over its values is a value of the tile above, of the top tile the digest.

use super::{Expected, Value, blocks_of, merge};
use crate::kernel::limits::TILE_WIDTH;

const WIDTH: usize = TILE_WIDTH as usize;

/// Bytes of a full tile.
pub const TILE_BYTES: usize = 32 * WIDTH;

/// Where a tile is in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// How high: 0 holds values of blocks.
    pub level: u8,
    /// Which one of that level, 0-based.
    pub index: u64,
}

impl Position {
    /// The tile that has this tile's value, and where in it.
    pub const fn above(self) -> (Self, usize) {
        let above = Self { level: self.level + 1, index: self.index / TILE_WIDTH };
        (above, (self.index % TILE_WIDTH) as usize)
    }

    /// Blocks under a full tile there.
    const fn width(self) -> u64 {
        TILE_WIDTH.pow(self.level as u32 + 1)
    }

    /// The first block under it.
    pub const fn first_block(self) -> u64 {
        self.index * self.width()
    }

    /// The blocks under it in a blob of that shape.
    pub fn blocks(self, shape: Shape) -> std::ops::Range<u64> {
        self.first_block()..(self.first_block() + self.width()).min(shape.blocks)
    }
}

/// A tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Where it is.
    pub position: Position,
    /// Its values.
    pub values: Vec<Value>,
}

impl Tile {
    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.values.concat()
    }

    /// From what was kept, if it has the number of values that its place in a blob of that shape wants, and the node over
    /// them is what is expected.
    pub fn read(position: Position, shape: Shape, bytes: &[u8], expected: &Expected) -> Option<Self> {
        let (values, rest) = bytes.as_chunks::<32>();
        let right = rest.is_empty() && values.len() as u64 == shape.values_in(position);
        (right && expected.is_over_all(values)).then(|| Self { position, values: values.to_vec() })
    }
}

/// The tiles that a blob has, by its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    blocks: u64,
}

impl Shape {
    /// Of a blob.
    pub const fn of(size_bytes: u64) -> Self {
        Self { blocks: blocks_of(size_bytes) }
    }

    /// Its blocks.
    pub const fn blocks(self) -> u64 {
        self.blocks
    }

    /// Values on a level: of level 0, blocks.
    const fn values_on(self, level: u8) -> u64 {
        self.blocks.div_ceil(TILE_WIDTH.pow(level as u32))
    }

    /// Tiles on a level.
    pub const fn tiles_on(self, level: u8) -> u64 {
        self.values_on(level).div_ceil(TILE_WIDTH)
    }

    /// The one tile that is over all.
    pub const fn top(self) -> Position {
        let mut level = 0;
        while self.tiles_on(level) > 1 {
            level += 1;
        }
        Position { level, index: 0 }
    }

    /// Values that the tile at that place has; none, if there is no such tile.
    pub const fn values_in(self, position: Position) -> u64 {
        if position.level > self.top().level {
            return 0;
        }
        let values = self.values_on(position.level).saturating_sub(position.index.saturating_mul(TILE_WIDTH));
        if values < TILE_WIDTH { values } else { TILE_WIDTH }
    }

    /// All tiles, the lowest level first.
    pub fn tiles(self) -> impl Iterator<Item = Position> + Send {
        let on = move |level| (0..self.tiles_on(level)).map(move |index| Position { level, index });
        (0..=self.top().level).flat_map(on)
    }

    /// Where the value of a node lies: a tile, and the values in it that the node is over.
    ///
    /// `from..to` are the blocks of a node of this tree.
    pub fn locate(self, from: u64, to: u64) -> (Position, std::ops::Range<usize>) {
        let (mut level, mut first, mut end) = (0, from, to);
        // As high as the node is made of whole tiles: then the one above has it, and no other must be read.
        while level < self.top().level
            && first.is_multiple_of(TILE_WIDTH)
            && (end.is_multiple_of(TILE_WIDTH) || end == self.values_on(level))
        {
            (first, end) = (first / TILE_WIDTH, end.div_ceil(TILE_WIDTH));
            level += 1;
        }
        let position = Position { level, index: first / TILE_WIDTH };
        let within = |value: u64| (value - position.index * TILE_WIDTH) as usize;
        (position, within(first)..within(end))
    }
}

/// Makes the tiles of a blob, or of a part of it, from the values of its blocks in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiler {
    /// Blocks so far, those before the part included.
    blocks: u64,
    /// The unfinished tile of each level.
    levels: Vec<Tile>,
    /// The highest level that is made.
    ceiling: u8,
    /// Finished, and not taken yet.
    full: Vec<Tile>,
}

impl Default for Tiler {
    fn default() -> Self {
        Self::new()
    }
}

impl Tiler {
    /// For a whole blob.
    pub const fn new() -> Self {
        Self { blocks: 0, levels: Vec::new(), ceiling: u8::MAX, full: Vec::new() }
    }

    /// For one tile and those beneath it: the blocks come from its first on.
    pub fn beneath(position: Position) -> Self {
        let blocks = position.first_block();
        let mut tiler = Self { blocks, ceiling: position.level, ..Self::new() };
        for level in 0..=position.level {
            let index = blocks / TILE_WIDTH.pow(u32::from(level) + 1);
            tiler.levels.push(Tile { position: Position { level, index }, values: Vec::new() });
        }
        tiler
    }

    /// Of a whole blob, from the count of blocks so far and a state that [`Self::state`] gave. None, if that is not one.
    pub fn restore(blocks: u64, state: &[u8]) -> Option<Self> {
        let (mut values, rest) = state.as_chunks::<32>();
        let (mut levels, mut left) = (Vec::new(), blocks);
        while left > 0 {
            let (now, later) = values.split_at_checked((left % TILE_WIDTH) as usize)?;
            left /= TILE_WIDTH;
            let position = Position { level: u8::try_from(levels.len()).ok()?, index: left };
            levels.push(Tile { position, values: now.to_vec() });
            values = later;
        }
        (values.is_empty() && rest.is_empty()).then(|| Self { blocks, levels, ..Self::new() })
    }

    /// Blocks so far.
    pub const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// What is unfinished. All that [`Self::take_full`] gave has to be kept too to go on from here.
    pub fn state(&self) -> Vec<u8> {
        self.levels.iter().flat_map(Tile::to_bytes).collect()
    }

    /// Takes the value of the next block.
    pub fn push(&mut self, block: Value) {
        self.blocks += 1;
        self.put(0, block);
    }

    fn put(&mut self, level: u8, value: Value) {
        if usize::from(level) == self.levels.len() {
            self.levels.push(Tile { position: Position { level, index: 0 }, values: Vec::new() });
        }
        let tile = &mut self.levels[usize::from(level)];
        tile.values.push(value);
        if tile.values.len() == WIDTH {
            self.close(level);
        }
    }

    /// Ends the tile of a level as it is, and gives its value to the level above.
    fn close(&mut self, level: u8) {
        let tile = &mut self.levels[usize::from(level)];
        let position = Position { level, index: tile.position.index + 1 };
        let tile = std::mem::replace(tile, Tile { position, values: Vec::new() });
        let value = merge(&tile.values);
        self.full.push(tile);
        if level < self.ceiling {
            self.put(level + 1, value);
        }
    }

    /// The tiles that were finished since the last time.
    pub fn take_full(&mut self) -> Vec<Tile> {
        std::mem::take(&mut self.full)
    }

    /// Those that are left when all blocks have come: of each level the last, up to the one over all.
    pub fn finish(mut self) -> Vec<Tile> {
        let mut level = 0;
        while let Some(tile) = self.levels.get(usize::from(level)) {
            let tiles = tile.position.index + u64::from(!tile.values.is_empty());
            // What a level has more than one tile of goes on above.
            let top = level == self.ceiling || (self.ceiling == u8::MAX && tiles <= 1);
            if !tile.values.is_empty() {
                self.close(level);
            }
            if top {
                break;
            }
            level += 1;
        }
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values that no bytes have, each another.
    fn values(from: u64, to: u64) -> Vec<Value> {
        (from..to).map(|n| *blake3::hash(&n.to_be_bytes()).as_bytes()).collect()
    }

    fn tiles(mut tiler: Tiler, values: &[Value]) -> Vec<Tile> {
        values.iter().for_each(|value| tiler.push(*value));
        let mut tiles = tiler.finish();
        tiles.sort_by_key(|tile| tile.position);
        tiles
    }

    fn shape(blocks: u64) -> Shape {
        Shape { blocks }
    }

    /// As the paper says it: recursively, over all values.
    fn node(all: &[Value], from: u64, to: u64) -> Value {
        merge(&all[from as usize..to as usize])
    }

    /// Every node of the tree over so many leaves.
    fn nodes(blocks: u64) -> Vec<(u64, u64)> {
        let (mut found, mut waiting) = (Vec::new(), vec![(0, blocks)]);
        while let Some((from, to)) = waiting.pop() {
            found.push((from, to));
            if to - from > 1 {
                let middle = from + super::super::left_of(to - from);
                waiting.extend([(from, middle), (middle, to)]);
            }
        }
        found
    }

    const EDGES: [u64; 12] = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 66_000];

    #[test]
    fn a_shape_lists_the_tiles_that_are_made() {
        for blocks in EDGES {
            let made = tiles(Tiler::new(), &values(0, blocks));
            let listed: Vec<(Position, u64)> =
                shape(blocks).tiles().map(|position| (position, shape(blocks).values_in(position))).collect();
            let found: Vec<(Position, u64)> =
                made.iter().map(|tile| (tile.position, tile.values.len() as u64)).collect();
            assert_eq!(found, listed, "{blocks} blocks");
            assert_eq!(shape(blocks).values_in(Position { level: 7, index: 0 }), 0);
            assert_eq!(shape(blocks).values_in(Position { level: 0, index: blocks }), 0);
        }
    }

    #[test]
    fn every_node_is_found_in_one_tile() {
        for blocks in EDGES {
            let all = values(0, blocks);
            let made = tiles(Tiler::new(), &all);
            for (from, to) in nodes(blocks).into_iter().filter(|(from, to)| blocks < 1_000 || to - from > 100)
            {
                let (position, within) = shape(blocks).locate(from, to);
                let tile = made.iter().find(|tile| tile.position == position).unwrap();
                assert_eq!(merge(&tile.values[within]), node(&all, from, to), "{from}..{to} of {blocks}");
            }
        }
    }

    #[test]
    fn a_tile_proves_itself_in_its_place() {
        let all = values(0, 513);
        let made = tiles(Tiler::new(), &all);
        let top = made.last().unwrap();
        assert_eq!(top.position, shape(513).top());
        for tile in &made[..3] {
            let (above, at) = tile.position.above();
            assert_eq!(above, top.position);
            let expected = Expected::Inner(top.values[at]);
            let bytes = tile.to_bytes();
            assert_eq!(Tile::read(tile.position, shape(513), &bytes, &expected).as_ref(), Some(tile));
            assert!(Tile::read(tile.position, shape(514), &bytes, &expected).is_none() || at < 2);
            let mut wrong = bytes.clone();
            wrong[7] ^= 1;
            assert!(Tile::read(tile.position, shape(513), &wrong, &expected).is_none());
            assert!(Tile::read(tile.position, shape(513), &bytes[1..], &expected).is_none());
            assert!(Tile::read(tile.position, shape(513), &[], &expected).is_none());
        }
    }

    #[test]
    fn a_part_is_made_as_in_the_whole() {
        let blocks = 66_000;
        let all = values(0, blocks);
        for tile in tiles(Tiler::new(), &all) {
            let from = tile.position.first_block();
            let to = (from + tile.position.width()).min(blocks);
            let part = tiles(Tiler::beneath(tile.position), &all[from as usize..to as usize]);
            assert_eq!(part.last(), Some(&tile));
        }
    }

    #[test]
    fn a_state_of_another_length_is_refused() {
        assert!(Tiler::restore(0, &[]).is_some());
        assert!(Tiler::restore(257, &[0; 64]).is_some());
        assert!(Tiler::restore(257, &[0; 96]).is_none());
        assert!(Tiler::restore(257, &[0; 32]).is_none());
        assert!(Tiler::restore(1, &[0; 33]).is_none());
        assert!(Tiler::restore(u64::MAX, &[]).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
        #[test]
        fn stopping_and_going_on_changes_nothing(before in 0u64..1_200, after in 0u64..1_200) {
            let mut live = Tiler::new();
            values(0, before).into_iter().for_each(|value| live.push(value));
            let mut kept = live.take_full();
            let taken_up = Tiler::restore(before, &live.state()).unwrap();
            prop_assert_eq!(&taken_up, &live);
            kept.extend(tiles(taken_up, &values(before, before + after)));
            kept.sort_by_key(|tile| tile.position);
            prop_assert_eq!(kept, tiles(Tiler::new(), &values(0, before + after)));
        }
    }
}
