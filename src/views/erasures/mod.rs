//! `erased_documents`, `erased_packages`: what may not come back.
//!
//! - The first `document.erased` of a document makes its row, the first `manifest.deleted` by an erasure that of its package.
//!   Nothing changes or removes them.
//! - Who may not read a repository is not told what was erased there: a package is asked for by repository.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Authority, DocumentErased, Fact, ManifestDeleted};
use crate::log::Recorded;

pub use query::{ErasedDocument, ErasedPackage, document, needed, package, packages_with, page};

/// Rows to make where there are none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    documents: BTreeMap<&'a Blake3, Erased<'a, &'a DocumentErased>>,
    packages: BTreeMap<(&'a str, &'a Blake3), Erased<'a, (&'a ManifestDeleted, &'a Blake3)>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Erased<'a, F> {
    fact: F,
    at_ms: i64,
    by: &'a str,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let (at_ms, by, position) = (bigint(event.at_ms), event.actor.as_str(), bigint(*position));
        match &event.fact {
            Fact::DocumentErased(fact) => {
                changes.documents.entry(&fact.document).or_insert(Erased { fact, at_ms, by, position });
            }
            Fact::ManifestDeleted(fact) => {
                if let Authority::Erasure { statement } = &fact.authority {
                    let erased = Erased { fact: (fact, statement), at_ms, by, position };
                    changes.packages.entry((fact.repository.as_str(), &fact.blake3)).or_insert(erased);
                }
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.documents.is_empty() {
            let rows = || self.documents.values();
            sqlx::query_file!(
                "src/views/erasures/apply_documents.sql",
                &rows().map(|row| row.fact.document.as_bytes().as_slice()).collect::<Vec<_>>() as _,
                &rows().map(|row| row.fact.sha256.as_bytes().as_slice()).collect::<Vec<_>>() as _,
                &rows()
                    .map(|row| row.fact.manifest.as_ref().map(|of| of.as_bytes().as_slice()))
                    .collect::<Vec<_>>() as _,
                &rows().map(|row| row.fact.statement.as_bytes().as_slice()).collect::<Vec<_>>() as _,
                &rows().map(|row| row.at_ms).collect::<Vec<_>>(),
                &rows().map(|row| row.by).collect::<Vec<_>>() as _,
                &rows().map(|row| row.position).collect::<Vec<_>>(),
            )
            .execute(&mut *connection)
            .await?;
        }
        if !self.packages.is_empty() {
            let rows = || self.packages.values();
            sqlx::query_file!(
                "src/views/erasures/apply_packages.sql",
                &rows().map(|row| row.fact.0.repository.as_str()).collect::<Vec<_>>() as _,
                &rows().map(|row| row.fact.0.blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
                &rows().map(|row| row.fact.0.sha256.as_bytes().as_slice()).collect::<Vec<_>>() as _,
                &rows().map(|row| row.fact.1.as_bytes().as_slice()).collect::<Vec<_>>() as _,
                &rows().map(|row| row.at_ms).collect::<Vec<_>>(),
                &rows().map(|row| row.by).collect::<Vec<_>>() as _,
                &rows().map(|row| row.position).collect::<Vec<_>>(),
            )
            .execute(connection)
            .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blake3, document_erased, manifest_deleted, manifest_erased, recorded};

    #[test]
    fn the_first_erasure_of_a_document_and_of_a_package_counts() {
        let events = recorded([
            manifest_erased("a", 1).into(),
            document_erased(1, None).into(),
            document_erased(2, Some(1)).into(),
            document_erased(1, None).into(),
            manifest_erased("a", 1).into(),
        ]);
        let changes = fold(&events);
        let documents: Vec<_> =
            changes.documents.iter().map(|(digest, row)| (**digest, row.position)).collect();
        let mut expected = vec![(blake3(1), 1), (blake3(2), 2)];
        expected.sort_unstable();
        assert_eq!(documents, expected);
        assert_eq!(changes.packages[&("a", &blake3(1))].position, 0);
    }

    #[test]
    fn what_is_deleted_otherwise_may_come_back() {
        let events = recorded([manifest_deleted("a", 1).into()]);
        assert_eq!(fold(&events), Changes::default());
    }
}
