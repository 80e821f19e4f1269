//! What follows from a receipt. Pure.

use crate::contract::Receipt;
use crate::kernel::event::{BlobLinked, BlobStored, DiscardReason, Fact, ObjectDiscarded};
use crate::kernel::id::{ObjectKey, StoreName};

/// What is known when a true receipt arrives. The default: nothing was ever heard of its blob, object or grant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// By how much it is late.
    pub(super) late_by_seconds: Option<u64>,
    /// That its object was discarded, and why.
    pub(super) discarded: Option<DiscardReason>,
    /// The object of its blob.
    pub(super) stored_as: Option<(StoreName, ObjectKey)>,
    /// Whether its object was that of its blob, until that was moved elsewhere.
    pub(super) moved: bool,
    /// Whether that object was found corrupt or missing.
    pub(super) damaged: bool,
    /// Whether its blob is linked in its repository, and not damaged.
    pub(super) linked: bool,
    /// Whether no package references its blob, so that it may go before one does.
    pub(super) free: bool,
    /// Whether something followed from its grant before.
    pub(super) grant_spent: bool,
}

/// What becomes of the receipt's object, and of the receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is the blob's object.
    Kept,
    /// The blob has another object; the receipt counts, its object goes.
    Duplicate,
    /// It came too late.
    Late { by_seconds: u64 },
    /// Its grant led to something else before.
    Spent,
    /// It was given up before.
    Discarded,
}

/// What is recorded, in order, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) facts: Vec<Fact>,
    pub(super) fate: Fate,
}

pub(super) fn decide(state: &State, receipt: &Receipt, text: &str) -> Decision {
    let is_this_object =
        |(store, object): &(StoreName, ObjectKey)| *store == receipt.store && *object == receipt.object;
    let nothing = |fate| Decision { facts: Vec::new(), fate };
    let discard = |reason, fate| Decision { facts: vec![discarded(receipt, reason)], fate };

    // What was said before stands, whenever the receipt comes again.
    if let Some(reason) = state.discarded {
        return nothing(match reason {
            DiscardReason::Duplicate if state.linked => Fate::Duplicate,
            DiscardReason::Late => Fate::Late { by_seconds: state.late_by_seconds.unwrap_or(0) },
            DiscardReason::Refused => Fate::Spent,
            DiscardReason::Duplicate | DiscardReason::Abandoned | DiscardReason::Replaced => Fate::Discarded,
        });
    }
    if state.moved || state.stored_as.as_ref().is_some_and(is_this_object) {
        return nothing(Fate::Kept);
    }
    if let Some(by_seconds) = state.late_by_seconds {
        return discard(DiscardReason::Late, Fate::Late { by_seconds });
    }
    // The same bytes a second time, where they are known: nothing is gained by it, so whatever the grant, no harm done.
    if state.linked && (!state.free || state.grant_spent) {
        return discard(DiscardReason::Duplicate, Fate::Duplicate);
    }
    if state.grant_spent {
        return discard(DiscardReason::Refused, Fate::Spent);
    }
    if let Some((store, object)) = state.stored_as.clone().filter(|_| state.damaged) {
        let replaced = ObjectDiscarded { store, object, reason: DiscardReason::Replaced };
        return Decision { facts: vec![replaced.into(), stored(receipt, text)], fate: Fate::Kept };
    }
    // Linked once more, a blob that is free is so from now on.
    if state.stored_as.is_some() {
        let linked = BlobLinked {
            repository: receipt.repository.clone(),
            blake3: receipt.digests.blake3,
            from: None,
            receipt: Some(text.to_owned()),
        };
        let facts = vec![discarded(receipt, DiscardReason::Duplicate), linked.into()];
        return Decision { facts, fate: Fate::Duplicate };
    }
    Decision { facts: vec![stored(receipt, text)], fate: Fate::Kept }
}

fn stored(receipt: &Receipt, text: &str) -> Fact {
    BlobStored {
        repository: receipt.repository.clone(),
        blake3: receipt.digests.blake3,
        sha256: receipt.digests.sha256,
        size_bytes: receipt.size_bytes,
        store: receipt.store.clone(),
        object: receipt.object.clone(),
        node: receipt.node.clone(),
        receipt: text.to_owned(),
    }
    .into()
}

fn discarded(receipt: &Receipt, reason: DiscardReason) -> Fact {
    ObjectDiscarded { store: receipt.store.clone(), object: receipt.object.clone(), reason }.into()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::control::given::given;
    use crate::kernel::digest::Digests;
    use crate::kernel::id::{GrantId, SessionId};

    const TEXT: &str = "header.claims.signature";

    fn receipt() -> Receipt {
        Receipt {
            grant: GrantId(Uuid::from_u128(1)),
            actor: "service".parse().unwrap(),
            session: SessionId(Uuid::from_u128(1)),
            repository: "acme/reports".parse().unwrap(),
            digests: Digests::of(b"x"),
            size_bytes: 1,
            store: "main".parse().unwrap(),
            object: ObjectKey::from_uuid(Uuid::from_u128(2)),
            node: "node-1".parse().unwrap(),
            stored_at_ms: 1_000,
            deliver_by_seconds: 2,
        }
    }

    fn this_object() -> Option<(StoreName, ObjectKey)> {
        Some((receipt().store, receipt().object))
    }

    fn another_object() -> Option<(StoreName, ObjectKey)> {
        Some((receipt().store, ObjectKey::from_uuid(Uuid::from_u128(3))))
    }

    fn discards(reason: DiscardReason) -> Vec<Fact> {
        vec![discarded(&receipt(), reason)]
    }

    fn check(state: State, facts: Vec<Fact>, fate: Fate) {
        given(state)
            .when(|state| Ok::<_, std::convert::Infallible>(decide(state, &receipt(), TEXT)))
            .then(Decision { facts, fate });
    }

    #[test]
    fn new_bytes_are_stored_with_the_receipt_inside() {
        check(State::default(), vec![stored(&receipt(), TEXT)], Fate::Kept);
        assert!(matches!(stored(&receipt(), TEXT), Fact::BlobStored(fact) if fact.receipt == TEXT));
    }

    #[test]
    fn a_receipt_that_comes_again_changes_nothing_even_late() {
        let seen = State {
            stored_as: this_object(),
            linked: true,
            grant_spent: true,
            late_by_seconds: Some(1),
            ..State::default()
        };
        check(seen, vec![], Fate::Kept);
    }

    #[test]
    fn a_receipt_that_comes_again_after_its_blob_was_moved_changes_nothing() {
        let moved = State { stored_as: another_object(), moved: true, linked: true, ..State::default() };
        check(moved.clone(), vec![], Fate::Kept);
        check(State { late_by_seconds: Some(1), grant_spent: true, ..moved }, vec![], Fate::Kept);
    }

    #[test]
    fn bytes_that_another_repository_has_are_linked_without_naming_it() {
        let facts = vec![
            discarded(&receipt(), DiscardReason::Duplicate),
            BlobLinked {
                repository: receipt().repository,
                blake3: receipt().digests.blake3,
                from: None,
                receipt: Some(TEXT.into()),
            }
            .into(),
        ];
        check(State { stored_as: another_object(), ..State::default() }, facts, Fate::Duplicate);
    }

    #[test]
    fn bytes_that_are_linked_already_only_lose_their_second_object() {
        let state = State { stored_as: another_object(), linked: true, ..State::default() };
        check(state.clone(), discards(DiscardReason::Duplicate), Fate::Duplicate);
        // A client that lost the answer may send the same grant again: same content, same answer.
        check(State { grant_spent: true, ..state }, discards(DiscardReason::Duplicate), Fate::Duplicate);
    }

    #[test]
    fn bytes_that_nothing_references_are_linked_once_more_so_that_they_outlive_the_push() {
        let state = State { stored_as: another_object(), linked: true, free: true, ..State::default() };
        let linked = BlobLinked {
            repository: receipt().repository,
            blake3: receipt().digests.blake3,
            from: None,
            receipt: Some(TEXT.into()),
        };
        let facts = vec![discarded(&receipt(), DiscardReason::Duplicate), linked.into()];
        check(state.clone(), facts, Fate::Duplicate);
        // What followed from the grant before has that event already.
        check(State { grant_spent: true, ..state }, discards(DiscardReason::Duplicate), Fate::Duplicate);
    }

    #[test]
    fn bytes_of_a_damaged_blob_replace_its_object() {
        let state = State { stored_as: another_object(), damaged: true, ..State::default() };
        let (store, object) = another_object().unwrap();
        let replaced = ObjectDiscarded { store, object, reason: DiscardReason::Replaced };
        check(state.clone(), vec![replaced.into(), stored(&receipt(), TEXT)], Fate::Kept);
        // The receipt of the damaged object itself repairs nothing.
        check(State { stored_as: this_object(), ..state.clone() }, vec![], Fate::Kept);
        let late = State { late_by_seconds: Some(9), ..state };
        check(late, discards(DiscardReason::Late), Fate::Late { by_seconds: 9 });
    }

    #[test]
    fn a_late_receipt_loses_its_object() {
        let late = State { late_by_seconds: Some(9), ..State::default() };
        check(late.clone(), discards(DiscardReason::Late), Fate::Late { by_seconds: 9 });
        let again = State { discarded: Some(DiscardReason::Late), ..late };
        check(again, vec![], Fate::Late { by_seconds: 9 });
    }

    #[test]
    fn a_second_content_under_one_grant_is_refused_and_discarded() {
        for stored_as in [None, another_object()] {
            let state = State { grant_spent: true, stored_as, ..State::default() };
            check(state, discards(DiscardReason::Refused), Fate::Spent);
        }
        check(State { discarded: Some(DiscardReason::Refused), ..State::default() }, vec![], Fate::Spent);
    }

    #[test]
    fn a_discarded_object_never_comes_back() {
        for reason in DiscardReason::ALL {
            for linked in [false, true] {
                let state = State { discarded: Some(reason), linked, ..State::default() };
                let decision = decide(&state, &receipt(), TEXT);
                assert!(decision.facts.is_empty());
                assert_ne!(decision.fate, Fate::Kept, "{reason}");
            }
        }
    }
}
