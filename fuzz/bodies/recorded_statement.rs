//! Invariants of statements beside the log, for any bytes:
//! - what decodes encodes to the same bytes, and is named by their digest;
//! - its values can be given again, one by one, and are the same statement;
//! - none has a character that a terminal obeys.

use strongroom::kernel::digest::Digests;
use strongroom::kernel::statement::Statement;

pub(crate) fn check(data: &[u8]) {
    let Ok(statement) = Statement::decode(data) else { return };
    assert_eq!(statement.encode(), data, "what decodes is its own encoding");
    assert_eq!(statement.digest(), Digests::of(data).blake3);
    let values: Vec<_> = statement.values().collect();
    for (key, value) in &values {
        assert!(!value.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{key}: {value:?}");
    }
    let again = Statement::new(values.iter().rev().map(|(key, value)| (*key, (*value).to_owned())));
    assert_eq!(again, Ok(statement.clone()), "whatever the order of the values");
}
