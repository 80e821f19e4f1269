//! One of a crowd: opens an upload, brings it, counts what it is told, and begins another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, stream};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, RequestBuilder, Response};

use super::Size;
use super::content::{Content, LARGE_BYTES, Noise, Way};
use crate::cli::bench::server::Server;
use crate::client::{Client, Error};
use crate::kernel::digest::Digests;
use crate::kernel::id::RepositoryName;
use crate::kernel::limits::CLIENT_STALL_SECONDS;
use crate::wire::secret::Secret;
use crate::wire::upload::{OpenUploads, OpenedBlob, OpenedUploads, StoredBlob, WantedBlob};

const MIB: f64 = 1024.0 * 1024.0;

/// MiB of a large blob.
const LARGE_MIB: f64 = LARGE_BYTES as f64 / MIB;

/// A blob that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// Which content it is.
    pub(super) n: u64,
    pub(super) digests: Digests,
    pub(super) bytes: u64,
}

/// What all of them were told.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub(super) resumed: u64,
    pub(super) moved_on: u64,
    pub(super) told_to_come_back: BTreeMap<String, u64>,
    pub(super) errors: BTreeMap<String, u64>,
}

/// What all of them share.
pub(super) struct Crowd {
    client: Client,
    /// With a connection for each.
    http: reqwest::Client,
    token: Secret,
    pub(super) repository: RepositoryName,
    pub(super) noise: Noise,
    pace: Arc<Pace>,
    /// How long one upload may take, however often it is told to come back.
    patience: Duration,
    next: AtomicU64,
    counts: Mutex<Counts>,
}

/// Why an upload came to nothing, which was counted.
struct Failed;

/// Where an upload goes.
struct Granted {
    href: String,
    grant: Secret,
}

impl Crowd {
    pub(super) fn new(server: &Server, repository: RepositoryName, size: Size) -> anyhow::Result<Self> {
        let pace = Pace::new(size.mebibytes_per_second as f64 * MIB);
        // What a large one takes at this pace, twice, and as long again as a client waits for a server that is busy.
        let at_pace = size.uploads as f64 * LARGE_MIB / size.mebibytes_per_second.max(1) as f64;
        let patience = Duration::from_secs_f64(2.0 * at_pace) + Duration::from_secs(CLIENT_STALL_SECONDS);
        let http = reqwest::Client::builder()
            .no_proxy()
            // It speaks plain http to this machine only.
            .tls_certs_only([])
            .tcp_nodelay(true)
            .pool_max_idle_per_host(usize::try_from(size.uploads)?)
            .build()?;
        Ok(Self {
            client: server.client.clone(),
            http,
            token: server.token.clone(),
            repository,
            noise: Noise::new(),
            pace: Arc::new(pace),
            patience,
            next: AtomicU64::new(0),
            counts: Mutex::default(),
        })
    }

    fn count(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Counts {
        self.count().clone()
    }

    /// Brings one blob after the other until then. What has begun is ended.
    pub(super) async fn bring_until(self: Arc<Self>, until: Instant) -> Vec<Kept> {
        let mut kept = Vec::new();
        while Instant::now() < until {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let brought = tokio::time::timeout(self.patience, self.bring(n)).await;
            match brought.unwrap_or_else(|_| Err(self.wrong("not taken in time"))) {
                Ok(digests) => kept.push(Kept { n, digests, bytes: self.noise.content(n).len() }),
                // An error that comes at once, such as a server that is gone, must not be counted by the million.
                Err(Failed) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
        kept
    }

    async fn bring(&self, n: u64) -> Result<Digests, Failed> {
        let content = self.noise.content(n);
        let granted = self.open(content.len()).await?;
        match Way::of(n) {
            Way::Small => self.small(&granted, &content).await,
            Way::Session => self.session(&granted, &content, None).await,
            Way::Broken => self.session(&granted, &content, Some(content.len() / 2)).await,
        }
    }

    async fn open(&self, bytes: u64) -> Result<Granted, Failed> {
        let url = format!("{}/v1/repositories/{}/-/uploads", self.client.address(), self.repository);
        let wanted = OpenUploads { blobs: vec![WantedBlob { digest: None, size: Some(bytes) }] };
        let post = || self.http.post(&url).bearer_auth(self.token.reveal()).json(&wanted);
        let answer = self.insist(post).await?;
        let opened = self.client.transport().json::<OpenedUploads>(answer).await;
        match self.counted(opened)?.blobs.pop() {
            Some(OpenedBlob::Upload { href, grant, .. }) => {
                Ok(Granted { href: self.client.transport().resolve(&href), grant })
            }
            _ => Err(self.wrong("no grant for a blob that nobody has")),
        }
    }

    async fn small(&self, granted: &Granted, content: &Content) -> Result<Digests, Failed> {
        let url = format!("{}/data/blobs", self.client.address());
        let put = || {
            let request = self.http.put(&url).bearer_auth(granted.grant.reveal());
            request.header(CONTENT_LENGTH, content.len()).body(self.body(content, 0, content.len()))
        };
        let answer = self.insist(put).await?;
        let stored: StoredBlob = self.counted(self.client.transport().json(answer).await)?;
        Ok(Digests { blake3: stored.digest, sha256: stored.sha256 })
    }

    async fn session(
        &self,
        granted: &Granted,
        content: &Content,
        breaks_at: Option<u64>,
    ) -> Result<Digests, Failed> {
        let tus = |request: RequestBuilder| {
            request.bearer_auth(granted.grant.reveal()).header("Tus-Resumable", "1.0.0")
        };
        let create = || tus(self.http.post(&granted.href)).header("Upload-Length", content.len());
        let created = self.insist(create).await?;
        let location: String = self.header(&created, "location")?;
        let url = self.client.transport().resolve(&location);
        let patch = |from: u64, to: u64| {
            tus(self.http.patch(&url))
                .header("Upload-Offset", from)
                .header(CONTENT_TYPE, "application/offset+octet-stream")
                .header(CONTENT_LENGTH, content.len() - from)
                .body(self.body(content, from, to))
        };
        let mut durable = 0;
        if let Some(middle) = breaks_at {
            // Its own body fails: the connection ends in the middle, as when a client dies.
            match self.client.transport().send_once(patch(0, middle)).await {
                Err(Error::Lost { .. }) => self.count().resumed += 1,
                refused => {
                    if let Err(wait) = self.judge(refused)? {
                        tokio::time::sleep(wait).await;
                    }
                }
            }
            durable = self.durable(|| tus(self.http.head(&url))).await?;
        }
        let answer = loop {
            let patch = patch(durable, content.len());
            match self.client.transport().send_once(patch).await {
                // What was on its way when the connection broke may have arrived since it was asked for.
                Err(error) if breaks_at.is_some() && error.code() == Some("offset-mismatch") => {
                    self.count().moved_on += 1;
                }
                outcome => match self.judge(outcome)? {
                    Ok(answer) => break answer,
                    // Whatever it took before it refused is not sent again.
                    Err(wait) => tokio::time::sleep(wait).await,
                },
            }
            durable = self.durable(|| tus(self.http.head(&url))).await?;
        };
        let blake3 = self.header(&answer, "strongroom-digest")?;
        Ok(Digests { blake3, sha256: self.header(&answer, "strongroom-sha256")? })
    }

    /// How far the server is with a session.
    async fn durable(&self, head: impl Fn() -> RequestBuilder) -> Result<u64, Failed> {
        let answer = self.insist(head).await?;
        self.header(&answer, "upload-offset")
    }

    /// Sends again and again, for as long as the server says when to.
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, Failed> {
        loop {
            match self.once(request()).await? {
                Ok(answer) => return Ok(answer),
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Sends once. The answer, or how long to wait for another.
    async fn once(&self, request: RequestBuilder) -> Result<Result<Response, Duration>, Failed> {
        self.judge(self.client.transport().send_once(request).await)
    }

    fn judge(&self, outcome: Result<Response, Error>) -> Result<Result<Response, Duration>, Failed> {
        match outcome {
            Ok(answer) => Ok(Ok(answer)),
            Err(Error::Problem { problem, retry_after: Some(wait) })
                if matches!(problem.status, 429 | 503) =>
            {
                let what = format!("{} {}", problem.status, problem.code);
                *self.count().told_to_come_back.entry(what).or_default() += 1;
                Ok(Err(wait))
            }
            Err(error) => self.counted(Err(error)),
        }
    }

    fn counted<T>(&self, outcome: Result<T, Error>) -> Result<T, Failed> {
        outcome.map_err(|error| match &error {
            Error::Problem { problem, .. } => self.wrong(&format!("{} {}", problem.status, problem.code)),
            Error::Lost { reason, .. } => self.wrong(&format!("connection lost: {reason}")),
            other => self.wrong(&other.to_string()),
        })
    }

    fn wrong(&self, what: &str) -> Failed {
        *self.count().errors.entry(what.to_owned()).or_default() += 1;
        Failed
    }

    fn header<T: std::str::FromStr>(&self, answer: &Response, name: &str) -> Result<T, Failed> {
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok()?.parse().ok());
        value.ok_or_else(|| self.wrong(&format!("an answer without {name}")))
    }

    /// The content from there to there, at the pace of all; if that is not its end, it fails then.
    fn body(&self, content: &Content, from: u64, to: u64) -> Body {
        Body::wrap_stream(pieces(self.pace.clone(), content.clone(), from, to))
    }
}

fn pieces(
    pace: Arc<Pace>,
    content: Content,
    from: u64,
    to: u64,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::unfold(from, move |at| {
        let (pace, content) = (pace.clone(), content.clone());
        async move {
            if at == content.len() {
                return None;
            }
            if at >= to {
                return Some((Err(std::io::ErrorKind::ConnectionAborted.into()), content.len()));
            }
            let piece = content.piece(at);
            pace.wait(piece.len()).await;
            let next = at + piece.len() as u64;
            Some((Ok(piece), next))
        }
    })
}

/// Bytes a second that all send together.
struct Pace {
    /// None bounds nothing.
    seconds_per_byte: Option<f64>,
    free_at: Mutex<Instant>,
}

impl Pace {
    fn new(bytes_per_second: f64) -> Self {
        let seconds_per_byte = (bytes_per_second > 0.0).then(|| 1.0 / bytes_per_second);
        Self { seconds_per_byte, free_at: Mutex::new(Instant::now()) }
    }

    async fn wait(&self, bytes: usize) {
        let Some(each) = self.seconds_per_byte else { return };
        let turn = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*free_at).max(Instant::now());
            *free_at = turn + Duration::from_secs_f64(each * bytes as f64);
            turn
        };
        tokio::time::sleep_until(turn.into()).await;
    }
}
