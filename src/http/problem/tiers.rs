//! What the errors of tiers and retrievals are told.

use serde_json::json;

use super::{Code, Problem};
use crate::control::retrievals::{self, State};
use crate::control::tiers;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{RepositoryName, RetrievalId};
use crate::kernel::limits::RETRIEVAL_DAYS_MAX;
use crate::node::MoveError;

impl Problem {
    /// A package lies in a cold store. Says how to ask for it.
    pub(super) fn retrieval_needed(
        told: &str,
        repository: &RepositoryName,
        manifest: Blake3,
        retrieval: Option<(RetrievalId, State)>,
    ) -> Self {
        let told = told.trim_end_matches('.');
        let detail = match retrieval {
            Some((id, state)) => format!(
                "{told}. Retrieval {id} is {}; wait for it with `strongroom pull --retrieve --wait`, or `GET /v1/retrievals/{id}`.",
                state.name()
            ),
            None => format!(
                "{told}. Ask for it with `strongroom pull --retrieve --wait`, or `POST /v1/retrievals`."
            ),
        };
        let how = json!({
            "method": "POST",
            "href": "/v1/retrievals",
            "body": { "repository": repository, "reference": manifest },
        });
        let found = retrieval.map(|(id, state)| json!({ "retrieval": id, "state": state.name() }));
        Self::new(Code::RetrievalNeeded, detail)
            .member("repository", repository)
            .member("digest", manifest)
            .member("retrieve", how)
            .member("retrieval", found)
    }
}

impl From<retrievals::Error> for Problem {
    fn from(error: retrievals::Error) -> Self {
        use retrievals::Error as E;
        let told = format!("{error}.");
        match error {
            E::Days(_) => Self::new(Code::InvalidArgument, told).member("limit", RETRIEVAL_DAYS_MAX),
            E::Unneeded => Self::new(Code::RetrievalUnneeded, told),
            E::Unknown(_) => Self::new(Code::RetrievalUnknown, told),
            E::Package(error) => error.into(),
            E::Repository(error) => error.into(),
            E::Order(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<tiers::Error> for Problem {
    fn from(error: tiers::Error) -> Self {
        use tiers::Error as E;
        match error {
            E::Collection(error) => error.into(),
            E::Order(error) => error.into(),
            E::Shared(error) => error.into(),
        }
    }
}

impl From<MoveError> for Problem {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Tiers(error) => error.into(),
            MoveError::Unproven(_) | MoveError::Node(_) => Self::failure(Code::Unavailable, error),
        }
    }
}
