//! Signed checkpoints: `checkpoints.json`. Ed25519 signs deterministically, so a note is its text.

use serde_json::{Value as Json, json};
use strongroom::contract::SigningKey;
use strongroom::kernel::checkpoint::Checkpoint;
use strongroom::kernel::event::KeyKind;
use strongroom::kernel::merkle::{empty_root, leaf_hash};

use crate::files::{bytes, cases, compare, read, text};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyKind::Checkpoint, [seed; 32])
}

fn sign(checkpoint: &Checkpoint, key: &SigningKey) -> String {
    checkpoint.sign(key.verifying_key().public(), |message| key.sign(message))
}

fn checkpoints() -> Vec<Checkpoint> {
    let checkpoint = |size, root| Checkpoint { origin: "log.example/strongroom".into(), size, root };
    vec![
        checkpoint(0, empty_root()),
        checkpoint(1, leaf_hash(b"")),
        checkpoint(1_000_000, leaf_hash(b"some root")),
        checkpoint(u64::MAX, leaf_hash(b"the largest")),
    ]
}

fn refused() -> Vec<(&'static str, String)> {
    let checkpoint = &checkpoints()[2];
    let note = sign(checkpoint, &key(3));
    let (body, signature) = note.split_once("\n\n").expect("two parts");
    vec![
        ("nothing", String::new()),
        ("no signature", format!("{body}\n\n")),
        ("no empty line", note.replace("\n\n", "\n")),
        ("another size", note.replace("1000000", "1000001")),
        ("a leading zero", note.replace("1000000", "01000000")),
        ("another origin", note.replace("log.example", "log.other")),
        ("an extension line", format!("{body}\nextension\n\n{signature}")),
        ("other line ends", note.replace('\n', "\r\n")),
        ("a space before", format!(" {note}")),
        ("signed by another key", sign(checkpoint, &key(4))),
        ("no root", format!("log.example/strongroom\n1000000\n\n{signature}")),
    ]
}

#[test]
fn vectors_are_what_the_code_signs() {
    let signed = |checkpoint: &Checkpoint| {
        let note = sign(checkpoint, &key(3));
        json!({"origin": checkpoint.origin, "size": checkpoint.size.to_string(),
               "root": hex::encode(checkpoint.root), "note": note})
    };
    let public = *key(3).verifying_key().public();
    let refused: Vec<Json> = refused()
        .iter()
        .map(|(what, note)| {
            let reason = Checkpoint::verify(note, &[public]).expect_err(what).to_string();
            json!({"what": what, "note": note, "reason": reason})
        })
        .collect();
    let signed: Vec<Json> = checkpoints().iter().map(signed).collect();
    let made = json!({"public": hex::encode(public), "checkpoints": signed, "refused": refused});
    compare("checkpoints", &made);
}

fn public() -> [u8; 32] {
    bytes(&read("checkpoints"), "public").try_into().expect("32 bytes")
}

#[test]
fn notes_of_the_file_are_verified_and_read_back() {
    for (case, made) in cases("checkpoints", "checkpoints").iter().zip(checkpoints()) {
        assert_eq!(Checkpoint::verify(text(case, "note"), &[public()]), Ok(made.clone()));
        assert_eq!(made.size.to_string(), text(case, "size"));
        assert_eq!(hex::encode(made.root), text(case, "root"));
    }
}

#[test]
fn every_refused_note_of_the_file_is_refused() {
    for case in cases("checkpoints", "refused") {
        let refused = Checkpoint::verify(text(&case, "note"), &[public()]);
        let reason = refused.expect_err(text(&case, "what")).to_string();
        assert_eq!(reason, text(&case, "reason"), "{}", text(&case, "what"));
    }
}
