//! `policies`: what each retention policy said last, and whether it stands.
//!
//! - The last event about a policy wins. One that was removed keeps its row, so that its versions go on.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{PolicyRow, changed, get, list};

/// For each policy that a run of events is about, what it says after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a>(BTreeMap<&'a str, Change<'a>>);

#[derive(Debug, PartialEq, Eq)]
struct Change<'a> {
    /// Version and document, if the run says them.
    set: Option<(i64, &'a Blake3)>,
    standing: bool,
    at_ms: i64,
    by: &'a str,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let (policy, set, standing) = match &event.fact {
            Fact::PolicySet(fact) => {
                (fact.policy.as_str(), Some((bigint(fact.version), &fact.document)), true)
            }
            // What it said is in the run, or in the row from before.
            Fact::PolicyRemoved(fact) => {
                let policy = fact.policy.as_str();
                (policy, changes.0.get(policy).and_then(|change| change.set), false)
            }
            _ => continue,
        };
        let (at_ms, position) = (bigint(event.at_ms), bigint(*position));
        changes.0.insert(policy, Change { set, standing, at_ms, by: event.actor.as_str(), position });
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let set: Vec<_> =
            self.0.iter().filter_map(|(key, change)| Some((*key, change.set?, change))).collect();
        let gone: Vec<_> = self.0.iter().filter(|(_, change)| change.set.is_none()).collect();
        sqlx::query_file!(
            "src/views/policies/apply.sql",
            &set.iter().map(|(key, ..)| *key).collect::<Vec<_>>() as _,
            &set.iter().map(|(_, set, _)| set.0).collect::<Vec<_>>(),
            &set.iter().map(|(_, set, _)| set.1.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &set.iter().map(|(.., change)| change.standing).collect::<Vec<_>>(),
            &set.iter().map(|(.., change)| change.at_ms).collect::<Vec<_>>(),
            &set.iter().map(|(.., change)| change.by).collect::<Vec<_>>() as _,
            &set.iter().map(|(.., change)| change.position).collect::<Vec<_>>(),
            &gone.iter().map(|(key, _)| **key).collect::<Vec<_>>() as _,
            &gone.iter().map(|(_, change)| change.at_ms).collect::<Vec<_>>(),
            &gone.iter().map(|(_, change)| change.by).collect::<Vec<_>>() as _,
            &gone.iter().map(|(_, change)| change.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blake3, policy_removed, policy_set, recorded};

    #[test]
    fn the_last_event_about_a_policy_wins_and_a_removal_keeps_what_it_said() {
        let events = recorded([
            policy_set("weekly", 1, 1).into(),
            policy_set("weekly", 2, 2).into(),
            policy_removed("weekly", 2).into(),
            policy_removed("older", 7).into(),
        ]);
        let (two, by) = (blake3(2), "tester");
        let expected = BTreeMap::from([
            ("older", Change { set: None, standing: false, at_ms: 1_003, by, position: 3 }),
            ("weekly", Change { set: Some((2, &two)), standing: false, at_ms: 1_002, by, position: 2 }),
        ]);
        assert_eq!(fold(&events), Changes(expected));
    }
}
