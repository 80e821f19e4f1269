//! Reading the log over HTTP: as JSON events, live or up to the head, and as the exact records.
//!
//! - A stream that breaks goes on behind the last event that came, by its position (`Last-Event-ID` where it is live,
//!   `after` elsewhere); none is lost and none comes twice.
//! - Positions only grow, and without a filter they have no gap. A server that breaks this is not believed.
//! - Records are not interpreted here: an auditor hashes them as they come.

mod sse;

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use reqwest::header::ACCEPT;
use reqwest::{Method, Response};

use super::backoff::Backoff;
use super::transport::Repeat;
use super::{Client, Error};
use crate::kernel::cbor::sequence;
use crate::kernel::id::{RepositoryName, StreamName};
use crate::kernel::limits::EVENT_RECORD_MAX_BYTES;
use crate::wire::event::EventEntry;

/// Bytes of one event as JSON, at most: hex doubles a record, names and quotes add less than as much again.
const LINE_MAX_BYTES: usize = 4 * EVENT_RECORD_MAX_BYTES;

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Behind this position; from the beginning, if absent.
    pub after: Option<u64>,
    /// So many at most.
    pub limit: Option<u64>,
    /// Only of these types; of all, if there is none.
    pub types: Vec<String>,
    /// Only what concerns this repository.
    pub repository: Option<RepositoryName>,
    /// Only of this stream.
    pub stream: Option<StreamName>,
}

impl Query {
    fn is_filtered(&self) -> bool {
        !self.types.is_empty() || self.repository.is_some() || self.stream.is_some()
    }

    /// What is left to ask for after `position` came.
    fn advance(&mut self, position: u64) {
        self.after = Some(position);
        self.limit = self.limit.map(|limit| limit.saturating_sub(1));
    }

    fn path(&self, follow: bool) -> String {
        let mut url = reqwest::Url::parse("http://x/log/events").expect("an address");
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("follow", if follow { "true" } else { "false" });
            self.after.map(|after| pairs.append_pair("after", &after.to_string()));
            self.limit.map(|limit| pairs.append_pair("limit", &limit.to_string()));
            for name in &self.types {
                pairs.append_pair("type", name);
            }
            self.repository.as_ref().map(|name| pairs.append_pair("repository", name.as_str()));
            self.stream.as_ref().map(|name| pairs.append_pair("stream", name.as_str()));
        }
        format!("/log/events?{}", url.query().unwrap_or_default())
    }
}

impl Client {
    /// Events as JSON: up to the head of the log, or on and on as they happen.
    pub fn events(&self, query: Query, follow: bool) -> Events {
        let source = Source::new(
            self,
            query,
            follow,
            if follow { "text/event-stream" } else { "application/x-ndjson" },
        );
        Events {
            source,
            lines: sse::Lines::new(LINE_MAX_BYTES),
            frame: sse::Frame::default(),
            ready: VecDeque::new(),
        }
    }

    /// The exact records, with their positions where they are known: a filter hides them.
    pub fn records(&self, query: Query, follow: bool) -> Records {
        let next = (!query.is_filtered()).then(|| query.after.map_or(0, |after| after + 1));
        Records {
            source: Source::new(self, query, follow, "application/cbor-seq"),
            buffer: BytesMut::new(),
            next,
        }
    }

    /// One record.
    ///
    /// # Errors
    /// [`Error`]; so for all that follow.
    pub async fn record(&self, position: u64) -> Result<Bytes, Error> {
        let path = format!("/log/entries/{position}");
        let response = self.send(Method::GET, &path, Repeat::Safe, |request| request).await?;
        self.transport().read(response, EVENT_RECORD_MAX_BYTES).await
    }

    /// The newest signed checkpoint, a C2SP note.
    pub async fn checkpoint(&self) -> Result<String, Error> {
        let response = self.send(Method::GET, "/log/checkpoint", Repeat::Safe, |request| request).await?;
        let note = self.transport().read(response, EVENT_RECORD_MAX_BYTES).await?;
        String::from_utf8(note.into())
            .map_err(|_| self.transport().unexpected("a checkpoint that is no text"))
    }
}

/// A connection that is made again when it breaks.
struct Source {
    client: Client,
    query: Query,
    follow: bool,
    accept: &'static str,
    response: Option<Response>,
    backoff: Backoff,
    /// Whether any answer came: the first failure is told, not waited out.
    began: bool,
}

impl Source {
    fn new(client: &Client, query: Query, follow: bool, accept: &'static str) -> Self {
        let backoff = client.transport().backoff();
        Self { client: client.clone(), query, follow, accept, response: None, backoff, began: false }
    }

    /// The next bytes; `Fresh` when the connection is a new one, and what was half read is void.
    async fn next(&mut self) -> Result<Next, Error> {
        if self.query.limit == Some(0) {
            return Ok(Next::End);
        }
        let Some(response) = self.response.as_mut() else {
            self.open().await?;
            return Ok(Next::Fresh);
        };
        match self.client.transport().next_chunk(response).await {
            Ok(Some(bytes)) => {
                // Also a sign of life without an event.
                self.backoff.reset();
                Ok(Next::Bytes(bytes))
            }
            Ok(None) if self.follow => self.again(None).await,
            Ok(None) => Ok(Next::End),
            Err(error) => self.again(Some(error)).await,
        }
    }

    async fn again(&mut self, error: Option<Error>) -> Result<Next, Error> {
        self.response = None;
        let ended = || self.client.transport().unexpected("an event stream that ends at once");
        if self.backoff.wait(None).await { Ok(Next::Fresh) } else { Err(error.unwrap_or_else(ended)) }
    }

    async fn open(&mut self) -> Result<(), Error> {
        loop {
            let live = self.accept == "text/event-stream";
            let request = self.client.request(Method::GET, &self.query.path(self.follow));
            let request = match self.query.after.filter(|_| live) {
                Some(after) => request.header("Last-Event-ID", after),
                None => request,
            };
            match self.client.transport().send_once(request.header(ACCEPT, self.accept)).await {
                Ok(response) => {
                    (self.response, self.began) = (Some(response), true);
                    return Ok(());
                }
                Err(error) if !error.is_transient() || !self.began => return Err(error),
                Err(error) if self.backoff.wait(error.retry_after()).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// An event came.
    fn came(&mut self, position: u64) {
        self.query.advance(position);
    }
}

enum Next {
    Bytes(Bytes),
    Fresh,
    End,
}

/// Events, one after the other.
pub struct Events {
    source: Source,
    lines: sse::Lines,
    frame: sse::Frame,
    ready: VecDeque<EventEntry>,
}

impl Events {
    /// The next event; none at the head of the log, unless it is followed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn next(&mut self) -> Result<Option<EventEntry>, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.check(event.position)?;
                self.source.came(event.position);
                return Ok(Some(event));
            }
            match self.source.next().await? {
                Next::End => return Ok(None),
                Next::Fresh => {
                    self.lines.clear();
                    self.frame = sse::Frame::default();
                }
                Next::Bytes(bytes) => self.take(&bytes)?,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let transport = self.source.client.transport();
        let too_long = |sse::TooLong| transport.unexpected("an event that is too long");
        for line in self.lines.take(bytes).map_err(too_long)? {
            let text = if self.source.follow { self.frame.take(&line) } else { Some(line) };
            let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
            let event =
                serde_json::from_str(&text).map_err(|error| transport.unexpected(error.to_string()))?;
            self.ready.push_back(event);
        }
        Ok(())
    }

    fn check(&self, position: u64) -> Result<(), Error> {
        let query = &self.source.query;
        let next = query.after.map_or(0, |after| after + 1);
        let right = if query.is_filtered() { position >= next } else { position == next };
        let what = || format!("event {position} where {next} was to come");
        if right { Ok(()) } else { Err(self.source.client.transport().unexpected(what())) }
    }
}

/// Records, one after the other.
pub struct Records {
    source: Source,
    buffer: BytesMut,
    next: Option<u64>,
}

impl Records {
    /// The next record and its position, if that is known; none at the head of the log, unless it is followed.
    ///
    /// # Errors
    /// [`Error`]. With a filter a broken connection is one: where it broke is not known.
    pub async fn next(&mut self) -> Result<Option<(Option<u64>, Bytes)>, Error> {
        loop {
            let malformed = |sequence::Malformed| {
                self.source.client.transport().unexpected("records that are no CBOR sequence")
            };
            if let Some(length) =
                sequence::item_length(&self.buffer, EVENT_RECORD_MAX_BYTES).map_err(malformed)?
            {
                let record = self.buffer.split_to(length).freeze();
                let position = self.next;
                if let Some(position) = position {
                    self.source.came(position);
                    self.next = Some(position + 1);
                }
                return Ok(Some((position, record)));
            }
            match self.source.next().await? {
                Next::Bytes(bytes) => self.buffer.extend_from_slice(&bytes),
                Next::End if self.buffer.has_remaining() => {
                    return Err(self.source.client.transport().unexpected("half a record at the end"));
                }
                Next::End => return Ok(None),
                Next::Fresh if self.next.is_none() && self.source.began && self.source.response.is_none() => {
                    return Err(self.source.client.transport().unexpected("filtered records that broke off"));
                }
                Next::Fresh => self.buffer.clear(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_written_with_what_it_asks_for_only() {
        assert_eq!(Query::default().path(false), "/log/events?follow=false");
        let query = Query {
            after: Some(7),
            limit: Some(2),
            types: vec!["tag.set".into(), "blob.stored".into()],
            repository: Some("acme/reports".parse().unwrap()),
            stream: Some("tag/acme/reports:v1".parse().unwrap()),
        };
        assert_eq!(
            query.path(true),
            "/log/events?follow=true&after=7&limit=2&type=tag.set&type=blob.stored&repository=acme%2Freports\
             &stream=tag%2Facme%2Freports%3Av1"
        );
    }

    #[test]
    fn what_came_is_not_asked_for_again() {
        let mut query = Query { limit: Some(2), ..Query::default() };
        query.advance(0);
        query.advance(1);
        assert_eq!((query.after, query.limit), (Some(1), Some(0)));
    }
}
