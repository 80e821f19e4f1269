//! Conditions on entity tags: `If-Match`, `If-None-Match`, `If-Range` (RFC 9110 sections 8.8.3 and 13.1).
//!
//! An entity tag of ours is a digest in quotes, always strong: bytes with the same digest are the same bytes.

/// The header is not written as RFC 9110 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entity tags are written in double quotes, such as \"blake3:..\", and separated by commas, or as *")]
pub struct Malformed;

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: whatever there is, if there is anything.
    Any,
    /// These.
    Listed(Vec<EntityTag>),
}

/// One entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag {
    /// Between the quotes.
    pub opaque: String,
    /// Whether it has `W/` before it.
    pub weak: bool,
}

impl EntityTags {
    /// Reads the header's value.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn parse(header: &str) -> Result<Self, Malformed> {
        let mut rest = trim(header);
        if rest == "*" {
            return Ok(Self::Any);
        }
        let mut tags = Vec::new();
        while !rest.is_empty() {
            let (tag, after) = EntityTag::split(rest)?;
            tags.push(tag);
            rest = trim(after);
            if !rest.is_empty() {
                rest = trim(rest.strip_prefix(',').ok_or(Malformed)?);
            }
        }
        if tags.is_empty() { Err(Malformed) } else { Ok(Self::Listed(tags)) }
    }

    /// Whether it holds, compared weakly (`If-None-Match`), for something that has this tag.
    pub fn covers(&self, opaque: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| tag.opaque == opaque),
        }
    }
}

impl EntityTag {
    /// Reads a value that is one tag (`If-Range`).
    ///
    /// # Errors
    /// If it is malformed.
    pub fn parse(header: &str) -> Result<Self, Malformed> {
        match Self::split(trim(header))? {
            (tag, "") => Ok(tag),
            _ => Err(Malformed),
        }
    }

    fn split(text: &str) -> Result<(Self, &str), Malformed> {
        let (weak, text) = text.strip_prefix("W/").map_or((false, text), |text| (true, text));
        let (opaque, rest) = text.strip_prefix('"').and_then(|text| text.split_once('"')).ok_or(Malformed)?;
        if !opaque.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x7e | 0x80..)) {
            return Err(Malformed);
        }
        Ok((Self { opaque: opaque.to_owned(), weak }, rest))
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(opaque: &str, weak: bool) -> EntityTag {
        EntityTag { opaque: opaque.into(), weak }
    }

    #[test]
    fn lists_of_tags_are_read() {
        assert_eq!(EntityTags::parse(" * "), Ok(EntityTags::Any));
        assert_eq!(EntityTags::parse(r#""a""#), Ok(EntityTags::Listed(vec![tag("a", false)])));
        assert_eq!(
            EntityTags::parse(r#"W/"a" , "b,c""#),
            Ok(EntityTags::Listed(vec![tag("a", true), tag("b,c", false)]))
        );
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for bad in ["", "a", "\"a", "\"a\" \"b\"", "w/\"a\"", "\"a b\"", "**", ","] {
            assert_eq!(EntityTags::parse(bad), Err(Malformed), "{bad}");
        }
        assert_eq!(EntityTag::parse("\"a\", \"b\""), Err(Malformed));
    }

    #[test]
    fn weak_comparison_ignores_weakness() {
        let tags = EntityTags::parse(r#"W/"a""#).unwrap();
        assert!(tags.covers("a"));
        assert!(!tags.covers("b"));
        assert!(EntityTags::Any.covers("anything"));
    }
}
