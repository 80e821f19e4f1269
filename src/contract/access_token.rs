//! An access token: what a caller got for their API token, for a short time and for less (RFC 8693).
//!
//! ```text
//! claims = { "aud": "strongroom", "sub": actor, "parent": token id, "scope": text, "iat": seconds, "exp": seconds }
//! ```
//! - It is a statement of the control plane to itself, by way of the client: nothing is recorded when it is made.
//! - It names the API token that it was made from. Whoever believes it asks whether that one still works, so revoking
//!   the parent ends its children.
//! - `scope` is one text in the scope grammar; whoever signs sees to it that the parent has all of it.
//! - It lives for [`ACCESS_TOKEN_LIFE_MAX_SECONDS`] at most, and is never renewed: a new one is made.

use serde::{Deserialize, Serialize};

use super::Error;
use super::jws::{self, Kind};
use super::keys::{KeyRing, SigningKey};
use crate::kernel::event::KeyKind;
use crate::kernel::id::{Actor, TokenId};
use crate::kernel::limits::{ACCESS_TOKEN_LIFE_MAX_SECONDS, CLOCK_SKEW_SECONDS};

/// `aud`: the plane that asks who calls.
const AUDIENCE: &str = "strongroom";

const KIND: Kind = Kind { typ: "strongroom-access+jwt", name: "access token", key: KeyKind::Grant };

/// A caller's token, for a short time and for less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Who calls with it: the subject of its parent.
    pub actor: Actor,
    /// The API token that it was made from.
    pub parent: TokenId,
    /// What it may do, in the scope grammar.
    pub scope: String,
    /// When it was signed, seconds since the epoch.
    pub issued_at_seconds: u64,
    /// Until when it works, seconds since the epoch.
    pub expires_at_seconds: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    aud: String,
    sub: Actor,
    parent: TokenId,
    scope: String,
    iat: u64,
    exp: u64,
}

impl AccessToken {
    /// As a signed statement.
    ///
    /// # Panics
    /// If the key is not a grant key.
    pub fn sign(&self, key: &SigningKey) -> String {
        let claims = Claims {
            aud: AUDIENCE.into(),
            sub: self.actor.clone(),
            parent: self.parent.clone(),
            scope: self.scope.clone(),
            iat: self.issued_at_seconds,
            exp: self.expires_at_seconds,
        };
        jws::sign(&KIND, &claims, key)
    }

    /// Reads a signed token and checks all that can be checked without a database, at this time (ms since the epoch).
    ///
    /// # Errors
    /// With what is wrong.
    pub fn verify(text: &str, keys: &KeyRing, now_ms: u64) -> Result<Self, Error> {
        let (claims, key) = jws::open::<Claims>(&KIND, text, keys)?;
        if claims.aud != AUDIENCE {
            return Err(Error::WrongAudience(AUDIENCE));
        }
        if key.retired_at_ms().is_some_and(|at_ms| claims.iat > at_ms.div_ceil(1_000)) {
            return Err(Error::RetiredKey(key.id()));
        }
        let now_seconds = now_ms / 1_000;
        if claims.iat > now_seconds.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(Error::Malformed("signed in the future"));
        }
        if claims.exp.saturating_sub(claims.iat) > ACCESS_TOKEN_LIFE_MAX_SECONDS {
            return Err(Error::Malformed("it lives too long"));
        }
        // Its one reader is its signer, so no two clocks have to be allowed for.
        if now_seconds >= claims.exp {
            return Err(Error::Expired(now_seconds - claims.exp));
        }
        Ok(Self {
            actor: claims.sub,
            parent: claims.parent,
            scope: claims.scope,
            issued_at_seconds: claims.iat,
            expires_at_seconds: claims.exp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn token() -> AccessToken {
        AccessToken {
            actor: "ci".parse().unwrap(),
            parent: TokenId::from_uuid(uuid::Uuid::from_u128(1)),
            scope: "repository:acme/*:pull".into(),
            issued_at_seconds: NOW,
            expires_at_seconds: NOW + 60,
        }
    }

    fn read(token: &AccessToken, at_seconds: u64) -> Result<AccessToken, Error> {
        let key = SigningKey::from_seed(KeyKind::Grant, [7; 32]);
        AccessToken::verify(&token.sign(&key), &KeyRing::of([key.verifying_key()]), at_seconds * 1_000)
    }

    #[test]
    fn what_was_signed_is_read_back_until_it_expires() {
        assert_eq!(read(&token(), NOW), Ok(token()));
        assert_eq!(read(&token(), NOW + 59), Ok(token()));
        assert_eq!(read(&token(), NOW + 60), Err(Error::Expired(0)));
    }

    #[test]
    fn a_token_that_lives_too_long_or_comes_from_the_future_is_refused() {
        let long = AccessToken { expires_at_seconds: NOW + ACCESS_TOKEN_LIFE_MAX_SECONDS + 1, ..token() };
        assert!(matches!(read(&long, NOW), Err(Error::Malformed(_))));
        assert!(matches!(read(&token(), NOW - CLOCK_SKEW_SECONDS - 1), Err(Error::Malformed(_))));
    }

    #[test]
    fn what_a_retired_key_signs_later_is_refused() {
        let key = SigningKey::from_seed(KeyKind::Grant, [7; 32]);
        let retired = |at_ms| KeyRing::of([key.verifying_key().retired(at_ms)]);
        let text = token().sign(&key);
        assert!(AccessToken::verify(&text, &retired(NOW * 1_000), NOW * 1_000).is_ok());
        let early = retired((NOW - 1) * 1_000);
        assert_eq!(AccessToken::verify(&text, &early, NOW * 1_000), Err(Error::RetiredKey(key.id())));
    }

    #[test]
    fn a_grant_is_no_access_token() {
        let text = "eyJhbGciOiJFZERTQSIsInR5cCI6InN0cm9uZ3Jvb20tZ3JhbnQrand0Iiwia2lkIjoiMDAwMDAwMDAwMDAwMDAwMCJ9.e30.AA";
        assert!(matches!(
            AccessToken::verify(text, &KeyRing::default(), 0),
            Err(Error::WrongKind { expected: "access token", .. })
        ));
    }
}
