//! What the errors of the data plane are told: one exhaustive match for each enum.

use axum::http::HeaderValue;
use axum::http::header;

use super::{Code, Problem};
use crate::contract;
use crate::data::session::Ended;
use crate::data::{download, session};
use crate::http::tus::headers::UPLOAD_OFFSET;
use crate::kernel::limits::UPLOAD_RETRY_SECONDS;
use crate::stores;

impl Problem {
    /// No room for more. Said once in the log when it begins, not for every request.
    fn full() -> Self {
        Self::new(
            Code::StorageFull,
            "There is no room for more bytes. What was acknowledged is safe, reads and deletions go on, and uploads go on \
             from where they are once the operator has made room (`strongroom status` says how much is missing).",
        )
    }

    /// Bytes that nobody can read now, and that are safe.
    fn archived(told: String) -> Self {
        let told = format!(
            "{told} Nothing is lost: its store keeps it in an archive. Ask for it to be retrieved, and come back."
        );
        Self::new(Code::BlobArchived, told)
    }

    /// Of a grant that does not verify.
    pub(in crate::http) fn of_grant(error: contract::Error) -> Self {
        use contract::Error as E;
        let code = match error {
            E::Expired(_) => Code::GrantExpired,
            E::Forged
            | E::WrongKind { .. }
            | E::WrongAudience(_)
            | E::UnknownKey(_)
            | E::RetiredKey(_)
            | E::Malformed(_) => Code::GrantInvalid,
        };
        Self::new(code, format!("Grant: {error}. Open the upload or ask to read again for a fresh one."))
    }
}

impl From<session::Error> for Problem {
    fn from(error: session::Error) -> Self {
        use session::Error as E;
        let told = format!("{error}.");
        let at = |code, offset: u64| {
            Self::new(code, told.clone())
                .member("offset", offset)
                .header(UPLOAD_OFFSET, HeaderValue::from(offset))
        };
        match error {
            E::NotPermitted(_) => Self::new(Code::GrantNarrower, told),
            E::GrantUsed(_) => Self::new(Code::GrantUsed, told),
            E::Unknown(_) => Self::new(Code::SessionUnknown, told),
            E::Gone(Ended::Aborted | Ended::Expired) => Self::new(Code::SessionGone, told),
            E::Failed { expected, found } => Self::new(Code::DigestMismatch, told)
                .member("expected", expected)
                .member("blake3", found.blake3)
                .member("sha256", found.sha256),
            E::Offset { expected, .. } => at(Code::OffsetMismatch, expected),
            E::Checksum => Self::new(Code::ChecksumMismatch, told),
            E::Length { .. } => Self::new(Code::LengthMismatch, told),
            E::TooLarge { max } => Self::new(Code::UploadTooLarge, told).member("max", max),
            E::Displaced => Self::new(Code::SessionBusy, told),
            E::Disconnected { offset, .. } => at(Code::IncompleteBody, offset),
            E::Idle { offset } => at(Code::BodyTooSlow, offset),
            E::KeyRetired(_) => Self::busy(Code::Unavailable, 30, told),
            E::Closing => Self::busy(Code::Unavailable, 5, told),
            E::TooMany { max, by_client } => {
                let code = if by_client { Code::TooManyUploads } else { Code::Busy };
                let told = format!("{told} Nothing was taken; come back after the time in Retry-After.");
                Self::new(code, told)
                    .member("max", max)
                    .header(header::RETRY_AFTER, HeaderValue::from(UPLOAD_RETRY_SECONDS))
            }
            E::Full => Self::full(),
            E::Store(error) => error.into(),
            E::Journal(error) => Self::failure(Code::Internal, error),
        }
    }
}

impl From<download::Error> for Problem {
    fn from(error: download::Error) -> Self {
        use download::Error as E;
        let told = format!("{error}.");
        match error {
            E::NotPermitted(_) => Self::new(Code::GrantNarrower, told),
            E::Range { size_bytes } => {
                let range =
                    HeaderValue::try_from(format!("bytes */{size_bytes}")).expect("a number is ASCII");
                Self::new(Code::RangeNotSatisfiable, told).header(header::CONTENT_RANGE, range)
            }
            E::Missing { .. } => Self::failure(Code::ObjectMissing, told),
            E::Corrupt { .. } => Self::failure(Code::BlobCorrupt, told),
            E::Archived { .. } => Self::archived(told),
            E::Busy => Self::busy(Code::Busy, 1, told),
            E::Store(error) => error.into(),
        }
    }
}

impl From<stores::Error> for Problem {
    fn from(error: stores::Error) -> Self {
        use stores::Error as E;
        match error {
            E::Full => Self::full(),
            E::TooLong { max } => Self::new(Code::UploadTooLarge, format!("{error}.")).member("max", max),
            E::Archived(_) => Self::archived(format!("{error}.")),
            E::Io(_) | E::Setup(_) | E::Unreachable(_) => Self::failure(Code::Unavailable, error),
            E::Exists(_)
            | E::Missing(_)
            | E::Stale(_)
            | E::Owned(_)
            | E::Lost { .. }
            | E::Format(_)
            | E::Unfit(_) => Self::failure(Code::Internal, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::id::ObjectKey;

    #[test]
    fn what_is_archived_is_a_conflict_with_what_to_do_and_never_a_failure_of_ours() {
        let object = ObjectKey::from_uuid(Uuid::from_u128(1));
        let read = download::Error::Archived { blob: Digests::of(b"x").blake3, object: object.clone() };
        for problem in [Problem::from(read), stores::Error::Archived(object).into()] {
            assert_eq!((problem.code(), problem.code().status().as_u16()), (Code::BlobArchived, 409));
            assert!(problem.detail().contains("Ask for it to be retrieved"), "{}", problem.detail());
        }
    }
}
