//! Opening uploads: what is present, to whom.

use strongroom::access::Denied;
use strongroom::contract::{Grant, Operation, Size};
use strongroom::control;
use strongroom::control::uploads::{Error, Opened, Wanted};
use strongroom::kernel::digest::{Digest, Digests};
use strongroom::kernel::limits::{BLOB_MAX_BYTES, OPEN_BATCH_MAX};

use crate::plane::{Actor, Plane};

const BYTES: &[u8] = b"evidence";

fn known() -> Wanted {
    Wanted { digest: Some(Digests::of(BYTES).blake3.into()), size_bytes: Some(8) }
}

async fn is_present(actor: &Actor, repository: &str) -> bool {
    matches!(actor.open(repository, &[known()]).await.expect("it is granted")[0], Opened::Present { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_alone_grants_nothing_and_probes_nothing() {
    let plane = Plane::new().await;
    let owner = plane.actor("owner", "repository:acme/*:pull,push").await;
    let stranger = plane.actor("stranger", "repository:other/*:pull,push").await;
    let neighbour = plane.actor("neighbour", "repository:acme/b:push repository:acme/a:pull").await;
    let blind = plane.actor("blind", "repository:acme/b:push").await;
    plane.store(&owner, "acme/a", BYTES).await;

    assert!(is_present(&owner, "acme/a").await);
    assert!(is_present(&neighbour, "acme/b").await, "linked where the token may pull");
    assert!(!is_present(&blind, "acme/b").await, "push alone does not reach other repositories");
    assert!(!is_present(&stranger, "other/x").await, "known by digest only");
    // Also by the other digest, and without a size.
    let sha256 = Wanted { digest: Some(Digests::of(BYTES).sha256.into()), size_bytes: None };
    let opened = owner.open("acme/a", &[sha256, known()]).await.unwrap();
    assert!(opened.iter().all(|opened| matches!(opened, Opened::Present { size_bytes: 8, .. })));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_as_narrow_as_what_was_asked() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", "repository:acme/a:push").await;
    let before = plane.events().await.len();
    let opened = uploader.open("acme/a", &[known(), Wanted::default()]).await.unwrap();
    let terms: Vec<(Option<Digest>, Size)> = opened
        .iter()
        .map(|opened| {
            let Opened::Upload { grant, .. } = opened else { panic!("present") };
            let grant = Grant::verify(grant, &plane.grants, plane.now_ms()).unwrap();
            assert_eq!((grant.actor.as_str(), grant.repository.as_str()), ("uploader", "acme/a"));
            let Operation::Upload(upload) = grant.operation else { panic!("not an upload") };
            (upload.expected, upload.size)
        })
        .collect();
    assert_eq!(terms, [(known().digest, Size::Exact(8)), (None, Size::AtMost(BLOB_MAX_BYTES))]);
    assert_eq!(plane.events().await.len(), before, "opening is no event");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", "repository:acme/a:push").await;
    plane.store(&uploader, "acme/a", BYTES).await;
    let reader = plane.actor("reader", "repository:acme/*:pull").await;
    let denied = reader.open("acme/a", &[known()]).await.unwrap_err();
    assert!(matches!(
        denied,
        Error::Shared(control::Error::Denied(Denied { needed, .. })) if needed == "repository:acme/a:push"
    ));
    assert!(matches!(uploader.open("acme/a", &[]).await, Err(Error::Count(0))));
    let many = vec![Wanted::default(); OPEN_BATCH_MAX + 1];
    assert!(matches!(uploader.open("acme/a", &many).await, Err(Error::Count(_))));
    let huge = Wanted { size_bytes: Some(BLOB_MAX_BYTES + 1), ..Wanted::default() };
    assert!(matches!(uploader.open("acme/a", &[huge]).await, Err(Error::TooLarge { index: 0, .. })));
    let other = Wanted { size_bytes: Some(9), ..known() };
    assert!(matches!(uploader.open("acme/a", &[other]).await, Err(Error::SizeDiffers { .. })));
}
