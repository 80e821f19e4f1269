//! Invariants of event records, for any bytes:
//! - what decodes encodes to the same bytes, so its leaf hash is that of the event and of nothing else;
//! - what decodes is of a known type and within the bound of an entry.

use strongroom::kernel::event::{Event, Fact};
use strongroom::kernel::limits::EVENT_RECORD_MAX_BYTES;

pub(crate) fn check(data: &[u8]) {
    let Ok(event) = Event::decode(data) else { return };
    assert_eq!(event.encode().as_deref(), Ok(data), "what decodes is its own encoding");
    assert!(data.len() <= EVENT_RECORD_MAX_BYTES);
    assert!(Fact::TYPES.contains(&event.fact.type_name()));
    assert_eq!(Event::decode(data), Ok(event));
}
