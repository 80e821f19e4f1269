//! Invariants of selectors of fixed properties, for any bytes and any text:
//! - what decodes encodes to the same bytes, and has a condition;
//! - what is written is refused with a place in it, or is a selector whose document is read back;
//! - annotations that are not known leave it open, or change nothing.

use strongroom::kernel::manifest::Annotations;
use strongroom::retention::{FixedSelector, Match, Properties, draft};

pub(crate) fn check(data: &[u8]) {
    if let Ok(selector) = FixedSelector::decode(data) {
        assert_eq!(selector.encode(), data, "what decodes is its own encoding");
        holds(&selector);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(selector) = draft::selector(text) {
        assert_eq!(FixedSelector::decode(&selector.encode()), Ok(selector.clone()));
        holds(&selector);
    }
}

fn holds(selector: &FixedSelector) {
    assert!(!selector.is_empty());
    let repository = "acme/reports".parse().expect("a name");
    let annotations: Annotations = selector.annotations.clone();
    for accepted_at_ms in [0, selector.accepted_after_ms.unwrap_or(1_600_000_000_000), u64::MAX] {
        let unknown = Properties {
            repository: &repository,
            media_type: "application/vnd.strongroom.manifest.v1+cbor",
            artifact_type: Some("application/vnd.acme.report"),
            annotations: None,
            accepted_at_ms,
        };
        let known = Properties { annotations: Some(&annotations), ..unknown };
        match (selector.matches(&unknown), selector.matches(&known)) {
            (Match::Unknown, Match::Yes | Match::No) => assert!(selector.needs_annotations()),
            (one, two) => assert_eq!(one, two),
        }
    }
}
