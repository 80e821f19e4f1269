//! The vector files: read, compared, and written if that is asked for.

use std::path::PathBuf;

use serde_json::Value as Json;

/// Set to 1, the vectors are written instead of compared.
const WRITE: &str = "STRONGROOM_WRITE_VECTORS";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(format!("{name}.json"))
}

/// The file as it is on disk.
pub(crate) fn read(name: &str) -> Json {
    let text = std::fs::read_to_string(path(name)).expect("the vector file is there");
    serde_json::from_str(&text).expect("a vector file is JSON")
}

/// The cases of one list of the file; there is no list without a case.
pub(crate) fn cases(name: &str, list: &str) -> Vec<Json> {
    let cases = read(name)[list].as_array().cloned().unwrap_or_default();
    assert!(!cases.is_empty(), "{name}.json: no case in `{list}`");
    cases
}

/// A text field of a case.
pub(crate) fn text<'a>(case: &'a Json, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("`{field}` is a text in {case}"))
}

/// A field of a case that holds bytes in hex.
pub(crate) fn bytes(case: &Json, field: &str) -> Vec<u8> {
    hex::decode(text(case, field)).expect("hex")
}

/// Compares what the code makes with the file, list by list and case by case, or writes it.
pub(crate) fn compare(name: &str, made: &Json) {
    if std::env::var_os(WRITE).is_some_and(|value| value == "1") {
        let text = serde_json::to_string_pretty(made).expect("JSON") + "\n";
        std::fs::write(path(name), text).expect("the vector file can be written");
        panic!("{name}.json is written; look at what changed and run again without {WRITE}");
    }
    let (made, found) = (made.as_object().expect("lists by name"), read(name));
    let found = found.as_object().expect("lists by name");
    assert!(made.keys().eq(found.keys()), "{name}.json has other lists than the code makes");
    for (list, made) in made {
        let (Some(made), Some(found)) = (made.as_array(), found[list].as_array()) else {
            assert_eq!(made, &found[list], "{name}.json: {list}");
            continue;
        };
        assert!(!found.is_empty(), "{name}.json: no case in `{list}`");
        for (made, found) in made.iter().zip(found) {
            assert_eq!(
                made, found,
                "{name}.json: {list} (if only a reason is worded anew, write it with {WRITE}=1)"
            );
        }
        assert_eq!(made.len(), found.len(), "{name}.json: cases in `{list}`");
    }
}
