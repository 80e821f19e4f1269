//! What is sent while the next of it is made: reading, comparing and sending side by side, with one piece of each.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::download::Error;

/// Makes bytes, a few at a time.
pub(super) trait Source: Send + 'static {
    /// The next, never empty; none behind the last. After an error it is not asked again.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<Bytes>>, Error>> + Send;
}

/// The source, and what it has made.
type Made<S> = (S, Result<Option<Vec<Bytes>>, Error>);

fn ahead<S: Source>(mut source: S) -> JoinHandle<Made<S>> {
    let making = async move {
        let made = source.next().await;
        (source, made)
    };
    tokio::spawn(making.in_current_span())
}

struct Sending<S: Source> {
    ready: std::vec::IntoIter<Bytes>,
    next: Option<JoinHandle<Made<S>>>,
}

impl<S: Source> Sending<S> {
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        loop {
            if let Some(piece) = self.ready.next() {
                metrics::counter!("strongroom_download_bytes_total").increment(piece.len() as u64);
                return Ok(Some((piece, self)));
            }
            let Some(next) = self.next.take() else { return Ok(None) };
            let (source, made) = match next.await {
                Ok(made) => made,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => return Err(Error::Busy),
            };
            let Some(pieces) = made? else { return Ok(None) };
            self.ready = pieces.into_iter();
            self.next = Some(ahead(source));
        }
    }
}

/// All that a source makes. Begins at once.
pub(super) fn stream<S: Source>(source: S) -> BoxStream<'static, Result<Bytes, Error>> {
    let sending = Sending { ready: Vec::new().into_iter(), next: Some(ahead(source)) };
    stream::try_unfold(sending, Sending::piece).boxed()
}
