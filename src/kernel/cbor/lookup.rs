//! One field of a map that is known to be canonical: the others are skipped over, nothing is built.

use super::scan::Head;
use super::sequence::item_length;
use super::{Error, Value, encode};

/// The major type of a map, RFC 8949 section 3.1.
const MAP: u8 = 5;

/// The value of this field, as it is encoded. None if the map does not have it.
///
/// # Errors
/// If it is no map. What else is wrong with it is not looked for: that is what [`super::decode`] does.
pub fn field<'b>(map: &'b [u8], name: &str) -> Result<Option<&'b [u8]>, Error> {
    let key = encode(&Value::text(name));
    let head = Head::read(map, 0)?;
    if head.major != MAP {
        return Err(Error::NotAMap);
    }
    let mut at = head.end;
    for _ in 0..head.argument {
        let found = item(map, &mut at)?;
        let value = item(map, &mut at)?;
        if found == key {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The item there, and where the next begins.
fn item<'b>(bytes: &'b [u8], at: &mut usize) -> Result<&'b [u8], Error> {
    let malformed = Error::Malformed(*at);
    let rest = &bytes[*at..];
    let length = item_length(rest, rest.len()).ok().flatten().ok_or(malformed)?;
    *at += length;
    Ok(&rest[..length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 4] = ["a", "bc", "annotations", "none"];

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<u64>().prop_map(Value::Unsigned), "[a-c]{0,40}".prop_map(Value::text)];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                map(inner).prop_map(Value::Map),
            ]
        })
    }

    fn map(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<(String, Value)>> {
        let keys = prop_oneof![Just("a"), Just("bc"), Just("annotations"), Just("d")];
        prop::collection::btree_map(keys.prop_map(str::to_owned), values, 0..4)
            .prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_field_is_what_decoding_the_map_finds(fields in map(value())) {
            let bytes = encode(&Value::Map(fields.clone()));
            for name in NAMES {
                let expected = fields.iter().find(|(key, _)| key == name).map(|(_, value)| encode(value));
                let found = field(&bytes, name).unwrap().map(<[u8]>::to_vec);
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn anything_else_is_refused_or_skipped(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(Some(found)) = field(&bytes, "a") {
                prop_assert!(found.len() < bytes.len());
            }
        }
    }

    #[test]
    fn what_is_no_map_or_is_cut_off_is_refused() {
        assert_eq!(field(b"{\"a\":\"json\"}", "a"), Err(Error::NotAMap));
        assert_eq!(field(&[], "a"), Err(Error::Malformed(0)));
        let bytes = encode(&Value::Map(vec![("a".into(), Value::text("xyz"))]));
        assert_eq!(field(&bytes[..bytes.len() - 1], "a"), Err(Error::Malformed(3)));
    }
}
