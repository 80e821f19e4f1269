//! Statements beside the log: `recorded_statements.json`.

use serde_json::{Value as Json, json};
use strongroom::kernel::cbor::{self, Bounds, Value};
use strongroom::kernel::limits::RECORDED_STATEMENT_MAX_BYTES;
use strongroom::kernel::statement::{Key, MEDIA_TYPE, Statement};

use crate::files::{bytes, cases, compare, read, text};
use crate::notation::{from_json, to_json};

fn statements() -> Vec<Statement> {
    let made = |values: &[(Key, &str)]| {
        let values = values.iter().map(|(key, value)| (*key, (*value).to_owned()));
        Statement::new(values).expect("what a statement may say")
    };
    vec![
        made(&[(Key::Reason, "x")]),
        made(&[(Key::Reason, "Zulassung geprüft,\nsiehe Protokoll\t7")]),
        made(&[(Key::Matter, "2026-CV-00817"), (Key::Reason, "preservation letter of 2026-11-20")]),
        made(&[
            (Key::Reason, "release 1.4.2"),
            (Key::Source, "https://git.example/acme/app"),
            (Key::Revision, "0123456789abcdef0123456789abcdef01234567"),
            (Key::Build, "https://ci.example/acme/app/runs/4711"),
        ]),
        made(&[(Key::Reason, "the data subject asked"), (Key::Authority, "Art. 17 GDPR")]),
    ]
}

fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let map = |pairs: &[(&str, Value)]| {
        cbor::encode(&Value::Map(
            pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        ))
    };
    let reason = |value: &str| map(&[("reason", Value::text(value))]);
    vec![
        ("nothing", vec![]),
        ("no map", cbor::encode(&Value::text("reason"))),
        ("an empty map", map(&[])),
        ("an unknown key", map(&[("reason", Value::text("x")), ("note", Value::text("y"))])),
        ("a key in capitals", map(&[("Reason", Value::text("x"))])),
        ("a value that is no text", map(&[("reason", Value::Unsigned(1))])),
        ("a null", map(&[("reason", Value::text("x")), ("matter", Value::Null)])),
        ("an empty value", reason("")),
        ("a blank value", reason("  ")),
        ("an escape", reason("\u{1b}]0;x")),
        ("a carriage return", reason("a\r\nb")),
        ("a value that is too long", reason(&"x".repeat(4_097))),
        ("keys in another order", hex::decode("a266726561736f6e6178656275696c646179").expect("hex")),
        ("a key twice", hex::decode("a266726561736f6e617866726561736f6e6179").expect("hex")),
        ("something after it", [reason("x"), vec![0]].concat()),
    ]
}

#[test]
fn vectors_are_what_the_code_writes() {
    let statement = |statement: &Statement| {
        let bytes = statement.encode();
        let value = cbor::decode(&bytes, Bounds::bytes(RECORDED_STATEMENT_MAX_BYTES)).expect("canonical");
        json!({"says": to_json(&value), "blake3": statement.digest(), "recorded": hex::encode(bytes)})
    };
    let statements: Vec<Json> = statements().iter().map(statement).collect();
    let refused: Vec<Json> = refused()
        .iter()
        .map(|(what, bytes)| {
            let reason = Statement::decode(bytes).expect_err(what).to_string();
            json!({"what": what, "recorded": hex::encode(bytes), "reason": reason})
        })
        .collect();
    let made = json!({"media_type": MEDIA_TYPE, "statements": statements, "refused": refused});
    compare("recorded_statements", &made);
}

#[test]
fn every_statement_of_the_file_is_read_back() {
    for (case, made) in cases("recorded_statements", "statements").iter().zip(statements()) {
        let recorded = bytes(case, "recorded");
        assert_eq!(cbor::encode(&from_json(&case["says"])), recorded, "{case}");
        assert_eq!(Statement::decode(&recorded), Ok(made.clone()), "{case}");
        assert_eq!(made.encode(), recorded, "{case}");
        assert_eq!(made.digest().to_string(), text(case, "blake3"), "{case}");
    }
    assert_eq!(text(&read("recorded_statements"), "media_type"), MEDIA_TYPE);
}

#[test]
fn every_refused_statement_of_the_file_is_refused() {
    for case in cases("recorded_statements", "refused") {
        let refused = Statement::decode(&bytes(&case, "recorded"));
        let reason = refused.expect_err(text(&case, "what")).to_string();
        assert_eq!(reason, text(&case, "reason"), "{}", text(&case, "what"));
    }
}
