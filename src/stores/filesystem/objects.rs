//! Complete objects as files.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use rustix::fs::{Dir, OFlags};
use tokio::task::JoinHandle;

use super::root::{Area, Root, io, shard_name};
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::READ_PIECE_BYTES;
use crate::stores::{Error, Listed, Pieces};

/// Writes a small object where it stays. A crash may leave a part of it, which no receipt names.
///
/// The file is made before its bytes are flushed, so that one commit of the filesystem's own journal takes both.
pub(super) fn put(root: &Root, key: &ObjectKey, bytes: &[u8]) -> Result<(), Error> {
    let mut file = root.open_to_write(Area::Objects, key, OFlags::CREATE | OFlags::EXCL)?;
    let written = (|| {
        file.write_all(bytes)?;
        file.sync_all()?;
        root.sync_directory(Area::Objects, key)
    })();
    if written.is_err() {
        // It is not ours to keep: no one will ever be told of it.
        root.unlink(Area::Objects, key)?;
    }
    written
}

/// Its bytes, if it is there.
pub(super) fn size(root: &Root, key: &ObjectKey) -> Result<Option<u64>, Error> {
    match root.open_to_read(Area::Objects, key) {
        Ok(file) => Ok(Some(file.metadata()?.len())),
        Err(Error::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A read under way: the next piece is fetched while the last one is used.
struct Reading {
    file: Arc<File>,
    rest: Range<u64>,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Reading {
    fn fetch(&mut self) {
        let length = READ_PIECE_BYTES.min(self.rest.end - self.rest.start);
        if length == 0 {
            return;
        }
        let (file, at) = (self.file.clone(), self.rest.start);
        self.rest.start += length;
        let length = usize::try_from(length).expect("a piece fits memory");
        self.ahead = Some(tokio::task::spawn_blocking(move || read_at(&file, at, length)));
    }

    async fn next(mut self) -> Option<(Result<Bytes, Error>, Self)> {
        let piece = self.ahead.take()?.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        match piece {
            // Shorter than it was: the reader sees the end early, and that it is too early.
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => {
                self.fetch();
                Some((Ok(piece), self))
            }
            Err(error) => Some((Err(error.into()), self)),
        }
    }
}

/// Up to that many bytes; fewer only at the end of the file.
fn read_at(file: &File, at: u64, length: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut piece[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    piece.truncate(filled);
    Ok(piece.into())
}

/// Bytes of an open file.
pub(super) fn pieces(file: File, range: Range<u64>) -> Pieces {
    let mut reading =
        Reading { file: Arc::new(file), rest: range.start..range.end.max(range.start), ahead: None };
    reading.fetch();
    stream::unfold(reading, Reading::next).boxed()
}

/// Everything in one shard.
pub(super) fn list_shard(root: &Root, area: Area, shard: u8) -> Result<Vec<Listed>, Error> {
    let shard = shard_name(shard);
    let directory = root.shard(area, &shard)?;
    let mut listed = Vec::new();
    for entry in Dir::read_from(&directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_string_lossy();
        let Ok(key) = format!("{shard}/{name}").parse::<ObjectKey>() else { continue };
        match root.open_to_read(area, &key) {
            Ok(file) => {
                listed.push(Listed { key, size_bytes: file.metadata()?.len(), sealed: area == Area::Objects })
            }
            // Gone since the directory was read.
            Err(Error::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listed)
}
