//! `repositories`: what exists, with its settings; `repository_totals`: what each holds.
//!
//! - The first `repository.created` of a name makes the row, the last `repository.updated` after it sets it.
//! - An update of a repository that does not exist changes nothing. A setting that an update does not name stays.
//! - A quota of 0 is none.
//! - Totals are kept by `blobs` and `manifests`, in the statements that add and remove their rows, so a repeated fact
//!   counts once. What holds nothing has no row.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::event::{Fact, Provenance, RepositorySettings};
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
    named: RepositorySettings,
    at_ms: i64,
    position: i64,
}

impl Settings {
    /// What a later update does not name stays.
    fn then(self, later: Self) -> Self {
        Self { named: self.named.then(later.named), ..later }
    }

    fn provenance(&self) -> Option<&'static str> {
        self.named.provenance.map(Provenance::name)
    }

    fn quota_bytes(&self) -> Option<i64> {
        self.named.quota_bytes.map(bigint)
    }

    fn quota_packages(&self) -> Option<i64> {
        self.named.quota_packages.map(bigint)
    }
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let (at_ms, position) = (bigint(event.at_ms), bigint(*position));
        let settings = |public, named| Settings { public, named, at_ms, position };
        match &event.fact {
            Fact::RepositoryCreated(fact) => {
                let settings = settings(fact.public, fact.settings);
                let created = Created { at_ms: settings.at_ms, settings };
                changes.created.entry(fact.repository.as_str()).or_insert(created);
            }
            Fact::RepositoryUpdated(fact) => {
                let settings = settings(fact.public, fact.settings);
                if let Some(created) = changes.created.get_mut(fact.repository.as_str()) {
                    created.settings = created.settings.then(settings);
                }
                let updated = changes.updated.entry(fact.repository.as_str());
                updated.and_modify(|before| *before = before.then(settings)).or_insert(settings);
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
            &created.values().map(|row| row.settings.provenance()).collect::<Vec<_>>() as _,
            &created.values().map(|row| row.settings.quota_bytes()).collect::<Vec<_>>() as _,
            &created.values().map(|row| row.settings.quota_packages()).collect::<Vec<_>>() as _,
            &updated.keys().copied().collect::<Vec<_>>() as _,
            &updated.values().map(|settings| settings.public).collect::<Vec<_>>(),
            &updated.values().map(|settings| settings.at_ms).collect::<Vec<_>>(),
            &updated.values().map(|settings| settings.position).collect::<Vec<_>>(),
            &updated.values().map(Settings::provenance).collect::<Vec<_>>() as _,
            &updated.values().map(Settings::quota_bytes).collect::<Vec<_>>() as _,
            &updated.values().map(Settings::quota_packages).collect::<Vec<_>>() as _,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::event::RepositoryUpdated;
    use crate::views::given::{recorded, repository_created, repository_updated};

    fn settings(public: bool, position: i64) -> Settings {
        Settings { public, named: RepositorySettings::default(), at_ms: 1_000 + position, position }
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
    fn an_update_keeps_each_setting_that_it_does_not_name() {
        let none = RepositorySettings::default();
        let each = [
            RepositorySettings { provenance: Some(Provenance::Warn), ..none },
            RepositorySettings { quota_bytes: Some(1), ..none },
            RepositorySettings { quota_packages: Some(2), ..none },
            RepositorySettings { quota_bytes: Some(0), ..none },
        ];
        let update = |settings| Fact::from(RepositoryUpdated { settings, ..repository_updated("a", true) });
        let events = recorded([
            repository_created("a", false).into(),
            update(each[0]),
            update(each[1]),
            update(each[2]),
            update(each[3]),
        ]);
        let changes = fold(&events);
        let expected = RepositorySettings {
            provenance: Some(Provenance::Warn),
            quota_bytes: Some(0),
            quota_packages: Some(2),
        };
        assert_eq!(changes.created["a"].settings.named, expected);
        assert_eq!(changes.updated["a"].named, expected);
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
