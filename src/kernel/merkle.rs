//! The Merkle tree over the log: RFC 9162 section 2.1 (as RFC 6962), SHA-256.
//!
//! `leaf = SHA-256(0x00 || record)`, `node = SHA-256(0x01 || left || right)`; the prefixes keep a record from being
//! taken for a node. The position of an event is its leaf index.
//!
//! - The [`Frontier`] is all that appending needs: the roots of the perfect subtrees of the present size, largest
//!   first. It moves in amortised constant time.
//! - Perfect subtrees of old sizes are found in tiles (256 nodes of one level, C2SP tlog-tiles), so the root of any
//!   past size costs a logarithmic number of reads.

use sha2::Digest as _;

use super::limits::TILE_WIDTH;

/// A node of the tree.
pub type Hash = [u8; 32];

/// Levels of the tree that one tile spans: 2^8 = [`TILE_WIDTH`].
pub const TILE_LEVELS: u32 = TILE_WIDTH.ilog2();

/// The hash of a record as a leaf.
pub fn leaf_hash(record: &[u8]) -> Hash {
    sha2::Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// The hash of two neighbours.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha2::Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves: the hash of nothing.
pub fn empty_root() -> Hash {
    sha2::Sha256::digest([]).into()
}

/// The right edge of the tree: one root for each bit of the size, largest subtree first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

impl Frontier {
    /// Of an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// From its persisted parts. None unless there is one node for each bit of the size.
    pub fn from_parts(size: u64, nodes: &[u8]) -> Option<Self> {
        let (nodes, rest) = nodes.as_chunks::<32>();
        (rest.is_empty() && nodes.len() == size.count_ones() as usize)
            .then(|| Self { size, nodes: nodes.to_vec() })
    }

    /// Leaves in the tree.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The nodes, largest subtree first, side by side.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.nodes.concat()
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.nodes.pop().expect("one node for each bit of the size");
            node = node_hash(&left, &node);
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// The root at this size.
    pub fn root(&self) -> Hash {
        let Some((last, rest)) = self.nodes.split_last() else { return empty_root() };
        rest.iter().rev().fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The root of a perfect subtree, from its leaves or its nodes of any one level.
///
/// # Panics
/// Unless their number is a power of two.
pub fn perfect_root(nodes: &[Hash]) -> Hash {
    assert!(nodes.len().is_power_of_two(), "a perfect subtree has a power of two nodes on each level");
    let mut level = nodes.to_vec();
    while level.len() > 1 {
        level = level.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    level[0]
}

/// A perfect subtree: `2^level` leaves from `index * 2^level` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subtree {
    /// Height above the leaves.
    pub level: u32,
    /// Which one of that height, from the left, 0-based.
    pub index: u64,
}

impl Subtree {
    /// Leaves under it.
    pub const fn width(&self) -> u64 {
        1 << self.level
    }

    /// Index of its first leaf.
    pub const fn first_leaf(&self) -> u64 {
        self.index << self.level
    }
}

/// The perfect subtrees that make the frontier of `size`, largest first.
pub fn frontier_subtrees(size: u64) -> Vec<Subtree> {
    (0..u64::BITS)
        .rev()
        .filter(|level| size >> level & 1 == 1)
        .map(|level| Subtree { level, index: (size >> level) - 1 })
        .collect()
}

/// Verifies that the leaf at `index` is in the tree of `size` with that root (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut node) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            node = node_hash(sibling, &node);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && node == *root
}

/// The leaf ranges `from..to` whose roots make the consistency proof between two sizes (RFC 9162 section 2.1.4.1).
pub fn consistency_ranges(old: u64, new: u64) -> Vec<(u64, u64)> {
    let mut ranges = Vec::new();
    let (mut from, mut to, mut whole) = (0, new, true);
    while old != to && old > 0 {
        let split = from + (to - from).next_power_of_two() / 2;
        if old <= split {
            ranges.push((split, to));
            to = split;
        } else {
            ranges.push((from, split));
            from = split;
            whole = false;
        }
    }
    if !whole {
        ranges.push((from, to));
    }
    ranges.reverse();
    ranges
}

/// Verifies that the tree of the old size is the beginning of the tree of the new size (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    match old_size {
        0 => return proof.is_empty() && *old_root == empty_root(),
        _ if old_size > new_size => return false,
        _ if old_size == new_size => return proof.is_empty() && old_root == new_root,
        _ => {}
    }
    let mut path = proof.iter();
    let first = if old_size.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let shift = (old_size - 1).trailing_ones();
    let (mut at, mut last) = ((old_size - 1) >> shift, (new_size - 1) >> shift);
    let (mut old_node, mut new_node) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_node = node_hash(sibling, &old_node);
            new_node = node_hash(sibling, &new_node);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_node = node_hash(&new_node, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_node == *old_root && new_node == *new_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 9162 section 2.1.1, written as the text defines it.
    fn root_by_definition(leaves: &[Hash]) -> Hash {
        match leaves.len() {
            0 => empty_root(),
            1 => leaves[0],
            n => {
                let k = n.next_power_of_two() / 2;
                node_hash(&root_by_definition(&leaves[..k]), &root_by_definition(&leaves[k..]))
            }
        }
    }

    /// RFC 9162 section 2.1.3.1.
    fn proof_by_definition(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() < 2 {
            return vec![];
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (mut proof, other) = if index < k {
            (proof_by_definition(index, &leaves[..k]), &leaves[k..])
        } else {
            (proof_by_definition(index - k, &leaves[k..]), &leaves[..k])
        };
        proof.push(root_by_definition(other));
        proof
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    /// The tree that certificate-transparency implementations share as a test vector.
    #[test]
    fn roots_are_those_of_the_certificate_transparency_vectors() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::new();
        assert_eq!(frontier.root(), empty_root());
        for (input, root) in inputs.iter().zip(roots) {
            frontier.push(leaf_hash(&hex::decode(input).unwrap()));
            assert_eq!(hex::encode(frontier.root()), root);
        }
    }

    #[test]
    fn a_frontier_of_the_wrong_length_is_refused() {
        assert!(Frontier::from_parts(3, &[0; 64]).is_some());
        assert!(Frontier::from_parts(3, &[0; 32]).is_none());
        assert!(Frontier::from_parts(3, &[0; 65]).is_none());
    }

    proptest! {
        #[test]
        fn the_frontier_has_the_root_of_the_definition(count in 0usize..600) {
            let leaves = leaves(count);
            let mut frontier = Frontier::new();
            leaves.iter().for_each(|leaf| frontier.push(*leaf));
            prop_assert_eq!(frontier.root(), root_by_definition(&leaves));
            prop_assert_eq!(Frontier::from_parts(count as u64, &frontier.to_bytes()), Some(frontier));
        }

        #[test]
        fn subtrees_of_a_size_are_its_frontier(count in 1u64..5_000) {
            let subtrees = frontier_subtrees(count);
            let mut next = 0;
            for subtree in &subtrees {
                prop_assert_eq!(subtree.first_leaf(), next);
                next += subtree.width();
            }
            prop_assert_eq!(next, count);
        }

        #[test]
        fn inclusion_proofs_hold_for_their_leaf_only(count in 1usize..200, pick in any::<prop::sample::Index>()) {
            let leaves = leaves(count);
            let index = pick.index(count);
            let root = root_by_definition(&leaves);
            let proof = proof_by_definition(index, &leaves);
            prop_assert!(verify_inclusion(leaves[index], index as u64, count as u64, &proof, &root));
            prop_assert!(!verify_inclusion(leaf_hash(b"other"), index as u64, count as u64, &proof, &root));
            prop_assert!(!verify_inclusion(leaves[index], index as u64, count as u64, &[proof, vec![root]].concat(), &root));
        }

        #[test]
        fn consistency_proofs_hold_for_their_trees_only(new in 1usize..300, pick in any::<prop::sample::Index>()) {
            let leaves = leaves(new);
            let old = pick.index(new + 1);
            let (old_root, new_root) = (root_by_definition(&leaves[..old]), root_by_definition(&leaves));
            let proof: Vec<Hash> = consistency_ranges(old as u64, new as u64)
                .into_iter()
                .map(|(from, to)| root_by_definition(&leaves[from as usize..to as usize]))
                .collect();
            let (size, wrong) = (old as u64, leaf_hash(b"another tree"));
            prop_assert!(verify_consistency((size, &old_root), (new as u64, &new_root), &proof));
            prop_assert!(!verify_consistency((size, &wrong), (new as u64, &new_root), &proof));
            prop_assert!(old == 0 || !verify_consistency((size, &old_root), (new as u64, &wrong), &proof));
        }
    }
}
