//! The planes as processes of their own: a control node with the database, a data node with the bytes, HTTP between.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use strongroom::kernel::id::ObjectKey;
use strongroom::stores::{Filesystem, Store as _};
use tempfile::TempDir;
use uuid::{NoContext, Timestamp, Uuid};

use crate::harness::{Actor, Network, noise, scratch, text, tree, until};
use crate::process::{Process, get};

const MIB: u64 = 1024 * 1024;

/// Both, and the network between clients and the data node.
pub(crate) struct Apart {
    pub(crate) data: Process,
    pub(crate) control: Process,
    network: Network,
    directory: TempDir,
}

impl Apart {
    /// A data node without a token yet.
    fn start() -> Self {
        Self::start_in(scratch(), &[], &[])
    }

    /// The same in that directory, with what more is said to each.
    pub(crate) fn start_in(directory: TempDir, to_control: &[&str], to_data: &[&str]) -> Self {
        let (control_at, data_at) = (free(), free());
        let network = Network::to(data_at);
        let control = ["--plane", "control", "--node", "c1", "--data-url", &network.url()];
        let control = [&control[..], to_control].concat();
        let control = Process::start(directory.path().join("control"), control_at, &control);
        let data = ["--plane", "data", "--node", "d1", "--control-url", &format!("http://{control_at}")];
        let limits =
            ["--limit", "uploads=77", "--limit", "free-space-mib=0", "--limit", "uploads-per-client=70"];
        let data = [&data[..], &limits, to_data].concat();
        let data = Process::start(directory.path().join("data"), data_at, &data);
        Self { data, control, network, directory }
    }

    fn enrolled() -> Self {
        let apart = Self::start();
        apart.enroll();
        apart
    }

    pub(crate) fn enroll(&self) {
        let minted = self.admin().json(&["token", "mint", "--scope", "node:d1", "--subject", "node-d1"]);
        fs::write(self.data.state.join("node.token"), minted["secret"].as_str().unwrap()).unwrap();
        until("the data node to be ready", || self.data.ready().0 == 200);
    }

    pub(crate) fn admin(&self) -> Actor {
        let token = fs::read_to_string(self.control.state.join("admin.token")).unwrap();
        Actor::new(format!("http://{}", self.control.address), token.trim().to_owned())
    }

    pub(crate) fn source(&self, large: usize) -> PathBuf {
        let source = self.directory.path().join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("large"), noise(30, large)).unwrap();
        for n in 0..20 {
            fs::write(source.join(format!("small-{n}")), noise(n, 1_000)).unwrap();
        }
        source
    }

    /// What was pushed comes back, and nobody finds anything.
    pub(crate) fn check(&self, package: &str, source: &Path) {
        let admin = self.admin();
        let target = self.directory.path().join("target");
        admin.ok(&["pull", package, text(&target)]);
        assert_eq!(tree(source), tree(&target));
        admin.ok(&["audit", "--url", &format!("http://{}", self.control.address)]);
        admin.ok(&["audit", "--state-dir", text(&self.control.state), "--config", text(&self.settings())]);
    }

    /// So that an audit beside the control node knows what that is.
    fn settings(&self) -> PathBuf {
        let path = self.directory.path().join("control.toml");
        fs::write(&path, format!("plane = 'control'\ndata-url = '{}'\n", self.network.url())).unwrap();
        path
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_data_node_works_once_it_is_enrolled_and_holds_no_database() {
    let mut apart = Apart::start();
    let admin = apart.admin();
    let source = apart.source(3 * MIB as usize);
    let (status, lacks) = apart.data.ready();
    assert!(status == 503 && lacks.contains("enrolment") && lacks.contains("node:d1"), "{lacks}");
    let refused = admin.run(&["push", text(&source), "acme/apart:v1"]);
    assert_eq!(refused.status, 1, "nobody believes an unknown node: {refused:?}");

    apart.enroll();
    admin.ok(&["push", text(&source), "acme/apart:v1"]);
    apart.check("acme/apart:v1", &source);
    assert!(!apart.data.state.join("pgdata").exists() && !apart.control.state.join("blobs").exists());
    let url = format!("http://{}", apart.data.address);
    let shown = admin.ok(&["status", "--url", &url]);
    assert!(shown.contains("plane     data") && !shown.contains("postgres"), "{shown}");
    assert!(shown.contains("uploads 0/77") && shown.contains("uploads-per-client 70"), "{shown}");
    assert!(shown.contains("free, 0 B of it kept free"), "{shown}");
    // Those of the push that came too early.
    until("all receipts to be in the log", || {
        admin.ok(&["status", "--url", &url]).contains("all in the log")
    });
    let shown = admin.ok(&["status"]);
    assert!(shown.contains("plane     control") && !shown.contains("store"), "{shown}");
    assert!(shown.contains("connections ") && shown.contains("requests-per-token"), "{shown}");
    assert!(!["uploads", "buffer", "free", "receipts"].iter().any(|word| shown.contains(word)), "{shown}");
    for (address, path) in [(apart.data.address, "/log/checkpoint"), (apart.control.address, "/data/blobs")] {
        let (status, body) = get(&format!("http://{address}{path}"));
        assert!(status == 404 && body.contains("other-plane") || status == 405, "{path}: {body}");
    }

    // A key that was retired: the node says so, and makes another when it is started again.
    let keys = admin.json(&["key", "list"]);
    let key = keys.as_array().unwrap().iter().find(|key| key["node"] == "d1").unwrap()["key"].clone();
    admin.ok(&["key", "retire", key.as_str().unwrap()]);
    until("the data node to learn of it", || apart.data.ready().1.contains("was retired"));
    apart.data.stop();
    apart.data.restart();
    until("the data node to be ready", || apart.data.ready().0 == 200);
    fs::write(source.join("more"), noise(31, 5_000)).unwrap();
    admin.ok(&["push", text(&source), "acme/apart:v2"]);
    admin.ok(&["audit", "--url", &format!("http://{}", apart.control.address)]);
}

#[test]
fn either_plane_is_killed_in_mid_deposit_and_the_push_finishes() {
    let mut apart = Apart::enrolled();
    let admin = apart.admin();
    let source = apart.source(48 * MIB as usize);
    apart.network.hold_after(16 * MIB);
    let push =
        admin.command(&["push", text(&source), "acme/killed:v1"]).stderr(Stdio::piped()).spawn().unwrap();
    apart.network.until_held();
    apart.data.kill();
    apart.network.cut();
    apart.network.hold_after(8 * MIB);
    apart.data.restart();
    apart.network.until_held();
    // Now the other one, so that the receipt finds nobody at first.
    apart.control.kill();
    apart.network.release();
    until("the receipt to be waiting", || {
        let log = fs::read_to_string(apart.data.state.with_extension("log")).unwrap();
        log.contains("blob sealed")
    });
    apart.control.restart();
    let output = push.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    apart.check("acme/killed:v1", &source);
}

#[test]
fn a_receipt_reaches_a_control_plane_that_was_away_although_nobody_brings_it() {
    let mut apart = Apart::enrolled();
    let admin = apart.admin();
    let source = apart.source(12 * MIB as usize);
    apart.network.hold_after(4 * MIB);
    let mut push =
        admin.command(&["push", text(&source), "acme/away:v1"]).stderr(Stdio::null()).spawn().unwrap();
    apart.network.until_held();
    apart.control.kill();
    apart.network.release();
    until("the blob to be sealed", || {
        let log = fs::read_to_string(apart.data.state.with_extension("log")).unwrap();
        log.split_once("blob sealed").is_some_and(|(_, then)| then.contains("will be offered again"))
    });
    // The client is gone, the data node was killed: what is durable is the receipt beside the object.
    push.kill().unwrap();
    push.wait().unwrap();
    apart.data.kill();
    apart.data.restart();
    assert_eq!(apart.data.ready().0, 503, "it starts without its control plane, and says so");
    apart.control.restart();
    let large = noise(30, 12 * MIB as usize).len();
    until("the log to name the blob", || {
        let events = admin.run(&["events", "--type", "blob.stored", "--format", "ndjson"]).stdout;
        events.contains(&format!("\"size\":{large}")) || events.contains(&large.to_string())
    });
    admin.ok(&["push", text(&source), "acme/away:v1"]);
    apart.check("acme/away:v1", &source);
}

/// The object of the data node that has this content.
fn object_with(data: &Path, content: &[u8]) -> PathBuf {
    let shards = fs::read_dir(data.join("blobs/objects")).unwrap();
    let mut objects = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    let has = |path: &PathBuf| fs::read(path).unwrap() == content;
    objects.find_map(|object| Some(object.unwrap().path()).filter(has)).expect("an object has it")
}

#[test]
fn a_damaged_blob_is_found_by_its_data_node_given_to_nobody_and_repaired_by_the_next_push() {
    let mut apart = Apart::enrolled();
    let admin = apart.admin();
    let source = apart.source(2 * MIB as usize);
    admin.ok(&["push", text(&source), "acme/damaged:v1"]);
    let state = apart.control.state.clone();
    let settings = apart.settings();
    let scrub = ["scrub", "--state-dir", text(&state), "--config", text(&settings)];
    assert!(admin.ok(&scrub).starts_with("read "));

    let content = noise(7, 1_000);
    let object = object_with(&apart.data.state, &content);
    let mut damaged = content.clone();
    damaged[500] ^= 1;
    fs::write(&object, damaged).unwrap();
    let found = admin.run(&scrub);
    assert!(found.status == 3 && found.stdout.contains("1 corrupt"), "{found:?}");
    let refused = admin.run(&["cat", "acme/damaged:v1", "small-7"]);
    assert!(refused.status != 0 && refused.stdout.is_empty(), "{refused:?}");
    assert!(admin.ok(&["show", "acme/damaged:v1"]).contains("damaged: small-7"));

    // A control plane that is away in mid scrub costs nothing: what was found is in its log, or found again.
    apart.control.kill();
    apart.control.restart();
    until("the data node to be ready", || apart.data.ready().0 == 200);
    assert_eq!(admin.run(&scrub).status, 3);

    admin.ok(&["push", text(&source), "acme/damaged:v2"]);
    admin.ok(&scrub);
    apart.check("acme/damaged:v1", &source);

    // Nobody answers for the store: it is said, and nothing is recorded.
    apart.data.stop();
    let untaken = admin.run(&scrub);
    assert!(untaken.status == 1 && untaken.stderr.contains("no data node"), "{untaken:?}");
    let before = admin.run(&["events", "--type", "blob.corrupt"]).stdout;
    assert_eq!(before.lines().count(), 2, "a head and one event: {before}");
    apart.data.restart();
}

#[test]
fn a_data_node_sweeps_what_its_control_plane_gives_up() {
    let mut apart = Apart::enrolled();
    let admin = apart.admin();
    let source = apart.source(MIB as usize);
    admin.ok(&["push", text(&source), "acme/swept:v1"]);
    apart.data.stop();
    // Of a day long ago.
    let old = ObjectKey::from_uuid(Uuid::new_v7(Timestamp::from_unix(NoContext, 1_700_000_000, 0)));
    let path = apart.data.state.join("blobs");
    let put = async {
        let store = Filesystem::open(&path).await.unwrap();
        store.put(&old, "nobody claims it".into()).await.unwrap();
    };
    tokio::runtime::Runtime::new().unwrap().block_on(put);
    apart.data.restart();

    let settings = apart.directory.path().join("data.toml");
    let control = format!("http://{}", apart.control.address);
    fs::write(&settings, format!("plane = 'data'\nnode = 'd1'\ncontrol-url = '{control}'\n")).unwrap();
    let state = apart.data.state.clone();
    let sweep = ["sweep", "--state-dir", text(&state), "--config", text(&settings)];
    let would = admin.ok(&[&sweep[..], &["--dry-run"]].concat());
    assert!(would.contains(old.as_str()) && would.contains("would go"), "{would}");
    let given_up = admin.ok(&sweep);
    assert!(given_up.contains("to be deleted (event "), "the service has the store: {given_up}");
    apart.data.stop();
    let swept = admin.ok(&sweep);
    assert!(swept.contains("deleted (event "), "{swept}");
    assert!(!admin.ok(&sweep).contains(old.as_str()));
    apart.data.restart();
    until("the data node to be ready", || apart.data.ready().0 == 200);
    apart.check("acme/swept:v1", &source);

    // Without its control plane it sweeps nothing.
    apart.control.kill();
    let refused = admin.run(&sweep);
    assert!(refused.status == 1 && refused.stderr.contains("nothing is swept"), "{refused:?}");
    apart.control.restart();
}

#[test]
fn what_a_data_node_must_not_have_and_must_not_share_is_refused_with_the_reason() {
    let apart = Apart::start();
    let control = format!("http://{}", apart.control.address);
    let data = |state: &Path, more: &[&str]| {
        let arguments = ["serve", "--plane", "data", "--listen", "127.0.0.1:0", "--control-url", &control];
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        let output = command.args(arguments).args(more).arg("--state-dir").arg(state).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let other = apart.directory.path().join("other");
    let (status, said) = data(&other, &["--database-url", "postgres://nobody@127.0.0.1:1/none"]);
    assert!(status == Some(1) && said.contains("holds no address of a database"), "{said}");
    let (status, said) = data(&other, &["--blobs-dir", text(&apart.data.state.join("blobs"))]);
    assert!(status == Some(1) && said.contains("process"), "{said}");
    let (status, said) = data(&other, &["--limit", "uplaods=1"]);
    assert!(
        status == Some(1) && said.contains("no such limit") && said.contains("uploads-per-client"),
        "{said}"
    );
}
