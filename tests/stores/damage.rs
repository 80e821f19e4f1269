//! What a filesystem can hold in the place of a store, and what must not come of it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use bytes::Bytes;
use strongroom::kernel::id::SessionId;
use strongroom::stores::{Document, Error, Filesystem, Kind, Store as _};
use uuid::Uuid;

use crate::scene::{Scene, key, read, staged};

#[tokio::test]
async fn one_process_has_the_store() {
    let scene = Scene::filesystem().await;
    let error = Filesystem::open(scene.directory()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Owned(path) if path.contains(scene.directory().to_str().unwrap())),
        "{error}"
    );
    drop(scene.restart().await);
}

#[tokio::test]
async fn another_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("format"), "strongroom filesystem store v9\n").unwrap();
    let error = Filesystem::open(directory.path()).await.unwrap_err();
    assert!(matches!(&error, Error::Format(found) if found.contains("v9")), "{error}");
}

#[tokio::test]
async fn a_store_half_made_is_made_whole() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("objects/00")).unwrap();
    fs::write(directory.path().join("format.new"), "strong").unwrap();
    let store = Filesystem::open(directory.path()).await.unwrap();
    store.put(&key(0xff), Bytes::from_static(b"x")).await.unwrap();
}

#[tokio::test]
async fn no_link_is_followed() {
    let scene = Scene::filesystem().await;
    let store = scene.store().await;
    let secret = scene.directory().join("secret");
    fs::write(&secret, "not an object").unwrap();
    let at = |area: &str| scene.directory().join(area).join(key(1).as_str());
    symlink(&secret, at("objects")).unwrap();
    symlink(&secret, at("stages")).unwrap();
    assert!(matches!(read(&*store, &key(1)).await, Err(Error::Io(_))));
    assert!(matches!(store.size(&key(1)).await, Err(Error::Io(_))));
    assert!(store.put(&key(1), Bytes::from_static(b"x")).await.is_err());
    assert!(store.stage(&key(1), None, None).await.is_err());
    let document = Document::Session(SessionId(Uuid::from_u128(1)));
    let documents = scene.directory().join("documents/sessions");
    symlink(&secret, documents.join(document.name())).unwrap();
    assert!(store.load(document).await.is_err());
    store.delete(&key(1)).await.unwrap();
    assert_eq!(fs::read_to_string(&secret).unwrap(), "not an object");
}

#[tokio::test]
async fn a_pipe_in_the_place_of_an_object_hangs_no_one() {
    let scene = Scene::filesystem().await;
    let path = scene.directory().join("objects").join(key(1).as_str());
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let error = read(&*scene.store().await, &key(1)).await.unwrap_err();
    assert!(matches!(error, Error::Format(_)), "{error}");
}

#[tokio::test]
async fn only_the_owner_may_look() {
    let scene = Scene::filesystem().await;
    let store = scene.store().await;
    store.put(&key(1), Bytes::from_static(b"x")).await.unwrap();
    staged(&*store, &key(2), b"y").await;
    let mode = |path: &str| fs::metadata(scene.directory().join(path)).unwrap().mode() & 0o777;
    assert_eq!(mode(&format!("objects/{}", key(1))), 0o600);
    assert_eq!(mode(&format!("stages/{}", key(2))), 0o600);
    for path in ["objects", "objects/00", "stages", "stages/ff", "documents", "documents/sessions"] {
        assert_eq!(mode(path), 0o700, "{path}");
    }
}

#[tokio::test]
async fn an_unfinished_document_is_removed_at_start() {
    let scene = Scene::filesystem().await;
    let unfinished = scene.directory().join("documents/sessions/new-0");
    fs::write(&unfinished, "half").unwrap();
    let store = scene.restart().await;
    assert!(!unfinished.exists());
    assert_eq!(store.names(Kind::Sessions).await.unwrap(), []);
}

#[tokio::test]
async fn strangers_among_the_files_are_left_alone() {
    use futures::StreamExt as _;
    let scene = Scene::filesystem().await;
    fs::write(scene.directory().join("objects/00/README"), "hello").unwrap();
    fs::write(scene.directory().join("documents/sessions/notes"), "hello").unwrap();
    let store = scene.restart().await;
    assert_eq!(store.list().await.unwrap().count().await, 0);
    assert_eq!(store.names(Kind::Sessions).await.unwrap(), []);
    assert!(scene.directory().join("objects/00/README").exists());
}
