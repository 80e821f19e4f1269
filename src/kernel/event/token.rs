//! `token.minted`, `token.revoked`.
//!
//! ```text
//! token.minted  = { "token": text, "hash": bytes .size 32, "subject": text, "scopes": [* text], ? "expires": uint (s) }
//! token.revoked = { "token": text }
//! ```
//! The secret is never here: `hash` is the SHA-256 of a secret of 256 random bits, which needs no slow hash.

use super::{Data, Fields, Value, cbor, map, text};
use crate::kernel::digest::Sha256;
use crate::kernel::id::{Actor, TokenId};

/// An API token was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMinted {
    /// Its public name.
    pub token: TokenId,
    /// SHA-256 of the secret.
    pub hash: Sha256,
    /// The actor that events by this token name.
    pub subject: Actor,
    /// What it may do, as written in the scope grammar.
    pub scopes: Vec<String>,
    /// When it stops working: seconds since the epoch.
    pub expires_at_seconds: Option<u64>,
}

impl Data for TokenMinted {
    const TYPE: &'static str = "token.minted";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("token", text(&self.token)),
            ("hash", Some(Value::Bytes(self.hash.as_bytes().to_vec()))),
            ("subject", text(&self.subject)),
            ("scopes", Some(Value::Array(self.scopes.iter().map(Value::text).collect()))),
            ("expires", self.expires_at_seconds.map(Value::Unsigned)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            token: fields.parse("token")?,
            hash: Sha256::new(fields.array_32("hash")?),
            subject: fields.parse("subject")?,
            scopes: fields.texts("scopes")?,
            expires_at_seconds: fields.unsigned_optional("expires")?,
        })
    }
}

/// An API token no longer works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRevoked {
    /// Its public name.
    pub token: TokenId,
}

impl Data for TokenRevoked {
    const TYPE: &'static str = "token.revoked";

    fn write(&self) -> Vec<(String, Value)> {
        map([("token", text(&self.token))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { token: fields.parse("token")? })
    }
}
