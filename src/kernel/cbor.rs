//! Canonical CBOR: one value, one encoding.
//!
//! RFC 8949 section 4.2.1 (core deterministic encoding), restricted further so that every reader in every language
//! agrees:
//! - definite lengths, shortest integers and lengths;
//! - map keys are text, unique, in bytewise order of their encodings;
//! - unsigned and negative integers of 64 bits, byte strings, UTF-8 text, arrays, maps, booleans, null;
//! - no floats, no tags, no bignums, no other simple values, nothing after the item.
//!
//! [`decode`] re-encodes what it read and requires the same bytes, so a second encoding of any value is refused
//! whatever the parser underneath tolerates. Size, nesting and number of items are bounded before anything is built.

mod fields;
mod lookup;
mod scan;
pub mod sequence;

use super::limits::{CBOR_DEPTH_MAX, CBOR_ITEMS_MAX};

pub use fields::Fields;
pub use lookup::field;

/// Why bytes are not canonical CBOR, or not the map that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More bytes than this kind of document may have.
    #[error("{found} bytes are more than the {max} allowed here")]
    TooLong {
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Nested deeper, or holding more values, than the bounds allow.
    #[error(
        "nested deeper, or of more values, than is allowed here (at most {CBOR_DEPTH_MAX} and {CBOR_ITEMS_MAX})"
    )]
    TooComplex,
    /// Not well-formed CBOR.
    #[error("not well-formed CBOR at byte {0}")]
    Malformed(usize),
    /// Well-formed, but of a kind that canonical documents do not use.
    #[error("{0} are not allowed in canonical CBOR")]
    Forbidden(&'static str),
    /// The same value has another, canonical encoding.
    #[error(
        "not the canonical encoding of its value (order of keys, shortest lengths, nothing after the end)"
    )]
    NotCanonical,
    /// The item is not a map.
    #[error("expected a map")]
    NotAMap,
    /// A field that has to be there is not.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A field has another type, length or range.
    #[error("field `{field}` must be {expected}")]
    Field {
        /// Its key.
        field: String,
        /// What it must be.
        expected: String,
    },
    /// A field that this format does not know.
    #[error("unknown field `{0}`")]
    Unknown(String),
}

/// One value of the restricted data model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// 0 and up (major type 0).
    Unsigned(u64),
    /// Below 0 (major type 1), down to `i64::MIN`.
    Negative(i64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// UTF-8 text.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// A map with text keys; order here is free, [`encode`] sorts.
    Map(Vec<(String, Value)>),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

impl Value {
    /// Text, from anything that prints as it is persisted.
    pub fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }
}

/// What a document may cost its reader.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of the whole item.
    pub bytes: usize,
    /// Nesting of arrays and maps.
    pub depth: usize,
    /// Values of any kind, keys included.
    pub items: usize,
}

impl Bounds {
    /// Of so many bytes, with the nesting and number of values that any document may have.
    pub const fn bytes(bytes: usize) -> Self {
        Self { bytes, depth: CBOR_DEPTH_MAX, items: CBOR_ITEMS_MAX }
    }
}

/// The canonical encoding.
///
/// # Panics
/// If a map names a key twice: callers build maps from distinct names.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Unsigned(n) => write_head(0, *n, out),
        Value::Negative(n) => write_head(1, (-1 - n).unsigned_abs(), out),
        Value::Bytes(bytes) => {
            write_head(2, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Value::Text(text) => write_text(text, out),
        Value::Array(items) => {
            write_head(4, items.len() as u64, out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Map(entries) => write_map(entries, out),
        Value::Bool(b) => out.push(if *b { 0xf5 } else { 0xf4 }),
        Value::Null => out.push(0xf6),
    }
}

fn write_map(entries: &[(String, Value)], out: &mut Vec<u8>) {
    write_head(5, entries.len() as u64, out);
    let mut order: Vec<&(String, Value)> = entries.iter().collect();
    // Bytewise order of encoded text keys is: shorter first, then bytewise.
    order.sort_unstable_by(|(a, _), (b, _)| (a.len(), a.as_bytes()).cmp(&(b.len(), b.as_bytes())));
    assert!(order.windows(2).all(|pair| pair[0].0 != pair[1].0), "a map names each key once");
    for (key, item) in order {
        write_text(key, out);
        write(item, out);
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_head(3, text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Major type and the shortest form of its argument.
fn write_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

/// Reads one canonical item that fills `bytes` completely.
///
/// # Errors
/// With what makes it another encoding, another data model, or too large.
pub fn decode(bytes: &[u8], bounds: Bounds) -> Result<Value, Error> {
    if bytes.len() > bounds.bytes {
        return Err(Error::TooLong { found: bytes.len(), max: bounds.bytes });
    }
    scan::scan(bytes, bounds)?;
    let mut rest = bytes;
    let parsed: ciborium::Value = ciborium::de::from_reader_with_recursion_limit(&mut rest, bounds.depth)
        .map_err(|error| match error {
            ciborium::de::Error::RecursionLimitExceeded => Error::TooComplex,
            ciborium::de::Error::Syntax(at) => Error::Malformed(at),
            _ => Error::Malformed(bytes.len() - rest.len()),
        })?;
    let value = restrict(parsed)?;
    if has_repeated_key(&value) || encode(&value) != bytes {
        return Err(Error::NotCanonical);
    }
    Ok(value)
}

/// From ciborium's data model into ours.
fn restrict(value: ciborium::Value) -> Result<Value, Error> {
    use ciborium::Value as C;
    Ok(match value {
        C::Integer(n) => match u64::try_from(n) {
            Ok(n) => Value::Unsigned(n),
            Err(_) => {
                Value::Negative(i64::try_from(n).map_err(|_| Error::Forbidden("integers under -2^63"))?)
            }
        },
        C::Bytes(bytes) => Value::Bytes(bytes),
        C::Text(text) => Value::Text(text),
        C::Bool(b) => Value::Bool(b),
        C::Null => Value::Null,
        C::Array(array) => Value::Array(array.into_iter().map(restrict).collect::<Result<_, _>>()?),
        C::Map(entries) => {
            let mut map = Vec::with_capacity(entries.len());
            for (key, item) in entries {
                let C::Text(key) = key else { return Err(Error::Forbidden("keys that are not text")) };
                map.push((key, restrict(item)?));
            }
            Value::Map(map)
        }
        C::Float(_) => return Err(Error::Forbidden("floats")),
        C::Tag(..) => return Err(Error::Forbidden("tags")),
        _ => return Err(Error::Forbidden("other simple values")),
    })
}

/// In a canonical map equal keys would stand side by side.
fn has_repeated_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_repeated_key),
        Value::Map(entries) => {
            let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
            keys.sort_unstable();
            keys.windows(2).any(|pair| pair[0] == pair[1])
                || entries.iter().any(|(_, item)| has_repeated_key(item))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(hex: &str) -> Result<Value, Error> {
        decode(&hex::decode(hex).unwrap(), Bounds::bytes(1024))
    }

    /// RFC 8949 appendix A, the rows that the restricted data model has.
    #[test]
    fn examples_of_the_rfc_encode_and_decode() {
        let rows: [(&str, Value); 14] = [
            ("00", Value::Unsigned(0)),
            ("17", Value::Unsigned(23)),
            ("1818", Value::Unsigned(24)),
            ("1903e8", Value::Unsigned(1000)),
            ("1a000f4240", Value::Unsigned(1_000_000)),
            ("1bffffffffffffffff", Value::Unsigned(u64::MAX)),
            ("20", Value::Negative(-1)),
            ("3903e7", Value::Negative(-1000)),
            ("f5", Value::Bool(true)),
            ("f6", Value::Null),
            ("4401020304", Value::Bytes(vec![1, 2, 3, 4])),
            ("6449455446", Value::text("IETF")),
            ("83010203", Value::Array([1, 2, 3].map(Value::Unsigned).to_vec())),
            (
                "a26161016162820203",
                Value::Map(vec![
                    ("b".into(), Value::Array([2, 3].map(Value::Unsigned).to_vec())),
                    ("a".into(), Value::Unsigned(1)),
                ]),
            ),
        ];
        for (hex, value) in rows {
            assert_eq!(hex::encode(encode(&value)), hex);
            assert_eq!(encode(&read(hex).unwrap()), encode(&value));
        }
    }

    #[test]
    fn every_second_encoding_is_refused() {
        let rows = [
            ("1800", "integer not shortest"),
            ("190018", "integer not shortest"),
            ("1b0000000000000001", "integer not shortest"),
            ("5800", "length not shortest"),
            ("5f4101ff", "indefinite bytes"),
            ("7f6161ff", "indefinite text"),
            ("9f01ff", "indefinite array"),
            ("bf616101ff", "indefinite map"),
            ("a2616201616101", "keys out of order"),
            ("a262616101616201", "longer key first"),
            ("a2616101616101", "key twice"),
            ("0000", "something after the item"),
        ];
        for (hex, what) in rows {
            assert_eq!(read(hex), Err(Error::NotCanonical), "{what}");
        }
    }

    #[test]
    fn what_the_data_model_lacks_is_refused() {
        for hex in [
            "f90000",
            "fb3ff199999999999a",
            "c000",
            "c11a514b67b0",
            "a10001",
            "a1f501",
            "c249010000000000000000",
        ] {
            assert!(
                matches!(read(hex), Err(Error::Forbidden(_) | Error::NotCanonical)),
                "{hex}: {:?}",
                read(hex)
            );
        }
        for hex in [
            "",
            "18",
            "61",
            "61ff",
            "81",
            "a16161",
            "f7",
            "f0",
            "1c",
            "ff",
            "9b7fffffffffffffff",
            "5b7fffffffffffffff",
        ] {
            assert!(read(hex).is_err(), "{hex}");
        }
    }

    #[test]
    fn bounds_are_enforced() {
        assert!(matches!(decode(&[0x40; 10], Bounds::bytes(9)), Err(Error::TooLong { .. })));
        let nested = |depth| decode(&[vec![0x81; depth], vec![0]].concat(), Bounds::bytes(1024));
        assert!(nested(CBOR_DEPTH_MAX).is_ok());
        assert_eq!(nested(CBOR_DEPTH_MAX + 1), Err(Error::TooComplex));
        let wide = Bounds { items: 3, ..Bounds::bytes(1024) };
        assert!(decode(&hex::decode("820102").unwrap(), wide).is_ok());
        assert_eq!(decode(&hex::decode("83010203").unwrap(), wide), Err(Error::TooComplex));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(Value::Unsigned),
            (i64::MIN..0).prop_map(Value::Negative),
            any::<Vec<u8>>().prop_map(Value::Bytes),
            any::<String>().prop_map(Value::Text),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|map| Value::Map(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same_bytes(value in any_value()) {
            let bytes = encode(&value);
            let back = decode(&bytes, Bounds::bytes(1 << 20)).unwrap();
            prop_assert_eq!(encode(&back), bytes);
        }

        #[test]
        fn bytes_that_decode_are_their_own_encoding(bytes in any::<Vec<u8>>()) {
            if let Ok(value) = decode(&bytes, Bounds::bytes(1 << 20)) {
                prop_assert_eq!(encode(&value), bytes);
            }
        }
    }
}
