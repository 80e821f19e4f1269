//! A small S3 server in memory, behind a real HTTP and signature layer (`s3s`): as strict as the strictest that we know,
//! and, to order, as careless as the worst.

#![expect(dead_code, reason = "each test binary uses its part of it")]

mod bucket;
mod content;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use strongroom::stores::{Patience, S3, S3Credentials, S3Settings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use content::Content;

const BUCKET: &str = "evidence";
pub(crate) const ACCESS_KEY: &str = "strongroom-test";
pub(crate) const SECRET_KEY: &str = "strongroom-test-secret";
/// The variable that names a real server to test with, made by `.ci/s3`.
const REAL: &str = "STRONGROOM_TEST_S3_ENDPOINT";

/// How a server behaves.
#[derive(Debug, Default)]
pub(crate) struct Manners {
    /// It takes no notice of conditions on PUT.
    pub(crate) careless_put: AtomicBool,
    /// It takes no notice of conditions on completion.
    pub(crate) careless_completion: AtomicBool,
    /// Its disk is full.
    pub(crate) full: AtomicBool,
    /// So many writes are done, and answered with an error.
    pub(crate) lost_answers: AtomicUsize,
    /// Requests so far that wrote.
    pub(crate) writes: AtomicUsize,
}

impl Manners {
    fn loses_this_answer(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.lost_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
}

/// A running server, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) manners: Arc<Manners>,
    pub(crate) content: Arc<Content>,
    endpoint: String,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let (manners, content) = (Arc::<Manners>::default(), Arc::<Content>::default());
        let mut builder =
            S3ServiceBuilder::new(bucket::Bucket::new(BUCKET, content.clone(), manners.clone()));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service.clone());
                connections.spawn(serving);
            }
        });
        Self { manners, content, endpoint, serving }
    }

    /// How to reach it, in parts of 1 MiB.
    pub(crate) fn settings(&self) -> S3Settings {
        let patience =
            Patience { connect: Duration::from_secs(5), attempt: Duration::from_secs(30), attempts: 3 };
        S3Settings { part_bytes: 1024 * 1024, patience, ..settings(&self.endpoint, BUCKET) }
    }

    /// A store on it.
    pub(crate) async fn store(&self) -> S3 {
        S3::open(self.settings()).await.unwrap()
    }
}

/// With these keys, which every server of these tests has.
pub(crate) fn settings(endpoint: &str, bucket: &str) -> S3Settings {
    let credentials = S3Credentials { access_key: ACCESS_KEY.to_owned(), secret_key: SECRET_KEY.to_owned() };
    S3Settings {
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(credentials),
        region: Some("us-east-1".to_owned()),
        ..S3Settings::bucket(bucket)
    }
}

/// A place of its own on the real server, if there is one; in parts as small as S3 takes them.
pub(crate) fn on_the_real_server() -> Option<S3Settings> {
    let endpoint = std::env::var(REAL).ok().filter(|endpoint| !endpoint.is_empty())?;
    let prefix = format!("test/{}", uuid::Uuid::now_v7().simple());
    Some(S3Settings { prefix, part_bytes: 5 * 1024 * 1024, ..settings(&endpoint, BUCKET) })
}
