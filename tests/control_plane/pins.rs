//! Pins: moved by one of many and by nobody who is stale, with a reason each time, on packages that are there whole.

use strongroom::control::manifests::{self, Published, publish};
use strongroom::control::pins::{self, Error, Refused, Said, Set, Wanted, When};
use strongroom::control::{self, Precondition, repositories};
use strongroom::kernel::digest::{Digest, Digests};
use strongroom::kernel::event::{BlobCorrupt, Damage, DamagedBlob, Fact, Provenance, RepositorySettings};
use strongroom::kernel::id::PinName;
use strongroom::kernel::manifest::{DocumentDescriptor, Header, Index, Manifest};
use strongroom::kernel::statement::Key;
use strongroom::log::NewEvent;

use crate::plane::{Actor, Plane, descriptor, name, tag};

const SCOPES: &str = "repository:acme/*:pull,push,delete";
const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

fn prod() -> PinName {
    "prod".parse().expect("a pin")
}

fn wanted(precondition: Precondition, said: &[(Key, &str)]) -> Wanted {
    let said =
        Said::new(said.iter().map(|(key, value)| (*key, (*value).to_owned()))).expect("what may be said");
    Wanted { pin: prod(), said, precondition }
}

fn because(reason: &str, precondition: Precondition) -> Wanted {
    wanted(precondition, &[(Key::Reason, reason)])
}

async fn set(actor: &Actor, to: &Digest, wanted: &Wanted) -> Result<Set, Error> {
    pins::set(&actor.control, &actor.context, &name("acme/a"), wanted, to).await
}

async fn claims(actor: &Actor) -> Digest {
    let pin = pins::get(&actor.control, &actor.context.caller, &name("acme/a"), &prod()).await;
    pin.expect("a pin").row.manifest.into()
}

async fn packages(plane: &Plane, actor: &Actor, count: usize) -> Vec<Digest> {
    let mut digests = Vec::new();
    for n in 0..count {
        let package = plane.package(actor, "acme/a", format!("content {n}").as_bytes()).await.encode();
        digests.push(actor.push_plain("acme/a", &package).await.expect("accepted").digests.blake3.into());
    }
    digests
}

/// As a scrub would record it.
async fn damage(plane: &Plane, content: &[u8]) {
    let blake3 = Digests::of(content).blake3;
    let stored = plane.facts("blob.stored").await.into_iter().find_map(|fact| match fact {
        Fact::BlobStored(fact) if fact.blake3 == blake3 => Some(fact),
        _ => None,
    });
    let stored = stored.expect("it is stored");
    let blob = DamagedBlob { blake3, object: stored.object, found: Damage::Corrupt, report: "report".into() };
    let fact = Fact::from(BlobCorrupt { store: stored.store, blobs: vec![blob] });
    let event = NewEvent::new("admin".parse().expect("an actor"), fact.stream(), fact);
    plane.append(event).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_race_on_one_version_of_a_pin_exactly_one_wins() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let packages = packages(&plane, &uploader, 6).await;
    let mut expected = Precondition::Absent;
    for round in 0..4 {
        let mut callers = tokio::task::JoinSet::new();
        // Who sets it to what it claims already leaves the digest that the others expect.
        for to in packages.clone() {
            if matches!(expected, Precondition::Is(now) if now == to) {
                continue;
            }
            let uploader = uploader.clone();
            callers.spawn(
                async move { set(&uploader, &to, &because(&format!("round {round}"), expected)).await },
            );
        }
        let outcomes = callers.join_all().await;
        let won: Vec<&Set> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        let [winner] = won[..] else { panic!("{} won", won.len()) };
        for outcome in &outcomes {
            match outcome {
                Ok(_) => {}
                Err(Error::Refused(Refused::Moved { current, .. })) => assert!(current.is_some()),
                Err(error) => panic!("{error}"),
            }
        }
        expected = Precondition::Is(winner.manifest.into());
    }
    assert_eq!(plane.facts("pin.set").await.len(), 4);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pin_claimed_then_is_answered_from_the_log() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let packages = packages(&plane, &uploader, 2).await;
    let before = plane.events().await.len() as u64 - 1;
    let said = [(Key::Reason, "first"), (Key::Source, "https://git.example/a"), (Key::Revision, SHA1)];
    let first = set(&uploader, &packages[0], &wanted(Precondition::Absent, &said)).await.unwrap();
    let first_ms = plane.now_ms();
    plane.clock.advance_ms(60_000);
    let second =
        set(&uploader, &packages[1], &because("second", Precondition::Is(packages[0]))).await.unwrap();
    assert_eq!(second.says.as_ref().unwrap().get(Key::Revision), Some(SHA1), "what is not named stays");
    let (repository, caller) = (name("acme/a"), &uploader.context.caller);
    let reason = "no longer in use";
    let pin = prod();
    let release = |precondition| {
        pins::release(&plane.control, &uploader.context, &repository, &pin, reason, precondition)
    };
    let stale = release(Precondition::Is(packages[0])).await.unwrap_err();
    assert!(
        matches!(stale, Error::Refused(Refused::Moved { current: Some(now), .. }) if packages[1] == now.into())
    );
    let released = release(Precondition::Any).await.unwrap();
    assert_eq!(Digest::from(released.previous), packages[1]);
    assert!(matches!(release(Precondition::Any).await, Err(Error::Unknown(_))));

    // The view has forgotten all of it.
    let at = |when| pins::at(&plane.control, caller, &repository, &pin, when);
    let (one, two) = (first.position.unwrap(), second.position.unwrap());
    let claimed = |changed: pins::Changed| changed.manifest.map(Digest::from).unwrap();
    assert_eq!(claimed(at(When::Position(one)).await.unwrap()), packages[0]);
    assert_eq!(claimed(at(When::Position(two - 1)).await.unwrap()), packages[0]);
    assert_eq!(claimed(at(When::Position(two)).await.unwrap()), packages[1]);
    assert_eq!(claimed(at(When::Ms(first_ms)).await.unwrap()), packages[0]);
    assert_eq!(claimed(at(When::Ms(first_ms + 59_999)).await.unwrap()), packages[0]);
    for nothing in
        [When::Position(before), When::Position(released.position), When::Ms(1), When::Ms(plane.now_ms())]
    {
        assert!(matches!(at(nothing).await, Err(Error::UnknownThen { .. })), "{nothing}");
    }
    for ahead in [When::Position(released.position + 1), When::Ms(plane.now_ms() + 1)] {
        assert!(matches!(at(ahead).await, Err(Error::Ahead(_))), "{ahead}");
    }
    let all = pins::history(&plane.control, caller, &repository, &pin, None, 10).await.unwrap();
    let reasons: Vec<_> =
        all.iter().map(|changed| changed.says.as_ref().unwrap().reason().unwrap()).collect();
    assert_eq!(reasons, ["first", "second", reason]);
    let rest = pins::history(&plane.control, caller, &repository, &pin, Some(one), 1).await.unwrap();
    assert_eq!(rest, all[1..2]);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_claims_only_what_is_there_whole() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let packages = packages(&plane, &uploader, 2).await;
    let unknown = Digests::of(b"nothing").blake3.into();
    let any = because("x", Precondition::Any);
    assert!(matches!(set(&uploader, &unknown, &any).await, Err(Error::ManifestUnknown(_))));
    // An index of both is as whole as its parts.
    let index = index(&[b"content 0", b"content 1"]);
    let index = uploader.push_plain("acme/a", &index).await.unwrap().digests.blake3.into();
    set(&uploader, &index, &any).await.unwrap();
    damage(&plane, b"content 1").await;
    for broken in [packages[1], index] {
        let refused = set(&uploader, &broken, &because("y", Precondition::Any)).await.unwrap_err();
        let Error::Package(manifests::Error::BlobsDamaged { damaged }) = refused else { panic!("{refused}") };
        assert_eq!(damaged, [Digests::of(b"content 1").blake3]);
    }
    set(&uploader, &packages[0], &because("z", Precondition::Any)).await.unwrap();
    plane.finish().await;
}

fn index(contents: &[&[u8]]) -> Vec<u8> {
    let part = |content: &&[u8]| -> DocumentDescriptor { crate::plane::manifest(content).descriptor() };
    Index::new(Header::default(), contents.iter().map(part).collect()).expect("an index").encode()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_push_sets_a_pin_and_who_may_delete_releases_it() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", "repository:acme/*:pull,push").await;
    let packages = packages(&plane, &uploader, 1).await;
    set(&uploader, &packages[0], &because("x", Precondition::Any)).await.unwrap();
    let reader = plane.actor("reader", "repository:acme/*:pull").await;
    let denied = set(&reader, &packages[0], &because("x", Precondition::Any)).await.unwrap_err();
    assert!(matches!(denied, Error::Shared(control::Error::Denied(_))));
    assert_eq!(claims(&reader).await, packages[0]);
    let denied =
        pins::release(&plane.control, &uploader.context, &name("acme/a"), &prod(), "x", Precondition::Any)
            .await;
    assert!(matches!(denied, Err(Error::Shared(control::Error::Denied(_)))));
    let stranger = plane.actor("stranger", "repository:other/*:pull").await;
    let hidden = pins::get(&plane.control, &stranger.context.caller, &name("acme/a"), &prod()).await;
    assert!(matches!(hidden, Err(Error::Shared(control::Error::Denied(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_change_is_the_same_append() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let packages = packages(&plane, &uploader, 2).await;
    let repeating = uploader.repeating("request-1");
    let request = because("first", Precondition::Absent);
    let first = set(&repeating, &packages[0], &request).await.unwrap();
    set(&uploader, &packages[1], &because("second", Precondition::Any)).await.unwrap();
    assert_eq!(set(&repeating, &packages[0], &request).await.unwrap(), first);
    for (to, request) in [(1, request), (0, because("another", Precondition::Absent))] {
        let reused = set(&repeating, &packages[to], &request).await;
        assert!(matches!(reused, Err(Error::Shared(control::Error::IdempotencyKeyReused))));
    }
    assert_eq!(plane.facts("pin.set").await.len(), 2);
}

async fn publish_to(actor: &Actor, package: &Manifest, pin: Wanted) -> Result<Published, manifests::Error> {
    let tag = Some(tag("latest"));
    publish(&actor.control, &actor.context, &name("acme/a"), &package.encode(), tag, pin).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_published_with_its_pin_or_not_at_all() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let first = plane.package(&uploader, "acme/a", b"first").await;
    let published = publish_to(&uploader, &first, because("r1", Precondition::Absent)).await.unwrap();
    let first_digest = Digest::from(first.descriptor().digests.blake3);
    assert_eq!(Digest::from(published.pin.manifest), first_digest);
    let size = plane.events().await.len() as u64;
    assert_eq!(published.pin.position, Some(size - 1), "the pin is the last of one append");

    let second = plane.package(&uploader, "acme/a", b"second").await;
    let size = plane.events().await.len();
    for stale in [Precondition::Absent, Precondition::Is(Digests::of(b"old").blake3.into())] {
        let refused = publish_to(&uploader, &second, because("r2", stale)).await.unwrap_err();
        let manifests::Error::Pin(Refused::Moved { current, .. }) = refused else { panic!("{refused}") };
        assert_eq!(current.map(Digest::from), Some(first_digest));
    }
    assert_eq!(plane.events().await.len(), size, "nothing was accepted, tagged or pinned");
    let repeating = uploader.repeating("release-2");
    let request = because("r2", Precondition::Is(first_digest));
    let moved = publish_to(&repeating, &second, request.clone()).await.unwrap();
    assert!(moved.manifest.created);
    let again = publish_to(&repeating, &second, request).await.unwrap();
    assert_eq!((again.pin, again.manifest.created), (moved.pin, false));
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_can_want_to_know_what_packages_were_built_from() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let plain = plane.package(&uploader, "acme/a", b"plain").await;
    let annotations = pins::PROVENANCE.map(|name| (name.to_owned(), "x".to_owned())).into();
    let header = Header { annotations, ..Header::default() };
    let told = Manifest::new(header, descriptor(b"config"), vec![descriptor(b"plain")]).unwrap();
    let demand = async |provenance| {
        let settings = RepositorySettings { provenance: Some(provenance), ..Default::default() };
        let wanted = repositories::Wanted { public: None, settings };
        repositories::set(&plane.control, &plane.admin().context, &name("acme/a"), wanted).await.unwrap();
    };
    demand(Provenance::Enforce).await;
    let size = plane.events().await.len();
    let refused = publish_to(&uploader, &plain, because("x", Precondition::Any)).await.unwrap_err();
    let manifests::Error::Pin(Refused::ProvenanceMissing { missing }) = refused else { panic!("{refused}") };
    assert_eq!(missing, pins::PROVENANCE);
    assert_eq!(plane.events().await.len(), size);
    let published = publish_to(&uploader, &told, because("x", Precondition::Any)).await.unwrap();
    assert!(published.pin.missing.is_empty());
    uploader.push_plain("acme/a", &plain.encode()).await.unwrap();
    let plain = plain.descriptor().digests.blake3.into();
    let refused = set(&uploader, &plain, &because("y", Precondition::Any)).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refused::ProvenanceMissing { .. })));
    demand(Provenance::Warn).await;
    let set = set(&uploader, &plain, &because("y", Precondition::Any)).await.unwrap();
    assert_eq!(set.missing, pins::PROVENANCE);
    plane.finish().await;
}
