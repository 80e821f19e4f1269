//! What is kept of the views, and how long.

use std::time::Duration;

use strongroom::access::Secret;
use strongroom::control::manifests::{self, Form};
use strongroom::control::{Precondition, tokens};

use crate::plane::{Plane, by_tag, name};

const SCOPES: &str = "repository:acme/*:push,pull";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_given_again_without_a_query_while_the_log_stands() {
    let plane = Plane::new().await;
    let (minted, uploader) = uploader(&plane).await;
    let first = plane.package(&uploader, "acme/a", b"first").await.encode();
    uploader.push("acme/a", &by_tag("v1"), &first, Precondition::Any).await.unwrap();
    let other = plane.other().await;
    other.hears().await;
    let read = async || {
        let caller = tokens::authenticate(&other.control, &minted).await.ok()?;
        let (repository, reference) = (name("acme/a"), by_tag("v1"));
        let got = manifests::get(&other.control, &caller, &repository, &reference, Form::Native);
        Some(got.await.ok()?.bytes)
    };
    assert_eq!(read().await.unwrap(), first);
    other.pool.close().await;
    assert_eq!(read().await.unwrap(), first);
    let second = plane.package(&uploader, "acme/a", b"second").await.encode();
    uploader.push("acme/a", &by_tag("v1"), &second, Precondition::Any).await.unwrap();
    // The log has grown, so the question goes to the database, which this one has lost.
    while read().await.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_one_process_revokes_stops_working_in_the_other() {
    let plane = Plane::new().await;
    let (minted, uploader) = uploader(&plane).await;
    let other = plane.other().await;
    other.hears().await;
    assert!(tokens::authenticate(&other.control, &minted).await.is_ok());
    let token = uploader.context.caller.token.clone().unwrap();
    tokens::revoke(&plane.control, &plane.admin().context, &token).await.unwrap();
    assert!(tokens::authenticate(&plane.control, &minted).await.is_err());
    while tokens::authenticate(&other.control, &minted).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn uploader(plane: &Plane) -> (Secret, crate::plane::Actor) {
    let mint =
        tokens::Mint { subject: None, scopes: SCOPES.parse().expect("scopes"), expires_in_seconds: None };
    let minted = tokens::mint(&plane.control, &plane.admin().context, mint).await.expect("minted");
    let caller = plane.caller(&minted.secret).await.expect("a token that works");
    (minted.secret, plane.actor_of(caller))
}
