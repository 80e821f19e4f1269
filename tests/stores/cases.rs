//! The cases. Each begins with an empty store.

use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use strongroom::kernel::id::{GrantId, SessionId};
use strongroom::kernel::limits::HASH_BLOCK_BYTES;
use strongroom::stores::{Availability, Document, Error, Kind, Listed, StagedState, Standing};
use uuid::Uuid;

use crate::scene::{Scene, key, read, sample, staged, write};

const BLOCK: usize = HASH_BLOCK_BYTES as usize;

fn document(n: u128) -> Document {
    Document::Session(SessionId(Uuid::from_u128(n)))
}

fn content(text: &str) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) async fn an_object_is_put_whole_and_read_back(scene: &Scene) {
    let store = scene.store().await;
    for (n, length) in (1..).zip([0, 1, 16 * 1024, 300_000, BLOCK]) {
        let bytes = sample(length);
        store.put(&key(n), bytes.clone().into()).await.unwrap();
        assert_eq!(store.size(&key(n)).await.unwrap(), Some(length as u64));
        assert!(read(&*store, &key(n)).await.unwrap() == bytes, "{length} bytes");
    }
}

pub(crate) async fn many_are_put_together_and_each_has_its_own_outcome(scene: &Scene) {
    let store = scene.store().await;
    assert!(store.put_many(Vec::new()).await.is_empty());
    store.put(&key(5), Bytes::from_static(b"first")).await.unwrap();
    // Few, and more than any store writes at once; of every small length; one key is taken, one stands there twice.
    for (from, count) in [(0, 3), (3, 100)] {
        let objects: Vec<_> = (from..from + count)
            .map(|n| {
                (key(if n == 20 { 19 } else { n }), Bytes::from(sample(usize::try_from(n).unwrap() * 97)))
            })
            .collect();
        let outcomes = store.put_many(objects.clone()).await;
        assert_eq!(outcomes.len(), objects.len());
        let mut twice = Vec::new();
        for ((found, bytes), outcome) in objects.iter().zip(outcomes) {
            match outcome {
                Ok(()) => assert!(read(&*store, found).await.unwrap() == *bytes, "{found}"),
                Err(Error::Exists(named)) => {
                    assert_eq!(named, *found);
                    twice.push(named);
                }
                Err(error) => panic!("{found}: {error}"),
            }
        }
        assert_eq!(twice, if from == 0 { vec![] } else { vec![key(5), key(19)] });
    }
    assert_eq!(read(&*store, &key(5)).await.unwrap(), b"first");
    drop(store);
    let store = scene.restart().await;
    assert_eq!(store.list().await.unwrap().count().await, 102);
    assert_eq!(store.size(&key(102)).await.unwrap(), Some(102 * 97));
}

pub(crate) async fn ranges_are_cut_to_the_object(scene: &Scene) {
    let store = scene.store().await;
    let bytes = sample(700_000);
    store.put(&key(1), bytes.clone().into()).await.unwrap();
    for (from, to) in [
        (0, 0),
        (0, 1),
        (5, 700_000),
        (262_143, 262_145),
        (699_999, 700_001),
        (700_000, 700_001),
        (1, u64::MAX),
    ] {
        let pieces: Vec<Bytes> = store.read(&key(1), from..to).await.unwrap().try_collect().await.unwrap();
        let within = |at: u64| usize::try_from(at.min(700_000)).unwrap();
        assert!(pieces.concat() == bytes[within(from)..within(to)], "{from}..{to}");
    }
}

pub(crate) async fn a_key_is_never_overwritten(scene: &Scene) {
    let store = scene.store().await;
    store.put(&key(1), Bytes::from_static(b"first")).await.unwrap();
    let error = store.put(&key(1), Bytes::from_static(b"second")).await.unwrap_err();
    assert!(matches!(error, Error::Exists(found) if found == key(1)));
    let mut late = store.stage(&key(1), None, None).await.unwrap();
    write(&mut *late, b"third").await;
    assert!(matches!(late.seal().await, Err(Error::Exists(found)) if found == key(1)));
    assert_eq!(read(&*store, &key(1)).await.unwrap(), b"first");
}

pub(crate) async fn of_racing_puts_one_wins(scene: &Scene) {
    let store = scene.store().await;
    let puts = (0..16u8).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.put(&key(1), vec![n; 1000].into()).await.is_ok() })
    });
    let won: Vec<bool> = join_all(puts).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = (0..16u8).filter(|n| won[usize::from(*n)]).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(read(&*store, &key(1)).await.unwrap(), vec![winners[0]; 1000]);
}

pub(crate) async fn what_is_not_there_is_missing(scene: &Scene) {
    let store = scene.store().await;
    assert!(matches!(read(&*store, &key(1)).await, Err(Error::Missing(found)) if found == key(1)));
    assert_eq!(store.size(&key(1)).await.unwrap(), None);
    assert_eq!(store.load(document(1)).await.unwrap(), None);
    for kind in Kind::ALL {
        assert_eq!(store.names(kind).await.unwrap(), []);
    }
    assert_eq!(store.list().await.unwrap().count().await, 0);
}

pub(crate) async fn deleting_twice_is_fine(scene: &Scene) {
    let store = scene.store().await;
    store.put(&key(1), Bytes::from_static(b"x")).await.unwrap();
    store.delete(&key(1)).await.unwrap();
    store.delete(&key(1)).await.unwrap();
    assert_eq!(store.size(&key(1)).await.unwrap(), None);
}

pub(crate) async fn a_stage_is_no_object_until_it_is_sealed(scene: &Scene) {
    let store = scene.store().await;
    let bytes = sample(3 * BLOCK + 5);
    let mut staged = store.stage(&key(1), None, None).await.unwrap();
    for part in bytes.chunks(BLOCK + 7) {
        write(&mut *staged, part).await;
    }
    assert_eq!(staged.sync().await.unwrap().bytes, bytes.len() as u64);
    assert_eq!(store.size(&key(1)).await.unwrap(), None);
    assert!(matches!(read(&*store, &key(1)).await, Err(Error::Missing(_))));
    staged.seal().await.unwrap();
    assert!(read(&*store, &key(1)).await.unwrap() == bytes);
    let listed: Vec<Listed> = store.list().await.unwrap().try_collect().await.unwrap();
    assert_eq!(listed, [Listed { key: key(1), size_bytes: bytes.len() as u64, sealed: true }]);
}

pub(crate) async fn a_stage_goes_on_from_its_state(scene: &Scene) {
    let bytes = sample(2 * BLOCK + 1000);
    let state = staged(&*scene.store().await, &key(1), &bytes[..BLOCK + 10]).await;
    let store = scene.restart().await;
    let mut staged = store.stage(&key(1), Some(&state), None).await.unwrap();
    assert_eq!(staged.state().bytes, state.bytes);
    assert_eq!(staged.reread(HASH_BLOCK_BYTES).await.unwrap(), &bytes[BLOCK..BLOCK + 10]);
    write(&mut *staged, &bytes[BLOCK + 10..]).await;
    staged.seal().await.unwrap();
    assert!(read(&*store, &key(1)).await.unwrap() == bytes);
}

pub(crate) async fn what_was_not_synced_is_cut_off(scene: &Scene) {
    let store = scene.store().await;
    let mut staged = store.stage(&key(1), None, None).await.unwrap();
    write(&mut *staged, b"kept").await;
    let state = staged.sync().await.unwrap();
    write(&mut *staged, b" and more").await;
    assert_eq!(staged.state().bytes, 4);
    drop((staged, store));
    let store = scene.restart().await;
    let mut staged = store.stage(&key(1), Some(&state), None).await.unwrap();
    write(&mut *staged, b"!").await;
    staged.seal().await.unwrap();
    assert_eq!(read(&*store, &key(1)).await.unwrap(), b"kept!");
}

pub(crate) async fn an_older_state_cuts_back(scene: &Scene) {
    let store = scene.store().await;
    let mut staged = store.stage(&key(1), None, None).await.unwrap();
    write(&mut *staged, b"one").await;
    let older = staged.sync().await.unwrap();
    write(&mut *staged, b"two").await;
    staged.sync().await.unwrap();
    drop(staged);
    let mut staged = store.stage(&key(1), Some(&older), None).await.unwrap();
    write(&mut *staged, b"three").await;
    staged.seal().await.unwrap();
    assert_eq!(read(&*store, &key(1)).await.unwrap(), b"onethree");
}

pub(crate) async fn more_is_written_while_a_sync_runs(scene: &Scene) {
    let store = scene.store().await;
    let bytes = sample(20 * BLOCK);
    let mut staged = store.stage(&key(1), None, None).await.unwrap();
    let mut syncing = Vec::new();
    for part in bytes.chunks(BLOCK) {
        write(&mut *staged, part).await;
        syncing.push(tokio::spawn(staged.sync()));
    }
    for (n, synced) in (1..).zip(join_all(syncing).await) {
        assert_eq!(synced.unwrap().unwrap().bytes, n * HASH_BLOCK_BYTES);
    }
    assert_eq!(staged.state().bytes, bytes.len() as u64);
    staged.seal().await.unwrap();
    assert!(read(&*store, &key(1)).await.unwrap() == bytes);
}

pub(crate) async fn a_stage_is_sealed_empty_or_unsynced(scene: &Scene) {
    let store = scene.store().await;
    store.stage(&key(1), None, None).await.unwrap().seal().await.unwrap();
    let mut staged = store.stage(&key(2), None, None).await.unwrap();
    write(&mut *staged, b"never synced").await;
    staged.seal().await.unwrap();
    drop(store);
    let store = scene.restart().await;
    assert_eq!(read(&*store, &key(1)).await.unwrap(), b"");
    assert_eq!(read(&*store, &key(2)).await.unwrap(), b"never synced");
}

pub(crate) async fn a_stage_that_is_gone_is_missing(scene: &Scene) {
    let store = scene.store().await;
    let state = staged(&*store, &key(1), b"abc").await;
    store.stage(&key(1), Some(&state), None).await.unwrap().seal().await.unwrap();
    let error = store.stage(&key(1), Some(&state), None).await.err().unwrap();
    assert!(matches!(error, Error::Missing(found) if found == key(1)));
}

pub(crate) async fn durable_bytes_that_are_gone_are_lost(scene: &Scene) {
    let store = scene.store().await;
    let state = staged(&*store, &key(1), b"abc").await;
    let more = StagedState { bytes: 4, ..state };
    let error = store.stage(&key(1), Some(&more), None).await.err().unwrap();
    assert!(matches!(error, Error::Lost { expected: 4, found: 3, .. }), "{error}");
}

pub(crate) async fn an_abandoned_stage_is_gone(scene: &Scene) {
    let store = scene.store().await;
    let state = staged(&*store, &key(1), b"abc").await;
    store.abandon(&key(1), Some(&state)).await.unwrap();
    store.abandon(&key(1), Some(&state)).await.unwrap();
    store.abandon(&key(2), None).await.unwrap();
    assert!(matches!(store.stage(&key(1), Some(&state), None).await.err(), Some(Error::Missing(_))));
    assert_eq!(store.list().await.unwrap().count().await, 0);
}

pub(crate) async fn a_document_is_swapped_from_the_version_that_was_seen(scene: &Scene) {
    let store = scene.store().await;
    let stale =
        |outcome: Result<_, Error>| matches!(outcome, Err(Error::Stale(found)) if found == document(1));
    let first = store.swap(document(1), None, content("first")).await.unwrap().unwrap();
    assert!(stale(store.swap(document(1), None, content("again")).await));
    let second = store.swap(document(1), Some(&first), content("second")).await.unwrap().unwrap();
    assert!(stale(store.swap(document(1), Some(&first), content("again")).await));
    assert!(stale(store.swap(document(1), Some(&first), None).await));
    let found = store.load(document(1)).await.unwrap().unwrap();
    assert_eq!(found, (Bytes::from_static(b"second"), second.clone()));
    assert_eq!(store.swap(document(1), Some(&second), None).await.unwrap(), None);
    assert_eq!(store.load(document(1)).await.unwrap(), None);
    assert!(stale(store.swap(document(1), Some(&second), content("again")).await));
    assert_eq!(store.swap(document(1), None, None).await.unwrap(), None);
}

pub(crate) async fn of_racing_swaps_none_is_lost(scene: &Scene) {
    let store = scene.store().await;
    store.swap(document(1), None, content("0")).await.unwrap();
    let add_ten = || {
        let store = store.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while done < 10 {
                let (bytes, version) = store.load(document(1)).await.unwrap().unwrap();
                let sum: u32 = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
                match store.swap(document(1), Some(&version), content(&(sum + 1).to_string())).await {
                    Ok(_) => done += 1,
                    Err(Error::Stale(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    };
    join_all((0..4).map(|_| add_ten())).await.into_iter().for_each(Result::unwrap);
    assert_eq!(store.load(document(1)).await.unwrap().unwrap().0, "40");
}

pub(crate) async fn documents_are_named_by_kind(scene: &Scene) {
    let store = scene.store().await;
    let receipt = Document::Receipt(GrantId(Uuid::from_u128(1)));
    for document in [document(1), document(2), receipt] {
        store.swap(document, None, content("x")).await.unwrap();
    }
    let mut sessions = store.names(Kind::Sessions).await.unwrap();
    sessions.sort();
    assert_eq!(sessions, [document(1), document(2)]);
    assert_eq!(store.names(Kind::Receipts).await.unwrap(), [receipt]);
}

pub(crate) async fn what_can_always_be_read_needs_no_restoration(scene: &Scene) {
    let store = scene.store().await;
    let archive = store.archive();
    assert_eq!(
        (archive.look(&key(1)).await.unwrap(), archive.restore(&key(1), 1).await.unwrap()),
        (None, None)
    );
    staged(&*store, &key(2), b"not complete").await;
    assert_eq!(archive.look(&key(2)).await.unwrap(), None);
    store.put(&key(1), Bytes::from_static(b"content")).await.unwrap();
    let always = Standing { size_bytes: 7, availability: Availability::Available { until_ms: None } };
    assert_eq!(archive.look(&key(1)).await.unwrap(), Some(always));
    for days in [1, 30] {
        assert_eq!(archive.restore(&key(1), days).await.unwrap(), Some(always));
    }
    assert_eq!(read(&*store, &key(1)).await.unwrap(), b"content");
}

pub(crate) async fn everything_is_listed(scene: &Scene) {
    let store = scene.store().await;
    for n in 0..300 {
        store.put(&key(n), Bytes::from(vec![0; 7])).await.unwrap();
    }
    staged(&*store, &key(1000), b"abc").await;
    let mut listed: Vec<Listed> = store.list().await.unwrap().try_collect().await.unwrap();
    listed.sort();
    let objects = (0..300).map(|n| Listed { key: key(n), size_bytes: 7, sealed: true });
    let mut expected: Vec<Listed> =
        objects.chain([Listed { key: key(1000), size_bytes: 3, sealed: false }]).collect();
    expected.sort();
    assert_eq!(listed, expected);
}

pub(crate) async fn everything_survives_a_restart(scene: &Scene) {
    let store = scene.store().await;
    store.put(&key(1), Bytes::from_static(b"put")).await.unwrap();
    let state = staged(&*store, &key(2), b"staged").await;
    let version = store.swap(document(1), None, content("document")).await.unwrap().unwrap();
    drop(store);
    let store = scene.restart().await;
    assert_eq!(read(&*store, &key(1)).await.unwrap(), b"put");
    assert_eq!(store.load(document(1)).await.unwrap().unwrap(), (Bytes::from_static(b"document"), version));
    store.stage(&key(2), Some(&state), None).await.unwrap().seal().await.unwrap();
    assert_eq!(read(&*store, &key(2)).await.unwrap(), b"staged");
}

pub(crate) async fn an_object_of_many_parts_is_the_bytes_that_were_written(scene: &Scene) {
    let bytes = sample(23 * BLOCK + 77);
    let length = Some(bytes.len() as u64);
    let cuts = [0, 700_000, 6 * BLOCK, 6 * BLOCK + 1, 11 * BLOCK + 5, bytes.len()];
    let mut state = None;
    for (from, to) in cuts.iter().zip(&cuts[1..]) {
        // Each part of it by another process, as its journal tells it.
        let store = scene.restart().await;
        let mut staged = store.stage(&key(1), state.as_ref(), length).await.unwrap();
        for batch in bytes[*from..*to].chunks(BLOCK) {
            if staged.is_waiting() {
                let state = staged.reserve();
                staged.journaled(&state);
            }
            write(&mut *staged, batch).await;
        }
        let synced = staged.rest().await.unwrap();
        staged.journaled(&synced);
        assert_eq!(synced.bytes, *to as u64);
        state = Some(synced);
    }
    let store = scene.restart().await;
    store.stage(&key(1), state.as_ref(), length).await.unwrap().seal().await.unwrap();
    assert!(read(&*store, &key(1)).await.unwrap() == bytes);
    let listed: Vec<Listed> = store.list().await.unwrap().try_collect().await.unwrap();
    assert_eq!(listed, [Listed { key: key(1), size_bytes: bytes.len() as u64, sealed: true }]);
}
