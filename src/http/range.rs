//! `Range` of bytes: RFC 9110 section 14.
//!
//! - A unit other than `bytes` is ignored, as the RFC demands; so is a list of several ranges, which it allows.
//! - What is written wrongly or lies outside is unsatisfiable: 416 tells the caller the size.

use std::ops::Range;

/// What of the bytes is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    Whole,
    /// These, never empty.
    Part(Range<u64>),
    /// Nothing that there is.
    Unsatisfiable,
}

/// What a `Range` header asks of so many bytes.
pub fn wanted(header: Option<&str>, size_bytes: u64) -> Wanted {
    let Some((unit, ranges)) = header.and_then(|header| header.split_once('=')) else {
        return if header.is_some() { Wanted::Unsatisfiable } else { Wanted::Whole };
    };
    if !unit.trim_matches([' ', '\t']).eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return Wanted::Whole;
    }
    match part(ranges.trim_matches([' ', '\t']), size_bytes) {
        Some(range) => Wanted::Part(range),
        None => Wanted::Unsatisfiable,
    }
}

/// `first-last`, `first-` or `-length`: the bytes of so many that this asks for. None, if there are none.
pub(super) fn part(range: &str, size_bytes: u64) -> Option<Range<u64>> {
    let (first, last) = range.split_once('-')?;
    let range = match (first, last) {
        ("", length) => size_bytes.saturating_sub(number(length)?)..size_bytes,
        (first, "") => number(first)?..size_bytes,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size_bytes)
        }
    };
    (range.start < range.end).then_some(range)
}

/// Digits only; more than fit are more than there are.
fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        let cases = [
            (None, Wanted::Whole),
            (Some("bytes=0-0"), Wanted::Part(0..1)),
            (Some("bytes=0-"), Wanted::Part(0..10)),
            (Some("Bytes = 2-5 "), Wanted::Part(2..6)),
            (Some("bytes=9-99999999999999999999999"), Wanted::Part(9..10)),
            (Some("bytes=-3"), Wanted::Part(7..10)),
            (Some("bytes=-11"), Wanted::Part(0..10)),
            (Some("bytes=0-1,4-5"), Wanted::Whole),
            (Some("pages=1-2"), Wanted::Whole),
            (Some("bytes=10-"), Wanted::Unsatisfiable),
            (Some("bytes=-0"), Wanted::Unsatisfiable),
            (Some("bytes=5-4"), Wanted::Unsatisfiable),
            (Some("bytes=-"), Wanted::Unsatisfiable),
            (Some("bytes=a-b"), Wanted::Unsatisfiable),
            (Some("bytes=+1-2"), Wanted::Unsatisfiable),
            (Some("bytes"), Wanted::Unsatisfiable),
        ];
        for (header, expected) in cases {
            assert_eq!(wanted(header, 10), expected, "{header:?}");
        }
    }

    #[test]
    fn nothing_of_an_empty_blob_can_be_asked_for() {
        assert_eq!(wanted(None, 0), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Unsatisfiable);
    }
}
