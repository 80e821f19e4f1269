//! Documents: every one hashes to its address; every one that an event names is there, unless an event erased it, and then it
//! is not.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::report::{Report, Subject};
use super::rows::Claims;
use super::server::Progress;
use crate::kernel::digest::{Blake3, Digests, Sha256};

/// Documents read at once: at most this many times 4 MiB.
const PAGE_DOCUMENTS: i64 = 8;

pub(super) async fn check(
    snapshot: &mut PgConnection,
    claims: &Claims,
    report: &mut Report,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(), sqlx::Error> {
    let total = (claims.documents.len() + claims.renderings.len()) as u64;
    let (mut by_blake3, mut by_sha256) = (HashSet::new(), HashSet::new());
    let mut after: Vec<u8> = Vec::new();
    loop {
        let rows = sqlx::query_file!("src/audit/sql/documents_page.sql", after, PAGE_DOCUMENTS)
            .fetch_all(&mut *snapshot)
            .await?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.blake3);
        for row in rows {
            let digests = Digests::of(&row.bytes);
            report.documents += 1;
            if row.blake3 == digests.blake3.as_bytes() && row.sha256 == digests.sha256.as_bytes() {
                by_blake3.insert(digests.blake3);
                by_sha256.insert(digests.sha256);
            } else {
                let at = Blake3::from_slice(&row.blake3)
                    .map_or_else(|| hex::encode(&row.blake3), |b| b.to_string());
                report.find(Subject::Document, at, "its bytes do not hash to its address");
                // It is there, though damaged: it is not missing as well.
                by_blake3.extend(Blake3::from_slice(&row.blake3));
                by_sha256.extend(Sha256::from_slice(&row.sha256));
            }
        }
        progress(Progress { step: "documents", done: report.documents, total: total.max(report.documents) });
    }
    let erased = &claims.erased;
    let missing = |(_, blake3): &&(u64, Blake3)| !by_blake3.contains(blake3) && !erased.contains_key(blake3);
    for (position, blake3) in claims.documents.iter().filter(missing) {
        report.find(
            Subject::Document,
            blake3,
            format!("the event at position {position} names it, it is missing"),
        );
    }
    let erased_renderings: HashSet<Sha256> = erased.values().map(|(_, sha256)| *sha256).collect();
    let missing =
        |(_, sha256): &&(u64, Sha256)| !by_sha256.contains(sha256) && !erased_renderings.contains(sha256);
    for (position, sha256) in claims.renderings.iter().filter(missing) {
        report.find(
            Subject::Document,
            sha256,
            format!("the rendering frozen at position {position} is missing"),
        );
    }
    let mut there: Vec<_> = erased.iter().filter(|(blake3, _)| by_blake3.contains(blake3)).collect();
    there.sort_unstable();
    for (blake3, (position, _)) in there {
        let detail = format!("the event at position {position} erased it, and it is there");
        report.find(Subject::Document, blake3, detail);
    }
    Ok(())
}
