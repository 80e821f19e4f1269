//! What only a bucket can do to us, and what only a bucket can do for us.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use strongroom::kernel::id::SessionId;
use strongroom::stores::{Document, Error, Patience, S3, S3Credentials, S3Settings, Store as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::s3_server::{Server, settings};
use crate::scene::{key, read, sample, staged, write};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_server_that_overwrites_is_refused() {
    let server = Server::start().await;
    server.manners.careless_put.store(true, Ordering::SeqCst);
    let error = S3::open(server.settings()).await.unwrap_err();
    assert!(matches!(&error, Error::Unfit(told) if told.contains("PUT, If-None-Match")), "{error}");
    server.manners.careless_put.store(false, Ordering::SeqCst);
    server.manners.careless_completion.store(true, Ordering::SeqCst);
    let error = S3::open(server.settings()).await.unwrap_err();
    assert!(matches!(&error, Error::Unfit(told) if told.contains("completion, If-None-Match")), "{error}");
    assert_eq!((server.content.names(), server.content.uploads()), (vec!["format".to_owned()], 0));
}

#[tokio::test]
async fn what_has_to_be_set_right_is_said() {
    let server = Server::start().await;
    let elsewhere = S3Settings { bucket: "elsewhere".to_owned(), ..server.settings() };
    let stranger = S3Credentials { access_key: "stranger".into(), secret_key: "s3cret".into() };
    let stranger = S3Settings { credentials: Some(stranger), ..server.settings() };
    for (settings, part) in [(elsewhere, "make it"), (stranger, "credentials are refused")] {
        let error = S3::open(settings).await.unwrap_err();
        assert!(matches!(&error, Error::Setup(told) if told.contains(part)), "{error}");
        assert!(!error.to_string().contains("s3cret"));
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = S3::open(settings(&format!("http://{closed}"), "evidence")).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(told) if told.contains("check `endpoint`")), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_is_an_error() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let patience =
        Patience { connect: Duration::from_millis(200), attempt: Duration::from_millis(200), attempts: 2 };
    let error = S3::open(S3Settings { patience, ..settings(&endpoint, "evidence") }).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(told) if told.contains("in time")), "{error}");
}

#[tokio::test]
async fn a_full_server_is_full() {
    let server = Server::start().await;
    let store = server.store().await;
    server.manners.full.store(true, Ordering::SeqCst);
    assert!(matches!(store.put(&key(1), Bytes::from_static(b"x")).await, Err(Error::Full)));
    let mut staged = store.stage(&key(2), None, None).await.unwrap();
    write(&mut *staged, b"x").await;
    assert!(matches!(staged.sync().await, Err(Error::Full)));
    let mut staged = store.stage(&key(3), None, Some(2 * MIB as u64)).await.unwrap();
    let parts = staged.write(vec![sample(MIB).into(), sample(MIB).into()]).await;
    assert!(matches!(parts, Err(Error::Full)));
}

#[tokio::test]
async fn something_else_under_the_prefix_is_refused() {
    let server = Server::start().await;
    server.content.put("format", b"registry v2\n");
    let error = S3::open(server.settings()).await.unwrap_err();
    assert!(matches!(&error, Error::Format(told) if told.contains("registry v2")), "{error}");
}

#[tokio::test]
async fn prefixes_share_a_bucket_and_nothing_else() {
    let server = Server::start().await;
    let of = |prefix: &str| S3Settings { prefix: prefix.to_owned(), ..server.settings() };
    let (one, two) = (S3::open(of("one")).await.unwrap(), S3::open(of("two/deep/")).await.unwrap());
    one.put(&key(1), Bytes::from_static(b"one")).await.unwrap();
    two.put(&key(1), Bytes::from_static(b"two")).await.unwrap();
    assert_eq!(read(&one, &key(1)).await.unwrap(), b"one");
    assert_eq!(two.list().await.unwrap().count().await, 1);
    assert!(
        server.content.names().iter().all(|name| name.starts_with("one/") || name.starts_with("two/deep/"))
    );
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_meets_its_own_work() {
    let server = Server::start().await;
    let store = server.store().await;
    let lose = || server.manners.lost_answers.store(1, Ordering::SeqCst);
    let document = Document::Session(SessionId(Uuid::from_u128(1)));

    lose();
    store.put(&key(1), Bytes::from_static(b"whole")).await.unwrap();
    lose();
    let first = store.swap(document, None, Some(Bytes::from_static(b"first"))).await.unwrap().unwrap();
    lose();
    let second =
        store.swap(document, Some(&first), Some(Bytes::from_static(b"second"))).await.unwrap().unwrap();
    assert_eq!(store.load(document).await.unwrap().unwrap(), (Bytes::from_static(b"second"), second));

    let mut parts = store.stage(&key(2), None, None).await.unwrap();
    write(&mut *parts, &sample(3 * MIB)).await;
    parts.rest().await.unwrap();
    lose();
    parts.seal().await.unwrap();
    assert!(read(&store, &key(2)).await.unwrap() == sample(3 * MIB));
    assert_eq!(server.manners.lost_answers.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_completion_that_meets_another_object_is_told_so() {
    let server = Server::start().await;
    let store = server.store().await;
    let mut late = store.stage(&key(1), None, None).await.unwrap();
    write(&mut *late, &sample(3 * MIB)).await;
    store.put(&key(1), Bytes::from_static(b"first")).await.unwrap();
    assert!(matches!(late.seal().await, Err(Error::Exists(found)) if found == key(1)));
    assert_eq!(read(&store, &key(1)).await.unwrap(), b"first");
}

#[tokio::test]
async fn part_numbers_are_used_by_one_writer_and_once() {
    let server = Server::start().await;
    let (old, new) = (server.store().await, server.store().await);
    let length = Some(9 * MIB as u64);
    let mut first = old.stage(&key(1), None, length).await.unwrap();
    write(&mut *first, &sample(2 * MIB)).await;
    let journaled = first.sync().await.unwrap();
    // Another process takes over; the first one does not know it, and goes on.
    let mut second = new.stage(&key(1), Some(&journaled), length).await.unwrap();
    write(&mut *first, &vec![0xee; 4 * MIB]).await;
    write(&mut *second, &sample(9 * MIB)[2 * MIB..]).await;
    first.sync().await.unwrap();
    second.sync().await.unwrap();
    let numbers = server.content.part_numbers();
    assert_eq!(numbers.len(), 2 + 4 + 7, "{numbers:?}");
    second.seal().await.unwrap();
    assert!(read(&new, &key(1)).await.unwrap() == sample(9 * MIB));
    assert!(first.seal().await.is_err());
    assert!(read(&new, &key(1)).await.unwrap() == sample(9 * MIB));
}

#[tokio::test]
async fn numbers_that_are_not_reserved_are_not_used() {
    let server = Server::start().await;
    let store = server.store().await;
    let mut staged = store.stage(&key(1), None, None).await.unwrap();
    let mut waited = false;
    for n in 0..80 {
        waited = staged.is_waiting();
        if waited {
            assert!(n >= 16, "{n}");
            break;
        }
        write(&mut *staged, &sample(2 * MIB)).await;
    }
    assert!(waited, "they end some time");
    assert!(staged.write(vec![sample(MIB).into(), sample(MIB).into()]).await.is_err());
}

#[tokio::test]
async fn numbers_that_were_not_used_are_given_back() {
    let server = Server::start().await;
    let store = server.store().await;
    let mut state = None;
    for _ in 0..400 {
        let mut staged = store.stage(&key(1), state.as_ref(), None).await.unwrap();
        write(&mut *staged, &sample(10_000)).await;
        let rested = staged.rest().await.unwrap();
        staged.journaled(&rested);
        state = Some(rested);
    }
    store.stage(&key(1), state.as_ref(), None).await.unwrap().seal().await.unwrap();
    assert_eq!(store.size(&key(1)).await.unwrap(), Some(4_000_000));
}

#[tokio::test]
async fn parts_that_are_gone_are_lost() {
    let server = Server::start().await;
    let store = server.store().await;
    let mut parts = store.stage(&key(1), None, None).await.unwrap();
    write(&mut *parts, &sample(3 * MIB)).await;
    let state = parts.rest().await.unwrap();
    store.abandon(&key(1), Some(&state)).await.unwrap();
    assert!(matches!(store.stage(&key(1), Some(&state), None).await.err(), Some(Error::Missing(_))));
    assert_eq!((server.content.names(), server.content.uploads()), (vec!["format".to_owned()], 0));
}

#[tokio::test]
async fn what_a_displaced_writer_left_is_listed_and_can_be_dropped() {
    let server = Server::start().await;
    let store = server.store().await;
    staged(&store, &key(1), &sample(3 * MIB + 5)).await;
    staged(&store, &key(1), &sample(2 * MIB)).await;
    let listed: Vec<_> = store.list().await.unwrap().try_collect().await.unwrap();
    let sizes: Vec<_> = listed.iter().map(|listed| (listed.size_bytes, listed.sealed)).collect();
    assert_eq!(sizes, [(5 * MIB as u64 + 5, false)]);
    store.abandon(&key(1), None).await.unwrap();
    assert_eq!((server.content.names(), server.content.uploads()), (vec!["format".to_owned()], 0));
}

#[tokio::test]
async fn a_document_that_was_given_up_can_be_made_again() {
    let server = Server::start().await;
    let store = server.store().await;
    let document = Document::Session(SessionId(Uuid::from_u128(1)));
    let first = store.swap(document, None, Some(Bytes::from_static(b"first"))).await.unwrap();
    store.swap(document, first.as_ref(), None).await.unwrap();
    assert_eq!(store.names(document.kind()).await.unwrap(), []);
    store.swap(document, None, Some(Bytes::from_static(b"second"))).await.unwrap();
    let again = store.swap(document, None, Some(Bytes::from_static(b"third"))).await;
    assert!(matches!(again, Err(Error::Stale(_))));
    assert_eq!(store.names(document.kind()).await.unwrap(), [document]);
}

#[tokio::test]
async fn an_object_that_is_too_long_is_refused_before_its_first_byte() {
    let server = Server::start().await;
    let store = server.store().await;
    let too_long = store.stage(&key(1), None, Some(u64::MAX / 2)).await;
    assert!(matches!(too_long.err(), Some(Error::TooLong { .. })));
}

#[tokio::test]
async fn one_who_only_reads_writes_nothing() {
    let server = Server::start().await;
    assert!(matches!(S3::beside(server.settings()).await, Err(Error::Format(_))));
    let store = server.store().await;
    store.put(&key(1), Bytes::from_static(b"content")).await.unwrap();
    let writes = server.manners.writes.load(Ordering::SeqCst);
    let beside = S3::beside(server.settings()).await.unwrap();
    assert_eq!(read(&beside, &key(1)).await.unwrap(), b"content");
    assert!(matches!(beside.delete(&key(1)).await, Err(Error::Owned(_))));
    assert_eq!(server.manners.writes.load(Ordering::SeqCst), writes);
}

/// Status and body of what is behind a link, asked for with nothing but those headers.
async fn get(link: &str, headers: &str) -> (u16, Vec<u8>) {
    let (host, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

#[tokio::test]
async fn a_link_is_followed_without_credentials() {
    let server = Server::start().await;
    let store = server.store().await;
    store.put(&key(1), Bytes::from(sample(1000))).await.unwrap();
    assert_eq!(
        store.presigned(&key(1), Duration::from_secs(60)).await.unwrap(),
        None,
        "unless it is asked to"
    );
    let store = S3::open(S3Settings { links: true, ..server.settings() }).await.unwrap();
    let link = store.presigned(&key(1), Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!(get(&link, "").await, (200, sample(1000)));
    assert_eq!(get(&link, "range: bytes=10-19\r\n").await, (206, sample(1000)[10..20].to_vec()));
    let forged = link.replace("X-Amz-Signature=", "X-Amz-Signature=0");
    assert!((400..=403).contains(&get(&forged, "").await.0));
}
