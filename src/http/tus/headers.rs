//! The headers of tus 1.0.0 (<https://tus.io/protocols/resumable-upload>), read and written without any I/O.
//!
//! - A number is decimal digits that fit 64 bits; a sign, a space or a fraction is refused.
//! - A header that stands there twice, or holds anything but visible ASCII, is refused.
//! - `Upload-Metadata` is checked and kept as it came: the protocol wants it back, we do not interpret it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::data::Checksum;
use crate::data::checksum::ALGORITHMS;
use crate::http::problem::{Code, Problem};
use crate::kernel::limits::UPLOAD_METADATA_MAX_BYTES;

/// The version that is spoken here.
pub const VERSION: &str = "1.0.0";

/// What is offered beyond the core protocol.
pub const EXTENSIONS: &str =
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination";

/// The algorithms of the checksum extension, for `Tus-Checksum-Algorithm`.
pub fn checksum_algorithms() -> String {
    ALGORITHMS.join(",")
}

/// The media type of the bytes of an upload.
pub const MEDIA_TYPE: &str = "application/offset+octet-stream";

/// `Tus-Resumable`
pub const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
/// `Tus-Version`
pub const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
/// `Tus-Extension`
pub const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
/// `Tus-Max-Size`
pub const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
/// `Tus-Checksum-Algorithm`
pub const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
/// `Upload-Length`
pub const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// `Upload-Defer-Length`
pub const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
/// `Upload-Offset`
pub const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// `Upload-Metadata`
pub const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
/// `Upload-Checksum`
pub const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
/// `Upload-Expires`
pub const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// `X-HTTP-Method-Override`
pub const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// What a creation says of the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// It is known.
    Exact(u64),
    /// A later `PATCH` will say.
    Deferred,
}

/// The one value of a header, as text.
///
/// # Errors
/// If it stands there twice or is not visible ASCII.
pub fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid(name, "may stand there once"));
    }
    value.to_str().map(Some).map_err(|_| invalid(name, "is visible ASCII"))
}

/// The one value of a header, as a number of bytes.
///
/// # Errors
/// If it stands there twice or is not such a number.
pub fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Problem> {
    let Some(digits) = text(headers, name)? else { return Ok(None) };
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    number.map(Some).ok_or_else(|| invalid(name, "is a number of bytes in decimal digits"))
}

/// Refuses a request that speaks another version: 412 with ours.
///
/// # Errors
/// Unless `Tus-Resumable` is 1.0.0.
pub fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    match text(headers, &TUS_RESUMABLE)? {
        Some(VERSION) => Ok(()),
        _ => Err(Problem::new(Code::TusVersion, "Send `Tus-Resumable: 1.0.0`.")
            .header(TUS_VERSION, HeaderValue::from_static(VERSION))),
    }
}

/// Refuses bytes that are not sent as the protocol says: 415.
///
/// # Errors
/// Unless `Content-Type` is [`MEDIA_TYPE`].
pub fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    match text(headers, &axum::http::header::CONTENT_TYPE)? {
        Some(MEDIA_TYPE) => Ok(()),
        _ => Err(Problem::new(Code::MediaTypeUnsupported, format!("Send `Content-Type: {MEDIA_TYPE}`."))),
    }
}

/// What a creation says of the length: exactly one of `Upload-Length` and `Upload-Defer-Length: 1`.
///
/// # Errors
/// If it is both, neither, or malformed.
pub fn length(headers: &HeaderMap) -> Result<Length, Problem> {
    let deferred = match text(headers, &UPLOAD_DEFER_LENGTH)? {
        None => false,
        Some("1") => true,
        Some(_) => return Err(invalid(&UPLOAD_DEFER_LENGTH, "is 1 or absent")),
    };
    match (number(headers, &UPLOAD_LENGTH)?, deferred) {
        (Some(length), false) => Ok(Length::Exact(length)),
        (None, true) => Ok(Length::Deferred),
        (Some(_), true) => Err(invalid(&UPLOAD_DEFER_LENGTH, "excludes `upload-length`")),
        (None, false) => Err(invalid(&UPLOAD_LENGTH, "or `upload-defer-length: 1` has to be there")),
    }
}

/// `Upload-Metadata`: `key base64, key2 base64`; a key alone has an empty value.
///
/// # Errors
/// If it is too long, a key is empty, repeated or not ASCII, or a value is not base64.
pub fn metadata(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(metadata) = text(headers, &UPLOAD_METADATA)? else { return Ok(None) };
    if metadata.len() > UPLOAD_METADATA_MAX_BYTES {
        return Err(invalid(&UPLOAD_METADATA, format_args!("has at most {UPLOAD_METADATA_MAX_BYTES} bytes")));
    }
    if metadata.is_empty() {
        return Ok(None);
    }
    let mut keys = Vec::new();
    for pair in metadata.split(',').map(|pair| pair.trim_matches(' ')) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if key.is_empty() || keys.contains(&key) {
            return Err(invalid(&UPLOAD_METADATA, "has keys that are not empty and not repeated"));
        }
        if STANDARD.decode(value).is_err() {
            return Err(invalid(&UPLOAD_METADATA, "has values in base64"));
        }
        keys.push(key);
    }
    Ok(Some(metadata))
}

/// `Upload-Checksum`: what the bytes of this request hash to.
///
/// # Errors
/// If the algorithm is unknown or the hash is not one of it.
pub fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    let checksum = text(headers, &UPLOAD_CHECKSUM)?.map(str::parse::<Checksum>).transpose();
    checksum.map_err(|error| invalid(&UPLOAD_CHECKSUM, format_args!("is not valid: {error}")))
}

/// `Upload-Expires`: an HTTP date (RFC 9110 section 5.6.7), to the second.
pub fn expires(at_seconds: u64) -> HeaderValue {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at_seconds);
    HeaderValue::from_str(&httpdate::fmt_http_date(at)).expect("an HTTP date is ASCII")
}

/// Whether a header that a person cannot see is why: named, with what it must be.
fn invalid(name: &HeaderName, must: impl std::fmt::Display) -> Problem {
    Problem::new(Code::InvalidHeader, format!("Header `{name}` {must}.")).member("header", name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        let read = |value| number(&headers(&[("upload-offset", value)]), &UPLOAD_OFFSET);
        assert_eq!(read("0").unwrap(), Some(0));
        assert_eq!(read("18446744073709551615").unwrap(), Some(u64::MAX));
        assert_eq!(number(&headers(&[]), &UPLOAD_OFFSET).unwrap(), None);
        for bad in ["", "-1", "+1", " 1 x", "1.0", "0x10", "18446744073709551616", "١"] {
            let Ok(value) = HeaderValue::from_bytes(bad.as_bytes()) else { continue };
            let map = HeaderMap::from_iter([(UPLOAD_OFFSET, value)]);
            assert_eq!(number(&map, &UPLOAD_OFFSET).unwrap_err().code(), Code::InvalidHeader, "{bad}");
        }
        let twice = headers(&[("upload-offset", "1"), ("upload-offset", "2")]);
        assert_eq!(number(&twice, &UPLOAD_OFFSET).unwrap_err().code(), Code::InvalidHeader);
    }

    #[test]
    fn only_version_one_is_spoken() {
        assert!(check_version(&headers(&[("tus-resumable", "1.0.0")])).is_ok());
        for bad in [headers(&[]), headers(&[("tus-resumable", "0.2.2")])] {
            assert_eq!(check_version(&bad).unwrap_err().code(), Code::TusVersion);
        }
    }

    #[test]
    fn a_length_is_given_or_deferred() {
        assert_eq!(length(&headers(&[("upload-length", "7")])).unwrap(), Length::Exact(7));
        assert_eq!(length(&headers(&[("upload-defer-length", "1")])).unwrap(), Length::Deferred);
        for bad in [
            headers(&[]),
            headers(&[("upload-length", "7"), ("upload-defer-length", "1")]),
            headers(&[("upload-defer-length", "0")]),
            headers(&[("upload-length", "-7")]),
        ] {
            assert_eq!(length(&bad).unwrap_err().code(), Code::InvalidHeader, "{bad:?}");
        }
    }

    #[test]
    fn metadata_is_checked_and_kept_as_it_came() {
        let good = "filename d29ybGQ=, private,type dGV4dA==";
        assert_eq!(metadata(&headers(&[("upload-metadata", good)])).unwrap(), Some(good));
        let long = format!("k {}", "A".repeat(UPLOAD_METADATA_MAX_BYTES));
        for bad in ["a ?", "a YQ==,a YQ==", "a YQ==,,b YQ==", "a YQ== x", &long] {
            assert!(metadata(&headers(&[("upload-metadata", bad)])).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_checksum_that_is_none_is_refused() {
        let of = |value: &str| checksum(&headers(&[("upload-checksum", value)]));
        assert!(of("sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=").unwrap().is_some());
        for bad in ["sha1", "sha1 ", "sha1 YQ==", "md5 YQ==", "sha256 2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha1 ?"]
        {
            assert_eq!(of(bad).unwrap_err().code(), Code::InvalidHeader, "{bad}");
        }
    }

    #[test]
    fn an_expiry_is_an_http_date() {
        assert_eq!(expires(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
