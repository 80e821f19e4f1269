use super::*;
use crate::kernel::digest::Digests;
use proptest::prelude::*;

fn file(content: &[u8], mode: Option<u32>) -> Kind {
    Kind::File(File {
        media_type: MediaType::OCTET_STREAM,
        digests: Digests::of(content),
        size_bytes: content.len() as u64,
        mode: mode.map(Mode::from_unix),
        annotations: Annotations::new(),
    })
}

fn entry(path: &str, kind: Kind) -> Entry {
    Entry { path: path.parse().unwrap(), kind }
}

fn link(path: &str, target: &str) -> Entry {
    entry(path, Kind::Symlink(target.parse().unwrap()))
}

fn annotated(pairs: &[(&str, &str)]) -> Annotations {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn sample() -> Manifest {
    let header =
        Header { annotations: annotated(&[("org.opencontainers.image.revision", "1")]), ..Header::default() };
    let entries = vec![
        link("latest", "reports/q1.csv"),
        entry("reports/q1.csv", file(b"a,b\n", Some(0o644))),
        entry("bin/run", file(b"#!/bin/sh\n", Some(0o100_755))),
        entry("empty", file(b"", None)),
        entry("spool", Kind::Directory),
    ];
    Manifest::from_entries(header, entries).unwrap()
}

/// A manifest of one layer with those annotations.
fn with_layer(layer: Descriptor) -> Result<Manifest, Error> {
    let header = Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() };
    Manifest::new(header, Descriptor::empty(), vec![layer])
}

fn blob(annotations: &[(&str, &str)]) -> Descriptor {
    Descriptor {
        media_type: MediaType::OCTET_STREAM,
        digests: Digests::of(b"x"),
        size_bytes: 1,
        annotations: annotated(annotations),
    }
}

#[test]
fn entries_come_back_in_the_order_of_their_paths() {
    let manifest = Manifest::decode(&sample().encode()).unwrap();
    let paths: Vec<&str> = manifest.entries().iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["bin/run", "empty", "latest", "reports/q1.csv", "spool"]);
    assert_eq!(manifest, sample());
    assert_eq!(Document::decode(&sample().encode()).unwrap(), Document::Manifest(sample()));
}

#[test]
fn only_regular_files_have_a_title() {
    for (layer, entry) in sample().layers().iter().zip(sample().entries()) {
        let is_file = matches!(entry.kind, Kind::File(_));
        assert_eq!(layer.annotations.contains_key(entry::TITLE), is_file, "{entry:?}");
        assert_eq!(layer.is_empty(), !is_file);
    }
}

#[test]
fn a_blob_counts_once_however_often_it_is_named() {
    let same = || file(b"same", None);
    let manifest =
        Manifest::from_entries(Header::default(), vec![entry("a", same()), entry("b", same())]).unwrap();
    assert_eq!(manifest.blobs().len(), 2, "the file and the empty config");
    assert_eq!(manifest.blobs_bytes(), 4 + 2);
}

#[test]
fn entries_that_are_no_tree_are_refused() {
    let f = || file(b"x", None);
    let cases = [
        vec![entry("a", f()), entry("a", f())],
        vec![entry("a", f()), entry("a", Kind::Directory)],
        vec![entry("a", f()), entry("a/b", f())],
        vec![entry("a", f()), entry("a-b", f()), entry("a/b/c", f())],
        vec![entry("a", Kind::Directory), entry("a/b", f())],
        vec![link("a", "b"), entry("a/b", f())],
    ];
    for entries in cases {
        let refused = Manifest::from_entries(Header::default(), entries.clone());
        assert!(matches!(refused, Err(Error::Tree(_))), "{entries:?}");
    }
}

#[test]
fn layers_that_lead_out_of_the_package_are_refused() {
    for path in ["../a", "/a", "a/../../b", "a\\b", "a\0b", "a//b", "./a", "a/", ""] {
        let refused = with_layer(blob(&[(entry::TITLE, path)]));
        assert!(matches!(refused, Err(Error::Layer { .. })), "{path:?}");
        let refused = with_layer(Descriptor {
            annotations: annotated(&[(entry::ENTRY_TYPE, "directory"), (entry::ENTRY_PATH, path)]),
            ..Descriptor::empty()
        });
        assert!(matches!(refused, Err(Error::Layer { .. })), "{path:?}");
    }
    for target in ["../x", "/x", "y/../../x", "", "a\\b"] {
        let refused = with_layer(Descriptor {
            annotations: annotated(&[
                (entry::ENTRY_TYPE, "symlink"),
                (entry::ENTRY_PATH, "link"),
                (entry::ENTRY_TARGET, target),
            ]),
            ..Descriptor::empty()
        });
        assert!(matches!(refused, Err(Error::Layer { .. })), "{target:?}");
    }
}

#[test]
fn annotations_of_ours_that_do_not_belong_together_are_refused() {
    let cases: [&[(&str, &str)]; 9] = [
        &[(entry::FILE_MODE, "644")],
        &[(entry::TITLE, "a"), (entry::FILE_MODE, "0644")],
        &[(entry::TITLE, "a"), (entry::FILE_MODE, "888")],
        &[(entry::TITLE, "a"), (entry::FILE_MODE, "+44")],
        &[(entry::TITLE, "a"), (entry::ENTRY_TYPE, "directory")],
        &[(entry::TITLE, "a"), (entry::ENTRY_PATH, "a")],
        &[(entry::ENTRY_TYPE, "directory"), (entry::ENTRY_PATH, "a")],
        &[("vnd.strongroom.unknown", "")],
        &[("vnd.strongroom.native", "")],
    ];
    for annotations in cases {
        assert!(matches!(with_layer(blob(annotations)), Err(Error::Layer { .. })), "{annotations:?}");
    }
    let empty = |pairs| Descriptor { annotations: annotated(pairs), ..Descriptor::empty() };
    let cases: [&[(&str, &str)]; 5] = [
        &[(entry::ENTRY_TYPE, "fifo"), (entry::ENTRY_PATH, "a")],
        &[(entry::ENTRY_TYPE, "directory")],
        &[(entry::ENTRY_TYPE, "symlink"), (entry::ENTRY_PATH, "a")],
        &[(entry::ENTRY_TYPE, "directory"), (entry::ENTRY_PATH, "a"), (entry::ENTRY_TARGET, "b")],
        &[(entry::ENTRY_TYPE, "directory"), (entry::ENTRY_PATH, "a"), ("other", "b")],
    ];
    for annotations in cases {
        assert!(matches!(with_layer(empty(annotations)), Err(Error::Layer { .. })), "{annotations:?}");
    }
    let header = Header { annotations: annotated(&[("vnd.strongroom.native", "x")]), ..Header::default() };
    assert!(matches!(Manifest::from_entries(header, vec![]), Err(Error::Descriptor { .. })));
}

#[test]
fn bounds_are_enforced() {
    let many = vec![blob(&[]); MANIFEST_LAYERS_MAX + 1];
    let header = || Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() };
    assert_eq!(
        Manifest::new(header(), Descriptor::empty(), many),
        Err(Error::TooManyLayers(MANIFEST_LAYERS_MAX + 1))
    );
    // Control characters take six times their size in JSON: the manifest would fit, its rendering would not.
    let value = "\u{1}".repeat(4_096);
    let annotations: Annotations = (0..200).map(|n| (n.to_string(), value.clone())).collect();
    let big = Manifest::new(Header { annotations, ..header() }, Descriptor::empty(), vec![]);
    assert!(matches!(big, Err(Error::TooLarge(_))), "{big:?}");
    let huge = Descriptor { size_bytes: u64::MAX, ..blob(&[]) };
    assert!(matches!(with_layer(huge), Err(Error::Descriptor { place: Place::Layer(0), .. })));
    let long = "v".repeat(4_097);
    assert!(matches!(with_layer(blob(&[("k", &long)])), Err(Error::Descriptor { .. })));
    assert!(matches!(with_layer(blob(&[("", "v")])), Err(Error::Descriptor { .. })));
    assert!(matches!(with_layer(blob(&[(&"k".repeat(256), "v")])), Err(Error::Descriptor { .. })));
}

#[test]
fn an_empty_config_needs_an_artifact_type() {
    assert_eq!(Manifest::new(Header::default(), Descriptor::empty(), vec![]), Err(Error::NoArtifactType));
}

#[test]
fn one_blob_described_in_two_ways_is_refused() {
    let header = Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() };
    let other = Descriptor { size_bytes: 2, ..blob(&[]) };
    let refused = Manifest::new(header, Descriptor::empty(), vec![blob(&[]), other]);
    assert_eq!(refused, Err(Error::Contradiction(Digests::of(b"x").blake3)));
}

#[test]
fn documents_of_another_shape_are_refused() {
    let good = cbor::decode(&sample().encode(), Bounds::bytes(DOCUMENT_MAX_BYTES)).unwrap();
    let Value::Map(fields) = good else { panic!("a manifest is a map") };
    let with = |key: &str, value: Option<Value>| {
        let mut fields: Vec<_> = fields.iter().filter(|(k, _)| k != key).cloned().collect();
        fields.extend(value.map(|value| (key.to_owned(), value)));
        Document::decode(&cbor::encode(&Value::Map(fields)))
    };
    assert!(with("unused", None).is_ok());
    for missing in ["schemaVersion", "mediaType", "config", "layers", "artifactType"] {
        assert!(with(missing, None).is_err(), "{missing}");
    }
    assert!(with("extra", Some(Value::Null)).is_err());
    assert!(with("schemaVersion", Some(Value::Unsigned(1))).is_err());
    assert!(with("mediaType", Some(Value::text("application/json"))).is_err());
    assert!(with("mediaType", Some(Value::text(MediaType::INDEX))).is_err());
    assert!(with("artifactType", Some(Value::text("not a type"))).is_err());
    assert!(with("annotations", Some(Value::Map(vec![]))).is_err());
    assert!(with("annotations", Some(Value::Map(vec![("k".into(), Value::Unsigned(1))]))).is_err());
    assert!(with("layers", Some(Value::Map(vec![]))).is_err());
    assert!(with("subject", Some(blob(&[]).write())).is_err());
}

#[test]
fn a_subject_names_its_rendering_exactly_if_it_is_native() {
    let of = |subject| {
        let header = Header { subject: Some(subject), ..Header::default() };
        Manifest::from_entries(header, vec![])
    };
    let subject = sample().descriptor();
    assert!(of(subject.clone()).is_ok());
    assert!(of(DocumentDescriptor { rendering: None, ..subject.clone() }).is_err());
    assert!(of(DocumentDescriptor { media_type: MediaType::OCI_MANIFEST, ..subject.clone() }).is_err());
    let oci = DocumentDescriptor { media_type: MediaType::OCI_MANIFEST, rendering: None, ..subject.clone() };
    assert!(of(oci).is_ok());
    assert!(of(DocumentDescriptor { media_type: MediaType::OCTET_STREAM, ..subject.clone() }).is_err());
    assert!(of(DocumentDescriptor { size_bytes: 0, ..subject }).is_err());
}

#[test]
fn the_rendering_is_an_oci_manifest_that_names_its_native_bytes() {
    let manifest = sample();
    let json: serde_json::Value = serde_json::from_slice(&manifest.oci_json()).unwrap();
    assert_eq!(json["mediaType"], MediaType::OCI_MANIFEST.as_str());
    assert_eq!(json["artifactType"], MediaType::PACKAGE.as_str());
    assert_eq!(json["config"]["digest"], descriptor::EMPTY_DIGESTS.sha256.to_string());
    assert_eq!(json["layers"][3]["annotations"][entry::TITLE], "reports/q1.csv");
    assert_eq!(json["layers"][3]["digest"], Digests::of(b"a,b\n").sha256.to_string());
    assert_eq!(json["annotations"][oci::NATIVE], Digests::of(&manifest.encode()).blake3.to_string());
    assert!(manifest.oci_json().starts_with(br#"{"schemaVersion":2,"mediaType":"#));
}

#[test]
fn an_index_lists_manifests_each_once() {
    let other = Manifest::from_entries(Header::default(), vec![entry("z", file(b"z", None))]).unwrap();
    let index = Index::new(Header::default(), vec![sample().descriptor(), other.descriptor()]).unwrap();
    assert_eq!(Document::decode(&index.encode()), Ok(Document::Index(index.clone())));
    let json: serde_json::Value = serde_json::from_slice(&index.oci_json()).unwrap();
    assert_eq!(json["mediaType"], MediaType::OCI_INDEX.as_str());
    assert_eq!(json["manifests"][1]["digest"], Digests::of(&other.oci_json()).sha256.to_string());
    assert_eq!(json["manifests"][1]["size"], other.oci_json().len());
    assert!(Index::check_entries([&sample(), &other]).is_ok());
    assert!(Index::check_entries([&sample(), &sample()]).is_err());

    assert_eq!(Index::new(Header::default(), vec![]), Err(Error::ManifestCount(0)));
    let twice = vec![other.descriptor(), other.descriptor()];
    assert!(matches!(Index::new(Header::default(), twice), Err(Error::ListedTwice(_))));
    assert!(Index::new(Header::default(), vec![index.descriptor()]).is_err());
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let kind = prop_oneof![
        (any::<Vec<u8>>(), proptest::option::of(0u32..0o1000))
            .prop_map(|(content, mode)| file(&content, mode)),
        Just(Kind::Directory),
        "[a-z./]{0,3}[a-z]".prop_filter_map("relative", |text| text.parse().ok().map(Kind::Symlink)),
    ];
    prop::collection::btree_map("[a-zäöü ./-]{1,12}", kind, 0..12).prop_map(|map| {
        map.into_iter().filter_map(|(path, kind)| Some(Entry { path: path.parse().ok()?, kind })).collect()
    })
}

proptest! {
    #[test]
    fn what_is_accepted_round_trips(entries in any_entries(), note in prop::option::of(any::<String>())) {
        let annotations = note.iter().map(|note| ("note".to_owned(), note.clone())).collect();
        let header = Header { annotations, ..Header::default() };
        if let Ok(manifest) = Manifest::from_entries(header, entries.clone()) {
            let bytes = manifest.encode();
            let back = Manifest::decode(&bytes).unwrap();
            prop_assert_eq!(&Document::annotations(&bytes).unwrap(), manifest.annotations());
            prop_assert_eq!(back.encode(), bytes);
            prop_assert_eq!(back.oci_json(), manifest.oci_json());
            let mut sorted = entries;
            sorted.sort_by(|a, b| a.path.cmp(&b.path));
            prop_assert_eq!(back.entries(), &sorted[..]);
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_means_exactly_itself(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = sample().encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(document) = Document::decode(&bytes) {
            prop_assert_eq!(document.encode(), bytes);
        }
    }
}
