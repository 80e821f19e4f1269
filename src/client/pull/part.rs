//! A range of one file, proven against its digest alone: bytes are given on only when a value that leads to the digest of
//! the manifest has proven them, so neither the server nor what is between has to be trusted, and nothing else of the file
//! is read. A reference by SHA-256 leads to the manifest, and the manifest to BLAKE3.
//!
//! A transfer that breaks goes on behind the last proven byte, with a proof of its own.

use std::ops::Range;
use std::str::FromStr;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::read::Source;
use super::{Damaged, Error};
use crate::client::{self, Client};
use crate::kernel::digest::Blake3;
use crate::kernel::id::PackageRef;
use crate::kernel::manifest::{File, PackagePath};
use crate::kernel::tree::decode::{self, Decoder};
use crate::wire::read::GrantedBlob;

/// Times that a transfer may break without a proven byte in between.
const BREAKS_MAX: u32 = 3;

/// A range as a person says it: `first-last`, `first-`, or `-length` from the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// From a byte to another one, which is in it.
    Between(u64, u64),
    /// From a byte to the end.
    From(u64),
    /// So many at the end.
    Last(u64),
}

/// Why a text is no span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a range is written first-last, first- or -length, in bytes from 0, the last one included")]
pub struct NoSpan;

impl FromStr for Span {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, NoSpan> {
        let number = |digits: &str| {
            let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            all.then(|| digits.parse().ok()).flatten().ok_or(NoSpan)
        };
        match text.split_once('-').ok_or(NoSpan)? {
            ("", length) => Ok(Self::Last(number(length)?)),
            (first, "") => Ok(Self::From(number(first)?)),
            (first, last) => match (number(first)?, number(last)?) {
                (first, last) if first <= last => Ok(Self::Between(first, last)),
                _ => Err(NoSpan),
            },
        }
    }
}

impl Span {
    /// The bytes of so many; none, if it has none of them.
    pub fn within(self, size_bytes: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Between(first, last) => first..last.saturating_add(1).min(size_bytes),
            Self::From(first) => first..size_bytes,
            Self::Last(length) => size_bytes.saturating_sub(length)..size_bytes,
        };
        (range.start < range.end).then_some(range)
    }
}

/// Writes a range of one file of a package to `output`: only bytes that are proven to be those of the file. Gives the range.
///
/// Without a path, the package must have one file and no more.
///
/// # Errors
/// [`Error`]; [`Error::Damaged`] names the bytes that did not verify.
pub async fn cat_range(
    client: &Client,
    package: &PackageRef,
    path: Option<&PackagePath>,
    span: Span,
    output: impl AsyncWrite + Unpin,
) -> Result<Range<u64>, Error> {
    let found = client.package(&package.repository, &package.reference).await?;
    let path = match path {
        Some(path) => path.clone(),
        None => found.only_file().ok_or(Error::WhichFile)?,
    };
    let file = found.file(&path).ok_or_else(|| Error::NoSuchFile(path.clone()))?;
    let size_bytes = file.size_bytes;
    let range =
        span.within(size_bytes).ok_or_else(|| Error::NoSuchRange { path: path.clone(), size_bytes })?;
    let source = Source::of(client, &package.repository, &found).await?;
    let mut part = Part { source: &source, client, path: &path, file, rest: range.clone(), grant: None };
    part.copy(output).await?;
    Ok(range)
}

/// What is under way.
struct Part<'p> {
    source: &'p Source,
    client: &'p Client,
    path: &'p PackagePath,
    file: &'p File,
    /// What has not been proven and written.
    rest: Range<u64>,
    grant: Option<GrantedBlob>,
}

/// How one transfer ended.
enum End {
    /// All of it came.
    Complete,
    /// It broke, and another may go on.
    Broken(client::Error),
}

impl Part<'_> {
    async fn copy(&mut self, mut output: impl AsyncWrite + Unpin) -> Result<(), Error> {
        let (mut backoff, mut breaks) = (self.client.transport().backoff(), 0);
        loop {
            let from = self.rest.start;
            let error = match self.transfer(&mut output).await? {
                End::Complete => return output.flush().await.map_err(Error::Output),
                End::Broken(error) => error,
            };
            breaks = if self.rest.start > from { 0 } else { breaks + 1 };
            if breaks >= BREAKS_MAX && !error.is_transient() {
                return Err(self.damaged(format!("the server breaks off at byte {}", self.rest.start)));
            }
            if self.rest.start > from {
                backoff.reset();
            }
            if error.status() == Some(401) {
                self.grant = None;
            }
            if !backoff.wait(error.retry_after()).await {
                return Err(error.into());
            }
        }
    }

    /// One request, and what of it is proven.
    async fn transfer(&mut self, output: &mut (impl AsyncWrite + Unpin)) -> Result<End, Error> {
        let (transport, digest) = (self.client.transport(), self.file.digests.blake3);
        if self.grant.is_none() {
            self.grant = self.source.ask(vec![digest]).await?.remove(&digest);
        }
        let Some(grant) = &self.grant else {
            return Err(transport.unexpected(format!("no grant for blob {digest}")).into());
        };
        let href = transport.resolve(&grant.href);
        let mut response = match transport.read_slice(&href, &grant.grant, &self.rest).await {
            Ok(response) => response,
            Err(error) => return self.refused(error),
        };
        let mut decoder = Decoder::new(digest, self.file.size_bytes, self.rest.clone());
        let mut proven = Vec::new();
        loop {
            let chunk = match transport.next_chunk(&mut response).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => return Ok(End::Broken(error)),
            };
            let outcome = decoder.push(&chunk, &mut proven);
            output.write_all(&proven).await.map_err(Error::Output)?;
            self.rest.start += proven.len() as u64;
            proven.clear();
            outcome.map_err(|error| self.wrong(&error))?;
        }
        match decoder.finish() {
            Ok(()) => Ok(End::Complete),
            Err(decode::Error::TooShort(_)) => {
                Ok(End::Broken(transport.unexpected("a slice that ends too early")))
            }
            Err(error) => Err(self.wrong(&error)),
        }
    }

    fn refused(&self, error: client::Error) -> Result<End, Error> {
        match (error.status(), error.code()) {
            (_, Some("blob-corrupt")) => Err(self.damaged("the server finds it damaged".into())),
            (Some(404 | 410), _) => Err(self.damaged("the server has lost it".into())),
            (Some(401), _) => Ok(End::Broken(error)),
            _ if error.is_transient() => Ok(End::Broken(error)),
            _ => Err(error.into()),
        }
    }

    fn wrong(&self, error: &decode::Error) -> Error {
        self.damaged(format!("what the server sent is not of it: {error}"))
    }

    fn damaged(&self, reason: String) -> Error {
        let digest: Blake3 = self.file.digests.blake3;
        Error::Damaged(vec![Damaged { digest, paths: vec![self.path.clone()], reason }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_to_what_there_is() {
        let within = |text: &str, size| text.parse::<Span>().unwrap().within(size);
        assert_eq!(within("0-0", 10), Some(0..1));
        assert_eq!(within("2-99", 10), Some(2..10));
        assert_eq!(within("2-", 10), Some(2..10));
        assert_eq!(within("-3", 10), Some(7..10));
        assert_eq!(within("-30", 10), Some(0..10));
        for (text, size) in [("10-", 10), ("-0", 10), ("0-", 0), ("11-12", 10)] {
            assert_eq!(within(text, size), None, "{text} of {size}");
        }
        for bad in ["", "-", "5", "5-4", "a-b", "+1-2", "1-2-3", "0-99999999999999999999999"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
