//! `repositories`: what exists, with its settings; `repository_totals`: what each holds.
//!
//! - The first `repository.created` of a name makes the row, the last `repository.updated` after it sets it.
//! - An update of a repository that does not exist changes nothing.
//! - Totals only grow, by what `blobs` and `manifests` add in the statement that adds their rows, so a repeated fact
//!   counts once.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{NamePattern, Repository, Visible, get, list};

/// Rows to make where there are none, and settings for rows that were there before this run of events.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    created: BTreeMap<&'a str, Created>,
    updated: BTreeMap<&'a str, Settings>,
}

#[derive(Debug, PartialEq, Eq)]
struct Created {
    at_ms: i64,
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    public: bool,
    at_ms: i64,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let settings = |public| Settings { public, at_ms: bigint(event.at_ms), position: bigint(*position) };
        match &event.fact {
            Fact::RepositoryCreated(fact) => {
                let settings = settings(fact.public);
                let created = Created { at_ms: settings.at_ms, settings };
                changes.created.entry(fact.repository.as_str()).or_insert(created);
            }
            Fact::RepositoryUpdated(fact) => {
                let settings = settings(fact.public);
                if let Some(created) = changes.created.get_mut(fact.repository.as_str()) {
                    created.settings = settings;
                }
                changes.updated.insert(fact.repository.as_str(), settings);
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.created.is_empty() && self.updated.is_empty() {
            return Ok(());
        }
        let (created, updated) = (&self.created, &self.updated);
        sqlx::query_file!(
            "src/views/repositories/apply.sql",
            &created.keys().copied().collect::<Vec<_>>() as _,
            &created.values().map(|row| row.settings.public).collect::<Vec<_>>(),
            &created.values().map(|row| row.at_ms).collect::<Vec<_>>(),
            &created.values().map(|row| row.settings.at_ms).collect::<Vec<_>>(),
            &created.values().map(|row| row.settings.position).collect::<Vec<_>>(),
            &updated.keys().copied().collect::<Vec<_>>() as _,
            &updated.values().map(|settings| settings.public).collect::<Vec<_>>(),
            &updated.values().map(|settings| settings.at_ms).collect::<Vec<_>>(),
            &updated.values().map(|settings| settings.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{recorded, repository_created, repository_updated};

    fn settings(public: bool, position: i64) -> Settings {
        Settings { public, at_ms: 1_000 + position, position }
    }

    #[test]
    fn a_repository_that_is_created_and_updated_has_the_last_settings() {
        let events = recorded([
            repository_created("a", false).into(),
            repository_updated("a", true).into(),
            repository_updated("a", false).into(),
        ]);
        let changes = fold(&events);
        let created = Created { at_ms: 1_000, settings: settings(false, 2) };
        assert_eq!(changes.created, BTreeMap::from([("a", created)]));
        assert_eq!(changes.updated, BTreeMap::from([("a", settings(false, 2))]));
    }

    #[test]
    fn an_update_before_the_creation_does_not_reach_the_new_row() {
        let events = recorded([repository_updated("a", true).into(), repository_created("a", false).into()]);
        let changes = fold(&events);
        assert_eq!(changes.created["a"].settings, settings(false, 1));
        assert_eq!(changes.updated["a"], settings(true, 0));
    }

    #[test]
    fn the_first_creation_wins() {
        let events = recorded([repository_created("a", true).into(), repository_created("a", false).into()]);
        assert_eq!(fold(&events).created["a"].settings, settings(true, 0));
    }
}
