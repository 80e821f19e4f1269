//! Invariants of signed checkpoints, for any text:
//! - no text is believed whose statement the key's holder would not sign;
//! - a statement has one text: what reads without a signature is, signed again, the same statement.

use strongroom::contract::SigningKey;
use strongroom::kernel::checkpoint::Checkpoint;
use strongroom::kernel::event::KeyKind;

pub(crate) fn check(data: &[u8]) {
    let Ok(note) = std::str::from_utf8(data) else { return };
    let key = SigningKey::from_seed(KeyKind::Checkpoint, [3; 32]);
    let public = *key.verifying_key().public();
    let verified = Checkpoint::verify(note, &[public]);
    let Ok(claimed) = Checkpoint::read_unverified(note) else {
        assert!(verified.is_err(), "what is believed is well formed");
        return;
    };
    let again = claimed.sign(&public, |message| key.sign(message));
    let body = |note: &str| note.rsplit_once("\n\n").map(|(body, _)| body.to_owned());
    assert_eq!(body(&again), body(note), "a statement has one text");
    if let Ok(verified) = verified {
        assert_eq!(verified, claimed);
        let signature = again.lines().last().expect("a signature line");
        assert!(note.lines().any(|line| line == signature), "believed without the key's signature");
    }
    assert_eq!(Checkpoint::verify(&again, &[public]), Ok(claimed));
}
