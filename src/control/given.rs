//! Given a state, when a decision is made on it, then these facts, or this refusal.
//!
//! Each step is a type of its own, so that none can be left out.

use std::fmt::Debug;

/// What a decision is made on.
pub(super) struct Given<S>(S);

/// What was decided.
pub(super) struct Decided<T, E>(Result<T, E>);

/// Starts with the state.
pub(super) fn given<S>(state: S) -> Given<S> {
    Given(state)
}

impl<S> Given<S> {
    /// Decides.
    pub(super) fn when<T, E>(&self, decide: impl FnOnce(&S) -> Result<T, E>) -> Decided<T, E> {
        Decided(decide(&self.0))
    }
}

impl<T: Debug, E: Debug> Decided<T, E> {
    /// It led to this.
    #[track_caller]
    pub(super) fn then(self, expected: T)
    where
        T: PartialEq,
    {
        match self.0 {
            Ok(decided) => assert_eq!(decided, expected),
            Err(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    /// It was refused, in this way.
    #[track_caller]
    pub(super) fn then_refused(self, expected: impl FnOnce(&E) -> bool) {
        match self.0 {
            Ok(decided) => panic!("not refused: {decided:?}"),
            Err(refusal) => assert!(expected(&refusal), "refused otherwise: {refusal:?}"),
        }
    }
}
