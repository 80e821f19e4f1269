//! What retention costs: plans and their application, over logs that grow tenfold twice, and what an upload notices of it.

mod beside;
mod generate;

use std::path::Path;
use std::time::Instant;

use anyhow::ensure;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use self::beside::Uploads;
use super::server::Server;
use crate::client::Written;
use crate::kernel::cbor::sequence::item_length;
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::limits::DOCUMENT_MAX_BYTES;
use crate::wire::plan::MakePlan;

/// What the plans are made by: every kind of condition, and about half of all packages deleted.
const POLICY: &str = include_str!("policy.toml");

/// Seconds for which uploads are measured alone.
const ALONE_SECONDS: u64 = 10;

const MIB: f64 = 1024.0 * 1024.0;

/// What was measured of one log.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    packages: u64,
    blobs: u64,
    events: u64,
    generate_seconds: f64,
    log_mib: f64,
    views_mib: f64,
    plan_seconds: f64,
    plan_items: u64,
    plan_deletions: u64,
    plan_mib: f64,
    plan_server_memory_growth_mib: f64,
    apply_seconds: f64,
    apply_deleted: u64,
    apply_packages_per_second: f64,
    apply_server_memory_growth_mib: f64,
    /// Uploads of 16 KiB by one client after the other, from the grant to the receipt that is in the log.
    upload_p99_ms_alone: f64,
    upload_p99_ms_beside_apply: f64,
    upload_p99_ratio: f64,
    uploads_beside_apply: u64,
}

/// One log of a hundredth of so many packages, one of a tenth, and one of all.
pub(super) async fn run(place: &Path, packages: u64) -> anyhow::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for packages in [packages / 100, packages / 10, packages] {
        if packages >= generate::PACKAGES_MIN {
            let state = place.join(format!("state-{packages}"));
            measured.push(one(&state, packages).await?);
            std::fs::remove_dir_all(&state)?;
        }
    }
    Ok(measured)
}

async fn one(state: &Path, packages: u64) -> anyhow::Result<Measured> {
    let begin = Instant::now();
    let bar = bar(packages);
    let made = generate::generate(state, packages, &bar).await?;
    bar.finish_and_clear();
    let generate_seconds = begin.elapsed().as_secs_f64();
    // No service has signed this log yet.
    let server = Server::start_with(state, &["--accept-missing-checkpoint"]).await?;
    let written = Written::Toml(POLICY.to_owned());
    server.client.set_policy(&"bench".parse()?, &written).await?;

    let before = server.memory_bytes()?.0;
    let begin = Instant::now();
    let (plan, documents) = server.client.plan(&MakePlan::default()).await?;
    let plan_seconds = begin.elapsed().as_secs_f64();
    let planned = server.memory_bytes()?.1;

    let uploads = Uploads::prepare(&server).await?;
    let alone = uploads.measure(tokio::time::sleep(std::time::Duration::from_secs(ALONE_SECONDS))).await?;
    let digest = digest_of(&documents)?;
    let plan_mib = documents.len() as f64 / MIB;
    server.client.submit_plan(documents.to_vec()).await?;
    let begin = Instant::now();
    let beside = uploads.measure(apply(&server, &digest)).await?;
    let apply_seconds = begin.elapsed().as_secs_f64();
    let deleted = beside.output?;
    let totals = plan.totals();
    ensure!(deleted == totals.deletions, "{deleted} packages went, {} were to go", totals.deletions);
    let applied = server.memory_bytes()?.1;
    server.stop().await?;
    let growth = |after: u64| after.saturating_sub(before) as f64 / MIB;
    Ok(Measured {
        packages,
        blobs: made.blobs,
        events: made.events,
        generate_seconds,
        log_mib: made.log_bytes as f64 / MIB,
        views_mib: made.view_bytes as f64 / MIB,
        plan_seconds,
        plan_items: plan.items.len() as u64,
        plan_deletions: totals.deletions,
        plan_mib,
        plan_server_memory_growth_mib: growth(planned),
        apply_seconds,
        apply_deleted: deleted,
        apply_packages_per_second: deleted as f64 / apply_seconds,
        apply_server_memory_growth_mib: growth(applied),
        upload_p99_ms_alone: alone.p99_ms,
        upload_p99_ms_beside_apply: beside.p99_ms,
        upload_p99_ratio: beside.p99_ms / alone.p99_ms,
        uploads_beside_apply: beside.count,
    })
}

/// To its end. How many packages it deleted.
async fn apply(server: &Server, plan: &Blake3) -> anyhow::Result<u64> {
    let (mut done, mut deleted) = (0, 0);
    loop {
        let step = server.client.apply_plan(plan, done).await?;
        (done, deleted) = (step.done, deleted + step.deleted);
        if step.done >= step.items {
            return Ok(deleted);
        }
    }
}

/// That of the header, which is the first document.
fn digest_of(documents: &[u8]) -> anyhow::Result<Blake3> {
    let header = item_length(documents, DOCUMENT_MAX_BYTES)?.and_then(|length| documents.get(..length));
    let header = header.ok_or_else(|| anyhow::anyhow!("the server's answer is no plan"))?;
    Ok(Digests::of(header).blake3)
}

fn bar(packages: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {human_pos}/{human_len} {per_sec} {eta}");
    let style = style.expect("a template that every run uses");
    ProgressBar::new(packages).with_style(style).with_prefix("making packages")
}
