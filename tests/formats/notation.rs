//! CBOR values as JSON: text, small integers, booleans, null, arrays and maps are themselves; bytes are
//! `{"$hex": ".."}`, integers that JSON readers round (beyond 2^53) are `{"$int": ".."}`. No map of ours has a key that
//! starts with `$`.

use serde_json::{Value as Json, json};
use strongroom::kernel::cbor::Value;

const EXACT: i64 = (1 << 53) - 1;

pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Unsigned(n) if *n <= EXACT.unsigned_abs() => json!(n),
        Value::Unsigned(n) => json!({"$int": n.to_string()}),
        Value::Negative(n) if *n >= -EXACT => json!(n),
        Value::Negative(n) => json!({"$int": n.to_string()}),
        Value::Bytes(bytes) => json!({"$hex": hex::encode(bytes)}),
        Value::Text(text) => json!(text),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
        Value::Bool(b) => json!(b),
        Value::Null => Json::Null,
    }
}

pub(crate) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::String(text) => Value::text(text),
        Json::Number(n) => integer(&n.to_string()),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect()),
        Json::Object(map) => {
            if let Some(bytes) = map.get("$hex") {
                return Value::Bytes(hex::decode(bytes.as_str().expect("text")).expect("hex"));
            }
            if let Some(n) = map.get("$int") {
                return integer(n.as_str().expect("text"));
            }
            Value::Map(map.iter().map(|(key, value)| (key.clone(), from_json(value))).collect())
        }
    }
}

fn integer(text: &str) -> Value {
    match text.parse() {
        Ok(n) => Value::Unsigned(n),
        Err(_) => Value::Negative(text.parse().expect("an integer of 64 bits")),
    }
}
