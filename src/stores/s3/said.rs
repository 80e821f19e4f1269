//! What a server said instead of doing it, and what that means here.

use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::stores::Error;

/// An answer that is not a success.
#[derive(Debug)]
pub(super) enum Said {
    /// The condition of the request does not hold.
    NotSo,
    /// Another conditional request was under way: neither done nor refused.
    Conflict,
    /// There is no such thing.
    NotThere,
    /// It has to be restored before it can be read.
    Archived,
    /// It is being restored already.
    Underway,
    /// The range begins after the end.
    BeyondTheEnd,
    /// Something that only the caller of the store can deal with.
    Failed(Error),
}

impl Said {
    /// For a request that none of the expected refusals fits.
    pub(super) fn unexpected(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Conflict => {
                Error::Unreachable("the server is busy with another request for the same name".to_owned())
            }
            Self::NotSo | Self::NotThere | Self::Archived | Self::Underway | Self::BeyondTheEnd => {
                Error::Io(io::Error::other(format!("the server answered what was not asked: {self:?}")))
            }
        }
    }
}

/// What an error of the SDK means; `place` is where the store is.
pub(super) fn said<E>(place: &str, error: SdkError<E, HttpResponse>) -> Said
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match &error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            of_answer(
                place,
                status,
                answer.err().code().unwrap_or_default(),
                answer.err().message().unwrap_or_default(),
            )
        }
        SdkError::TimeoutError(_) => Said::Failed(Error::Unreachable(format!(
            "{place} did not answer in time: is it overloaded, or the network?"
        ))),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Said::Failed(Error::Unreachable(
            format!("{place} did not answer in time: is it overloaded, or the network?"),
        )),
        _ => of_no_answer(place, &DisplayErrorContext(&error).to_string()),
    }
}

fn of_answer(place: &str, status: u16, code: &str, message: &str) -> Said {
    let setup = |todo: &str| Said::Failed(Error::Setup(format!("{place}: {todo} ({status} {code})")));
    match (status, code) {
        (_, "NoSuchBucket") => setup("the bucket does not exist; make it, or correct `bucket`"),
        (412, _) | (_, "PreconditionFailed") => Said::NotSo,
        (409, "ConditionalRequestConflict" | "OperationAborted") => Said::Conflict,
        (403, "InvalidObjectState") => Said::Archived,
        (409, "RestoreAlreadyInProgress") => Said::Underway,
        (404, _) => Said::NotThere,
        (416, _) => Said::BeyondTheEnd,
        (301 | 307, _) | (_, "AuthorizationHeaderMalformed" | "PermanentRedirect") => {
            setup("the bucket is in another region; set `region`")
        }
        (401 | 403, "RequestTimeTooSkewed") => setup("the clocks differ too much; set this machine's"),
        (_, code) if code.contains("Quota") || code.contains("StorageFull") => Said::Failed(Error::Full),
        (507, _) => Said::Failed(Error::Full),
        (401 | 403, _) => setup(
            "the credentials are refused; they need to read, write, list and delete in the bucket, list and abort \
             multipart uploads, and restore objects where those of its class are archived",
        ),
        (500.., _) | (429, _) => {
            Said::Failed(Error::Unreachable(format!("{place} cannot do it now: {status} {code} {message}")))
        }
        _ => Said::Failed(Error::Io(io::Error::other(format!("{place}: {status} {code} {message}")))),
    }
}

fn of_no_answer(place: &str, told: &str) -> Said {
    if told.contains("credentials") || told.contains("identity") {
        let todo =
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role";
        return Said::Failed(Error::Setup(format!("{place}: no credentials were found; {todo} ({told})")));
    }
    Said::Failed(Error::Unreachable(format!(
        "{place} cannot be reached; check `endpoint` and that it runs ({told})"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, code: &str) -> String {
        match of_answer("http://s3/b", status, code, "") {
            Said::Failed(error) => error.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        for (status, code, part) in [
            (404, "NoSuchBucket", "make it"),
            (403, "AccessDenied", "credentials are refused"),
            (403, "InvalidAccessKeyId", "credentials are refused"),
            (403, "RequestTimeTooSkewed", "clocks"),
            (301, "PermanentRedirect", "set `region`"),
            (400, "AuthorizationHeaderMalformed", "set `region`"),
            (400, "XMinioAdminBucketQuotaExceeded", "raise its quota"),
            (507, "XMinioStorageFull", "raise its quota"),
            (503, "SlowDown", "cannot do it now"),
            (412, "PreconditionFailed", "NotSo"),
            (409, "ConditionalRequestConflict", "Conflict"),
            (404, "NoSuchUpload", "NotThere"),
            (404, "", "NotThere"),
            (416, "InvalidRange", "BeyondTheEnd"),
            (403, "InvalidObjectState", "Archived"),
            (409, "RestoreAlreadyInProgress", "Underway"),
            (503, "GlacierExpeditedRetrievalNotAvailable", "cannot do it now"),
        ] {
            assert!(told(status, code).contains(part), "{status} {code}: {}", told(status, code));
        }
    }
}
