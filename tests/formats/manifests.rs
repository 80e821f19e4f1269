//! Manifests, indexes and their OCI renderings: `manifests.json`.

use serde_json::{Value as Json, json};
use strongroom::kernel::cbor::{self, Bounds, Value};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::limits::DOCUMENT_MAX_BYTES;
use strongroom::kernel::manifest::{
    Annotations, Descriptor, Document, DocumentDescriptor, Entry, File, Header, Index, Kind, Manifest,
    MediaType, Mode, Package,
};

use crate::files::{bytes, cases, compare, text};
use crate::notation::{from_json, to_json};

const BOUNDS: Bounds = Bounds::bytes(DOCUMENT_MAX_BYTES);

fn annotations(pairs: &[(&str, &str)]) -> Annotations {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn entry(path: &str, kind: Kind) -> Entry {
    Entry { path: path.parse().expect("a path"), kind }
}

fn file(path: &str, content: &[u8], mode: Option<u32>) -> Entry {
    let file = File {
        media_type: MediaType::OCTET_STREAM,
        digests: Digests::of(content),
        size_bytes: content.len() as u64,
        mode: mode.map(Mode::from_unix),
        annotations: Annotations::new(),
    };
    entry(path, Kind::File(file))
}

/// One of every entry form, and names that JSON has to escape or may leave as they are.
fn tree() -> Manifest {
    let link = |path, target: &str| entry(path, Kind::Symlink(target.parse().expect("a target")));
    let mut labelled = file("reports/2026/q1.csv", b"quarter,total\nQ1,42\n", Some(0o640));
    if let Kind::File(file) = &mut labelled.kind {
        file.media_type = "text/csv".parse().expect("a media type");
        file.annotations =
            annotations(&[("org.opencontainers.image.source", "https://lab.example/runs/7?a=1&b=<2>")]);
    }
    let entries = vec![
        file("bin/run", b"#!/bin/sh\n", Some(0o755)),
        file("empty", b"", Some(0o600)),
        link("latest", "reports/2026/q1.csv"),
        link("reports/2026/run", "../../bin/run"),
        labelled,
        entry("spool", Kind::Directory),
        file("Übergabe \"1\".txt", b"{}", None),
    ];
    let header = Header {
        artifact_type: None,
        subject: None,
        annotations: annotations(&[("org.opencontainers.image.revision", "7c3\t\u{1}é"), ("a", "\"\\/")]),
    };
    Manifest::from_entries(header, entries).expect("valid")
}

/// About the tree: a config that says something, a layer without a place.
fn statement() -> Manifest {
    let blob = |media_type: &str, content: &[u8]| Descriptor {
        media_type: media_type.parse().expect("a media type"),
        digests: Digests::of(content),
        size_bytes: content.len() as u64,
        annotations: Annotations::new(),
    };
    let header = Header { subject: Some(tree().descriptor()), ..Header::default() };
    let config = blob("application/vnd.acme.statement.config+json", br#"{"v":1}"#);
    Manifest::new(header, config, vec![blob("application/jose", b"a.b.c")]).expect("valid")
}

/// About something that came as OCI JSON.
fn about_oci() -> Manifest {
    let bytes = br#"{"schemaVersion":2}"#;
    let subject = DocumentDescriptor {
        media_type: MediaType::OCI_MANIFEST,
        digests: Digests::of(bytes),
        size_bytes: bytes.len() as u64,
        rendering: None,
        annotations: annotations(&[("note", "kept")]),
    };
    let artifact_type = Some("application/vnd.acme.note".parse().expect("a media type"));
    let header = Header { artifact_type, subject: Some(subject), annotations: Annotations::new() };
    Manifest::from_entries(header, vec![]).expect("valid")
}

/// What a package of two parts looks like.
fn index() -> Index {
    let part = |path| {
        let header = Header { artifact_type: Some(MediaType::PACKAGE_PART), ..Header::default() };
        Manifest::from_entries(header, vec![file(path, b"same", Some(0o644))]).expect("valid").descriptor()
    };
    let header = Header {
        artifact_type: Some(MediaType::PACKAGE),
        subject: Some(about_oci().descriptor()),
        annotations: annotations(&[("org.opencontainers.image.title", "a large one")]),
    };
    Index::new(header, vec![part("a"), part("b")]).expect("valid")
}

fn documents() -> Vec<(&'static str, Document)> {
    let nothing = Package::of(Header::default(), vec![]).expect("valid");
    vec![
        ("an empty package", nothing.top().clone()),
        ("every form of entry", Document::Manifest(tree())),
        ("a statement about a package", Document::Manifest(statement())),
        ("a note about an OCI manifest", Document::Manifest(about_oci())),
        ("a package of two parts", Document::Index(index())),
        ("a note about an index", {
            let header = Header { subject: Some(index().descriptor()), ..Header::default() };
            Document::Manifest(Manifest::from_entries(header, vec![]).expect("valid"))
        }),
    ]
}

fn entries(document: &Document) -> Json {
    let Document::Manifest(manifest) = document else { return Json::Null };
    let of = |entry: &Entry| match &entry.kind {
        Kind::File(file) => {
            json!({"path": entry.path.as_str(), "file": file.digests.blake3, "size": file.size_bytes,
                                   "mode": file.mode.map(|mode| mode.to_string())})
        }
        Kind::Directory => json!({"path": entry.path.as_str(), "directory": true}),
        Kind::Symlink(target) => json!({"path": entry.path.as_str(), "target": target.as_str()}),
    };
    manifest.entries().iter().map(of).collect()
}

/// The steps to a field, and what it becomes; none takes it away.
type Change = (String, Option<Value>);

fn text_at(steps: &str, new: &str) -> Change {
    (steps.to_owned(), Some(Value::text(new)))
}

fn changed(value: &Value, steps: &str, new: Option<Value>) -> Value {
    let (step, rest) = steps.split_once(' ').map_or((steps, None), |(step, rest)| (step, Some(rest)));
    match value {
        Value::Array(items) => {
            let n: usize = step.parse().expect("an index");
            let mut items = items.clone();
            items[n] = changed(&items[n], rest.expect("a field of the item"), new);
            Value::Array(items)
        }
        Value::Map(fields) => {
            let inner = fields.iter().find(|(key, _)| key == step).map(|(_, value)| value);
            let new = match rest {
                Some(rest) => Some(changed(inner.expect("a field to change"), rest, new)),
                None => new,
            };
            let others = fields.iter().filter(|(key, _)| key != step).cloned();
            Value::Map(others.chain(new.map(|value| (step.to_owned(), value))).collect())
        }
        _ => panic!("no field in {value:?}"),
    }
}

/// What a document and its descriptors may not be.
fn changes_of_the_manifest() -> Vec<Change> {
    let missing = ["schemaVersion", "mediaType", "artifactType", "config", "layers", "layers 0 sha256"];
    let empty = ["subject", "annotations", "config annotations"];
    let mut changes: Vec<Change> = missing.map(|steps| (steps.to_owned(), None)).into();
    changes.extend(empty.map(|steps| (steps.to_owned(), Some(Value::Map(vec![])))));
    changes.extend([
        ("schemaVersion".into(), Some(Value::Unsigned(3))),
        text_at("mediaType", "application/vnd.oci.image.manifest.v1+json"),
        text_at("mediaType", "application/vnd.strongroom.index.v1+cbor"),
        text_at("artifactType", "package"),
        ("config".into(), Some(Value::Null)),
        text_at("config data", "e30="),
        ("urls".into(), Some(Value::Array(vec![]))),
        ("annotations a".into(), Some(Value::Unsigned(1))),
        text_at("annotations ", "no key"),
        text_at("annotations vnd.strongroom.native", "x"),
        text_at("layers 0 mediaType", "text/plain; charset=utf-8"),
        text_at("layers 0 digest", "blake3:00"),
        ("layers 0 digest".into(), Some(Value::Bytes(vec![0; 31]))),
        ("layers 0 size".into(), Some(Value::Negative(-1))),
        ("layers 0 size".into(), Some(Value::Unsigned(u64::MAX))),
        (
            "layers 1 digest".into(),
            Some(Value::Bytes(Digests::of(b"#!/bin/sh\n").blake3.as_bytes().to_vec())),
        ),
    ]);
    changes
}

/// What layers may not mean. Layer 0 is a file, layer 2 a link.
fn changes_of_the_entries() -> Vec<Change> {
    let title = "layers 0 annotations org.opencontainers.image.title";
    let outside = ["/etc/passwd", "../run", "bin/../../run", "bin\\run", "bin/\0", "bin//run", "./run", ""];
    let no_tree = ["empty", "empty/run", "latest/run", "spool/run", "reports"];
    let of = |layer: u8, key: &str| format!("layers {layer} annotations vnd.strongroom.{key}");
    let mut changes: Vec<Change> = outside.map(|path| text_at(title, path)).into();
    changes.extend(no_tree.map(|path| text_at(title, path)));
    changes.extend([
        (title.to_owned(), None),
        text_at(&of(0, "file.mode"), "0755"),
        text_at(&of(0, "file.mode"), "4755"),
        text_at(&of(0, "file.owner"), "root"),
        text_at(&of(0, "entry.type"), "directory"),
        text_at(&of(2, "entry.type"), "fifo"),
        (of(2, "entry.type"), None),
        (of(2, "entry.path"), None),
        (of(2, "entry.target"), None),
        text_at(&of(2, "entry.target"), "../secret"),
        text_at(&of(2, "entry.target"), "/etc/passwd"),
        text_at(&of(2, "entry.target"), "bin/../../x"),
        text_at("layers 2 annotations note", "x"),
        ("layers 2 size".into(), Some(Value::Unsigned(3))),
    ]);
    changes
}

fn changes_of_the_index() -> Vec<Change> {
    vec![
        ("manifests".into(), None),
        ("manifests".into(), Some(Value::Array(vec![]))),
        ("manifests 0 oci".into(), None),
        ("manifests 0 oci size".into(), Some(Value::Unsigned(0))),
        ("manifests 0 size".into(), Some(Value::Unsigned(DOCUMENT_MAX_BYTES as u64 + 1))),
        text_at("manifests 0 mediaType", "application/vnd.strongroom.index.v1+cbor"),
        text_at("manifests 0 mediaType", "application/octet-stream"),
        ("layers".into(), Some(Value::Array(vec![]))),
        text_at("subject mediaType", "application/vnd.oci.image.manifest.v1+json"),
    ]
}

/// Documents that are refused: the tree or the index with one field changed or taken away.
fn refused() -> Vec<(String, Vec<u8>)> {
    let value = |bytes: Vec<u8>| cbor::decode(&bytes, BOUNDS).expect("canonical");
    let bases = [
        ("manifest", value(tree().encode()), [changes_of_the_manifest(), changes_of_the_entries()].concat()),
        ("index", value(index().encode()), changes_of_the_index()),
    ];
    let mut documents = vec![];
    for (name, base, changes) in bases {
        for (steps, new) in changes {
            let how = new.as_ref().map_or("missing".into(), |value| format!("= {}", to_json(value)));
            documents.push((format!("{name}: {steps} {how}"), cbor::encode(&changed(&base, &steps, new))));
        }
    }
    documents
}

#[test]
fn vectors_are_what_the_code_writes() {
    let documents: Vec<Json> = documents()
        .into_iter()
        .map(|(what, document)| {
            let (bytes, oci) = (document.encode(), document.oci_json());
            let digests = Digests::of(&bytes);
            json!({
                "what": what,
                "media_type": document.media_type().as_str(),
                "blake3": digests.blake3,
                "sha256": digests.sha256,
                "cbor": hex::encode(&bytes),
                "value": to_json(&cbor::decode(&bytes, BOUNDS).expect("canonical")),
                "entries": entries(&document),
                "oci": String::from_utf8(oci.clone()).expect("JSON is UTF-8"),
                "oci_media_type": document.oci_media_type().as_str(),
                "oci_sha256": Digests::of(&oci).sha256,
                "oci_size": oci.len(),
            })
        })
        .collect();
    let refused: Vec<Json> = refused()
        .iter()
        .map(|(what, bytes)| {
            let reason = Document::decode(bytes).expect_err(what).to_string();
            json!({"what": what, "cbor": hex::encode(bytes), "reason": reason})
        })
        .collect();
    compare("manifests", &json!({"documents": documents, "refused": refused}));
}

#[test]
fn every_document_of_the_file_is_its_bytes_and_its_rendering() {
    for (case, (what, made)) in cases("manifests", "documents").iter().zip(documents()) {
        let native = bytes(case, "cbor");
        assert_eq!(text(case, "what"), what);
        assert_eq!(cbor::encode(&from_json(&case["value"])), native, "{what}");
        let document = Document::decode(&native).expect(what);
        assert_eq!(document, made, "{what}");
        assert_eq!(document.encode(), native, "{what}");
        let oci = document.oci_json();
        assert_eq!(String::from_utf8_lossy(&oci), text(case, "oci"), "{what}");
        let named = document.descriptor();
        assert_eq!(named.digests, Digests::of(&native), "{what}");
        assert_eq!(named.digests.blake3.to_string(), text(case, "blake3"), "{what}");
        let rendering = named.rendering.expect("a native document has one");
        assert_eq!(rendering.sha256.to_string(), text(case, "oci_sha256"), "{what}");
        assert_eq!(rendering.size_bytes, case["oci_size"], "{what}");
        assert_eq!(entries(&document), case["entries"], "{what}");
    }
}

#[test]
fn both_kinds_of_document_have_a_vector() {
    let documents = cases("manifests", "documents");
    for kind in [MediaType::MANIFEST, MediaType::INDEX] {
        assert!(documents.iter().any(|case| case["media_type"] == kind.as_str()), "{kind} has no vector");
    }
}

#[test]
fn every_refused_document_of_the_file_is_refused() {
    for case in cases("manifests", "refused") {
        let what = text(&case, "what");
        let reason = Document::decode(&bytes(&case, "cbor")).expect_err(what).to_string();
        assert_eq!(reason, text(&case, "reason"), "{what}");
    }
}
