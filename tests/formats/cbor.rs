//! Canonical CBOR: `cbor.json`.

use serde_json::{Value as Json, json};
use strongroom::kernel::cbor::{Bounds, decode, encode};

use crate::files::{bytes, cases, compare, text};
use crate::notation::{from_json, to_json};

const BOUNDS: Bounds = Bounds { bytes: 1_024, depth: 4, items: 64 };

/// What it shows, and the encoding.
const ACCEPTED: [(&str, &str); 26] = [
    ("zero", "00"),
    ("largest integer in the first byte", "17"),
    ("smallest in a second byte", "1818"),
    ("largest in one byte", "18ff"),
    ("smallest in two bytes", "190100"),
    ("smallest in four bytes", "1a00010000"),
    ("smallest in eight bytes", "1b0000000100000000"),
    ("largest integer that JSON readers keep", "1b001fffffffffffff"),
    ("largest unsigned integer", "1bffffffffffffffff"),
    ("minus one", "20"),
    ("minus 256", "38ff"),
    ("smallest negative integer of 64 bits", "3b7fffffffffffffff"),
    ("no bytes", "40"),
    ("four bytes", "4401020304"),
    ("24 bytes: the length in a second byte", "5818000102030405060708090a0b0c0d0e0f1011121314151617"),
    ("empty text", "60"),
    ("text", "6449455446"),
    ("text outside of ASCII", "62c3bc"),
    ("text with a NUL, a quote and a backslash", "6300225c"),
    ("empty array", "80"),
    ("nested arrays", "8301820203820405"),
    ("empty map", "a0"),
    ("keys in bytewise order", "a26161016162820203"),
    ("shorter keys before longer ones", "a3617a01626161026461616161f5"),
    ("false, true, null", "83f4f5f6"),
    ("depth of 4, the bound here", "8181818100"),
];

const REFUSED: [(&str, &str); 48] = [
    ("nothing", ""),
    ("integer 0 in two bytes", "1800"),
    ("integer 23 in two bytes", "1817"),
    ("integer 255 in three bytes", "1900ff"),
    ("integer 65535 in five bytes", "1a0000ffff"),
    ("integer 2^32-1 in nine bytes", "1b00000000ffffffff"),
    ("negative integer not shortest", "3800"),
    ("length of bytes not shortest", "580100"),
    ("length of text not shortest", "780161"),
    ("length of an array not shortest", "980100"),
    ("length of a map not shortest", "b801616100"),
    ("length in eight bytes", "7b000000000000000161"),
    ("indefinite bytes", "5f4101ff"),
    ("indefinite text", "7f6161ff"),
    ("indefinite array", "9f01ff"),
    ("indefinite map", "bf616101ff"),
    ("keys out of order", "a2616201616101"),
    ("longer key before shorter", "a262616101616201"),
    ("key twice, same value", "a2616101616101"),
    ("key twice, other value", "a2616101616102"),
    ("key twice in an inner map", "81a2616101616101"),
    ("integer key", "a10001"),
    ("bytes as key", "a1416101"),
    ("boolean key", "a1f501"),
    ("half float", "f93c00"),
    ("float", "fa47c35000"),
    ("double", "fb3ff199999999999a"),
    ("not a number", "f97e00"),
    ("tag: time as text", "c074323031332d30332d32315432303a30343a30305a"),
    ("tag: time as number", "c11a514b67b0"),
    ("tag: bignum", "c249010000000000000000"),
    ("tag: negative bignum", "c349010000000000000000"),
    ("tag: self-described CBOR", "d9d9f700"),
    ("undefined", "f7"),
    ("simple value 16", "f0"),
    ("simple value in two bytes", "f8ff"),
    ("boolean in two bytes", "f815"),
    ("reserved additional information", "1c"),
    ("break alone", "ff"),
    ("negative integer under -2^63", "3b8000000000000000"),
    ("text that is not UTF-8", "61ff"),
    ("text with a surrogate", "63eda080"),
    ("cut inside a head", "19"),
    ("cut inside text", "6261"),
    ("cut inside a map", "a16161"),
    ("an array that claims more than there is", "9b7fffffffffffffff"),
    ("something after the item", "0000"),
    ("nested deeper than the bound of 4 here", "818181818100"),
];

#[test]
fn vectors_are_what_the_code_reads_and_writes() {
    let accepted: Vec<Json> = ACCEPTED
        .iter()
        .map(|(what, hex)| {
            let value = decode(&hex::decode(hex).expect("hex"), BOUNDS).expect(what);
            json!({"what": what, "cbor": hex, "value": to_json(&value)})
        })
        .collect();
    let refused: Vec<Json> = REFUSED
        .iter()
        .map(|(what, hex)| {
            let reason = decode(&hex::decode(hex).expect("hex"), BOUNDS).expect_err(what);
            json!({"what": what, "cbor": hex, "reason": reason.to_string()})
        })
        .collect();
    let bounds = json!({"bytes": BOUNDS.bytes, "depth": BOUNDS.depth, "items": BOUNDS.items});
    compare("cbor", &json!({"bounds": bounds, "accepted": accepted, "refused": refused}));
}

#[test]
fn every_value_of_the_file_encodes_to_its_bytes() {
    for case in cases("cbor", "accepted") {
        assert_eq!(encode(&from_json(&case["value"])), bytes(&case, "cbor"), "{}", text(&case, "what"));
    }
}

#[test]
fn every_refused_case_of_the_file_is_refused() {
    for case in cases("cbor", "refused") {
        let refused = decode(&bytes(&case, "cbor"), BOUNDS);
        let reason = refused.expect_err(text(&case, "what")).to_string();
        assert_eq!(reason, text(&case, "reason"), "{}", text(&case, "what"));
    }
}
