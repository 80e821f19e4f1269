//! Token exchange (RFC 8693): for a token that works, one that works for a short time and for less.
//!
//! - Nothing is recorded: an access token is a signed statement, and its parent is looked up each time that it is shown,
//!   so it ends when the parent is revoked or expires.
//! - It is never wider than what it was made from, and never outlives it. It may be exchanged again.
//! - It cannot revoke its parent, which may do more than it.

use std::fmt;

use super::{Control, tokens};
use crate::access::{Caller, Scopes};
use crate::contract::{self, AccessToken, SigningKey};
use crate::kernel::id::TokenId;
use crate::kernel::limits::{ACCESS_TOKEN_LIFE_MAX_SECONDS, ACCESS_TOKEN_LIFE_SECONDS, STATEMENT_MAX_BYTES};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Who calls without a token has nothing to exchange.
    #[error("there is no token to be exchanged")]
    NoToken,
    /// It would allow nothing.
    #[error("a token without any scope is of no use; name scopes, or leave them out to have all of yours")]
    NothingAllowed,
    /// It would allow more than the token that it is made from.
    #[error("your token lacks {lacking}, so it cannot be exchanged for one with it")]
    Wider {
        /// What it would have more.
        lacking: Scopes,
    },
    /// It would work for too long, or for no time at all.
    #[error("expires_in must be from 1 to {max_seconds}")]
    Expiry {
        /// The longest it may work.
        max_seconds: u64,
    },
    /// It has so many scopes that it would not fit a header line.
    #[error(
        "the token would have {bytes} bytes, more than the {STATEMENT_MAX_BYTES} of a header line; name fewer scopes"
    )]
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// What was shown is no access token that works.
    #[error("this access token does not work: {0}; exchange your API token for another")]
    Statement(#[from] contract::Error),
    /// What any use of tokens can meet.
    #[error(transparent)]
    Token(#[from] tokens::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

/// What to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// What it may do; if none, as much as the token that it is made from.
    pub scopes: Option<Scopes>,
    /// How long it works; if none, [`ACCESS_TOKEN_LIFE_SECONDS`], or as long as its parent.
    pub expires_in_seconds: Option<u64>,
}

/// An access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// What goes into `Authorization: Bearer`.
    pub token: String,
    /// What it may do.
    pub scopes: Scopes,
    /// For how long it works.
    pub expires_in_seconds: u64,
}

impl fmt::Debug for Exchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchanged({} for {} s, secret)", self.scopes, self.expires_in_seconds)
    }
}

/// Makes an access token for a caller.
///
/// # Errors
/// If it would be wider than the caller's token or outlive it.
pub async fn exchange(control: &Control, caller: &Caller, wanted: &Exchange) -> Result<Exchanged, Error> {
    let token = decide_exchange(caller, control.now_ms() / 1_000, wanted)?;
    let text = sign(&token, control.grant_key().await?)?;
    Ok(Exchanged {
        token: text,
        scopes: wanted.scopes.clone().unwrap_or_else(|| caller.scopes.clone()),
        expires_in_seconds: token.expires_at_seconds - token.issued_at_seconds,
    })
}

/// Who shows an access token.
///
/// # Errors
/// If it is forged or expired, or its parent works no more.
pub async fn authenticate(control: &Control, text: &str) -> Result<Caller, Error> {
    let token = verify(control, text).await?;
    let parent = tokens::that_works(control, &token.parent).await?;
    // Scopes of a later version of the grammar give nothing here, rather than something else.
    let scopes: Scopes = token.scope.parse().unwrap_or_default();
    let end =
        parent.expires_at_seconds.map_or(token.expires_at_seconds, |at| at.min(token.expires_at_seconds));
    Ok(Caller::of_access_token(token.actor, scopes, token.parent, end))
}

async fn verify(control: &Control, text: &str) -> Result<AccessToken, Error> {
    let now_ms = control.now_ms();
    Ok(control.verified(|keys| AccessToken::verify(text, keys, now_ms)).await?.0?)
}

fn decide_exchange(caller: &Caller, now_seconds: u64, wanted: &Exchange) -> Result<AccessToken, Error> {
    let parent: &TokenId = caller.token.as_ref().or(caller.parent.as_ref()).ok_or(Error::NoToken)?;
    let scopes = wanted.scopes.as_ref().unwrap_or(&caller.scopes);
    if scopes.is_empty() {
        return Err(Error::NothingAllowed);
    }
    let lacking = caller.scopes.lacking(scopes);
    if !lacking.is_empty() {
        return Err(Error::Wider { lacking });
    }
    let left = caller.expires_at_seconds.map_or(u64::MAX, |at| at.saturating_sub(now_seconds));
    let max_seconds = ACCESS_TOKEN_LIFE_MAX_SECONDS.min(left);
    let seconds = wanted.expires_in_seconds.unwrap_or(ACCESS_TOKEN_LIFE_SECONDS.min(max_seconds));
    if seconds == 0 || seconds > max_seconds {
        return Err(Error::Expiry { max_seconds });
    }
    Ok(AccessToken {
        actor: caller.actor.clone(),
        parent: parent.clone(),
        scope: scopes.to_string(),
        issued_at_seconds: now_seconds,
        expires_at_seconds: now_seconds + seconds,
    })
}

fn sign(token: &AccessToken, key: &SigningKey) -> Result<String, Error> {
    let text = token.sign(key);
    if text.len() > STATEMENT_MAX_BYTES { Err(Error::TooLong { bytes: text.len() }) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::given::given;
    use crate::kernel::event::KeyKind;

    const NOW: u64 = 1_000;

    fn parent() -> TokenId {
        TokenId::from_uuid(uuid::Uuid::from_u128(1))
    }

    fn caller(expires_at_seconds: Option<u64>) -> Caller {
        let scopes = "repository:acme/*:pull,push log:read".parse().unwrap();
        Caller::of_token("ci".parse().unwrap(), scopes, parent(), expires_at_seconds)
    }

    fn wish(scopes: Option<&str>, expires_in_seconds: Option<u64>) -> Exchange {
        Exchange { scopes: scopes.map(|text| text.parse().unwrap()), expires_in_seconds }
    }

    fn token(scope: &str, seconds: u64) -> AccessToken {
        AccessToken {
            actor: "ci".parse().unwrap(),
            parent: parent(),
            scope: scope.into(),
            issued_at_seconds: NOW,
            expires_at_seconds: NOW + seconds,
        }
    }

    #[test]
    fn a_part_of_the_scopes_is_had_for_a_while() {
        given(caller(None))
            .when(|caller| decide_exchange(caller, NOW, &wish(Some("repository:acme/a:pull"), Some(60))))
            .then(token("repository:acme/a:pull", 60));
        given(caller(None))
            .when(|caller| decide_exchange(caller, NOW, &wish(None, None)))
            .then(token("repository:acme/*:pull,push log:read", ACCESS_TOKEN_LIFE_SECONDS));
    }

    #[test]
    fn an_access_token_is_never_wider_than_its_parent() {
        given(caller(None))
            .when(|caller| decide_exchange(caller, NOW, &wish(Some("repository:*:pull log:read admin"), None)))
            .then_refused(
                |error| matches!(error, Error::Wider { lacking } if lacking.to_string() == "repository:*:pull admin"),
            );
        given(caller(None))
            .when(|caller| decide_exchange(caller, NOW, &wish(Some(""), None)))
            .then_refused(|error| matches!(error, Error::NothingAllowed));
    }

    #[test]
    fn an_access_token_never_outlives_its_parent() {
        given(caller(Some(NOW + 5)))
            .when(|caller| decide_exchange(caller, NOW, &wish(Some("log:read"), None)))
            .then(token("log:read", 5));
        for seconds in [0, 6, u64::MAX] {
            given(caller(Some(NOW + 5)))
                .when(|caller| decide_exchange(caller, NOW, &wish(None, Some(seconds))))
                .then_refused(|error| matches!(error, Error::Expiry { max_seconds: 5 }));
        }
        given(caller(None))
            .when(|caller| decide_exchange(caller, NOW, &wish(None, Some(ACCESS_TOKEN_LIFE_MAX_SECONDS + 1))))
            .then_refused(|error| matches!(error, Error::Expiry { .. }));
    }

    #[test]
    fn an_access_token_is_exchanged_for_one_of_the_same_parent() {
        let child =
            Caller::of_access_token("ci".parse().unwrap(), "log:read".parse().unwrap(), parent(), NOW + 9);
        given(child).when(|child| decide_exchange(child, NOW, &wish(None, None))).then(token("log:read", 9));
        given(Caller::local("ci".parse().unwrap()))
            .when(|caller| decide_exchange(caller, NOW, &wish(None, None)))
            .then_refused(|error| matches!(error, Error::NoToken));
    }

    #[test]
    fn one_that_does_not_fit_a_header_is_not_made() {
        let key = SigningKey::from_seed(KeyKind::Grant, [7; 32]);
        let long = token(&"repository:acme/reports:pull ".repeat(200), 60);
        assert!(matches!(sign(&long, &key), Err(Error::TooLong { bytes }) if bytes > STATEMENT_MAX_BYTES));
    }
}
