//! Slices and tiles: `slices.json`. Byte `i` of every blob is `i mod 251`.
//!
//! The encoding is another project's, so that project's own reader is asked too: `bao-tree`.

use std::ops::Range;

use bao_tree::io::outboard::EmptyOutboard;
use bao_tree::io::sync::decode_ranges;
use bao_tree::io::{round_up_to_chunks, round_up_to_chunks_groups};
use bao_tree::{BaoTree, BlockSize, ByteRanges};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::limits::{HASH_BLOCK_BYTES, SLICE_GROUP_BYTES};
use strongroom::kernel::tree::decode::{Decoder, Error};
use strongroom::kernel::tree::tiles::Tiler;
use strongroom::kernel::tree::{blocks_of, bytes_of_block, slice, value_of};

use crate::files::{bytes, cases, compare, text};

const GROUP: u64 = SLICE_GROUP_BYTES;
const BLOCK: u64 = HASH_BLOCK_BYTES;

fn blob(size: u64) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8).collect()
}

fn of(blob: &[u8], range: &Range<u64>) -> Vec<u8> {
    blob[range.start as usize..range.end as usize].to_vec()
}

/// Our reader, which gets the slice in pieces of that length.
fn ours(blob: &[u8], range: &Range<u64>, slice: &[u8], piece: usize) -> Result<Vec<u8>, Error> {
    let mut decoder = Decoder::new(Digests::of(blob).blake3, blob.len() as u64, range.clone());
    let mut verified = Vec::new();
    slice.chunks(piece).try_for_each(|piece| decoder.push(piece, &mut verified))?;
    decoder.finish()?;
    Ok(verified)
}

/// The other project's reader: what it puts in its place of the blob, of which only the range is looked at.
fn theirs(blob: &[u8], range: &Range<u64>, slice: &[u8]) -> Result<Vec<u8>, String> {
    let block_size = BlockSize::from_chunk_log(4);
    let (size, encoded) = slice.split_at_checked(8).ok_or("no size")?;
    let size = u64::from_le_bytes(size.try_into().expect("8 bytes"));
    let tree = BaoTree::new(size, block_size);
    let ranges = round_up_to_chunks(&ByteRanges::from(range.clone()));
    let ranges = round_up_to_chunks_groups(ranges, block_size);
    let mut outboard = EmptyOutboard { tree, root: blake3::hash(blob) };
    let mut whole = vec![0xee; blob.len()];
    let mut rest = encoded;
    decode_ranges(&mut rest, &ranges, &mut whole, &mut outboard).map_err(|error| error.to_string())?;
    if !rest.is_empty() || size != blob.len() as u64 {
        return Err("it goes on".into());
    }
    Ok(of(&whole, range))
}

/// Sizes at which the tree has another shape, and beside them.
fn edges() -> Vec<u64> {
    let around = [1_024, GROUP, 2 * GROUP, 3 * GROUP, BLOCK, 2 * BLOCK, 3 * BLOCK];
    let mut edges: Vec<u64> = around.iter().flat_map(|size| [size - 1, *size, size + 1]).collect();
    edges.push(1);
    edges
}

#[test]
fn both_readers_verify_slices_of_every_shape() {
    for size in edges() {
        let blob = blob(size);
        let starts = [0, GROUP - 1, BLOCK, size - 1];
        for start in starts {
            for end in [start + 1, size / 2, size] {
                let range = start..end.min(size);
                if range.is_empty() {
                    continue;
                }
                let slice = slice::encode(&blob, &range);
                assert_eq!(slice.len() as u64, slice::encoded_bytes(size, &range), "{range:?} of {size}");
                assert_eq!(ours(&blob, &range, &slice, 65_537).as_ref(), Ok(&of(&blob, &range)));
                assert_eq!(
                    theirs(&blob, &range, &slice).as_ref(),
                    Ok(&of(&blob, &range)),
                    "{range:?} of {size}"
                );
            }
        }
    }
}

#[test]
fn the_slice_of_an_empty_blob_is_its_size() {
    let slice = slice::encode(&[], &(0..0));
    assert_eq!(slice, [0; 8]);
    assert_eq!(ours(&[], &(0..0), &slice, 3), Ok(vec![]));
    assert_eq!(ours(&[], &(0..0), &[], 3), Err(Error::TooShort(8)));
    assert_eq!(ours(&[], &(0..0), &[0; 9], 3), Err(Error::TooLong));
    let another = Decoder::new(Digests::of(b"x").blake3, 0, 0..0);
    let mut decoder = another;
    decoder.push(&[0; 8], &mut Vec::new()).unwrap();
    assert_eq!(decoder.finish(), Err(Error::Bytes(0..0)));
}

#[test]
fn any_changed_byte_is_refused_by_both_readers() {
    let blob = blob(BLOCK + 2 * GROUP + 100);
    for range in [0..10, BLOCK + GROUP..BLOCK + GROUP + 5, BLOCK + 2 * GROUP + 99..BLOCK + 2 * GROUP + 100] {
        let slice = slice::encode(&blob, &range);
        // Every byte of size and proof, and some of the content.
        for at in
            (0..slice.len()).filter(|at| at % 997 == 0 || slice.len() - at < 20 || *at < 600 && at % 7 == 0)
        {
            let mut wrong = slice.clone();
            wrong[at] ^= 0x10;
            assert!(ours(&blob, &range, &wrong, 4_096).is_err(), "{range:?}, byte {at}");
            assert!(theirs(&blob, &range, &wrong).is_err(), "{range:?}, byte {at}");
        }
    }
}

#[test]
fn a_slice_that_is_cut_or_goes_on_is_refused() {
    let (blob, range) = (blob(3 * GROUP), GROUP..2 * GROUP);
    let slice = slice::encode(&blob, &range);
    for cut in [0, 7, 8, 71, 72, slice.len() - 1] {
        assert!(matches!(ours(&blob, &range, &slice[..cut], 100), Err(Error::TooShort(1..))), "{cut}");
    }
    assert_eq!(ours(&blob, &range, &[&slice[..], &[0]].concat(), 100), Err(Error::TooLong));
    // The right proof of another range.
    let other = slice::encode(&blob, &(0..1));
    assert!(matches!(ours(&blob, &range, &other, 100), Err(Error::Bytes(_))));
    let longer = u64::to_le_bytes(3 * GROUP + 1);
    let wrong = [&longer[..], &slice[8..]].concat();
    assert_eq!(
        ours(&blob, &range, &wrong, 100),
        Err(Error::Size { expected: 3 * GROUP, found: 3 * GROUP + 1 })
    );
}

#[test]
fn nothing_comes_out_that_was_not_proven() {
    let (blob, range) = (blob(4 * GROUP), 0..4 * GROUP);
    let mut slice = slice::encode(&blob, &range);
    let last = slice.len() - 1;
    slice[last] ^= 1;
    let mut decoder = Decoder::new(Digests::of(&blob).blake3, 4 * GROUP, range);
    let mut verified = Vec::new();
    let damaged = Error::Bytes(3 * GROUP..4 * GROUP);
    assert_eq!(decoder.push(&slice, &mut verified), Err(damaged.clone()));
    assert_eq!(verified, blob[..3 * GROUP as usize]);
    // What failed once stays so.
    assert_eq!(decoder.push(b"", &mut verified), Err(damaged.clone()));
    assert_eq!(decoder.finish(), Err(damaged));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_range_of_any_blob_verifies(
        size in 1u64..2 * BLOCK,
        from in any::<prop::sample::Index>(),
        length in any::<prop::sample::Index>(),
        piece in 1usize..40_000,
    ) {
        let blob = blob(size);
        let from = from.index(size as usize) as u64;
        let range = from..from + 1 + length.index((size - from) as usize) as u64;
        let slice = slice::encode(&blob, &range);
        prop_assert_eq!(slice.len() as u64, slice::encoded_bytes(size, &range));
        prop_assert_eq!(ours(&blob, &range, &slice, piece), Ok(of(&blob, &range)));
        prop_assert_eq!(theirs(&blob, &range, &slice), Ok(of(&blob, &range)));
    }
}

/// The value of block `n` in the vectors of tiles: no bytes have it, so the tiles can be as many as they like.
fn value(block: u64) -> [u8; 32] {
    *blake3::hash(&block.to_be_bytes()).as_bytes()
}

fn tiling(blocks: u64) -> Json {
    let mut tiler = Tiler::new();
    (0..blocks).for_each(|block| tiler.push(value(block)));
    let state = Digests::of(&tiler.state()).blake3;
    let tiles: Vec<Json> = tiler
        .finish()
        .into_iter()
        .map(|tile| {
            let bytes = tile.to_bytes();
            let position = tile.position;
            json!({"level": position.level, "index": position.index, "values": tile.values.len(),
                   "blake3": Digests::of(&bytes).blake3})
        })
        .collect();
    json!({"blocks": blocks, "state_blake3": state, "tiles": tiles})
}

#[test]
fn vectors_are_what_the_code_makes() {
    let short = [
        (0, 0..0),
        (1, 0..1),
        (GROUP + 1, GROUP..GROUP + 1),
        (3 * GROUP + 2, 3 * GROUP + 1..3 * GROUP + 2),
        (BLOCK + 3, BLOCK..BLOCK + 3),
        (5 * BLOCK + 40, 5 * BLOCK + 7..5 * BLOCK + 39),
    ];
    let slices: Vec<Json> = short
        .into_iter()
        .map(|(size, range)| {
            let blob = blob(size);
            json!({"bytes": size, "from": range.start, "to": range.end, "blake3": Digests::of(&blob).blake3,
                   "slice": hex::encode(slice::encode(&blob, &range))})
        })
        .collect();
    let long = [(GROUP, 0..1), (3 * BLOCK, 0..3 * BLOCK), (3 * BLOCK + 1, BLOCK - 1..BLOCK + GROUP + 1)];
    let digests: Vec<Json> = long
        .into_iter()
        .map(|(size, range)| {
            let slice = slice::encode(&blob(size), &range);
            json!({"bytes": size, "from": range.start, "to": range.end, "slice_bytes": slice.len(),
                   "slice_blake3": Digests::of(&slice).blake3})
        })
        .collect();
    let tiles: Vec<Json> = [17, 256, 257, 65_537].into_iter().map(tiling).collect();
    compare("slices", &json!({"slices": slices, "long_slices": digests, "tiles": tiles}));
}

#[test]
fn slices_of_the_file_verify() {
    for case in cases("slices", "slices") {
        let number = |field: &str| case[field].as_u64().expect("a number");
        let (blob, range) = (blob(number("bytes")), number("from")..number("to"));
        assert_eq!(Digests::of(&blob).blake3.to_string(), text(&case, "blake3"));
        assert_eq!(ours(&blob, &range, &bytes(&case, "slice"), 50), Ok(of(&blob, &range)), "{case}");
    }
}

#[test]
fn the_tiles_of_bytes_lead_up_to_their_digest() {
    use strongroom::kernel::tree::Expected;
    for size in edges().into_iter().filter(|size| *size > BLOCK) {
        let blob = blob(size);
        let mut tiler = Tiler::new();
        for block in 0..blocks_of(size) {
            let range = bytes_of_block(block, size);
            tiler.push(value_of(&of(&blob, &range), range.start));
        }
        let tiles = tiler.finish();
        let [top] = &tiles[..] else { panic!("one tile") };
        assert!(Expected::Root(Digests::of(&blob).blake3).is_over_all(&top.values), "{size}");
    }
}
