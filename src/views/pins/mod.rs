//! `pins`: what each pin claims now, and by which statement.
//!
//! - The last event about a pin wins. A pin that was released has no row.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{PinRow, get, list, of_manifests};

/// For each pin that a run of events is about, what it claims after it. None: it was released.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a>(BTreeMap<(&'a str, &'a str), Option<Set<'a>>>);

#[derive(Debug, PartialEq, Eq)]
struct Set<'a> {
    manifest: &'a Blake3,
    statement: &'a Blake3,
    at_ms: i64,
    by: &'a str,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        match &event.fact {
            Fact::PinSet(fact) => {
                let set = Set {
                    manifest: &fact.manifest,
                    statement: &fact.statement,
                    at_ms: bigint(event.at_ms),
                    by: event.actor.as_str(),
                    position: bigint(*position),
                };
                changes.0.insert((fact.repository.as_str(), fact.pin.as_str()), Some(set));
            }
            Fact::PinReleased(fact) => {
                changes.0.insert((fact.repository.as_str(), fact.pin.as_str()), None);
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let gone = self.0.iter().filter(|(_, set)| set.is_none()).map(|(key, _)| key);
        let (gone_repositories, gone_pins): (Vec<&str>, Vec<&str>) = gone.copied().unzip();
        let set: Vec<_> = self.0.iter().filter_map(|(key, set)| Some((key, set.as_ref()?))).collect();
        sqlx::query_file!(
            "src/views/pins/apply.sql",
            &set.iter().map(|(key, _)| key.0).collect::<Vec<_>>() as _,
            &set.iter().map(|(key, _)| key.1).collect::<Vec<_>>() as _,
            &set.iter().map(|(_, set)| set.manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &set.iter().map(|(_, set)| set.statement.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &set.iter().map(|(_, set)| set.at_ms).collect::<Vec<_>>(),
            &set.iter().map(|(_, set)| set.by).collect::<Vec<_>>() as _,
            &set.iter().map(|(_, set)| set.position).collect::<Vec<_>>(),
            &gone_repositories as _,
            &gone_pins as _,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blake3, pin_released, pin_set, recorded};

    #[test]
    fn the_last_event_about_a_pin_wins() {
        let events = recorded([
            pin_set("acme/a", "prod", 1).into(),
            pin_set("acme/a", "test", 1).into(),
            pin_set("acme/b", "prod", 1).into(),
            pin_released("acme/a", "test", 1).into(),
            pin_set("acme/a", "prod", 2).into(),
        ]);
        let (one, two, why) = (blake3(1), blake3(2), blake3(100));
        let set = |manifest, at_ms, position| {
            Some(Set { manifest, statement: &why, at_ms, by: "tester", position })
        };
        let expected = BTreeMap::from([
            (("acme/a", "prod"), set(&two, 1_004, 4)),
            (("acme/a", "test"), None),
            (("acme/b", "prod"), set(&one, 1_002, 2)),
        ]);
        assert_eq!(fold(&events), Changes(expected));
    }

    #[test]
    fn a_pin_that_is_set_again_after_its_release_is_there() {
        let events = recorded([pin_released("a", "p", 1).into(), pin_set("a", "p", 2).into()]);
        assert!(fold(&events).0[&("a", "p")].is_some());
    }
}
