//! `tag.set`, `tag.removed`: `{ "repository": text, "tag": text, ? "manifest": .., ? "previous": .. }`, 32 bytes each.

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::id::Tag;

/// A tag names a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSet {
    /// Where.
    pub repository: RepositoryName,
    /// The name.
    pub tag: Tag,
    /// What it names now.
    pub manifest: Blake3,
    /// What it named before.
    pub previous: Option<Blake3>,
}

impl Data for TagSet {
    const TYPE: &'static str = "tag.set";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("tag", text(&self.tag)),
            ("manifest", Some(Value::Bytes(self.manifest.as_bytes().to_vec()))),
            ("previous", self.previous.map(|digest| Value::Bytes(digest.as_bytes().to_vec()))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            tag: fields.parse("tag")?,
            manifest: Blake3::new(fields.array_32("manifest")?),
            previous: fields.array_32_optional("previous")?.map(Blake3::new),
        })
    }
}

/// A tag names nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRemoved {
    /// Where.
    pub repository: RepositoryName,
    /// The name.
    pub tag: Tag,
    /// What it named.
    pub previous: Blake3,
}

impl Data for TagRemoved {
    const TYPE: &'static str = "tag.removed";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("tag", text(&self.tag)),
            ("previous", Some(Value::Bytes(self.previous.as_bytes().to_vec()))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            tag: fields.parse("tag")?,
            previous: Blake3::new(fields.array_32("previous")?),
        })
    }
}
