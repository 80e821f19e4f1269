//! Invariants of canonical CBOR, for any bytes:
//! - what decodes encodes to the same bytes: there is no second encoding of a value;
//! - what decodes is within the bounds that it was read with;
//! - what a lenient decoder reads and our data model has is refused or is the canonical encoding, never repaired.

use strongroom::kernel::cbor::{Bounds, Value, decode, encode};

const BOUNDS: Bounds = Bounds { bytes: 4_096, depth: 6, items: 200 };

pub(crate) fn check(data: &[u8]) {
    let Ok(value) = decode(data, BOUNDS) else { return };
    assert_eq!(encode(&value), data, "what decodes is its own encoding");
    assert!(data.len() <= BOUNDS.bytes && depth(&value) <= BOUNDS.depth && items(&value) <= BOUNDS.items);
    assert_eq!(decode(data, BOUNDS), Ok(value));
    let with_more = [data, &[0xf6]].concat();
    assert!(decode(&with_more, BOUNDS).is_err(), "nothing may follow the item");
    if let Some(cut) = data.len().checked_sub(1) {
        assert!(decode(&data[..cut], BOUNDS).is_err(), "no item is the beginning of another");
    }
}

/// Arrays and maps around the deepest value.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn items(value: &Value) -> usize {
    match value {
        Value::Array(array) => 1 + array.iter().map(items).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, value)| 1 + items(value)).sum::<usize>(),
        _ => 1,
    }
}
