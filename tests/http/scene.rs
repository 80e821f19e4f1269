//! A node behind its HTTP surface on a port of its own, and callers with tokens.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};
use strongroom::access::Caller;
use strongroom::clock::{Clock, Manual, System};
use strongroom::config::Settings;
use strongroom::config::limits::Limits;
use strongroom::control::{Context, tokens};
use strongroom::http::{App, serve};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::manifest::{Descriptor, Header, Manifest, MediaType};
use strongroom::node::{Node, Options};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::postgres::{TestDatabase, scratch_directory};

pub(crate) const REPOSITORY: &str = "acme/reports";
pub(crate) const CBOR: &str = "application/vnd.strongroom.manifest.v1+cbor";

pub(crate) struct Scene {
    pub(crate) node: Arc<Node>,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<Manual>,
    /// Pushes to and pulls from everything, and reads the log.
    pub(crate) uploader: String,
    pub(crate) admin: String,
    http: reqwest::Client,
    stop: CancellationToken,
    served: JoinHandle<()>,
    _directory: TempDir,
    _database: TestDatabase,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no header {name}: {self:?}"));
        value.to_str().expect("ASCII")
    }

    /// That it is a refusal of that status and code, drawn as every refusal is.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str) -> Json {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("urn:strongroom:problem:{code}"));
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        assert!(self.headers.contains_key("x-request-id"));
        problem
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::with(|settings| settings).await
    }

    /// With other settings than by default.
    pub(crate) async fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let (database, directory) = (TestDatabase::fresh().await, scratch_directory());
        let clock = Arc::new(Manual::at_ms(System.now_ms()));
        let settings = Settings {
            database_url: Some(database.options().into()),
            // Tests of anything else must not depend on how full the machine's disk is.
            limits: Limits { free_space_mib: 0, ..Limits::default() },
            ..Settings::in_directory(directory.path().join("state"))
        };
        let settings = change(settings);
        let options = Options { clock: clock.clone(), ..Options::default() };
        let node = Arc::new(Node::open_with(settings, options).await.expect("a node opens"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let stopping = stop.clone().cancelled_owned();
        let served = tokio::spawn(serve(App::new(node.clone()), listener, stopping));
        // Who else has installed a provider in this process has chosen one; that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let mut scene = Self {
            node,
            address,
            clock,
            uploader: String::new(),
            admin: String::new(),
            http: http.expect("a client"),
            stop,
            served,
            _directory: directory,
            _database: database,
        };
        scene.admin = scene
            .token(
                "repository:*:pull,push,delete log:read retention:plan,apply,approve,hold,lock,bypass,erase admin",
            )
            .await;
        scene.uploader = scene.token("repository:*:pull,push log:read").await;
        scene
    }

    /// Ends the service in order; the node is then closed.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.served.await.expect("serving ends without a panic");
        self.node.shutdown().await;
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// A token's secret, made without HTTP.
    pub(crate) async fn token(&self, scopes: &str) -> String {
        let context = Context::new(Caller::local("test".parse().unwrap()));
        let mint = tokens::Mint { subject: None, scopes: scopes.parse().unwrap(), expires_in_seconds: None };
        let minted = tokens::mint(self.node.control(), &context, mint).await.expect("minted");
        minted.secret.reveal().to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without credentials.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), self.url(path))
    }

    /// A request of the uploader.
    pub(crate) fn upload(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.request(method, path).bearer_auth(&self.uploader)
    }

    /// A request of the admin.
    pub(crate) fn admin(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.request(method, path).bearer_auth(&self.admin)
    }

    /// Opens one upload and gives its grant.
    pub(crate) async fn open(&self, repository: &str, wanted: Json) -> String {
        let path = format!("/v1/repositories/{repository}/-/uploads");
        let answer = send(self.upload("POST", &path).json(&json!({ "blobs": [wanted] }))).await;
        let opened = answer.is(200).json();
        assert_eq!(opened["blobs"][0]["status"], "upload", "{opened}");
        opened["blobs"][0]["grant"].as_str().unwrap().to_owned()
    }

    /// Deposits a small blob.
    pub(crate) async fn put(&self, repository: &str, bytes: &[u8]) -> Digests {
        let grant = self.open(repository, json!({ "size": bytes.len() })).await;
        let put = self.request("PUT", "/data/blobs").bearer_auth(grant).body(bytes.to_vec());
        send(put).await.is(201);
        Digests::of(bytes)
    }

    /// Deposits a package of blobs that are there or not, under a tag.
    pub(crate) async fn accept(&self, repository: &str, tag: &str, blobs: &[&[u8]]) -> Answer {
        let path = format!("/v1/repositories/{repository}/-/manifests/{tag}");
        let put = self.upload("PUT", &path).header("content-type", CBOR).body(manifest(blobs).encode());
        send(put).await
    }

    /// Deposits blobs and the package of them.
    pub(crate) async fn deposit(&self, repository: &str, tag: &str, blobs: &[&[u8]]) -> Digests {
        for blob in blobs {
            self.put(repository, blob).await;
        }
        self.accept(repository, tag, blobs).await.is(201);
        Digests::of(&manifest(blobs).encode())
    }

    /// A grant to read one blob of a package.
    pub(crate) async fn read_grant(&self, repository: &str, tag: &str, blob: &[u8]) -> String {
        let path = format!("/v1/repositories/{repository}/-/reads");
        let digest = Digests::of(blob).blake3;
        let answer =
            send(self.upload("POST", &path).json(&json!({ "reference": tag, "digests": [digest] }))).await;
        let granted = answer.is(200).json();
        granted["blobs"][0]["grant"].as_str().unwrap().to_owned()
    }
}

/// A manifest of those blobs: the first is the config, all are layers.
pub(crate) fn manifest(blobs: &[&[u8]]) -> Manifest {
    let descriptor = |bytes: &&[u8]| Descriptor {
        media_type: MediaType::OCTET_STREAM,
        digests: Digests::of(bytes),
        size_bytes: bytes.len() as u64,
        annotations: Default::default(),
    };
    let header = Header { artifact_type: Some(MediaType::PACKAGE), ..Header::default() };
    Manifest::new(header, descriptor(&blobs[0]), blobs.iter().map(descriptor).collect()).expect("a manifest")
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.expect("a whole answer").to_vec();
    Answer { status, headers, body }
}
