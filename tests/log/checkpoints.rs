//! Checkpoints: signed while the log grows, never over a log that was taken back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use strongroom::contract::SigningKey;
use strongroom::kernel::checkpoint::Checkpoint;
use strongroom::kernel::event::KeyKind;
use strongroom::log::checkpoint::{Anchor, AnchorError, Error, Signer, Trust, latest};
use strongroom::log::head;
use tokio::sync::Mutex;

use crate::fixture::Fixture;

const ORIGIN: &str = "strongroom/test";

#[derive(Default)]
struct Kept(Mutex<Option<String>>);

#[async_trait]
impl Anchor for Kept {
    async fn load(&self) -> Result<Option<String>, AnchorError> {
        Ok(self.0.lock().await.clone())
    }

    async fn swap(&self, expected: Option<&str>, next: &str) -> Result<(), AnchorError> {
        let mut kept = self.0.lock().await;
        if kept.as_deref() != expected {
            return Err(AnchorError("another signer was faster".into()));
        }
        *kept = Some(next.to_owned());
        Ok(())
    }
}

fn signer(anchor: &Arc<Kept>) -> Signer {
    let key = SigningKey::from_seed(KeyKind::Checkpoint, [1; 32]);
    let known_keys = vec![*key.verifying_key().public()];
    Signer { origin: ORIGIN.into(), key, known_keys, anchor: anchor.clone() }
}

fn read(note: &str) -> Checkpoint {
    let key = SigningKey::from_seed(KeyKind::Checkpoint, [1; 32]);
    Checkpoint::verify(note, &[*key.verifying_key().public()]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growing_log_is_signed_by_one_of_two_signers_and_at_last_at_shutdown() {
    let fixture = Fixture::new().await;
    let pool = fixture.database.database.pool();
    let anchor = Arc::new(Kept::default());
    signer(&anchor).prove(pool, Trust::AnchorRequired).await.unwrap();
    assert_eq!(read(&anchor.load().await.unwrap().unwrap()).size, 0, "an empty log is signed too");
    let tasks: Vec<_> =
        (0..2).map(|_| signer(&anchor).start(fixture.database.options(), fixture.log.grown())).collect();
    fixture.append("v1").await;
    while read(&latest(pool).await.unwrap().unwrap()).size < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fixture.append("v2").await;
    for task in tasks {
        task.stop().await;
    }
    let last = read(&latest(pool).await.unwrap().unwrap());
    let head = head::read(&mut fixture.database.connect().await).await.unwrap();
    assert_eq!((last.size, last.root), (2, head.root()));
    assert_eq!(anchor.load().await.unwrap(), latest(pool).await.unwrap());
}

#[tokio::test]
async fn a_log_without_its_anchor_needs_an_operators_word() {
    let fixture = Fixture::new().await;
    fixture.append("v1").await;
    let pool = fixture.database.database.pool();
    let anchor = Arc::new(Kept::default());
    let error = signer(&anchor).prove(pool, Trust::AnchorRequired).await.unwrap_err();
    assert!(matches!(error, Error::AnchorMissing { size: 1 }), "{error}");
    signer(&anchor).prove(pool, Trust::OnFirstSight).await.unwrap();
    assert_eq!(read(&anchor.load().await.unwrap().unwrap()).size, 1);
}

#[tokio::test]
async fn a_log_that_was_taken_back_is_not_signed() {
    let fixture = Fixture::new().await;
    let pool = fixture.database.database.pool();
    let anchor = Arc::new(Kept::default());
    let ahead = Checkpoint { origin: ORIGIN.into(), size: 5, root: [9; 32] };
    let key = SigningKey::from_seed(KeyKind::Checkpoint, [1; 32]);
    let note = ahead.sign(key.verifying_key().public(), |body| key.sign(body));
    anchor.swap(None, &note).await.unwrap();
    fixture.append("v1").await;
    let error = signer(&anchor).prove(pool, Trust::OnFirstSight).await.unwrap_err();
    assert!(matches!(error, Error::Inconsistent { size: 1, signed: 5 }), "{error}");
    for n in 2..=6 {
        fixture.append(&format!("v{n}")).await;
    }
    let error = signer(&anchor).prove(pool, Trust::OnFirstSight).await.unwrap_err();
    assert!(
        matches!(error, Error::Inconsistent { size: 6, signed: 5 }),
        "longer, but another history: {error}"
    );
}

#[tokio::test]
async fn an_anchor_of_another_log_or_by_an_unknown_key_is_refused() {
    let fixture = Fixture::new().await;
    let pool = fixture.database.database.pool();
    let key = SigningKey::from_seed(KeyKind::Checkpoint, [1; 32]);
    let other = Checkpoint { origin: "strongroom/other".into(), size: 0, root: [0; 32] };
    let anchor =
        Arc::new(Kept(Mutex::new(Some(other.sign(key.verifying_key().public(), |body| key.sign(body))))));
    let error = signer(&anchor).prove(pool, Trust::AnchorRequired).await.unwrap_err();
    assert!(matches!(error, Error::OtherLog { .. }), "{error}");
    let stranger = SigningKey::from_seed(KeyKind::Checkpoint, [2; 32]);
    let ours = Checkpoint { origin: ORIGIN.into(), size: 0, root: [0; 32] };
    let note = ours.sign(stranger.verifying_key().public(), |body| stranger.sign(body));
    let anchor = Arc::new(Kept(Mutex::new(Some(note))));
    let error = signer(&anchor).prove(pool, Trust::AnchorRequired).await.unwrap_err();
    assert!(matches!(error, Error::AnchorInvalid(_)), "{error}");
}
