//! Request bodies: bounded in time, and in bytes where they are read whole.
//!
//! - A body that stands still for longer than the settings allow fails; who reads it keeps what arrived.
//! - A body that is refused unread is drained a little after the answer: closing a socket with unread bytes resets the
//!   connection, and the caller would lose the answer that says why.
//! - [`whole`] reads a bounded body within [`BODY_WHOLE_SECONDS`].

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use futures::ready;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::problem::{Code, Problem};
use crate::kernel::limits::{BODY_LINGER_BYTES, BODY_LINGER_SECONDS, BODY_WHOLE_SECONDS};

/// The body stood still for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no bytes came for too long")]
pub(super) struct Idle;

/// A body that does not wait for ever and is not dropped rudely.
pub(super) struct Patient {
    inner: Option<Body>,
    patience: Duration,
    idle: Pin<Box<Sleep>>,
    waiting: bool,
    linger: bool,
}

impl Patient {
    /// Around a request's body. A caller that waits for `100 Continue` has sent nothing that needs draining.
    pub(super) fn with_patience(inner: Body, expects_continue: bool, patience: Duration) -> Self {
        let idle = Box::pin(sleep(patience));
        Self { inner: Some(inner), patience, idle, waiting: false, linger: !expects_continue }
    }
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(context) {
            this.waiting = false;
            if !matches!(frame, Some(Ok(_))) {
                this.inner = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if !this.waiting {
            this.waiting = true;
            this.idle.as_mut().reset(Instant::now() + this.patience);
        }
        ready!(this.idle.as_mut().poll(context));
        this.inner = None;
        Poll::Ready(Some(Err(Idle.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        let Some(body) = self.inner.take().filter(|body| self.linger && !body.is_end_stream()) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(timeout(Duration::from_secs(BODY_LINGER_SECONDS), drain(body)));
        }
    }
}

async fn drain(body: Body) {
    let mut body = Limited::new(body, BODY_LINGER_BYTES);
    while let Some(Ok(_)) = body.frame().await {}
}

/// Reads a body of at most so many bytes.
///
/// # Errors
/// If it is larger, comes too slowly or ends early.
pub(super) async fn whole(body: Body, max_bytes: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge, format!("The body may have {max_bytes} bytes."));
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large());
    }
    let limited = Limited::new(body, max_bytes).collect();
    match timeout(Duration::from_secs(BODY_WHOLE_SECONDS), limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(interrupted(&*error)),
        Err(_) => Err(too_slow()),
    }
}

/// What a body that failed while it was read is told.
pub(super) fn interrupted(error: &(dyn std::error::Error + 'static)) -> Problem {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    if causes.any(|error| error.is::<Idle>()) { too_slow() } else { incomplete() }
}

pub(super) fn too_slow() -> Problem {
    Problem::new(Code::BodyTooSlow, "The body did not come in time. Send it without long pauses.")
}

fn incomplete() -> Problem {
    Problem::new(Code::IncompleteBody, "The connection ended, or its framing broke, before the body did.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt as _, stream};

    fn patient(chunks: Vec<Result<&'static str, std::io::Error>>, then_hang: bool) -> Body {
        let ended = stream::iter(chunks);
        let hang = stream::pending().take(usize::from(then_hang));
        let body = Body::from_stream(ended.chain(hang));
        Body::new(Patient::with_patience(body, false, Duration::from_millis(20)))
    }

    #[tokio::test]
    async fn a_body_that_stands_still_is_too_slow() {
        let problem = whole(patient(vec![Ok("{")], true), 10).await.unwrap_err();
        assert_eq!(problem.code(), Code::BodyTooSlow);
    }

    #[tokio::test]
    async fn a_body_over_the_bound_is_refused() {
        let problem = whole(patient(vec![Ok("12345"), Ok("6")], false), 5).await.unwrap_err();
        assert_eq!(problem.code(), Code::BodyTooLarge);
        assert_eq!(whole(patient(vec![Ok("12345")], false), 5).await.unwrap(), "12345");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_incomplete() {
        let broken = Err(std::io::Error::other("reset"));
        let problem = whole(patient(vec![Ok("1"), broken], false), 5).await.unwrap_err();
        assert_eq!(problem.code(), Code::IncompleteBody);
    }
}
