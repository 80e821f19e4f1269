//! The whole program on a bucket: an S3 server in this process, or the real one that `.ci/s3` names.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::harness::{Actor, Network, Run, noise, scratch, text, tree, until};
use crate::process::{Process, get};
use crate::s3_server::{self, ACCESS_KEY, SECRET_KEY};

const MIB: usize = 1024 * 1024;

/// `strongroom serve` whose bytes lie in a bucket, behind a network that can break.
struct OnBucket {
    server: Process,
    to_bucket: Network,
    /// Where clients ask for bytes that they are sent to the bucket for.
    directory: TempDir,
    own: Option<s3_server::Server>,
    _runtime: Runtime,
}

impl OnBucket {
    fn start(redirect: bool) -> Self {
        Self::start_with("", &format!("redirect = {redirect}"))
    }

    /// With a disk to deposit on, and the bucket for what is cold.
    fn start_cold() -> Self {
        let disk = "[[store]]\nname = 'disk'\nkind = 'filesystem'\npath = 'DIRECTORY/disk'\n";
        Self::start_with(disk, "tier = 'cold'\nmin-object-bytes = 4096")
    }

    fn start_with(before: &str, more: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let real = s3_server::on_the_real_server();
        let own = real.is_none().then(|| runtime.block_on(s3_server::Server::start()));
        let settings = real.or_else(|| own.as_ref().map(s3_server::Server::settings)).unwrap();
        let endpoint = settings.endpoint.unwrap();
        let to_bucket = Network::to(endpoint.strip_prefix("http://").unwrap().parse().unwrap());
        let directory = scratch();
        let lines = format!(
            "{}[[store]]\nname = 'bucket'\nkind = 's3'\nbucket = '{}'\nprefix = '{}'\nendpoint = '{}'\n{more}\n",
            before.replace("DIRECTORY", text(directory.path())),
            settings.bucket,
            settings.prefix,
            to_bucket.url()
        );
        let config = directory.path().join("strongroom.toml");
        fs::write(&config, lines).unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let server = Process::start(directory.path().join("state"), listen, &["--config", text(&config)]);
        Self { server, to_bucket, directory, own, _runtime: runtime }
    }

    fn admin(&self) -> Actor {
        let token = fs::read_to_string(self.server.state.join("admin.token")).unwrap();
        Actor::new(format!("http://{}", self.server.address), token.trim().to_owned())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn source(&self) -> PathBuf {
        let source = self.path("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("large"), noise(30, 24 * MIB)).unwrap();
        fs::write(source.join("empty"), "").unwrap();
        for n in 0..20 {
            fs::write(source.join(format!("small-{n}")), noise(n, 1_000)).unwrap();
        }
        source
    }

    /// From outside of the service, with the keys of the bucket.
    fn audit(&self) -> Run {
        self.beside(&["audit"])
    }

    fn beside(&self, arguments: &[&str]) -> Run {
        let (config, state) = (self.path("strongroom.toml"), &self.server.state);
        let admin = self.admin();
        let place = ["--config", text(&config), "--state-dir", text(state)];
        let mut command = admin.command(&[arguments, &place[..]].concat());
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        command.output().unwrap().into()
    }

    fn check(&self, source: &Path, target: &str) {
        let target = self.path(target);
        self.admin().ok(&["pull", "acme/reports:v1", text(&target)]);
        assert_eq!(tree(source), tree(&target));
    }

    /// Answers so far that sent a client to the bucket.
    fn redirects(&self) -> u64 {
        let (_, metrics) = get(&format!("http://{}/metrics", self.server.address));
        let lines = metrics.lines().filter(|line| line.starts_with("strongroom_http_requests_total"));
        let redirects = lines.filter(|line| line.contains("status=\"307\""));
        redirects.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }
}

#[test]
fn a_deposit_in_a_bucket_survives_the_death_of_the_server_and_a_broken_network() {
    let mut place = OnBucket::start(false);
    let source = place.source();
    let admin = place.admin();
    let mut push = admin.command(&["push", text(&source), "acme/reports:v1"]).spawn().unwrap();
    // Some parts are there, more are to come.
    place.to_bucket.hold_after(10 * MIB as u64);
    place.to_bucket.until_held();
    place.server.kill();
    place.to_bucket.cut();
    place.to_bucket.release();
    place.server.restart();
    // Now the bucket is away in the middle of a part, and comes back.
    place.to_bucket.hold_after(4 * MIB as u64);
    place.to_bucket.until_held();
    place.to_bucket.cut();
    place.to_bucket.release();
    assert!(push.wait().unwrap().success());
    place.check(&source, "target");
    let audit = place.audit();
    assert_eq!(audit.status, 0, "{audit:?}");
    assert_eq!(place.redirects(), 0);
}

#[test]
fn a_client_that_verifies_is_sent_to_the_bucket_and_finds_damage_there() {
    let place = OnBucket::start(true);
    let source = place.source();
    let admin = place.admin();
    admin.ok(&["push", text(&source), "acme/reports:v1"]);
    place.check(&source, "target");
    assert!(place.redirects() >= 21, "each file with bytes comes from the bucket");
    assert_eq!(place.audit().status, 0);
    let Some(own) = &place.own else { return };
    let name = own.content.names().into_iter().find(|name| own.content.size(name) == Some(24 * MIB));
    own.content.damage(&name.expect("the large object"), 20 * MIB);
    let pull = admin.run(&["pull", "acme/reports:v1", text(&place.path("damaged"))]);
    assert_ne!(pull.status, 0);
    assert!(pull.stderr.contains("large"), "{pull:?}");
    let audit = place.audit();
    assert_eq!(audit.status, 3, "{audit:?}");
    until("the server to be asked", || place.redirects() > 21);
}

#[test]
fn what_a_bucket_has_archived_is_there_is_not_read_again_and_readers_are_told() {
    let place = OnBucket::start(false);
    let Some(own) = &place.own else { return };
    let source = place.path("source");
    fs::create_dir(&source).unwrap();
    // More than one summary could name.
    for n in 0..600 {
        fs::write(source.join(format!("small-{n}")), format!("content {n}")).unwrap();
    }
    let admin = place.admin();
    admin.ok(&["push", text(&source), "acme/reports:v1"]);
    assert!(admin.ok(&["status"]).contains("bucket, s3, hot"));
    own.content.transition("GLACIER");

    let scrub = place.beside(&["scrub", "--json"]);
    assert_eq!(scrub.status, 0, "{scrub:?}");
    let done: serde_json::Value = serde_json::from_str(&scrub.stdout).unwrap();
    assert_eq!((&done["archived"], &done["complete"]), (&done["blobs_total"], &true.into()), "{done}");
    assert!(done["archived"].as_u64() > Some(600), "{done}");
    let told = admin.ok(&["events", "--json", "--type", "blob.verified"]);
    assert_eq!(told.lines().count(), 2, "its beginning and its end: {told}");
    let audit = place.audit();
    assert_eq!(audit.status, 0, "{audit:?}");
    assert!(audit.stdout.contains(&format!("({} archived and not read)", done["archived"])), "{audit:?}");
    let pull = admin.run(&["pull", "acme/reports:v1", text(&place.path("early"))]);
    assert!(pull.status == 1 && pull.stderr.contains("blob-archived"), "{pull:?}");

    // What is missing there is missed all the same.
    own.content.remove(&own.content.names().into_iter().find(|name| name.contains("objects/")).unwrap());
    assert_eq!(place.audit().status, 3);
    let scrub = place.beside(&["scrub"]);
    assert!(scrub.status == 3 && scrub.stdout.contains("1 missing"), "{scrub:?}");
}

/// A plan makes everything cold, and what the bucket takes is moved there.
fn make_cold(place: &OnBucket) {
    let admin = place.admin();
    let policy = place.path("cold.toml");
    let rule = "[[rules]]\nname = 'all'\nselect = { repository = 'acme/*' }\naction = { tier = 'cold' }";
    fs::write(&policy, rule).unwrap();
    admin.ok(&["policy", "set", "cold", text(&policy)]);
    let plan = place.path("plan.cbor");
    let planned = admin.ok(&["retention", "plan", "--output", text(&plan)]);
    assert!(planned.contains("1 moved, at most 24."), "{planned}");
    admin.ok(&["retention", "apply", text(&plan)]);
    let moved = admin.ok(&["tier", "run"]);
    assert!(moved.starts_with("moved 1 blob, 24."), "the others are smaller than the bucket takes: {moved}");
}

#[test]
fn a_cold_package_goes_to_a_bucket_and_comes_back_as_it_was() {
    let place = OnBucket::start_cold();
    let source = place.source();
    let admin = place.admin();
    admin.ok(&["push", text(&source), "acme/reports:v1"]);
    make_cold(&place);
    let status = admin.ok(&["tier", "status"]);
    assert!(status.contains("bucket  cold      1"), "{status}");
    let target = place.path("refused");
    let refused = admin.run(&["pull", "acme/reports:v1", text(&target)]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("--retrieve --wait"), "{refused:?}");
    let retrieved = place.path("retrieved");
    admin.ok(&["pull", "--retrieve", "--wait", "acme/reports:v1", text(&retrieved)]);
    assert_eq!(tree(&source), tree(&retrieved));
    let why = admin.ok(&["why", "acme/reports:v1"]);
    assert!(why.contains("tier      cold, since"), "{why}");
    let audit = place.audit();
    assert_eq!(audit.status, 0, "{audit:?}");
}

#[test]
fn a_package_in_an_archive_class_is_restored_first_and_then_pulled() {
    let place = OnBucket::start_cold();
    let Some(own) = &place.own else { return };
    let source = place.source();
    let admin = place.admin();
    admin.ok(&["push", text(&source), "acme/reports:v1"]);
    make_cold(&place);
    own.content.transition("DEEP_ARCHIVE");
    let target = place.path("target");
    let pull = ["pull", "--retrieve", "acme/reports:v1", text(&target)];
    let early = admin.run(&pull);
    assert!(early.status == 1 && early.stderr.contains("is restoring since"), "{early:?}");
    own.content.finish_restores();
    admin.ok(&["pull", "--retrieve", "--wait", "acme/reports:v1", text(&target)]);
    assert_eq!(tree(&source), tree(&target));
    let told = admin.ok(&["events", "--repository", "acme/reports", "--type", "retrieval.restoring"]);
    assert!(told.contains("retrieval.restoring"), "{told}");
}
