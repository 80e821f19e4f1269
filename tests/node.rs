//! A node, used as a library: started, used, stopped, started again.

mod harness;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use harness::node::{TestNode, package};
use strongroom::access::{Action, Secret};
use strongroom::audit::Depth;
use strongroom::control::{keys, tokens};
use strongroom::kernel::event::{Fact, KeyKind};
use strongroom::kernel::id::KeyId;
use strongroom::kernel::manifest::PackagePath;
use strongroom::node::{self, Node, Offline, Options, ReadError, service};

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_deposited_are_read_back_and_the_log_tells_of_both() {
    let test = TestNode::start().await;
    let small = test.file("small.txt", b"all is well");
    let large = test.file("large.bin", &vec![7; 3 * 1024 * 1024 + 1]);
    let empty = test.file("empty", b"");
    let target = package("acme/reports:v1");
    let files = [("a/small.txt", &small), ("a/large.bin", &large), ("empty", &empty)];
    let deposited =
        test.deposit(&target, files.map(|(path, file)| (path.parse().unwrap(), file))).await.unwrap();
    assert!(deposited.accepted.created);

    for reference in [&target, &deposited.package] {
        for (path, file) in files {
            let read = test.read(reference, &path.parse().unwrap()).await.unwrap().bytes().await.unwrap();
            assert!(read == std::fs::read(file).unwrap(), "{path}");
        }
    }
    let missing = test.read(&target, &"nothing".parse().unwrap()).await.unwrap_err();
    assert!(matches!(missing, ReadError::NoFile(_)));

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    test.replay(|recorded| *counts.entry(recorded.event.fact.type_name()).or_default() += 1).await.unwrap();
    let expected = [
        ("blob.stored", 4),
        ("key.added", 3),
        ("manifest.accepted", 1),
        ("manifest.read-granted", 1),
        ("manifest.references", 1),
        ("repository.created", 1),
        ("tag.set", 1),
        ("token.minted", 1),
    ];
    assert_eq!(counts, expected.into());
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn depositing_the_same_again_records_no_second_package() {
    let test = TestNode::start().await;
    let file = test.file("report.txt", b"all is well");
    let first = test.deposit(&package_v1(), [("report.txt".parse().unwrap(), &file)]).await.unwrap();
    let again = test.deposit(&package_v1(), [("report.txt".parse().unwrap(), &file)]).await.unwrap();
    assert_eq!(first.package, again.package);
    assert_eq!(first.accepted.position, again.accepted.position);
    assert!(!again.accepted.created);
    let (mut accepted, mut stored, mut discarded) = (0, 0, 0);
    test.replay(|recorded| match recorded.event.fact {
        Fact::ManifestAccepted(_) => accepted += 1,
        Fact::BlobStored(_) => stored += 1,
        Fact::ObjectDiscarded(_) => discarded += 1,
        _ => {}
    })
    .await
    .unwrap();
    assert_eq!(
        (accepted, stored, discarded),
        (1, 2, 1),
        "the second copy is discarded, and its object deleted"
    );
    assert_eq!(test.objects().await, 2);
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_started_again_has_everything_and_makes_nothing_anew() {
    let mut test = TestNode::start().await;
    let token = test.first_token().expect("the first start says where the token is").to_owned();
    assert_eq!(token.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let keys = test.settings().state_dir.join("keys");
    assert_eq!(keys.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let file = test.file("report.txt", b"all is well");
    test.deposit(&package_v1(), [("report.txt".parse().unwrap(), &file)]).await.unwrap();
    let before = test.replay(|_| {}).await.unwrap();

    test.restart().await;
    assert_eq!(test.first_token(), None);
    assert_eq!(test.replay(|_| {}).await.unwrap(), before);
    let read = test.read(&package_v1(), &"report.txt".parse().unwrap()).await.unwrap();
    assert_eq!(read.bytes().await.unwrap(), b"all is well");
    // Grants, receipts and tokens of the time before are still good: the keys are the same.
    let secret: Secret = std::fs::read_to_string(&token).unwrap().trim().parse().unwrap();
    let admin = tokens::authenticate(test.control(), &secret).await.unwrap();
    assert_eq!(admin.actor.as_str(), "admin");
    assert!(admin.allows(Action::Administer));
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_cut_off_after_the_secret_was_written_goes_on_with_it() {
    let test = TestNode::prepare().await;
    let secret = Secret::from_random([9; 32]);
    std::fs::write(test.state_dir().join("admin.token"), secret.reveal()).unwrap();
    let test = test.open().await;
    assert!(tokens::authenticate(test.control(), &secret).await.is_ok());
    test.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_name_may_not_use_the_keys_of_the_first() {
    let mut test = TestNode::start().await;
    test.halt().await;
    let mut settings = test.settings().clone();
    settings.node = "another".parse().unwrap();
    let error = Node::open(settings).await.unwrap_err();
    assert!(matches!(error, node::Error::OtherNode { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_key_was_retired_says_so_and_makes_another_at_its_next_start() {
    let mut test = TestNode::start().await;
    let file = test.file("report.txt", b"all is well");
    let deposit = |name| [(package_path(name), file.clone())];
    test.deposit(&package_v1(), deposit("before")).await.unwrap();
    let context = test.context();
    for kind in [KeyKind::Grant, KeyKind::Receipt] {
        let retired = key(&test, kind).await;
        keys::retire(test.control(), &context, &retired).await.unwrap();
    }
    let refused = test.deposit(&package("acme/reports:v2"), deposit("between")).await.unwrap_err();
    assert!(refused.to_string().contains("retired"), "{refused}");

    test.restart().await;
    test.deposit(&package("acme/reports:v3"), deposit("after")).await.unwrap();
    let read = test.read(&package_v1(), &package_path("before")).await.unwrap();
    assert_eq!(read.bytes().await.unwrap(), b"all is well");
    assert_eq!(keys::list(test.control()).await.unwrap().len(), 5);
    clean(&mut test).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_checkpoints_is_followed_without_a_gap() {
    let mut test = TestNode::start().await;
    let first = key(&test, KeyKind::Checkpoint).await;
    let context = test.context();
    let alone = keys::retire(test.control(), &context, &first).await.unwrap_err();
    assert!(matches!(alone, keys::Error::InUse(_)), "{alone}");

    let (next, _) = node::successor(test.state_dir(), KeyKind::Checkpoint).unwrap();
    keys::enroll(test.control(), &context, &next, test.name()).await.unwrap();
    let signing = keys::retire(test.control(), &context, &first).await.unwrap_err();
    assert!(matches!(signing, keys::Error::InUse(_)), "it still signs: {signing}");

    test.restart().await;
    // The successor signs what the start added, or what this adds.
    let file = test.file("report.txt", b"all is well");
    test.deposit(&package_v1(), [(package_path("a"), file)]).await.unwrap();
    loop {
        match keys::retire(test.control(), &test.context(), &first).await {
            Ok(_) => break,
            Err(keys::Error::InUse(_)) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(key(&test, KeyKind::Checkpoint).await, next.id());
    test.restart().await;
    clean(&mut test).await;
}

/// The key of that kind that is not retired and was added last.
async fn key(node: &Node, kind: KeyKind) -> KeyId {
    let keys = keys::list(node.control()).await.expect("it answers");
    let signs = keys.into_iter().rfind(|key| key.kind == kind && key.retired_at_ms.is_none());
    signs.expect("one signs").key
}

/// Stops it and audits all that it left.
async fn clean(test: &mut TestNode) {
    test.halt().await;
    let offline = Offline::open(test.settings().clone()).await.expect("it answers");
    let report = offline.audit(Depth::Full, &[], &|_| {}).await.expect("it answers");
    assert!(report.is_clean(), "{:#?}", report.findings);
    offline.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_checkpoint_needs_an_operators_word() {
    let mut test = TestNode::start().await;
    test.halt().await;
    std::fs::remove_file(test.settings().blobs_dir().unwrap().join("documents/checkpoints/latest")).unwrap();
    let settings = test.settings().clone();
    let error = Node::open(settings.clone()).await.unwrap_err();
    assert!(matches!(error, node::Error::Checkpoint(_)), "{error}");
    let options = Options { accept_missing_checkpoint: true, ..Options::default() };
    Node::open_with(settings, options).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_announced_while_it_runs() {
    let mut test = TestNode::start().await;
    assert_eq!(service::announced(test.state_dir()), None);
    test.announce("http://127.0.0.1:7070").unwrap();
    let announced = service::announced(test.state_dir()).unwrap();
    assert_eq!((announced.url.as_str(), announced.pid), ("http://127.0.0.1:7070", std::process::id()));
    test.halt().await;
    assert_eq!(service::announced(test.state_dir()), None);
}

fn package_path(text: &str) -> PackagePath {
    text.parse().expect("a path")
}

fn package_v1() -> strongroom::kernel::id::PackageRef {
    package("acme/reports:v1")
}
