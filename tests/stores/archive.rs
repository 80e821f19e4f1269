//! Objects that have to be restored before they can be read: as a server that behaves so has them, and in the very answers
//! that Amazon documents (S3 API: RestoreObject, HeadObject, GetObject), which lie in `aws/`.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use strongroom::stores::{Availability, Document, Error, S3, S3Settings, Standing, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::s3_server::{Server, settings};
use crate::scene::{key, read, sample, write};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

async fn in_class(server: &Server, class: &str) -> S3 {
    let settings = S3Settings {
        storage_class: Some(class.to_owned()),
        restore_tier: "Bulk".to_owned(),
        ..server.settings()
    };
    S3::open(settings).await.unwrap()
}

fn is_archived<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Archived(found)) if *found == key(1))
}

async fn standing(store: &dyn Store) -> Availability {
    store.archive().look(&key(1)).await.unwrap().unwrap().availability
}

#[tokio::test]
async fn an_archived_object_is_read_from_when_it_is_restored_until_its_days_are_over() {
    for (class, length) in [("GLACIER", 1_000), ("DEEP_ARCHIVE", 3 * 1024 * 1024 + 5)] {
        let server = Server::start().await;
        let store = in_class(&server, class).await;
        let bytes = sample(length);
        let mut staged = store.stage(&key(1), None, Some(length as u64)).await.unwrap();
        write(&mut *staged, &bytes).await;
        staged.seal().await.unwrap();

        assert!(is_archived(&read(&store, &key(1)).await), "{class}");
        assert_eq!(store.size(&key(1)).await.unwrap(), Some(length as u64), "its size is known all the same");
        assert_eq!(standing(&store).await, Availability::Archived);
        for _ in 0..3 {
            let asked = store.archive().restore(&key(1), 2).await.unwrap();
            let size_bytes = length as u64;
            assert_eq!(asked, Some(Standing { size_bytes, availability: Availability::Restoring }));
            assert!(is_archived(&read(&store, &key(1)).await));
        }
        assert_eq!(server.content.asked(), [(2, "Bulk".to_owned())], "it is asked for once");

        let before_ms =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        server.content.finish_restores();
        for _ in 0..2 {
            let found = store.archive().restore(&key(1), 2).await.unwrap().unwrap();
            let Availability::Available { until_ms: Some(until_ms) } = found.availability else {
                panic!("{found:?}")
            };
            // The header has seconds.
            let left_ms = until_ms + 1_000 - u64::try_from(before_ms).unwrap();
            assert!((2 * DAY_MS..2 * DAY_MS + 60_000).contains(&left_ms), "{left_ms}");
        }
        assert_eq!(server.content.asked().len(), 1, "what can be read is not asked for again");
        assert!(read(&store, &key(1)).await.unwrap() == bytes);

        server.content.expire_restores();
        assert_eq!(standing(&store).await, Availability::Archived);
        assert!(is_archived(&read(&store, &key(1)).await));
        store.delete(&key(1)).await.unwrap();
        assert_eq!(store.archive().restore(&key(1), 1).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_lies_beside_archived_objects_is_at_hand() {
    let server = Server::start().await;
    let store = in_class(&server, "DEEP_ARCHIVE").await;
    let document =
        Document::Tile(Uuid::from_u128(1), strongroom::kernel::tree::tiles::Position { level: 0, index: 0 });
    store.swap(document, None, Some(Bytes::from_static(b"tile"))).await.unwrap();
    assert_eq!(store.load(document).await.unwrap().unwrap().0, "tile");
}

#[tokio::test]
async fn the_class_of_the_object_counts_and_not_that_of_the_store() {
    let server = Server::start().await;
    let instant = in_class(&server, "GLACIER_IR").await;
    instant.put(&key(1), Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(standing(&instant).await, Availability::Available { until_ms: None });
    assert_eq!(read(&instant, &key(1)).await.unwrap(), b"x");
    // A rule of the bucket archives what this store put there to be read.
    server.content.transition("GLACIER");
    assert_eq!(standing(&instant).await, Availability::Archived);
    assert!(is_archived(&read(&instant, &key(1)).await));
}

/// Amazon, as far as it is documented: gives these answers, one for each request, and keeps what was asked.
struct Amazon {
    endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
}

fn documented(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/aws").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// A documented answer on the wire: lines end as in HTTP, and a body has its length said.
fn wire(name: &str) -> String {
    let text = documented(name);
    let (head, body) = text.split_once("\n\n").unwrap();
    let head = head.replace('\n', "\r\n");
    let length = if head.contains("Content-Length") {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!("{head}\r\n{length}Connection: close\r\n\r\n{body}")
}

impl Amazon {
    async fn answering(names: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = asked.clone();
        tokio::spawn(async move {
            for name in names {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                // The body of a restoration ends with its element; the others have none.
                let is_whole = |request: &[u8]| match request.starts_with(b"POST") {
                    true => request.ends_with(b"</RestoreRequest>"),
                    false => request.ends_with(b"\r\n\r\n"),
                };
                while !is_whole(&request) {
                    let mut some = [0; 4_096];
                    let count = stream.read(&mut some).await.unwrap();
                    assert!(count > 0);
                    request.extend_from_slice(&some[..count]);
                }
                kept.lock().unwrap().push(String::from_utf8(request).unwrap());
                stream.write_all(wire(name).as_bytes()).await.unwrap();
            }
        });
        Self { endpoint, asked }
    }

    /// A store there, for whoever reads: opening one to write tries out more than is documented here.
    async fn store(&self) -> strongroom::stores::Beside {
        let settings =
            S3Settings { restore_tier: "Expedited".to_owned(), ..settings(&self.endpoint, "examplebucket") };
        S3::beside(settings).await.unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_restoration_is_asked_for_in_the_documented_words() {
    let amazon = Amazon::answering(&[
        "format-200.http",
        "head-archived.http",
        "restore-202.http",
        "head-ongoing.http",
    ])
    .await;
    let store = amazon.store().await;
    let standing = store.archive().restore(&key(1), 2).await.unwrap().unwrap();
    assert_eq!(standing, Standing { size_bytes: 300, availability: Availability::Restoring });
    let asked = amazon.asked();
    let (head, body) = asked[2].split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /examplebucket/objects/01/00000000000000000000000000000001?restore"),
        "{head}"
    );
    let plain = |xml: &str| {
        let xml = xml.replace(" xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"", "");
        xml.split_whitespace().collect::<String>()
    };
    assert_eq!(plain(body), plain(&documented("restore-request.xml")));
}

#[tokio::test]
async fn the_documented_answers_are_understood() {
    let restoring = Availability::Restoring;
    let until = Availability::Available { until_ms: Some(1_356_048_000_000) };
    for (answers, expected) in [
        (&["format-200.http", "head-archived.http", "restore-409.http", "head-ongoing.http"][..], restoring),
        (&["format-200.http", "head-archived.http", "restore-202.http", "head-archived.http"], restoring),
        (&["format-200.http", "head-archived.http", "restore-200.http", "head-restored.http"], until),
        (&["format-200.http", "head-ongoing.http"], restoring),
        (&["format-200.http", "head-restored.http"], until),
    ] {
        let amazon = Amazon::answering(answers).await;
        let standing = amazon.store().await.archive().restore(&key(1), 2).await.unwrap().unwrap();
        assert_eq!(standing.availability, expected, "{answers:?}");
        assert_eq!(amazon.asked().len(), answers.len());
    }
    let amazon = Amazon::answering(&["format-200.http", "get-403.http"]).await;
    assert!(is_archived(&read(&amazon.store().await, &key(1)).await));
}
