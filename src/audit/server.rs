//! The whole of it, on the server: tables, views, documents and objects against the log.
//!
//! One pass over the rows of the log verifies records, leaves, columns, tiles and receipts; the rest is compared with
//! what that pass established. The log may grow meanwhile: everything is judged at the size read first.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgPool;

use super::log::Verifier;
use super::report::{Report, Subject};
use super::rows::{self, Claims};
use super::{documents, objects};
use crate::kernel::checkpoint;
use crate::kernel::id::StoreName;
use crate::log::checkpoint::AnchorError;
use crate::stores::Store;
use crate::views;

/// How closely blobs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every object is read and hashed.
    Full,
    /// Objects are there and have their size.
    Quick,
}

/// What could not be looked at. Not a finding: nothing is known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed or refused.
    #[error("the audit could not read the database: {0}")]
    Database(#[from] sqlx::Error),
    /// What an auditor handed in is no checkpoint.
    #[error("the checkpoint that was noted earlier: {0}")]
    Noted(#[from] checkpoint::Error),
    /// The checkpoint outside the database could not be read.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// The views could not be checked.
    #[error("the audit could not check the views: {0}")]
    Views(#[from] views::replay::Error),
    /// A store that the log names is not configured.
    #[error("blobs lie in store `{0}`, which is not configured here")]
    UnknownStore(StoreName),
    /// A store failed.
    #[error("the audit could not read store `{store}`: {reason}")]
    Store {
        /// Which.
        store: StoreName,
        /// Why.
        reason: crate::stores::Error,
    },
}

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub step: &'static str,
    /// Done of it.
    pub done: u64,
    /// Of so many.
    pub total: u64,
}

/// The checkpoints that the log has to continue, beside those in its own table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The one kept outside the database.
    pub anchor: Option<&'a str>,
    /// Those that an auditor noted earlier.
    pub noted: &'a [String],
}

/// Audits everything that this server has; blobs only where it has stores.
///
/// # Errors
/// If something could not be looked at; what is wrong with what could be is in the report.
pub async fn run(
    pool: &PgPool,
    expected: Expected<'_>,
    stores: Option<&HashMap<StoreName, Arc<dyn Store>>>,
    depth: Depth,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report, Error> {
    let (mut report, claims) = tables(pool, expected, progress).await?;
    check_views(pool, &mut report, progress).await?;
    if let Some(stores) = stores {
        objects::check(stores, &claims, depth, &mut report, progress).await?;
    }
    Ok(report)
}

/// The tables of schema `log`, all at one snapshot.
async fn tables(
    pool: &PgPool,
    expected: Expected<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Report, Claims), Error> {
    let mut snapshot = pool.begin_with("begin isolation level repeatable read read only").await?;
    let head = rows::head(&mut snapshot).await?;
    let mut verifier = Verifier::new();
    for note in expected.noted {
        verifier.expect_noted(note)?;
    }
    match expected.anchor {
        Some(note) => verifier.expect(note),
        None => {
            let detail = "no checkpoint is kept outside the database: a rolled back log could not be told";
            verifier.report_mut().find(Subject::Checkpoint, "anchor", detail);
        }
    }
    rows::expect_checkpoints(&mut snapshot, &mut verifier).await?;
    let claims = rows::check(&mut snapshot, head.size.unsigned_abs(), &mut verifier, progress).await?;
    rows::check_head(&head, &mut verifier);
    let mut report = verifier.finish();
    documents::check(&mut snapshot, &claims, &mut report, progress).await?;
    Ok((report, claims))
}

async fn check_views(
    pool: &PgPool,
    report: &mut Report,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(), Error> {
    let checked = views::check(pool, |at| {
        if let views::Progress::Folded { events, of } = at {
            progress(Progress { step: "views", done: events, total: of });
        }
    })
    .await;
    let checked = match checked {
        // A log that cannot be replayed is a finding, like what made it so.
        Err(damage) if damage.is_damage() => {
            report.find(Subject::View, "all", format!("the log cannot be replayed: {damage}"));
            return Ok(());
        }
        other => other?,
    };
    for table in checked.tables {
        report.view_tables += 1;
        for difference in &table.first {
            report.find(Subject::View, format!("{} {}", table.table, difference.key), difference.kind.name());
        }
        report.findings_total += table.differences.saturating_sub(table.first.len() as u64);
    }
    Ok(())
}
