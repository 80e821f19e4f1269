//! The caller: who asks, and what their token allows.

use super::{Action, Pattern, RepositoryRight, Role, Scopes};
use crate::kernel::id::{Actor, TokenId};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name that events give them.
    pub actor: Actor,
    /// What they may do.
    pub scopes: Scopes,
    /// The API token that proved it. None for the anonymous, for access tokens, and for the process itself.
    pub token: Option<TokenId>,
    /// When that token stops working: seconds since the epoch.
    pub expires_at_seconds: Option<u64>,
    /// The API token that theirs was made from, if they came with an access token: they may do less than it.
    pub parent: Option<TokenId>,
    authenticated: bool,
}

/// The caller may not do that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", if *.authenticated { format!("your token lacks the scope {needed}") }
              else { format!("this needs a token with the scope {needed}") })]
pub struct Denied {
    /// The narrowest scope that would allow it.
    pub needed: String,
    /// Whether they showed who they are. If not, doing so may help.
    pub authenticated: bool,
}

impl Caller {
    /// By a token that was checked.
    pub fn of_token(actor: Actor, scopes: Scopes, token: TokenId, expires_at_seconds: Option<u64>) -> Self {
        Self { actor, scopes, token: Some(token), expires_at_seconds, parent: None, authenticated: true }
    }

    /// By an access token that was checked, made from that API token.
    pub fn of_access_token(actor: Actor, scopes: Scopes, parent: TokenId, expires_at_seconds: u64) -> Self {
        let (parent, expires_at_seconds) = (Some(parent), Some(expires_at_seconds));
        Self { actor, scopes, token: None, expires_at_seconds, parent, authenticated: true }
    }

    /// Someone without a token: may read what is public.
    pub fn anonymous() -> Self {
        let actor = "anonymous".parse().expect("an actor");
        Self {
            actor,
            scopes: Scopes::default(),
            token: None,
            expires_at_seconds: None,
            parent: None,
            authenticated: false,
        }
    }

    /// The process that embeds Strongroom, or Strongroom itself: may do everything. An audit takes that from the actor
    /// [`ITSELF`](super::ITSELF) only; of any other name it wants to see a token.
    pub fn local(actor: Actor) -> Self {
        Self {
            actor,
            scopes: Role::Admin.scopes(&Pattern::All),
            token: None,
            expires_at_seconds: None,
            parent: None,
            authenticated: true,
        }
    }

    /// Whether they showed who they are.
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Whether they may.
    pub fn allows(&self, action: Action<'_>) -> bool {
        self.scopes.allows(action)
    }

    /// That they may.
    ///
    /// # Errors
    /// [`Denied`] with the scope that is missing.
    pub fn require(&self, action: Action<'_>) -> Result<(), Denied> {
        if self.allows(action) {
            Ok(())
        } else {
            Err(Denied { needed: action.to_string(), authenticated: self.authenticated })
        }
    }

    /// That they may read every repository, those that are still to come too.
    ///
    /// # Errors
    /// If not.
    pub fn require_pull_from_all(&self) -> Result<(), Denied> {
        if self.may_pull().any(|pattern| *pattern == Pattern::All) {
            return Ok(());
        }
        let needed = format!("repository:*:{}", RepositoryRight::Pull.name());
        Err(Denied { needed, authenticated: self.authenticated })
    }

    /// The repositories from which they may read, public ones aside.
    pub fn may_pull(&self) -> impl Iterator<Item = &Pattern> {
        self.scopes.patterns(RepositoryRight::Pull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_scope_that_is_missing() {
        let reports = "acme/reports".parse().unwrap();
        let anonymous = Caller::anonymous().require(Action::push(&reports)).unwrap_err();
        assert_eq!(anonymous.to_string(), "this needs a token with the scope repository:acme/reports:push");
        let token = TokenId::from_uuid(uuid::Uuid::from_u128(1));
        let reader =
            Caller::of_token("ci".parse().unwrap(), "repository:acme/*:pull".parse().unwrap(), token, None);
        assert_eq!(reader.require(Action::pull(&reports)), Ok(()));
        let denied = reader.require(Action::push(&reports)).unwrap_err();
        assert_eq!(denied.to_string(), "your token lacks the scope repository:acme/reports:push");
        assert!(denied.authenticated);
    }
}
