//! Invariants of signed statements (grants and receipts), for any text, and for any claims under a good signature:
//! - no text is believed but the one that the key's holder would sign;
//! - what is believed signs to the same meaning, is within its bounds, and is of its own kind only;
//! - claims, even signed ones, are refused or understood whole, never in part.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use strongroom::contract::{Grant, KeyRing, Operation, Receipt, SigningKey};
use strongroom::kernel::event::KeyKind;
use strongroom::kernel::limits::{BLOB_MAX_BYTES, GRANT_LIFE_SECONDS, STATEMENT_MAX_BYTES};

/// When the statements of `tests/vectors/statements.json` are valid.
const NOW_MS: u64 = 1_795_262_400_000;

pub(crate) fn check(data: &[u8]) {
    let keys = Keys::new();
    if let Ok(text) = std::str::from_utf8(data) {
        let grant = keys.believed_grant(text);
        let receipt = keys.believed_receipt(text);
        assert!(!(grant && receipt), "a statement is of one kind");
    }
    keys.believed_grant(&keys.signed(&keys.grant, "strongroom-grant+jwt", data));
    keys.believed_receipt(&keys.signed(&keys.receipt, "strongroom-receipt+jwt", data));
}

struct Keys {
    grant: SigningKey,
    receipt: SigningKey,
    ring: KeyRing,
}

impl Keys {
    /// Those of the vectors.
    fn new() -> Self {
        let grant = SigningKey::from_seed(KeyKind::Grant, [1; 32]);
        let receipt = SigningKey::from_seed(KeyKind::Receipt, [2; 32]);
        let ring = KeyRing::of([grant.verifying_key(), receipt.verifying_key()]);
        Self { grant, receipt, ring }
    }

    fn signed(&self, key: &SigningKey, typ: &str, claims: &[u8]) -> String {
        let header = format!(r#"{{"alg":"EdDSA","typ":"{typ}","kid":"{}"}}"#, key.id());
        let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
        let signature = BASE64URL.encode(key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn believed_grant(&self, text: &str) -> bool {
        let Ok(grant) = Grant::verify(text, &self.ring, NOW_MS) else { return false };
        assert!(text.len() <= STATEMENT_MAX_BYTES);
        assert!(grant.expires_at_seconds <= grant.issued_at_seconds.saturating_add(GRANT_LIFE_SECONDS));
        if let Operation::Upload(upload) = &grant.operation {
            assert!(upload.size.max() <= BLOB_MAX_BYTES);
        }
        let again = grant.sign(&self.grant);
        assert_eq!(Grant::verify(&again, &self.ring, NOW_MS), Ok(grant));
        true
    }

    fn believed_receipt(&self, text: &str) -> bool {
        let verified = Receipt::verify(text, &self.ring, NOW_MS);
        let Ok(receipt) = Receipt::decode(text, &self.ring) else {
            assert!(verified.is_err(), "what is in time is also well formed");
            return false;
        };
        assert!(text.len() <= STATEMENT_MAX_BYTES && receipt.size_bytes <= BLOB_MAX_BYTES);
        let again = receipt.sign(&self.receipt);
        assert_eq!(Receipt::decode(&again, &self.ring), Ok(receipt));
        true
    }
}
