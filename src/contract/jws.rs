//! Compact JWS (RFC 7515 section 7.1), one algorithm, one header form.
//!
//! ```text
//! base64url({"alg":"EdDSA","typ":<typ>,"kid":<16 hex>}) "." base64url(<JSON claims>) "." base64url(<64 bytes>)
//! ```
//! - `alg` is `EdDSA` (RFC 8037 section 3.1) over Ed25519, nothing else; no key or URL in a header is ever looked at.
//! - Base64url has no padding and no stray bits, so a statement has one spelling.
//! - Signatures are verified strictly (RFC 8032, no small-order keys, no second form of a signature).
//! - Claims are parsed only after the signature has been verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Error;
use super::keys::{KeyRing, SigningKey, VerifyingKey};
use crate::kernel::event::KeyKind;
use crate::kernel::id::KeyId;
use crate::kernel::limits::STATEMENT_MAX_BYTES;

/// The only algorithm.
const ALGORITHM: &str = "EdDSA";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: KeyId,
}

/// One kind of statement.
pub(super) struct Kind {
    /// `typ` in the header.
    pub(super) typ: &'static str,
    /// Its name in errors.
    pub(super) name: &'static str,
    /// What its keys are for.
    pub(super) key: KeyKind,
}

/// Signs claims.
///
/// # Panics
/// If the key is for another kind of statement: which key signs what is wiring, not input.
pub(super) fn sign(kind: &Kind, claims: &impl Serialize, key: &SigningKey) -> String {
    assert_eq!(key.kind(), kind.key, "a key signs for one side only");
    let header = Header { alg: ALGORITHM.into(), typ: kind.typ.into(), kid: key.id() };
    let json = |value: serde_json::Result<Vec<u8>>| value.expect("claims are plain structures");
    let header = BASE64URL.encode(json(serde_json::to_vec(&header)));
    let claims = BASE64URL.encode(json(serde_json::to_vec(claims)));
    seal(&header, &claims, key)
}

fn seal(header: &str, claims: &str, key: &SigningKey) -> String {
    let signed = format!("{header}.{claims}");
    let signature = BASE64URL.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The claims and the key that signed them, if all of it is as it has to be. Times are the caller's to check.
pub(super) fn open<'a, C: DeserializeOwned>(
    kind: &Kind,
    text: &str,
    keys: &'a KeyRing,
) -> Result<(C, &'a VerifyingKey), Error> {
    if text.len() > STATEMENT_MAX_BYTES {
        return Err(Error::Malformed("too long"));
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(Error::Malformed("not three parts"))?;
    let (header, claims) = signed.split_once('.').ok_or(Error::Malformed("not three parts"))?;
    let header: Header = serde_json::from_slice(&decode(header)?)
        .map_err(|_| Error::Malformed("the header has alg, typ and kid, and nothing else"))?;
    if header.alg != ALGORITHM {
        return Err(Error::Malformed("the algorithm is EdDSA"));
    }
    if header.typ != kind.typ {
        let found = header.typ.chars().take(64).collect();
        return Err(Error::WrongKind { expected: kind.name, found });
    }
    let key = keys.get(&header.kid).ok_or_else(|| Error::UnknownKey(header.kid.clone()))?;
    if key.kind() != kind.key {
        let found = format!("signed by a {} key", key.kind());
        return Err(Error::WrongKind { expected: kind.name, found });
    }
    let signature =
        decode(signature)?.try_into().map_err(|_| Error::Malformed("a signature has 64 bytes"))?;
    if !key.verify(signed.as_bytes(), &signature) {
        return Err(Error::Forged);
    }
    let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| Error::Malformed("claims"))?;
    Ok((claims, key))
}

/// The key that the header names. Says nothing of who signed: for statements that [`open`] has accepted.
pub(super) fn named_key(text: &str) -> Result<KeyId, Error> {
    let (header, _) = text.split_once('.').ok_or(Error::Malformed("not three parts"))?;
    let header: Header = serde_json::from_slice(&decode(header)?)
        .map_err(|_| Error::Malformed("the header has alg, typ and kid, and nothing else"))?;
    Ok(header.kid)
}

fn decode(part: &str) -> Result<Vec<u8>, Error> {
    BASE64URL.decode(part).map_err(|_| Error::Malformed("base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.4.
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let seed = BASE64URL.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_seed(KeyKind::Grant, seed.try_into().unwrap());
        let claims = BASE64URL.encode("Example of Ed25519 signing");
        assert_eq!(
            seal("eyJhbGciOiJFZERTQSJ9", &claims, &key),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6d\
             WbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    const KIND: Kind = Kind { typ: "test+jwt", name: "test", key: KeyKind::Grant };

    fn read(header: &str, key: &SigningKey) -> Result<u32, Error> {
        let text = seal(&BASE64URL.encode(header), &BASE64URL.encode("7"), key);
        open::<u32>(&KIND, &text, &KeyRing::of([key.verifying_key()])).map(|(claims, _)| claims)
    }

    #[test]
    fn only_the_one_header_form_is_accepted() {
        let key = SigningKey::generate(KeyKind::Grant);
        let kid = key.id();
        assert_eq!(read(&format!(r#"{{"alg":"EdDSA","typ":"test+jwt","kid":"{kid}"}}"#), &key), Ok(7));
        for header in [
            format!(r#"{{"alg":"none","typ":"test+jwt","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"HS256","typ":"test+jwt","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"EdDSA","typ":"test+jwt","kid":"{kid}","crit":["exp"]}}"#),
            format!(r#"{{"alg":"EdDSA","typ":"test+jwt","kid":"{kid}","jwk":{{}}}}"#),
            format!(r#"{{"alg":"EdDSA","alg":"EdDSA","typ":"test+jwt","kid":"{kid}"}}"#),
            r#"{"alg":"EdDSA","typ":"test+jwt"}"#.to_owned(),
            r#"{"alg":"EdDSA","typ":"test+jwt","kid":"../../etc/passwd"}"#.to_owned(),
            "[]".to_owned(),
            String::new(),
        ] {
            assert!(matches!(read(&header, &key), Err(Error::Malformed(_))), "{header}");
        }
    }

    #[test]
    fn a_second_spelling_of_the_same_statement_is_refused() {
        let key = SigningKey::generate(KeyKind::Grant);
        let ring = KeyRing::of([key.verifying_key()]);
        let text = sign(&KIND, &7, &key);
        assert!(open::<u32>(&KIND, &text, &ring).is_ok());
        // 64 bytes are 86 characters, the last of which carries two bits of data and four that must be zero.
        let (start, last) = text.split_at(text.len() - 1);
        let stray = match last {
            "A" => "B",
            "Q" => "R",
            "g" => "h",
            _ => "x",
        };
        for other in [format!("{start}{stray}"), format!("{text}="), format!(" {text}"), format!("{text}\n")]
        {
            assert!(matches!(open::<u32>(&KIND, &other, &ring), Err(Error::Malformed(_))), "{other:?}");
        }
        for part in ["", ".", "..", "...", "a.b", "a.b.c.d"] {
            assert!(matches!(open::<u32>(&KIND, part, &ring), Err(Error::Malformed(_))), "{part}");
        }
        let long = "a".repeat(STATEMENT_MAX_BYTES + 1);
        assert_eq!(open::<u32>(&KIND, &long, &ring).err(), Some(Error::Malformed("too long")));
    }
}
