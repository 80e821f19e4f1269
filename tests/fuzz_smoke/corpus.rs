//! What each target starts from: the golden vectors, accepted and refused alike.

use serde_json::Value as Json;

/// The inputs of a target.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "cbor" => [hex("cbor", "cbor"), hex("events", "record"), hex("hashes", "state")].concat(),
        "checkpoint" => notes(),
        "event" => hex("events", "record"),
        "hash_state" => hex("hashes", "state"),
        "journal" => hex("journals", "journal"),
        // Changes of what is accepted reach further than changes of what is refused already.
        "manifest" => [vec![accepted_manifests(); 20].concat(), hex("manifests", "cbor")].concat(),
        "names" => names(),
        "recorded_statement" => hex("recorded_statements", "recorded"),
        "plan" => [plans(), retention("refused", "plan")].concat(),
        "policy" => {
            let written = written("policies");
            [vec![documents("policies"); 10].concat(), retention("refused", "policy"), written].concat()
        }
        "selector" => {
            let written = written("selectors");
            [vec![documents("selectors"); 10].concat(), retention("refused", "selector"), written].concat()
        }
        "slice" => slices(),
        "statement" => statements(),
        other => panic!("{other} has no corpus"),
    }
}

fn file(name: &str) -> Json {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a vector file")).expect("JSON")
}

/// Every text under one of those fields, wherever it stands in the file.
fn texts(json: &Json, fields: &[&str], found: &mut Vec<String>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| texts(item, fields, found)),
        Json::Object(map) => {
            for (key, value) in map {
                match value {
                    Json::String(text) if fields.contains(&key.as_str()) => found.push(text.clone()),
                    _ => texts(value, fields, found),
                }
            }
        }
        _ => {}
    }
}

fn hex(name: &str, field: &str) -> Vec<Vec<u8>> {
    let mut found = vec![];
    texts(&file(name), &[field], &mut found);
    found.iter().map(|text| hex::decode(text).expect("hex")).collect()
}

fn accepted_manifests() -> Vec<Vec<u8>> {
    let mut found = vec![];
    texts(&file("manifests")["documents"], &["cbor"], &mut found);
    found.iter().map(|text| hex::decode(text).expect("hex")).collect()
}

fn notes() -> Vec<Vec<u8>> {
    let mut found = vec![];
    texts(&file("checkpoints"), &["note"], &mut found);
    found.into_iter().map(String::into_bytes).collect()
}

fn names() -> Vec<Vec<u8>> {
    let mut found = vec![];
    texts(&file("paths"), &["path", "link", "target"], &mut found);
    let fields = ["actor", "stream", "repository", "tag", "store", "object", "node", "token", "key", "media"];
    texts(&file("events"), &fields, &mut found);
    texts(&file("statements"), &["blake3", "sha256"], &mut found);
    let paths = file("paths");
    let listed = paths["paths"].as_array().expect("a list");
    found.extend(listed.iter().filter_map(|path| Some(path.as_str()?.to_owned())));
    found.push("reports/2026/latest\n../q1.csv".into());
    found.push("acme/reports@blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262".into());
    found.push("755".into());
    found.into_iter().map(String::into_bytes).collect()
}

fn documents(list: &str) -> Vec<Vec<u8>> {
    let mut found = vec![];
    texts(&file("retention")[list], &["document"], &mut found);
    found.iter().map(|text| hex::decode(text).expect("hex")).collect()
}

/// As a person writes them.
fn written(list: &str) -> Vec<Vec<u8>> {
    let mut found = vec![];
    texts(&file("retention")[list], &["written"], &mut found);
    found.into_iter().map(String::into_bytes).collect()
}

fn retention(list: &str, kind: &str) -> Vec<Vec<u8>> {
    let file = file("retention");
    let cases = file[list].as_array().expect("a list").iter().filter(|case| case["kind"] == kind);
    cases.map(|case| hex::decode(case["document"].as_str().expect("a text")).expect("hex")).collect()
}

fn plans() -> Vec<Vec<u8>> {
    hex("retention", "sequence")
}

fn slices() -> Vec<Vec<u8>> {
    let file = file("slices");
    let small = |case: &&Json| case["bytes"].as_u64().expect("a size") < 80_000;
    let one = |case: &Json| {
        let number = |field: &str| {
            u32::try_from(case[field].as_u64().expect("a number")).expect("small").to_le_bytes()
        };
        let slice = hex::decode(case["slice"].as_str().expect("a slice")).expect("hex");
        [&number("bytes")[..], &number("from"), &number("to"), &slice].concat()
    };
    file["slices"].as_array().expect("a list").iter().filter(small).map(one).collect()
}

fn statements() -> Vec<Vec<u8>> {
    let file = file("statements");
    let mut found = vec![];
    texts(&file, &["statement"], &mut found);
    let lists =
        ["grants", "receipts"].into_iter().flat_map(|list| file[list].as_array().cloned().expect("a list"));
    found.extend(lists.map(|case| case["claims"].to_string()));
    found.into_iter().map(String::into_bytes).collect()
}
