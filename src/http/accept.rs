//! Which of the offered media types a caller gets: RFC 9110 section 12.5.1.
//!
//! - The most specific range that covers an offer gives its quality; among offers of the same quality the first wins.
//! - No `Accept`, or an empty one, takes the first offer. Quality 0 refuses.
//! - Parameters other than `q` are ignored: none of our media types has one.

/// The header is not written as RFC 9110 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an Accept header lists media ranges such as application/json;q=0.5")]
pub struct Malformed;

/// One element of the list.
struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u16,
}

impl MediaRange<'_> {
    /// How exactly it names the offer: 3 itself, 2 its kind, 1 anything, 0 something else.
    fn precision(&self, offer: &str) -> u8 {
        let (kind, subtype) = offer.split_once('/').expect("offers are media types");
        if self.kind == "*" {
            1
        } else if !self.kind.eq_ignore_ascii_case(kind) {
            0
        } else if self.subtype == "*" {
            2
        } else {
            3 * u8::from(self.subtype.eq_ignore_ascii_case(subtype))
        }
    }
}

/// The index of the offer to give, or none if the caller takes none of them.
///
/// # Errors
/// If the header is malformed.
pub fn negotiate(accept: Option<&str>, offers: &[&str]) -> Result<Option<usize>, Malformed> {
    let ranges = parse(accept.unwrap_or_default())?;
    if ranges.is_empty() {
        return Ok(Some(0));
    }
    let quality = |offer: &str| {
        let covering = ranges.iter().map(|range| (range.precision(offer), range.quality));
        covering.filter(|(precision, _)| *precision > 0).max().map_or(0, |(_, quality)| quality)
    };
    let best = offers.iter().enumerate().map(|(index, offer)| (quality(offer), index));
    let best = best.filter(|(quality, _)| *quality > 0);
    Ok(best.max_by_key(|(quality, index)| (*quality, std::cmp::Reverse(*index))).map(|(_, index)| index))
}

fn parse(header: &str) -> Result<Vec<MediaRange<'_>>, Malformed> {
    let elements = header.split(',').map(|element| element.trim_matches([' ', '\t']));
    elements.filter(|element| !element.is_empty()).map(parse_range).collect()
}

fn parse_range(element: &str) -> Result<MediaRange<'_>, Malformed> {
    let mut parts = element.split(';').map(|part| part.trim_matches([' ', '\t']));
    let (kind, subtype) = parts.next().and_then(|range| range.split_once('/')).ok_or(Malformed)?;
    if !is_token(kind) || !is_token(subtype) || (kind == "*" && subtype != "*") {
        return Err(Malformed);
    }
    let mut quality = 1000;
    for parameter in parts {
        let (name, value) = parameter.split_once('=').ok_or(Malformed)?;
        if name.eq_ignore_ascii_case("q") {
            quality = parse_quality(value).ok_or(Malformed)?;
        }
    }
    Ok(MediaRange { kind, subtype, quality })
}

/// `0`, `0.5`, `1.000`: at most three decimals, in thousandths.
fn parse_quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", n) => Some(n),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: [&str; 3] = ["application/json", "text/event-stream", "application/cbor-seq"];

    #[test]
    fn the_best_covered_offer_is_given() {
        let cases = [
            (None, Some(0)),
            (Some(""), Some(0)),
            (Some("*/*"), Some(0)),
            (Some("text/*"), Some(1)),
            (Some("text/event-stream"), Some(1)),
            (Some("Application/CBOR-seq"), Some(2)),
            (Some("application/json;q=0.1, application/cbor-seq"), Some(2)),
            (Some("application/*;q=0.5, text/event-stream;q=0.4"), Some(0)),
            (Some("*/*;q=0.1, application/json;q=0"), Some(1)),
            (Some("application/*;q=0.9, application/json;q=0.2"), Some(2)),
            (Some("text/html, */*; q=0.2"), Some(0)),
            (Some("application/json;charset=utf-8"), Some(0)),
            (Some("image/png"), None),
            (Some("*/*;q=0"), None),
            (Some("application/json;q=0.000"), None),
        ];
        for (accept, expected) in cases {
            assert_eq!(negotiate(accept, &OFFERS), Ok(expected), "{accept:?}");
        }
    }

    #[test]
    fn a_header_that_is_no_accept_is_refused() {
        for bad in
            ["json", "*/json", "a/b;q=2", "a/b;q=1.001", "a/b;q=0.1234", "a/b;q=x", "a b/c", "/", "a/b;x"]
        {
            assert_eq!(negotiate(Some(bad), &OFFERS), Err(Malformed), "{bad}");
        }
    }
}
