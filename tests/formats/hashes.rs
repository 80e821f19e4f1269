//! Digests and saved hash states: `hashes.json`. Byte `i` of every input is `i mod 251`.

use serde_json::{Value as Json, json};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::hash::Hasher;
use strongroom::kernel::limits::HASH_BLOCK_BYTES;

use crate::files::{bytes, cases, compare, text};

const BLOCK: usize = HASH_BLOCK_BYTES as usize;

fn input(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

fn length(case: &Json) -> usize {
    usize::try_from(case["bytes"].as_u64().expect("a length")).expect("fits memory")
}

#[test]
fn vectors_are_what_the_code_computes() {
    let lengths =
        [0, 1, 1_023, 1_024, 1_025, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7, 5 * BLOCK];
    let digests: Vec<Json> = lengths
        .iter()
        .map(|length| {
            let digests = Digests::of(&input(*length));
            json!({"bytes": length, "blake3": digests.blake3, "sha256": digests.sha256})
        })
        .collect();
    let states: Vec<Json> = (1..=4)
        .map(|blocks| {
            let mut hasher = Hasher::new();
            hasher.update(&input(blocks * BLOCK));
            json!({"bytes": blocks * BLOCK, "state": hex::encode(hasher.save().expect("at a boundary"))})
        })
        .collect();
    compare("hashes", &json!({"digests": digests, "states": states}));
}

#[test]
fn digests_of_the_file_are_those_of_hashing_piece_by_piece() {
    for case in cases("hashes", "digests") {
        let mut hasher = Hasher::new();
        input(length(&case)).chunks(65_537).for_each(|piece| hasher.update(piece));
        let digests = hasher.finish();
        assert_eq!(digests.blake3.to_string(), text(&case, "blake3"), "{case}");
        assert_eq!(digests.sha256.to_string(), text(&case, "sha256"), "{case}");
    }
}

#[test]
fn a_state_of_the_file_goes_on_to_the_same_digests() {
    for case in cases("hashes", "states") {
        let at = length(&case);
        let mut hasher = Hasher::restore(&bytes(&case, "state")).expect("a saved state");
        assert_eq!(hasher.bytes(), at as u64);
        assert_eq!(hasher.finish(), Digests::of(&input(at)));
        assert_eq!(hasher.save().map(hex::encode).as_deref(), Some(text(&case, "state")));
        let whole = input(at + BLOCK + 3);
        hasher.update(&whole[at..]);
        assert_eq!(hasher.finish(), Digests::of(&whole));
    }
}
