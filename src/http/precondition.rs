//! From conditional headers to what use cases and handlers ask.

use std::fmt::Display;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::conditional::{EntityTag, EntityTags};
use super::problem::{Code, Problem};
use super::tus::headers::text;
use crate::control::Precondition;

/// What has to be true of a tag: `If-Match: "<digest>"`, `If-None-Match: *`, or nothing.
///
/// # Errors
/// If a header is malformed, or says something that cannot be asked of a tag.
pub(super) fn of_tag(headers: &HeaderMap) -> Result<Precondition, Problem> {
    match (tags(headers, &header::IF_MATCH)?, tags(headers, &header::IF_NONE_MATCH)?) {
        (None, None) => Ok(Precondition::Any),
        (None, Some(EntityTags::Any)) => Ok(Precondition::Absent),
        (Some(EntityTags::Listed(listed)), None) => match &listed[..] {
            [EntityTag { opaque, weak: false }] => opaque.parse().map(Precondition::Is).map_err(|error| {
                invalid(&header::IF_MATCH, format_args!("has a digest in its entity tag: {error}"))
            }),
            _ => Err(invalid(&header::IF_MATCH, "has one strong entity tag here")),
        },
        (Some(EntityTags::Any), None) => {
            Err(invalid(&header::IF_MATCH, "names the digest that you saw, not *"))
        }
        (None, Some(EntityTags::Listed(_))) => Err(invalid(&header::IF_NONE_MATCH, "is * here")),
        (Some(_), Some(_)) => Err(invalid(&header::IF_MATCH, "excludes If-None-Match here")),
    }
}

/// Whether the caller already has what has this entity tag (`If-None-Match`).
///
/// # Errors
/// If the header is malformed.
pub(super) fn unchanged(headers: &HeaderMap, opaque: &str) -> Result<bool, Problem> {
    Ok(tags(headers, &header::IF_NONE_MATCH)?.is_some_and(|tags| tags.covers(opaque)))
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<EntityTags>, Problem> {
    // Several headers of this name are one list (RFC 9110 section 5.3); nobody sends that, so it is refused as double.
    let tags = text(headers, name)?.map(EntityTags::parse).transpose();
    tags.map_err(|error| invalid(name, format_args!("is not valid: {error}")))
}

fn invalid(name: &HeaderName, must: impl Display) -> Problem {
    Problem::new(Code::InvalidHeader, format!("Header `{name}` {must}.")).member("header", name.as_str())
}

/// A header's value, of something that prints as visible ASCII: digests, media types, entity tags.
pub(super) fn header_value(value: impl Display) -> HeaderValue {
    HeaderValue::try_from(value.to_string()).expect("digests, media types and entity tags are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::{Digest, Digests};

    fn read(name: HeaderName, value: &str) -> Result<Precondition, Code> {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        of_tag(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn a_tag_is_expected_to_be_absent_or_a_digest() {
        let digest: Digest = Digests::of(b"x").blake3.into();
        assert_eq!(of_tag(&HeaderMap::new()).unwrap(), Precondition::Any);
        assert_eq!(read(header::IF_NONE_MATCH, "*"), Ok(Precondition::Absent));
        assert_eq!(read(header::IF_MATCH, &format!("\"{digest}\"")), Ok(Precondition::Is(digest)));
    }

    #[test]
    fn what_cannot_be_asked_of_a_tag_is_refused() {
        let digest = Digests::of(b"x").blake3;
        for bad in
            ["*", "\"v1\"", "v1", "", &format!("W/\"{digest}\""), &format!("\"{digest}\",\"{digest}\"")]
        {
            assert_eq!(read(header::IF_MATCH, bad), Err(Code::InvalidHeader), "{bad}");
        }
        assert_eq!(read(header::IF_NONE_MATCH, &format!("\"{digest}\"")), Err(Code::InvalidHeader));
    }
}
