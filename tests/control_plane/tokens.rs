//! Tokens: narrower than their maker, known by hash alone, dead when they are revoked.

use strongroom::access::Secret;
use strongroom::control;
use strongroom::control::tokens::{self, Error, Mint};
use strongroom::log::read;

use crate::plane::Plane;

fn mint_of(scopes: &str, expires_in_seconds: Option<u64>) -> Mint {
    Mint {
        subject: Some("ci".parse().expect("an actor")),
        scopes: scopes.parse().expect("scopes"),
        expires_in_seconds,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_works_until_it_is_revoked_or_expires() {
    let plane = Plane::new().await;
    let admin = plane.admin();
    let lasting =
        tokens::mint(&plane.control, &admin.context, mint_of("repository:acme/*:pull", None)).await.unwrap();
    let brief = tokens::mint(&plane.control, &admin.context, mint_of("log:read", Some(60))).await.unwrap();
    let caller = plane.caller(&lasting.secret).await.unwrap();
    assert_eq!((caller.actor.as_str(), caller.token), ("ci", Some(lasting.token.clone())));
    assert!(plane.caller(&brief.secret).await.is_ok());

    plane.clock.advance_ms(60_000);
    assert!(matches!(plane.caller(&brief.secret).await, Err(Error::Unauthenticated)));
    for _ in 0..2 {
        tokens::revoke(&plane.control, &admin.context, &lasting.token).await.unwrap();
        assert!(matches!(plane.caller(&lasting.secret).await, Err(Error::Unauthenticated)));
    }
    assert_eq!(plane.facts("token.revoked").await.len(), 1);
    let unknown = plane.caller(&Secret::from_random([1; 32])).await;
    assert!(matches!(unknown, Err(Error::Unauthenticated)));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_administer_mints_nothing_and_revokes_only_themselves() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", "repository:acme/*:pull,push").await;
    let other = plane.actor("other", "log:read").await;
    let minted =
        tokens::mint(&plane.control, &uploader.context, mint_of("repository:acme/*:pull", None)).await;
    assert!(matches!(minted, Err(Error::Shared(control::Error::Denied(_)))));
    let listed = tokens::list(&plane.control, &uploader.context.caller, None, 10).await;
    assert!(matches!(listed, Err(Error::Shared(control::Error::Denied(_)))));
    let others = other.context.caller.token.clone().unwrap();
    let revoked = tokens::revoke(&plane.control, &uploader.context, &others).await;
    assert!(matches!(revoked, Err(Error::Shared(control::Error::Denied(_)))));
    let own = uploader.context.caller.token.clone().unwrap();
    tokens::revoke(&plane.control, &uploader.context, &own).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_never_wider_than_the_one_that_mints_it() {
    let plane = Plane::new().await;
    let admin = plane.actor("narrow", "admin repository:acme/*:pull").await;
    let wider = tokens::mint(&plane.control, &admin.context, mint_of("repository:*:pull", None)).await;
    assert!(matches!(wider, Err(Error::Wider { .. })));
    let nothing = tokens::mint(&plane.control, &admin.context, mint_of("", None)).await;
    assert!(matches!(nothing, Err(Error::NothingAllowed)));
    assert!(
        tokens::mint(&plane.control, &admin.context, mint_of("repository:acme/a:pull", None)).await.is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_minting_makes_no_second_token() {
    let plane = Plane::new().await;
    let admin = plane.admin().repeating("request-1");
    let first = tokens::mint(&plane.control, &admin.context, mint_of("log:read", None)).await.unwrap();
    let again = tokens::mint(&plane.control, &admin.context, mint_of("log:read", None)).await;
    assert!(matches!(again, Err(Error::AlreadyMinted(token)) if token == first.token));
    assert_eq!(plane.facts("token.minted").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_in_no_record_and_no_print() {
    let plane = Plane::new().await;
    let minted =
        tokens::mint(&plane.control, &plane.admin().context, mint_of("log:read", None)).await.unwrap();
    let digits = minted.secret.reveal().trim_start_matches("srt_").to_owned();
    assert!(!format!("{minted:?}").contains(&digits[..16]));
    let page = read::page(plane.database.database.pool(), &read::Query::from(0), 100).await.unwrap();
    for raw in page.records {
        let text = String::from_utf8_lossy(&raw.record).into_owned();
        assert!(!text.contains(&digits[..16]), "position {}", raw.position);
    }
}
