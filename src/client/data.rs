//! The calls of the data plane: tus 1.0 uploads, blobs in one request, reads. Bytes are moved by grants alone.
//!
//! - An upload session is an address, an offset and, once it is sealed, a receipt ([`Session`]); every answer of the
//!   server gives all three anew, so a client that lost one asks (`HEAD`) and goes on from what is durable.
//! - A body that stands still for [`CLIENT_STALL_SECONDS`] is taken for a lost connection.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Body, RequestBuilder, Response};

use super::control::header;
use super::error::Error;
use super::progress::Share;
use super::transport::{Repeat, Transport};
use crate::kernel::limits::CLIENT_STALL_SECONDS;
use crate::wire::secret::Secret;
use crate::wire::upload::{BATCH_MEDIA_TYPE, BatchedBlob, StoredBlob, StoredBlobs};

/// One upload as the server last told it.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Where it is.
    pub(crate) url: String,
    /// Bytes that are durable.
    pub(crate) offset: u64,
    /// The signed statement that the blob is stored; there once all bytes are.
    pub(crate) receipt: Option<Secret>,
}

/// One stretch of bytes for a session.
pub(crate) struct Part {
    /// Where it begins.
    pub(crate) offset: u64,
    /// How long it is.
    pub(crate) bytes: u64,
    /// The length of the whole, if it was not known before and is now.
    pub(crate) declare: Option<u64>,
    /// The bytes.
    pub(crate) body: Body,
}

impl Transport {
    /// Creates a session. The same grant always gives the same one.
    pub(crate) async fn create(
        &self,
        href: &str,
        grant: &Secret,
        length: Option<u64>,
        repeat: Repeat,
    ) -> Result<Session, Error> {
        let response = self
            .send(repeat, |http| {
                let request = tus(http.post(href), grant);
                match length {
                    Some(bytes) => request.header("Upload-Length", bytes),
                    None => request.header("Upload-Defer-Length", 1),
                }
            })
            .await?;
        let location = header(&response, LOCATION.as_str());
        let location = location.ok_or_else(|| self.unexpected("a new upload without Location"))?;
        let url = beside(href, location);
        self.session(url, &response, Some(0))
    }

    /// Asks how far a session is.
    pub(crate) async fn head(&self, url: &str, grant: &Secret, repeat: Repeat) -> Result<Session, Error> {
        let response = self.send(repeat, |http| tus(http.head(url), grant)).await?;
        self.session(url.to_owned(), &response, None)
    }

    /// Sends a part. Not repeated here: the caller asks how far the session is, and sends what is missing.
    pub(crate) async fn patch(
        &self,
        url: &str,
        grant: &Secret,
        part: Part,
        share: &Share,
    ) -> Result<Session, Error> {
        let mut request = tus(self.http().patch(url), grant)
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .header("Upload-Offset", part.offset)
            .header(CONTENT_LENGTH, part.bytes);
        if let Some(length) = part.declare {
            request = request.header("Upload-Length", length);
        }
        let sending = self.send_once(request.body(part.body));
        let response = tokio::select! {
            response = sending => response?,
            () = stalled(share) => return Err(self.stalled()),
        };
        self.session(url.to_owned(), &response, None)
    }

    /// Stores a small blob in one request; `href` is where sessions are created. Sent once.
    pub(crate) async fn put_small(
        &self,
        href: &str,
        grant: &Secret,
        content: &Bytes,
    ) -> Result<StoredBlob, Error> {
        let url = beside(href, "/data/blobs");
        let response = self
            .send(Repeat::Elsewhere, |http| {
                http.put(&url)
                    .bearer_auth(grant.reveal())
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .body(content.clone())
            })
            .await?;
        self.json(response).await
    }

    /// Stores small blobs together, each under its own grant; `href` is where sessions are created. One answer for each. Sent
    /// once.
    pub(crate) async fn put_together(
        &self,
        href: &str,
        grant: &Secret,
        body: Bytes,
    ) -> Result<Vec<BatchedBlob>, Error> {
        let url = beside(href, "/data/blobs");
        let response = self
            .send(Repeat::Elsewhere, |http| {
                http.post(&url)
                    .bearer_auth(grant.reveal())
                    .header(CONTENT_TYPE, BATCH_MEDIA_TYPE)
                    .body(body.clone())
            })
            .await?;
        self.json(response).await.map(|stored: StoredBlobs| stored.blobs)
    }

    /// Opens a blob for reading, from a byte on; from the bucket itself, if the data plane says where that is. Repeated until
    /// an answer begins, not after. The caller compares what comes with the digest: that is what is promised here.
    pub(crate) async fn read_blob(&self, href: &str, grant: &Secret, from: u64) -> Result<Response, Error> {
        let ask = || self.ranged(href, from).bearer_auth(grant.reveal());
        let promised = ask().header("Strongroom-Verifies", "blake3");
        let response = self.in_time(self.send_unfollowed(promised)).await?;
        let response = match header(&response, LOCATION.as_str()) {
            None => response,
            // The link is all that the bucket needs; the grant stays with who gave it out.
            Some(link) => match self.in_time(self.send_once(self.ranged(link, from))).await {
                Ok(response) => response,
                // The bucket cannot be reached from here, or does not take the link.
                Err(_) => self.in_time(self.send_once(ask())).await?,
            },
        };
        if from > 0 && response.status() != reqwest::StatusCode::PARTIAL_CONTENT {
            return Err(self.unexpected("a whole blob where a range was asked for"));
        }
        Ok(response)
    }

    fn ranged(&self, url: &str, from: u64) -> RequestBuilder {
        let request = self.http().get(url);
        if from > 0 { request.header(RANGE, format!("bytes={from}-")) } else { request }
    }

    /// An answer, or that none came.
    async fn in_time(
        &self,
        answer: impl Future<Output = Result<Response, Error>>,
    ) -> Result<Response, Error> {
        tokio::time::timeout(stall(), answer).await.unwrap_or_else(|_| Err(self.stalled()))
    }

    /// Opens a slice of a blob: a range (end exclusive, not empty) and what proves it. Not repeated here.
    pub(crate) async fn read_slice(
        &self,
        href: &str,
        grant: &Secret,
        range: &std::ops::Range<u64>,
    ) -> Result<Response, Error> {
        let url = format!("{href}/slices?range={}-{}", range.start, range.end - 1);
        let request = self.http().get(url).bearer_auth(grant.reveal());
        self.in_time(self.send_once(request)).await
    }

    /// The next bytes of a body; an error when they stay away.
    pub(crate) async fn next_chunk(&self, response: &mut Response) -> Result<Option<Bytes>, Error> {
        match tokio::time::timeout(stall(), response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| self.failed(&error)),
            Err(_) => Err(self.stalled()),
        }
    }

    fn session(&self, url: String, response: &Response, default: Option<u64>) -> Result<Session, Error> {
        let offset = header(response, "Upload-Offset").and_then(|text| text.parse().ok()).or(default);
        let offset = offset.ok_or_else(|| self.unexpected("an upload without Upload-Offset"))?;
        let receipt = header(response, "Strongroom-Receipt").map(|text| Secret::new(text.to_owned()));
        Ok(Session { url, offset, receipt })
    }

    fn stalled(&self) -> Error {
        let reason = format!("no byte moved for {CLIENT_STALL_SECONDS} seconds");
        Error::Lost { address: self.base().to_owned(), reason }
    }
}

fn tus(request: RequestBuilder, grant: &Secret) -> RequestBuilder {
    request.bearer_auth(grant.reveal()).header("Tus-Resumable", "1.0.0")
}

fn stall() -> Duration {
    Duration::from_secs(CLIENT_STALL_SECONDS)
}

/// Ends when nothing has moved for too long.
async fn stalled(share: &Share) {
    let mut before = share.moved();
    loop {
        tokio::time::sleep(stall()).await;
        let now = share.moved();
        if now == before {
            return;
        }
        before = now;
    }
}

/// `path` of the data plane that has `href`, which may lie under a prefix that the server itself does not know of.
pub(crate) fn beside(href: &str, path: &str) -> String {
    match (path.starts_with('/'), href.find("/data/")) {
        (true, Some(at)) => format!("{}{path}", &href[..at]),
        _ => path.to_owned(),
    }
}

/// The same session, at the plane that has `href`: any plane of a store that is shared goes on with it.
pub(crate) fn session_at(href: &str, url: &str) -> String {
    match url.find("/data/") {
        Some(at) => beside(href, &url[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_found_under_the_prefix_of_its_plane() {
        let href = "https://host/strongroom/data/uploads";
        assert_eq!(beside(href, "/data/uploads/1"), "https://host/strongroom/data/uploads/1");
        assert_eq!(beside(href, "https://other/data/uploads/1"), "https://other/data/uploads/1");
    }
    #[test]
    fn a_session_is_asked_for_at_another_plane() {
        let url = "http://d1:7070/data/uploads/1";
        assert_eq!(session_at("http://d2/prefix/data/uploads", url), "http://d2/prefix/data/uploads/1");
        assert_eq!(session_at("http://d2/data/uploads", "http://d1/elsewhere"), "http://d1/elsewhere");
    }
}
