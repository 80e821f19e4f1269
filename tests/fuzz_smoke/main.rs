//! The fuzz targets of `fuzz/`, for a bounded number of rounds from a fixed seed: what libFuzzer would look for longer.
//!
//! Inputs are the golden vectors and what becomes of them: bytes changed, and values changed and encoded canonically
//! again, which is what gets past the first check. A failure prints target, round and input in hex.

mod corpus;
mod mutate;

#[path = "../../fuzz/bodies/cbor.rs"]
mod cbor;
#[path = "../../fuzz/bodies/checkpoint.rs"]
mod checkpoint;
#[path = "../../fuzz/bodies/event.rs"]
mod event;
#[path = "../../fuzz/bodies/hash_state.rs"]
mod hash_state;
#[path = "../../fuzz/bodies/journal.rs"]
mod journal;
#[path = "../../fuzz/bodies/manifest.rs"]
mod manifest;
#[path = "../../fuzz/bodies/names.rs"]
mod names;
#[path = "../../fuzz/bodies/plan.rs"]
mod plan;
#[path = "../../fuzz/bodies/policy.rs"]
mod policy;
#[path = "../../fuzz/bodies/recorded_statement.rs"]
mod recorded_statement;
#[path = "../../fuzz/bodies/selector.rs"]
mod selector;
#[path = "../../fuzz/bodies/slice.rs"]
mod slice;
#[path = "../../fuzz/bodies/statement.rs"]
mod statement;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mutate::Random;
use strongroom::kernel::digest::Digests;

const SEED: u64 = 0x5eed_0f57_0a6e_0001;

/// A target: its name, what it checks, and rounds that take about a second without optimisation.
type Target = (&'static str, fn(&[u8]), u32);

const TARGETS: [Target; 13] = [
    ("cbor", cbor::check, 40_000),
    ("checkpoint", checkpoint::check, 1_500),
    ("event", event::check, 15_000),
    ("hash_state", hash_state::check, 15_000),
    ("journal", journal::check, 15_000),
    ("manifest", manifest::check, 2_500),
    ("names", names::check, 40_000),
    ("recorded_statement", recorded_statement::check, 15_000),
    ("plan", plan::check, 3_000),
    ("policy", policy::check, 5_000),
    ("selector", selector::check, 10_000),
    ("slice", slice::check, 2_000),
    ("statement", statement::check, 1_500),
];

fn run(name: &str, check: fn(&[u8]), rounds: u32) {
    let corpus = corpus::of(name);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    let one = |round: &dyn std::fmt::Display, input: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(input))) {
            eprintln!("{name}: seed {SEED:#x}, round {round}, input {}", hex::encode(input));
            resume_unwind(panic);
        }
    };
    corpus.iter().for_each(|input| one(&"vectors", input));
    let mut random = Random::new(SEED);
    for round in 0..rounds {
        one(&round, &mutate::input(&mut random, &corpus));
    }
}

fn run_target(wanted: &str) {
    let (name, check, rounds) = TARGETS.into_iter().find(|(name, ..)| *name == wanted).expect("a target");
    run(name, check, rounds);
}

#[test]
fn canonical_cbor_holds_its_invariants() {
    run_target("cbor");
}

#[test]
fn checkpoints_hold_their_invariants() {
    run_target("checkpoint");
}

#[test]
fn event_records_hold_their_invariants() {
    run_target("event");
}

#[test]
fn saved_hash_states_hold_their_invariants() {
    run_target("hash_state");
}

#[test]
fn journals_hold_their_invariants() {
    run_target("journal");
}

#[test]
fn manifests_hold_their_invariants() {
    run_target("manifest");
}

#[test]
fn names_hold_their_invariants() {
    run_target("names");
}

#[test]
fn plans_hold_their_invariants() {
    run_target("plan");
}

#[test]
fn policies_hold_their_invariants() {
    run_target("policy");
}

#[test]
fn selectors_hold_their_invariants() {
    run_target("selector");
}

#[test]
fn slices_hold_their_invariants() {
    run_target("slice");
}

#[test]
fn signed_statements_hold_their_invariants() {
    run_target("statement");
}

#[test]
fn a_target_that_fails_is_seen() {
    fn canary(input: &[u8]) {
        assert!(!input.ends_with(&[0xff]), "sometimes an input ends like this");
    }
    assert!(catch_unwind(|| run("cbor", canary, 20_000)).is_err());
}

#[test]
fn changed_values_get_past_the_first_check() {
    use strongroom::kernel::event::Event;
    use strongroom::kernel::manifest::Document;
    let accepted = |name: &str, reads: fn(&[u8]) -> bool| {
        let (corpus, mut random) = (corpus::of(name), Random::new(SEED));
        let inputs = (0..1_000).map(|_| mutate::input(&mut random, &corpus));
        inputs.filter(|input| !corpus.contains(input) && reads(input)).count()
    };
    assert!(accepted("event", |input| Event::decode(input).is_ok()) > 10);
    assert!(accepted("manifest", |input| Document::decode(input).is_ok()) > 10);
}

#[test]
fn every_target_is_everywhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let files = |directory: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root.join(directory)).expect("the directory is there");
        let stem = |entry: std::fs::DirEntry| Some(entry.path().file_stem()?.to_str()?.to_owned());
        entries.filter_map(|entry| stem(entry.expect("readable"))).collect()
    };
    let here: BTreeSet<String> = TARGETS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(files("bodies"), here);
    assert_eq!(files("fuzz_targets"), here);
    let cargo: toml::Table =
        std::fs::read_to_string(root.join("Cargo.toml")).expect("readable").parse().expect("TOML");
    let bins = cargo["bin"].as_array().expect("a list");
    let bins: BTreeSet<String> =
        bins.iter().filter_map(|bin| Some(bin["name"].as_str()?.to_owned())).collect();
    assert_eq!(bins, here);
}

/// Under `target/tmp/corpus`, for libFuzzer to start from.
#[test]
fn every_corpus_is_laid_out_for_libfuzzer() {
    for (name, ..) in TARGETS {
        let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus").join(name);
        std::fs::create_dir_all(&directory).expect("the corpus directory");
        for input in corpus::of(name) {
            let file = directory.join(Digests::of(&input).blake3.hex());
            std::fs::write(file, input).expect("a corpus file");
        }
    }
}
