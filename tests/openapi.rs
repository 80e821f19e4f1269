//! The HTTP surface, pinned: a change of it shows in `tests/vectors/openapi.json`, and so in review.

use std::path::PathBuf;

/// Set to 1, the file is written instead of compared.
const WRITE: &str = "STRONGROOM_WRITE_VECTORS";

#[test]
fn the_document_is_the_golden_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/openapi.json");
    let mut made = serde_json::to_value(strongroom::http::openapi::build()).expect("plain data");
    // The version moves with every release; the surface does not.
    made["info"]["version"] = "0.0.0".into();
    let made = serde_json::to_string_pretty(&made).expect("plain data") + "\n";
    if std::env::var_os(WRITE).is_some_and(|value| value == "1") {
        std::fs::write(&path, made).expect("the file can be written");
        panic!("openapi.json is written; look at what changed and run again without {WRITE}");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file is there");
    for (number, (made, golden)) in made.lines().zip(golden.lines()).enumerate() {
        assert_eq!(made, golden, "openapi.json line {}; if meant, write it with {WRITE}=1", number + 1);
    }
    assert_eq!(
        made.len(),
        golden.len(),
        "openapi.json has another length; if meant, write it with {WRITE}=1"
    );
}
