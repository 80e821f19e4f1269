//! Names of what lies in the bucket.

use uuid::Uuid;

use crate::kernel::id::ObjectKey;
use crate::stores::{Document, Kind};

/// Names below a prefix.
#[derive(Debug, Clone)]
pub(super) struct Names(String);

impl Names {
    pub(super) fn below(prefix: &str) -> Self {
        match prefix.trim_matches('/') {
            "" => Self(String::new()),
            prefix => Self(format!("{prefix}/")),
        }
    }

    /// The file that says what this is.
    pub(super) fn format(&self) -> String {
        format!("{}format", self.0)
    }

    /// Something to try out on.
    pub(super) fn probe(&self, id: Uuid) -> String {
        format!("{}probe/{}", self.0, id.simple())
    }

    pub(super) fn objects(&self) -> String {
        format!("{}objects/", self.0)
    }

    pub(super) fn object(&self, key: &ObjectKey) -> String {
        format!("{}objects/{key}", self.0)
    }

    /// The key of an object that has that name.
    pub(super) fn key_of(&self, name: &str) -> Option<ObjectKey> {
        name.strip_prefix(&self.objects())?.parse().ok()
    }

    pub(super) fn stages(&self) -> String {
        format!("{}stages/", self.0)
    }

    /// What everything of a stage begins with, its multipart uploads excepted.
    pub(super) fn stage(&self, key: &ObjectKey) -> String {
        format!("{}stages/{key}/", self.0)
    }

    /// Bytes of a stage.
    pub(super) fn piece(&self, key: &ObjectKey, id: Uuid) -> String {
        format!("{}{}", self.stage(key), id.simple())
    }

    /// Says that a stage has a multipart upload, to those who look through the bucket.
    pub(super) fn marker(&self, key: &ObjectKey, id: Uuid) -> String {
        format!("{}upload-{}", self.stage(key), id.simple())
    }

    /// The key of a stage to which that name belongs, and whether it is a marker.
    pub(super) fn stage_of(&self, name: &str) -> Option<(ObjectKey, bool)> {
        let (key, own) = name.strip_prefix(&self.stages())?.rsplit_once('/')?;
        Some((key.parse().ok()?, own.starts_with("upload-")))
    }

    pub(super) fn documents(&self, kind: Kind) -> String {
        format!("{}documents/{}/", self.0, kind.name())
    }

    pub(super) fn document(&self, document: Document) -> String {
        format!("{}documents/{document}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_what_they_name() {
        let key = ObjectKey::from_uuid(Uuid::from_u128(0xabc));
        for prefix in ["", "strong/room", "/strong/room/"] {
            let names = Names::below(prefix);
            assert!(!names.object(&key).starts_with('/'));
            assert_eq!(names.key_of(&names.object(&key)), Some(key.clone()));
            assert_eq!(names.stage_of(&names.piece(&key, Uuid::nil())), Some((key.clone(), false)));
            assert_eq!(names.stage_of(&names.marker(&key, Uuid::nil())), Some((key.clone(), true)));
            assert_eq!(names.key_of(&names.format()), None);
            assert_eq!(names.stage_of(&names.object(&key)), None);
        }
    }
}
