//! Where an item of a CBOR sequence ends (RFC 8742): heads are skipped over, nothing is built.

/// Not CBOR of definite lengths and without tags, or longer than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an item of a CBOR sequence, or longer than it may be")]
pub struct Malformed;

/// Bytes of the item at the beginning, which may have so many. None while it is not there whole.
///
/// # Errors
/// As soon as its heads show that it is none, or too long.
pub fn item_length(bytes: &[u8], max: usize) -> Result<Option<usize>, Malformed> {
    let (mut at, mut items): (usize, u64) = (0, 1);
    while items > 0 {
        items -= 1;
        let Some(head) = bytes.get(at) else { return Ok(None) };
        at += 1;
        let following = match head & 0x1f {
            info @ 0..=23 => Err(u64::from(info)),
            24 => Ok(1),
            25 => Ok(2),
            26 => Ok(4),
            27 => Ok(8),
            _ => return Err(Malformed),
        };
        let argument = match following {
            Err(small) => small,
            Ok(count) => {
                let Some(digits) = bytes.get(at..at + count) else { return Ok(None) };
                at += count;
                digits.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
            }
        };
        let bound = max as u64;
        match head >> 5 {
            0 | 1 | 7 => {}
            2 | 3 if argument <= bound => at += usize::try_from(argument).map_err(|_| Malformed)?,
            4 if argument <= bound => items += argument,
            5 if argument <= bound => items += 2 * argument,
            _ => return Err(Malformed),
        }
        if at > max || items > bound {
            return Err(Malformed);
        }
    }
    Ok((at <= bytes.len()).then_some(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::cbor::{Value, encode};
    use proptest::prelude::*;

    const MAX: usize = 65_535;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(Value::Unsigned),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
            "[a-z]{0,40}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map("[a-z]{1,8}", inner, 0..6)
                    .prop_map(|map| Value::Map(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_item_ends_where_its_encoding_does(value in value(), rest in any::<[u8; 3]>()) {
            let item = encode(&value);
            let followed = [&item[..], &rest].concat();
            prop_assert_eq!(item_length(&followed, MAX), Ok(Some(item.len())));
            for cut in 0..item.len() {
                prop_assert_eq!(item_length(&item[..cut], MAX), Ok(None));
            }
        }

        #[test]
        fn anything_else_is_refused_or_waited_for(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some(length)) = item_length(&bytes, MAX) {
                prop_assert!(length <= bytes.len());
            }
        }
    }

    #[test]
    fn what_is_longer_than_it_may_be_is_refused_before_it_comes() {
        assert_eq!(item_length(&[0x5a, 0xff, 0xff, 0xff, 0xff], MAX), Err(Malformed));
        assert_eq!(item_length(&[0x9a, 0x00, 0x10, 0x00, 0x00], MAX), Err(Malformed));
        assert_eq!(item_length(&[0x5f], MAX), Err(Malformed));
        assert_eq!(item_length(&[0xc0], MAX), Err(Malformed));
    }
}
