//! How events are written one after the other.
//!
//! ```text
//! application/x-ndjson     {"position":7,..}\n
//! text/event-stream        id: 7\nevent: tag.set\ndata: {"position":7,..}\n\n       silence: `: still here\n\n`
//! application/cbor-seq     the record itself (RFC 8742 needs no separator); positions count up from the first
//! ```

use bytes::BytesMut;

use crate::log::read::{Error, Raw};
use crate::wire::event::EventEntry;

/// A form that can go on without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON document a line.
    NdJson,
    /// Server-sent events (WHATWG HTML, section 9.2).
    Sse,
    /// The exact records.
    CborSeq,
}

impl Form {
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::NdJson => "application/x-ndjson",
            Self::Sse => "text/event-stream",
            Self::CborSeq => "application/cbor-seq",
        }
    }

    /// Writes one event.
    pub(super) fn write(self, raw: Raw, out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::CborSeq => out.extend_from_slice(&raw.record),
            Self::NdJson => {
                out.extend_from_slice(&json(raw)?.1);
                out.extend_from_slice(b"\n");
            }
            Self::Sse => {
                let position = raw.position;
                let (type_name, json) = json(raw)?;
                out.extend_from_slice(format!("id: {position}\nevent: {type_name}\ndata: ").as_bytes());
                out.extend_from_slice(&json);
                out.extend_from_slice(b"\n\n");
            }
        }
        Ok(())
    }

    /// What says that the stream is alive while nothing happens, in the form that has such a thing.
    pub(super) const fn heartbeat(self) -> Option<&'static str> {
        match self {
            Self::Sse => Some(": still here\n\n"),
            Self::NdJson | Self::CborSeq => None,
        }
    }
}

/// The type and the JSON, which has no line break.
fn json(raw: Raw) -> Result<(String, Vec<u8>), Error> {
    let recorded = raw.decode()?;
    let entry = EventEntry::new(recorded.position, &recorded.event);
    let json = serde_json::to_vec(&entry).expect("an event is plain data");
    Ok((entry.type_name, json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::event::{Event, TokenRevoked};
    use crate::kernel::id::EventId;
    use uuid::Uuid;

    fn record() -> Vec<u8> {
        let token = "tok_00000000000000000000000000000001".parse().unwrap();
        let fact = TokenRevoked { token };
        let event = Event {
            id: EventId(Uuid::nil()),
            at_ms: 0,
            actor: "admin".parse().unwrap(),
            stream: "token/tok_00000000000000000000000000000001".parse().unwrap(),
            seq: 1,
            fact: fact.into(),
            cause: None,
        };
        event.encode().unwrap()
    }

    fn written(form: Form, positions: &[u64]) -> Vec<u8> {
        let mut out = BytesMut::new();
        for position in positions {
            form.write(Raw { position: *position, record: record() }, &mut out).unwrap();
        }
        out.to_vec()
    }

    #[test]
    fn records_follow_each_other_exactly() {
        assert_eq!(written(Form::CborSeq, &[7, 8]), [record(), record()].concat());
    }

    #[test]
    fn a_line_is_a_document() {
        let text = String::from_utf8(written(Form::NdJson, &[7, 8])).unwrap();
        let positions = text.lines().map(|line| serde_json::from_str::<EventEntry>(line).unwrap().position);
        assert_eq!(positions.collect::<Vec<_>>(), [7, 8]);
    }

    #[test]
    fn a_server_sent_event_has_its_position_as_id() {
        let text = String::from_utf8(written(Form::Sse, &[7])).unwrap();
        assert!(text.starts_with("id: 7\nevent: token.revoked\ndata: {\"position\":7,"), "{text}");
        assert!(text.ends_with("}\n\n"));
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn a_record_that_does_not_decode_is_named_by_its_position() {
        let error = Form::Sse.write(Raw { position: 9, record: vec![0] }, &mut BytesMut::new()).unwrap_err();
        assert!(error.to_string().contains("position 9"));
    }
}
