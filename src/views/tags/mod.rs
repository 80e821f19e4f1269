//! `tags`: what each tag names now.
//!
//! - The last event about a tag wins. A tag that was removed has no row.
//! - `manifest.deleted` takes the tags along that name the package then.

mod query;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{TagRow, get, list, of_manifests};

/// What a run of events says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    /// For each tag that it is about, what the tag names after it. None: it was removed.
    tags: BTreeMap<(&'a str, &'a str), Option<Set<'a>>>,
    /// Packages that were deleted: what named them before this run names nothing, unless it was set again.
    deleted: BTreeSet<(&'a str, &'a Blake3)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Set<'a> {
    manifest: &'a Blake3,
    at_ms: i64,
    by: &'a str,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        match &event.fact {
            Fact::TagSet(fact) => {
                let set = Set {
                    manifest: &fact.manifest,
                    at_ms: bigint(event.at_ms),
                    by: event.actor.as_str(),
                    position: bigint(*position),
                };
                changes.tags.insert((fact.repository.as_str(), fact.tag.as_str()), Some(set));
            }
            Fact::TagRemoved(fact) => {
                changes.tags.insert((fact.repository.as_str(), fact.tag.as_str()), None);
            }
            Fact::ManifestDeleted(fact) => {
                let repository = fact.repository.as_str();
                for (key, set) in &mut changes.tags {
                    if key.0 == repository && set.as_ref().is_some_and(|set| set.manifest == &fact.blake3) {
                        *set = None;
                    }
                }
                changes.deleted.insert((repository, &fact.blake3));
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.deleted.is_empty() {
            sqlx::query_file!(
                "src/views/tags/remove.sql",
                &self.deleted.iter().map(|(repository, _)| *repository).collect::<Vec<_>>() as _,
                &self.deleted.iter().map(|(_, manifest)| manifest.as_bytes().as_slice()).collect::<Vec<_>>()
                    as _,
            )
            .execute(&mut *connection)
            .await?;
        }
        if self.tags.is_empty() {
            return Ok(());
        }
        let gone = self.tags.iter().filter(|(_, set)| set.is_none()).map(|(key, _)| key);
        let (gone_repositories, gone_tags): (Vec<&str>, Vec<&str>) = gone.copied().unzip();
        let set: Vec<_> = self.tags.iter().filter_map(|(key, set)| Some((key, set.as_ref()?))).collect();
        sqlx::query_file!(
            "src/views/tags/apply.sql",
            &set.iter().map(|(key, _)| key.0).collect::<Vec<_>>() as _,
            &set.iter().map(|(key, _)| key.1).collect::<Vec<_>>() as _,
            &set.iter().map(|(_, set)| set.manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &set.iter().map(|(_, set)| set.at_ms).collect::<Vec<_>>(),
            &set.iter().map(|(_, set)| set.by).collect::<Vec<_>>() as _,
            &set.iter().map(|(_, set)| set.position).collect::<Vec<_>>(),
            &gone_repositories as _,
            &gone_tags as _,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blake3, manifest_deleted, recorded, tag_removed, tag_set};

    #[test]
    fn the_last_event_about_a_tag_wins() {
        let events = recorded([
            tag_set("acme/a", "v1", 1).into(),
            tag_set("acme/a", "v2", 1).into(),
            tag_set("acme/b", "v1", 1).into(),
            tag_removed("acme/a", "v2", 1).into(),
            tag_set("acme/a", "v1", 2).into(),
        ]);
        let set = |manifest, at_ms, position| Some(Set { manifest, at_ms, by: "tester", position });
        let (one, two) = (blake3(1), blake3(2));
        let expected = BTreeMap::from([
            (("acme/a", "v1"), set(&two, 1_004, 4)),
            (("acme/a", "v2"), None),
            (("acme/b", "v1"), set(&one, 1_002, 2)),
        ]);
        assert_eq!(fold(&events).tags, expected);
    }

    #[test]
    fn a_tag_that_is_set_again_after_its_removal_is_there() {
        let events = recorded([tag_removed("a", "t", 1).into(), tag_set("a", "t", 2).into()]);
        assert!(fold(&events).tags[&("a", "t")].is_some());
    }

    #[test]
    fn a_package_that_is_deleted_takes_its_tags_along() {
        let events = recorded([
            tag_set("a", "t", 1).into(),
            tag_set("a", "moved", 1).into(),
            tag_set("a", "moved", 2).into(),
            manifest_deleted("a", 1).into(),
            tag_set("a", "again", 1).into(),
        ]);
        let changes = fold(&events);
        assert_eq!(changes.tags[&("a", "t")], None);
        assert!(changes.tags[&("a", "moved")].is_some() && changes.tags[&("a", "again")].is_some());
        assert!(changes.deleted.contains(&("a", &blake3(1))));
    }
}
