//! API tokens: minted, revoked, listed, checked.
//!
//! - A token is never wider than the one that mints it, and never outlives it.
//! - The secret is shown once. What is kept is its SHA-256; a request that is repeated cannot show it again.
//! - A token that is shown is looked up as the log is now, so one that is revoked stops working with the event that says
//!   so; in other processes once they heard of it (`cached`).
//! - That a token is unknown, revoked or expired is not told apart to whoever shows it.

use rand::TryRngCore as _;
use uuid::Uuid;

use super::append::{Change, Ids, Retries};
use super::{Context, Control};
use crate::access::{Action, Caller, ITSELF, Scopes, Secret};
use crate::kernel::digest::Sha256;
use crate::kernel::event::{Fact, TokenMinted, TokenRevoked};
use crate::kernel::id::{Actor, StreamName, TokenId};
use crate::views::tokens::{self, Token};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It would allow nothing.
    #[error("a token without any scope is of no use; name scopes or a role")]
    NothingAllowed,
    /// It would speak as the service itself.
    #[error(
        "`{ITSELF}` is the service itself; an audit trusts that name without a token, so no token has it"
    )]
    SubjectReserved,
    /// It would allow more than the token that mints it.
    #[error("your token lacks {lacking}, so it cannot mint a token with it")]
    Wider {
        /// What it would have more.
        lacking: Scopes,
    },
    /// It would work longer than the token that mints it, or for no time at all.
    #[error("expires_in_seconds must be from 1 to {max_seconds}, the time that your own token has left")]
    Expiry {
        /// The longest it may work.
        max_seconds: u64,
    },
    /// The same request minted it before, and its secret was shown then.
    #[error(
        "this request minted {0} already and its secret cannot be shown again; revoke it and mint another"
    )]
    AlreadyMinted(TokenId),
    /// There is no such token.
    #[error("there is no token {0}")]
    Unknown(TokenId),
    /// The secret that was shown is of no token that works.
    #[error("this token does not work: it is unknown, expired or revoked")]
    Unauthenticated,
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// What to mint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mint {
    /// The actor that events by this token name; the token's own id, if none.
    pub subject: Option<Actor>,
    /// What it may do.
    pub scopes: Scopes,
    /// How long it works; if none, as long as the token that mints it.
    pub expires_in_seconds: Option<u64>,
}

/// A new token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted {
    /// Its public name.
    pub token: TokenId,
    /// To be shown once.
    pub secret: Secret,
    /// The actor that events by this token name.
    pub subject: Actor,
    /// What it may do.
    pub scopes: Scopes,
    /// When it stops working: seconds since the epoch.
    pub expires_at_seconds: Option<u64>,
    /// The event that says so.
    pub position: u64,
}

/// Mints a token.
///
/// # Errors
/// If it would be wider than the caller's, or the caller does not administer.
///
/// # Panics
/// If the system has no randomness.
pub async fn mint(control: &Control, context: &Context, mint: Mint) -> Result<Minted, Error> {
    let mut bits = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut bits).expect("the system gives randomness");
    mint_with(control, context, mint, Secret::from_random(bits)).await
}

/// Mints a token with a secret that was made before, for who has to keep it safe first.
///
/// # Errors
/// As [`mint`].
pub async fn mint_with(
    control: &Control,
    context: &Context,
    mint: Mint,
    secret: Secret,
) -> Result<Minted, Error> {
    if let Some(earlier) = control.earlier(context).await? {
        return Err(match earlier.event.fact {
            Fact::TokenMinted(fact) => Error::AlreadyMinted(fact.token),
            _ => super::Error::IdempotencyKeyReused.into(),
        });
    }
    let fresh = Fresh { token: TokenId::from_uuid(Uuid::new_v4()), hash: secret.hash() };
    let fact = decide_mint(&context.caller, control.now_ms() / 1_000, &mint, fresh)?;
    let change = Change {
        expected: vec![(StreamName::token(&fact.token), None)],
        events: Ids::of_request(context).assign(vec![fact.clone().into()]),
        ..Change::default()
    };
    let appended = control.append(&context.caller.actor, context.cause, change).await;
    let appended = match appended {
        Ok(appended) => appended,
        // A fresh id cannot be in the way of another, so there is nothing to decide again.
        Err(error) => {
            Retries::default().after(error).await?;
            return Err(super::Error::Contended.into());
        }
    };
    Ok(Minted {
        token: fact.token,
        secret,
        subject: fact.subject,
        scopes: mint.scopes,
        expires_at_seconds: fact.expires_at_seconds,
        position: appended.last(),
    })
}

/// Makes a token stop working. Revoking it again changes nothing.
///
/// # Errors
/// If there is none, or the caller neither administers nor is that token.
pub async fn revoke(control: &Control, context: &Context, token: &TokenId) -> Result<(), Error> {
    if context.caller.token.as_ref() != Some(token) {
        context.caller.require(Action::Administer)?;
    }
    let stream = StreamName::token(token);
    let mut retries = Retries::default();
    loop {
        let version = control.version(&stream).await?;
        let found = tokens::get(control.pool(), token).await?;
        let found = found.ok_or_else(|| Error::Unknown(token.clone()))?;
        if found.revoked_at_ms.is_some() {
            return Ok(());
        }
        let change = Change {
            events: Ids::Fresh.assign(vec![TokenRevoked { token: token.clone() }.into()]),
            expected: vec![(stream.clone(), version)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => return Ok(()),
            Err(error) => retries.after(error).await?,
        }
    }
}

/// A page of all tokens, by id, behind `after`.
///
/// # Errors
/// If the caller does not administer.
pub async fn list(
    control: &Control,
    caller: &Caller,
    after: Option<&TokenId>,
    limit: u32,
) -> Result<Vec<Token>, Error> {
    caller.require(Action::Administer)?;
    Ok(tokens::list(control.pool(), after, limit).await?)
}

/// Whose secret it is.
///
/// # Errors
/// [`Error::Unauthenticated`] if it is of no token that works.
pub async fn authenticate(control: &Control, secret: &Secret) -> Result<Caller, Error> {
    let hash = secret.hash();
    let row = tokens::by_hash(control.pool(), &hash);
    let found = control.reads().tokens.get(control.log(), &hash, row).await?;
    decide_authentic(found, control.now_ms() / 1_000)
}

/// A token that was not shown, as one that was made from it was: if it works.
pub(super) async fn that_works(control: &Control, token: &TokenId) -> Result<Token, Error> {
    let row = tokens::get(control.pool(), token);
    let found = control.reads().parents.get(control.log(), token, row).await?;
    found.filter(|token| works(token, control.now_ms() / 1_000)).ok_or(Error::Unauthenticated)
}

/// What has to be random.
struct Fresh {
    token: TokenId,
    hash: Sha256,
}

fn decide_mint(caller: &Caller, now_seconds: u64, mint: &Mint, fresh: Fresh) -> Result<TokenMinted, Error> {
    caller.require(Action::Administer)?;
    if mint.scopes.is_empty() {
        return Err(Error::NothingAllowed);
    }
    if mint.subject.as_ref().is_some_and(|subject| subject.as_str() == ITSELF) {
        return Err(Error::SubjectReserved);
    }
    let lacking = caller.scopes.lacking(&mint.scopes);
    if !lacking.is_empty() {
        return Err(Error::Wider { lacking });
    }
    let max_seconds =
        caller.expires_at_seconds.map_or(u64::MAX - now_seconds, |at| at.saturating_sub(now_seconds));
    if mint.expires_in_seconds.is_some_and(|seconds| seconds == 0 || seconds > max_seconds) {
        return Err(Error::Expiry { max_seconds });
    }
    let wanted = mint.expires_in_seconds.map(|seconds| now_seconds + seconds);
    let own_name = || fresh.token.as_str().parse().expect("a token id is an actor");
    Ok(TokenMinted {
        subject: mint.subject.clone().unwrap_or_else(own_name),
        token: fresh.token,
        hash: fresh.hash,
        scopes: mint.scopes.to_texts(),
        expires_at_seconds: wanted.or(caller.expires_at_seconds),
    })
}

fn works(token: &Token, now_seconds: u64) -> bool {
    token.revoked_at_ms.is_none() && token.expires_at_seconds.is_none_or(|at| now_seconds < at)
}

fn decide_authentic(found: Option<Token>, now_seconds: u64) -> Result<Caller, Error> {
    let token = found.filter(|token| works(token, now_seconds)).ok_or(Error::Unauthenticated)?;
    // Scopes of a later version of the grammar give nothing here, rather than something else.
    let scopes = Scopes::parse(&token.scopes).unwrap_or_default();
    Ok(Caller::of_token(token.subject, scopes, token.token, token.expires_at_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::given::given;

    const NOW: u64 = 1_000;

    fn admin(expires_at_seconds: Option<u64>) -> Caller {
        let scopes = "admin repository:acme/*:pull,push".parse().unwrap();
        let token = TokenId::from_uuid(Uuid::from_u128(1));
        Caller::of_token("root".parse().unwrap(), scopes, token, expires_at_seconds)
    }

    fn fresh() -> Fresh {
        Fresh { token: TokenId::from_uuid(Uuid::from_u128(2)), hash: Sha256::new([2; 32]) }
    }

    fn wish(scopes: &str, expires_in_seconds: Option<u64>) -> Mint {
        Mint { subject: None, scopes: scopes.parse().unwrap(), expires_in_seconds }
    }

    fn minted(scopes: &str, expires_at_seconds: Option<u64>) -> TokenMinted {
        TokenMinted {
            token: fresh().token,
            hash: fresh().hash,
            subject: fresh().token.as_str().parse().unwrap(),
            scopes: vec![scopes.into()],
            expires_at_seconds,
        }
    }

    #[test]
    fn a_narrower_token_is_minted_under_its_own_name() {
        let scope = "repository:acme/reports:push";
        given(admin(None))
            .when(|caller| decide_mint(caller, NOW, &wish(scope, Some(60)), fresh()))
            .then(minted(scope, Some(NOW + 60)));
    }

    #[test]
    fn a_token_is_never_wider_than_the_one_that_mints_it() {
        given(admin(None))
            .when(|caller| decide_mint(caller, NOW, &wish("repository:*:pull log:read", None), fresh()))
            .then_refused(
                |error| matches!(error, Error::Wider { lacking } if lacking.to_string() == "repository:*:pull log:read"),
            );
    }

    #[test]
    fn a_token_never_outlives_the_one_that_mints_it() {
        let scope = "repository:acme/reports:push";
        given(admin(Some(NOW + 60)))
            .when(|caller| decide_mint(caller, NOW, &wish(scope, None), fresh()))
            .then(minted(scope, Some(NOW + 60)));
        for seconds in [0, 61, u64::MAX] {
            given(admin(Some(NOW + 60)))
                .when(|caller| decide_mint(caller, NOW, &wish(scope, Some(seconds)), fresh()))
                .then_refused(|error| matches!(error, Error::Expiry { max_seconds: 60 }));
        }
    }

    #[test]
    fn only_an_admin_mints_and_never_nothing() {
        let uploader = Caller::of_token(
            "ci".parse().unwrap(),
            "repository:acme/*:push".parse().unwrap(),
            TokenId::from_uuid(Uuid::from_u128(3)),
            None,
        );
        given(uploader)
            .when(|caller| decide_mint(caller, NOW, &wish("repository:acme/a:push", None), fresh()))
            .then_refused(|error| matches!(error, Error::Shared(crate::control::Error::Denied(_))));
        given(admin(None))
            .when(|caller| decide_mint(caller, NOW, &wish("", None), fresh()))
            .then_refused(|error| matches!(error, Error::NothingAllowed));
        let as_itself = Mint { subject: ITSELF.parse().ok(), ..wish("repository:acme/a:push", None) };
        given(admin(None))
            .when(|caller| decide_mint(caller, NOW, &as_itself, fresh()))
            .then_refused(|error| matches!(error, Error::SubjectReserved));
    }

    fn stored(expires_at_seconds: Option<u64>, revoked_at_ms: Option<u64>) -> Option<Token> {
        Some(Token {
            token: fresh().token,
            hash: fresh().hash,
            subject: "ci".parse().unwrap(),
            scopes: vec!["log:read".into()],
            expires_at_seconds,
            minted_at_ms: 0,
            minted_by: "root".parse().unwrap(),
            revoked_at_ms,
            revoked_by: None,
            position: 0,
        })
    }

    #[test]
    fn a_token_that_works_makes_its_caller() {
        let caller = decide_authentic(stored(Some(NOW + 1), None), NOW).unwrap();
        assert_eq!(caller.actor.as_str(), "ci");
        assert!(caller.allows(Action::LogRead) && caller.is_authenticated());
    }

    #[test]
    fn unknown_expired_and_revoked_look_alike() {
        for found in [None, stored(Some(NOW), None), stored(None, Some(1))] {
            given(found)
                .when(|found| decide_authentic(found.clone(), NOW))
                .then_refused(|error| matches!(error, Error::Unauthenticated));
        }
    }
}
