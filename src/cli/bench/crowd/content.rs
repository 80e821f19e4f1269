//! What a crowd sends: as many different blobs as one likes, out of the same bytes in memory.

use bytes::Bytes;

/// Bytes of a small blob.
const SMALL_BYTES: usize = 64 * 1024;

/// Bytes of a large one, about.
pub(super) const LARGE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes sent at once: little enough that an upload of a crowd that is slow together still moves.
const PIECE_BYTES: usize = 32 * 1024;

/// How a blob is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// In one request.
    Small,
    /// As a session.
    Session,
    /// As a session that breaks off in the middle.
    Broken,
}

impl Way {
    pub(super) const fn of(n: u64) -> Self {
        match n % 4 {
            0 => Self::Session,
            2 => Self::Broken,
            _ => Self::Small,
        }
    }
}

/// Where all content is cut from: bytes that no filesystem can squeeze.
pub(super) struct Noise(Bytes);

impl Noise {
    pub(super) fn new() -> Self {
        let mut bytes = vec![0; 2 * LARGE_BYTES];
        blake3::Hasher::new().update(uuid::Uuid::now_v7().as_bytes()).finalize_xof().fill(&mut bytes);
        Self(bytes.into())
    }

    /// The content of that number. No two are the same: it begins with the number.
    pub(super) fn content(&self, n: u64) -> Content {
        let from = usize::try_from(n.wrapping_mul(1_009) % LARGE_BYTES as u64).expect("an offset in memory");
        let bytes = match Way::of(n) {
            Way::Small => SMALL_BYTES,
            // Not all of a length that divides well.
            Way::Session | Way::Broken => LARGE_BYTES - from % 5_000,
        };
        let head = Bytes::copy_from_slice(&n.to_be_bytes());
        Content { rest: self.0.slice(from..from + bytes - head.len()), head }
    }
}

/// The content of one blob.
#[derive(Debug, Clone)]
pub(super) struct Content {
    head: Bytes,
    rest: Bytes,
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        (self.head.len() + self.rest.len()) as u64
    }

    /// The piece that begins there; empty at the end.
    pub(super) fn piece(&self, at: u64) -> Bytes {
        let at = usize::try_from(at).expect("an offset in memory");
        match at.checked_sub(self.head.len()) {
            None => self.head.slice(at..),
            Some(at) => self.rest.slice(at.min(self.rest.len())..(at + PIECE_BYTES).min(self.rest.len())),
        }
    }

    /// Whether that is what stands there.
    pub(super) fn has(&self, mut at: u64, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let piece = self.piece(at);
            let same = piece.len().min(bytes.len());
            if same == 0 || piece[..same] != bytes[..same] {
                return false;
            }
            (at, bytes) = (at + same as u64, &bytes[same..]);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(content: &Content) -> Vec<u8> {
        let mut all = Vec::new();
        while (all.len() as u64) < content.len() {
            all.extend_from_slice(&content.piece(all.len() as u64));
        }
        all
    }

    #[test]
    fn content_differs_by_its_number_and_is_told_from_any_other() {
        let noise = Noise::new();
        for n in [0, 1, 2, 4_150, u64::MAX] {
            let content = noise.content(n);
            let bytes = whole(&content);
            assert_eq!(bytes.len() as u64, content.len());
            assert!(content.piece(content.len()).is_empty());
            assert!(content.has(0, &bytes) && content.has(5, &bytes[5..70_000.min(bytes.len())]));
            assert!(!noise.content(n ^ 4).has(0, &bytes), "another number");
            let longer = [&bytes[..], b"x"].concat();
            assert!(!content.has(0, &longer), "more than there is");
            let mut damaged = bytes;
            *damaged.last_mut().unwrap() ^= 1;
            assert!(!content.has(0, &damaged));
        }
    }
}
