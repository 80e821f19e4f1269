//! Small uploads, one after the other from a few clients, while something else goes on.

use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cli::bench::server::Server;
use crate::client::Client;
use crate::kernel::id::RepositoryName;
use crate::wire::repository::SetRepository;
use crate::wire::upload::{OpenUploads, OpenedBlob, WantedBlob};

const CLIENTS: usize = 4;
const UPLOAD_BYTES: usize = 16 * 1024;

/// Who uploads, and where.
pub(super) struct Uploads {
    client: Client,
    repository: Arc<RepositoryName>,
}

/// How uploads went beside something that came out so.
pub(super) struct Beside<T> {
    pub(super) output: T,
    pub(super) count: u64,
    pub(super) p99_ms: f64,
}

impl Uploads {
    pub(super) async fn prepare(server: &Server) -> anyhow::Result<Self> {
        let repository: RepositoryName = "bench/uploads".parse()?;
        server.client.set_repository(&repository, &SetRepository::default()).await?;
        Ok(Self { client: server.client.clone(), repository: Arc::new(repository) })
    }

    /// Uploads until that has ended.
    pub(super) async fn measure<T>(&self, work: impl Future<Output = T>) -> anyhow::Result<Beside<T>> {
        let ended = CancellationToken::new();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (client, repository, ended) = (self.client.clone(), self.repository.clone(), ended.clone());
            clients.spawn(async move {
                let mut took_ms = Vec::new();
                while !ended.is_cancelled() {
                    let begin = Instant::now();
                    upload(&client, &repository).await?;
                    took_ms.push(begin.elapsed().as_secs_f64() * 1_000.0);
                }
                Ok::<_, anyhow::Error>(took_ms)
            });
        }
        let output = work.await;
        ended.cancel();
        let mut took_ms = Vec::new();
        while let Some(client) = clients.join_next().await {
            took_ms.extend(client??);
        }
        took_ms.sort_unstable_by(f64::total_cmp);
        let p99_ms = took_ms.get(took_ms.len() * 99 / 100).copied().unwrap_or_default();
        Ok(Beside { output, count: took_ms.len() as u64, p99_ms })
    }
}

/// One blob that nobody has yet: granted, brought, durable, and in the log.
async fn upload(client: &Client, repository: &RepositoryName) -> anyhow::Result<()> {
    let mut content = vec![0; UPLOAD_BYTES];
    blake3::Hasher::new().update(Uuid::now_v7().as_bytes()).finalize_xof().fill(&mut content);
    let wanted = OpenUploads { blobs: vec![WantedBlob { digest: None, size: Some(UPLOAD_BYTES as u64) }] };
    let opened = client.open_uploads(repository, &wanted).await?.blobs.pop();
    let Some(OpenedBlob::Upload { href, grant, .. }) = opened else {
        bail!("a blob without a digest is sent")
    };
    let href = client.transport().resolve(&href);
    client.transport().put_small(&href, &grant, &Bytes::from(content)).await?;
    Ok(())
}
