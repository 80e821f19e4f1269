//! What the pure parts cost, each beside the physical limit that it works against: `cargo bench --bench kernel`.
//!
//! - hashing: both digests at once, beside each alone over the same bytes;
//! - events: encoding and decoding a record, beside hashing its bytes as a leaf;
//! - Merkle: moving the frontier by one leaf.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sha2::Digest as _;
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::{Event, TagSet};
use strongroom::kernel::hash::Hasher;
use strongroom::kernel::id::EventId;
use strongroom::kernel::merkle::{Frontier, leaf_hash};

fn hashing(criterion: &mut Criterion) {
    let bytes = vec![0x5a; 16 * 1024 * 1024];
    let mut group = criterion.benchmark_group("hash 16 MiB");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(10);
    group.bench_function("blake3 alone", |bencher| bencher.iter(|| blake3::hash(black_box(&bytes))));
    group.bench_function("sha256 alone", |bencher| bencher.iter(|| sha2::Sha256::digest(black_box(&bytes))));
    group.bench_function("both, resumable", |bencher| {
        bencher.iter(|| {
            let mut hasher = Hasher::new();
            hasher.update(black_box(&bytes));
            hasher.finish()
        });
    });
    group.finish();
}

fn event() -> Event {
    let fact = TagSet {
        repository: "acme/reports".parse().expect("a repository"),
        tag: "v1".parse().expect("a tag"),
        manifest: Digests::of(b"manifest").blake3,
        previous: Some(Digests::of(b"previous").blake3),
    };
    Event {
        id: EventId(uuid::Uuid::now_v7()),
        at_ms: 1_800_000_000_000,
        actor: "tok_00000000000000000000000000000000".parse().expect("an actor"),
        stream: "tag/acme/reports:v1".parse().expect("a stream"),
        seq: 7,
        fact: fact.into(),
        cause: None,
    }
}

fn events(criterion: &mut Criterion) {
    let event = event();
    let record = event.encode().expect("a small event");
    let mut group = criterion.benchmark_group("event");
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode", |bencher| bencher.iter(|| black_box(&event).encode()));
    group.bench_function("decode", |bencher| bencher.iter(|| Event::decode(black_box(&record))));
    group.bench_function("leaf hash", |bencher| bencher.iter(|| leaf_hash(black_box(&record))));
    group.finish();
}

fn merkle(criterion: &mut Criterion) {
    let leaf = leaf_hash(b"record");
    let mut frontier = Frontier::new();
    criterion.bench_function("frontier push", |bencher| bencher.iter(|| frontier.push(black_box(leaf))));
}

criterion_group!(benches, hashing, events, merkle);
criterion_main!(benches);
