//! The Merkle tree: `merkle.json`. Proofs are made here as RFC 9162 defines them, not by the code under test.

use serde_json::{Value as Json, json};
use strongroom::kernel::merkle::{
    Frontier, Hash, empty_root, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};

use crate::files::{bytes, cases, compare, text};

/// The entries that certificate-transparency implementations share, then numbered ones.
fn entries() -> Vec<Vec<u8>> {
    let known =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let known = known.iter().map(|hex| hex::decode(hex).expect("hex"));
    known.chain((8..600_u32).map(|n| format!("entry {n}").into_bytes())).collect()
}

fn leaves(size: usize) -> Vec<Hash> {
    entries()[..size].iter().map(|entry| leaf_hash(entry)).collect()
}

/// RFC 9162 section 2.1.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root(left), &root(right))
        }
    }
}

/// RFC 9162 section 2.1.3.1.
fn inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return vec![];
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) =
        if index < k { (inclusion(index, left), right) } else { (inclusion(index - k, right), left) };
    proof.push(root(other));
    proof
}

/// RFC 9162 section 2.1.4.1, SUBPROOF.
fn consistency(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { vec![] } else { vec![root(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) = if old <= k {
        (consistency(old, left, whole), right)
    } else {
        (consistency(old - k, right, false), left)
    };
    proof.push(root(other));
    proof
}

fn hexes(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(hex::encode).collect()
}

#[test]
fn vectors_are_what_the_code_computes() {
    let mut frontier = Frontier::new();
    let mut trees = vec![json!({"size": 0, "root": hex::encode(empty_root()), "frontier": ""})];
    for leaf in leaves(600) {
        frontier.push(leaf);
        if frontier.size() <= 8 || [255, 256, 257, 512, 600].contains(&frontier.size()) {
            let root = hex::encode(frontier.root());
            trees.push(
                json!({"size": frontier.size(), "root": root, "frontier": hex::encode(frontier.to_bytes())}),
            );
        }
    }
    let entries: Vec<Json> = entries()[..10]
        .iter()
        .map(|entry| json!({"entry": hex::encode(entry), "leaf": hex::encode(leaf_hash(entry))}))
        .collect();
    let included: Vec<Json> = [(1, 0), (2, 1), (7, 3), (8, 0), (257, 256), (600, 300)]
        .into_iter()
        .map(|(size, index)| json!({"size": size, "index": index, "proof": hexes(&inclusion(index, &leaves(size)))}))
        .collect();
    let consistent: Vec<Json> = [(1, 1), (1, 8), (3, 7), (6, 8), (8, 257), (256, 600)]
        .into_iter()
        .map(|(old, new)| json!({"old": old, "new": new, "proof": hexes(&consistency(old, &leaves(new), true))}))
        .collect();
    let made = json!({"entries": entries, "trees": trees, "inclusion": included, "consistency": consistent});
    compare("merkle", &made);
}

fn hash(case: &Json, field: &str) -> Hash {
    bytes(case, field).try_into().expect("32 bytes")
}

fn number(case: &Json, field: &str) -> usize {
    usize::try_from(case[field].as_u64().expect("a number")).expect("fits memory")
}

fn proof(case: &Json) -> Vec<Hash> {
    let hashes = case["proof"].as_array().expect("a list");
    let hash = |text: &Json| hex::decode(text.as_str()?).ok()?.try_into().ok();
    hashes.iter().map(|text| hash(text).expect("32 bytes in hex")).collect()
}

#[test]
fn entries_and_trees_of_the_file_are_those_of_the_definition() {
    for case in cases("merkle", "entries") {
        assert_eq!(leaf_hash(&bytes(&case, "entry")), hash(&case, "leaf"));
    }
    for case in cases("merkle", "trees") {
        let size = number(&case, "size");
        assert_eq!(root(&leaves(size)), hash(&case, "root"), "{size}");
        let frontier = Frontier::from_parts(size as u64, &bytes(&case, "frontier")).expect("a frontier");
        assert_eq!(hex::encode(frontier.root()), text(&case, "root"), "{size}");
    }
}

#[test]
fn proofs_of_the_file_verify() {
    for case in cases("merkle", "inclusion") {
        let (size, index, proof) = (number(&case, "size"), number(&case, "index"), proof(&case));
        let leaves = leaves(size);
        let holds = |leaf| verify_inclusion(leaf, index as u64, size as u64, &proof, &root(&leaves));
        assert!(holds(leaves[index]), "{case}");
        assert!(!holds(leaf_hash(b"another")), "{case}");
    }
    for case in cases("merkle", "consistency") {
        let (old, new, proof) = (number(&case, "old"), number(&case, "new"), proof(&case));
        let (old_root, new_root) = (root(&leaves(old)), root(&leaves(new)));
        assert!(verify_consistency((old as u64, &old_root), (new as u64, &new_root), &proof), "{case}");
        assert!(!verify_consistency((old as u64, &empty_root()), (new as u64, &new_root), &proof), "{case}");
    }
}
