//! The state of a stage, as a journal keeps it.
//!
//! ```text
//! state = { "v": 1, "lineage": bytes .size 16, "part_bytes": uint, "parts": [* [first number, count]],
//!           "reserved": uint, "pieces": [* [bytes .size 16, uint]], ? "upload": text, ? "marker": bytes .size 16 }
//! ```
//! - The bytes of a stage are its parts, all of `part_bytes`, in the order of `parts`; then its pieces.
//! - Numbers below `reserved` may have been used by whoever wrote this. The next writer begins there.
//! - ETags are not in it: what was confirmed under a number stays there, and ListParts knows it.

use uuid::Uuid;

use crate::kernel::cbor::{self, Bounds, Fields, Value};
use crate::kernel::limits::STORE_DOCUMENT_MAX_BYTES;
use crate::stores::Error;

/// Bytes of a stage that are not a part yet: an object of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) id: Uuid,
    pub(super) bytes: u64,
}

/// A multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    /// As the server calls it.
    pub(super) id: String,
    /// What says in the bucket that it is there.
    pub(super) marker: Uuid,
}

/// What is durable of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// Of all writers that go on from each other. The object carries it, so that it is known by whom it was made.
    pub(super) lineage: Uuid,
    pub(super) part_bytes: u64,
    pub(super) upload: Option<Upload>,
    pub(super) parts: Numbers,
    pub(super) reserved: u32,
    pub(super) pieces: Vec<Piece>,
}

/// Part numbers in ascending order, as runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    pub(super) fn push(&mut self, number: u32) {
        match self.0.last_mut() {
            Some((first, count)) if *first + *count == number => *count += 1,
            _ => self.0.push((number, 1)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(first, count)| *first..first + count)
    }

    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }
}

impl State {
    /// The stage with nothing in it.
    pub(super) fn empty(part_bytes: u64) -> Self {
        Self {
            lineage: Uuid::now_v7(),
            part_bytes,
            upload: None,
            parts: Numbers::default(),
            reserved: 1,
            pieces: Vec::new(),
        }
    }

    /// Where its parts end.
    pub(super) fn parts_end(&self) -> u64 {
        self.parts.len() * self.part_bytes
    }

    /// Where it ends.
    pub(super) fn bytes(&self) -> u64 {
        self.parts_end() + self.pieces.iter().map(|piece| piece.bytes).sum::<u64>()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let pair = |a, b| Value::Array(vec![a, b]);
        let number = |number: u32| Value::Unsigned(number.into());
        let id = |id: Uuid| Value::Bytes(id.as_bytes().to_vec());
        let parts = self.parts.0.iter().map(|(first, count)| pair(number(*first), number(*count)));
        let pieces = self.pieces.iter().map(|piece| pair(id(piece.id), Value::Unsigned(piece.bytes)));
        let mut fields = vec![
            ("v".to_owned(), Value::Unsigned(1)),
            ("lineage".to_owned(), id(self.lineage)),
            ("part_bytes".to_owned(), Value::Unsigned(self.part_bytes)),
            ("parts".to_owned(), Value::Array(parts.collect())),
            ("reserved".to_owned(), number(self.reserved)),
            ("pieces".to_owned(), Value::Array(pieces.collect())),
        ];
        if let Some(upload) = &self.upload {
            fields.push(("upload".to_owned(), Value::text(&upload.id)));
            fields.push(("marker".to_owned(), id(upload.marker)));
        }
        cbor::encode(&Value::Map(fields))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes)
            .ok_or_else(|| Error::Format("the state of a stage that no S3 store wrote".to_owned()))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields =
            Fields::of(cbor::decode(bytes, Bounds::bytes(STORE_DOCUMENT_MAX_BYTES)).ok()?).ok()?;
        if fields.unsigned("v").ok()? != 1 {
            return None;
        }
        let id = |bytes: Vec<u8>| Uuid::from_slice(&bytes).ok();
        let upload = match fields.parse_optional::<String>("upload").ok()? {
            Some(name) => Some(Upload { id: name, marker: id(fields.bytes("marker").ok()?)? }),
            None => None,
        };
        let mut parts = Numbers::default();
        for run in fields.array("parts").ok()? {
            let (first, count) = pair(run)?;
            let (first, count) = (unsigned(first)?, unsigned(count)?);
            parts.0.push((u32::try_from(first).ok()?, u32::try_from(count).ok()?));
        }
        let mut pieces = Vec::new();
        for piece in fields.array("pieces").ok()? {
            let (Value::Bytes(name), bytes) = pair(piece)? else { return None };
            pieces.push(Piece { id: id(name)?, bytes: unsigned(bytes)? });
        }
        let state = Self {
            lineage: id(fields.bytes("lineage").ok()?)?,
            part_bytes: fields.unsigned("part_bytes").ok()?,
            reserved: u32::try_from(fields.unsigned("reserved").ok()?).ok()?,
            upload,
            parts,
            pieces,
        };
        fields.finish().ok()?;
        (state.part_bytes > 0 && (state.upload.is_some() || state.parts.len() == 0)).then_some(state)
    }
}

fn pair(value: Value) -> Option<(Value, Value)> {
    let Value::Array(items) = value else { return None };
    let [first, second] = <[Value; 2]>::try_from(items).ok()?;
    Some((first, second))
}

fn unsigned(value: Value) -> Option<u64> {
    match value {
        Value::Unsigned(number) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> State {
        let mut parts = Numbers::default();
        [1, 2, 3, 40, 41].into_iter().for_each(|number| parts.push(number));
        State {
            lineage: Uuid::from_u128(1),
            part_bytes: 8,
            upload: Some(Upload { id: "u-1".to_owned(), marker: Uuid::from_u128(2) }),
            parts,
            reserved: 73,
            pieces: vec![Piece { id: Uuid::from_u128(3), bytes: 5 }],
        }
    }

    #[test]
    fn a_state_comes_back_as_it_was() {
        for state in [sample(), State::empty(7)] {
            assert_eq!(State::decode(&state.encode()).unwrap(), state);
        }
        assert_eq!(sample().parts.iter().collect::<Vec<_>>(), [1, 2, 3, 40, 41]);
        assert_eq!(sample().parts.0.len(), 2, "numbers in a row are one run");
        assert_eq!(sample().bytes(), 5 * 8 + 5);
    }

    #[test]
    fn anything_else_is_refused() {
        let without_upload = State { upload: None, ..sample() };
        for bytes in [&b""[..], &b"x"[..], &without_upload.encode(), &[sample().encode(), vec![0]].concat()] {
            assert!(matches!(State::decode(bytes), Err(Error::Format(_))));
        }
    }
}
