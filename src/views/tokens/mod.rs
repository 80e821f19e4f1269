//! `tokens`: API tokens, revoked ones too.
//!
//! - The first `token.minted` of a token makes its row. Nothing changes its hash, subject, scopes or end.
//! - The first `token.revoked` after it marks the row, for good.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::event::{Fact, TokenMinted};
use crate::log::Recorded;

pub use query::{Token, by_hash, get, list};

/// Rows to make where there are none, and revocations of rows that were there before this run of events.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    minted: BTreeMap<&'a str, Minted<'a>>,
    revoked: BTreeMap<&'a str, Done<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Minted<'a> {
    fact: &'a TokenMinted,
    minted: Done<'a>,
    position: i64,
    revoked: Option<Done<'a>>,
}

/// When and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Done<'a> {
    at_ms: i64,
    by: &'a str,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let done = Done { at_ms: bigint(event.at_ms), by: event.actor.as_str() };
        match &event.fact {
            Fact::TokenMinted(fact) => {
                let minted = Minted { fact, minted: done, position: bigint(*position), revoked: None };
                changes.minted.entry(fact.token.as_str()).or_insert(minted);
            }
            Fact::TokenRevoked(fact) => {
                if let Some(minted) = changes.minted.get_mut(fact.token.as_str()) {
                    minted.revoked.get_or_insert(done);
                }
                changes.revoked.entry(fact.token.as_str()).or_insert(done);
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.minted.is_empty() && self.revoked.is_empty() {
            return Ok(());
        }
        let minted: Vec<&Minted<'_>> = self.minted.values().collect();
        // Arrays of arrays have to be rectangular in SQL, so the scopes go as one array beside how many each has.
        let scopes: Vec<&str> = minted.iter().flat_map(|row| &row.fact.scopes).map(String::as_str).collect();
        let ends: Vec<i64> = minted
            .iter()
            .scan(0, |end, row| {
                *end += row.fact.scopes.len();
                Some(bigint(*end as u64))
            })
            .collect();
        sqlx::query_file!(
            "src/views/tokens/apply.sql",
            &self.minted.keys().copied().collect::<Vec<_>>() as _,
            &minted.iter().map(|row| row.fact.hash.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &minted.iter().map(|row| row.fact.subject.as_str()).collect::<Vec<_>>() as _,
            &scopes as _,
            &ends,
            &minted.iter().map(|row| row.fact.expires_at_seconds.map(bigint)).collect::<Vec<_>>() as _,
            &minted.iter().map(|row| row.minted.at_ms).collect::<Vec<_>>(),
            &minted.iter().map(|row| row.minted.by).collect::<Vec<_>>() as _,
            &minted.iter().map(|row| row.revoked.map(|revoked| revoked.at_ms)).collect::<Vec<_>>() as _,
            &minted.iter().map(|row| row.revoked.map(|revoked| revoked.by)).collect::<Vec<_>>() as _,
            &minted.iter().map(|row| row.position).collect::<Vec<_>>(),
            &self.revoked.keys().copied().collect::<Vec<_>>() as _,
            &self.revoked.values().map(|revoked| revoked.at_ms).collect::<Vec<_>>(),
            &self.revoked.values().map(|revoked| revoked.by).collect::<Vec<_>>() as _,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{recorded, token, token_minted, token_revoked};

    #[test]
    fn a_token_that_is_revoked_at_once_has_a_revoked_row() {
        let events = recorded([token_minted(1).into(), token_revoked(1).into(), token_revoked(1).into()]);
        let (changes, token) = (fold(&events), token(1));
        let first = Done { at_ms: 1_001, by: "tester" };
        assert_eq!(changes.minted[token.as_str()].revoked, Some(first));
        assert_eq!(changes.revoked[token.as_str()], first);
    }

    #[test]
    fn what_was_revoked_before_it_was_minted_is_not_revoked() {
        let events = recorded([token_revoked(1).into(), token_minted(1).into()]);
        assert_eq!(fold(&events).minted[token(1).as_str()].revoked, None);
    }

    #[test]
    fn the_first_minting_wins() {
        let events = recorded([token_minted(1).into(), token_minted(1).into()]);
        assert_eq!(fold(&events).minted[token(1).as_str()].position, 0);
    }
}
