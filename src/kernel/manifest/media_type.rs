//! Media types: what kind of bytes a descriptor names.
//!
//! `type/subtype` with the characters and lengths of RFC 6838 section 4.2, without parameters, as the OCI image-spec
//! asks of descriptors (descriptor.md, "Properties"). Case is kept: a media type is compared as its bytes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::kernel::limits::MEDIA_TYPE_MAX_BYTES;

/// Why a text is not a media type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a media type: `type/subtype` in at most {MEDIA_TYPE_MAX_BYTES} letters, digits and `!#$&-^_.+`, \
     each part starting with a letter or digit and without parameters"
)]
pub struct Error;

/// A media type or artifact type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// A native manifest: the documents of this module.
    pub const MANIFEST: Self = Self::fixed("application/vnd.strongroom.manifest.v1+cbor");
    /// A native index: a list of manifests that are one package.
    pub const INDEX: Self = Self::fixed("application/vnd.strongroom.index.v1+cbor");
    /// An OCI image manifest (image-spec, manifest.md).
    pub const OCI_MANIFEST: Self = Self::fixed("application/vnd.oci.image.manifest.v1+json");
    /// An OCI image index (image-spec, image-index.md).
    pub const OCI_INDEX: Self = Self::fixed("application/vnd.oci.image.index.v1+json");
    /// The OCI empty descriptor's content, `{}` (image-spec, manifest.md, "Guidance for an Empty Descriptor").
    pub const OCI_EMPTY: Self = Self::fixed("application/vnd.oci.empty.v1+json");
    /// Bytes of a kind that no one named.
    pub const OCTET_STREAM: Self = Self::fixed("application/octet-stream");
    /// The artifact type of a package of files whose depositor named no other.
    pub const PACKAGE: Self = Self::fixed("application/vnd.strongroom.package.v1");
    /// The artifact type of a part of a package that an index lists.
    pub const PACKAGE_PART: Self = Self::fixed("application/vnd.strongroom.package-part.v1");

    const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MediaType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (kind, subtype) = text.split_once('/').ok_or(Error)?;
        if !is_restricted_name(kind) || !is_restricted_name(subtype) {
            return Err(Error);
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }
}

/// RFC 6838 section 4.2, `restricted-name`.
fn is_restricted_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first && name.len() <= 127 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const _: () = assert!(MEDIA_TYPE_MAX_BYTES == 127 + 1 + 127, "two restricted names and a slash");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_follow_the_grammar() {
        for good in ["a/b", "application/vnd.oci.image.layer.v1.tar+gzip", "text/plain", "x-a/b.c+d", "0/1"] {
            assert_eq!(good.parse::<MediaType>().unwrap().as_str(), good);
        }
        let long = format!("a/{}", "b".repeat(128));
        for bad in
            ["", "a", "/", "a/", "/b", "a/b/c", "a/b;c=d", "a /b", "a/b ", ".a/b", "a/-b", "ä/b", &long]
        {
            assert_eq!(bad.parse::<MediaType>(), Err(Error), "{bad:?}");
        }
    }

    #[test]
    fn the_fixed_ones_are_media_types() {
        for fixed in [
            MediaType::MANIFEST,
            MediaType::INDEX,
            MediaType::OCI_MANIFEST,
            MediaType::OCI_INDEX,
            MediaType::OCI_EMPTY,
            MediaType::OCTET_STREAM,
            MediaType::PACKAGE,
            MediaType::PACKAGE_PART,
        ] {
            assert_eq!(fixed.as_str().parse(), Ok(fixed.clone()));
        }
    }
}
