//! What lies in the bucket, and what happens to it behind everyone's back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use s3s::dto::{StorageClass, Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) bytes: Bytes,
    pub(super) tag: String,
    pub(super) metadata: Option<HashMap<String, String>>,
    pub(super) at: SystemTime,
    pub(super) class: Option<StorageClass>,
    pub(super) copy: Restored,
}

/// Of an archived object, the copy that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restored {
    No,
    /// Asked for, for so many days.
    Ongoing(i32),
    Until(SystemTime),
}

impl Stored {
    pub(super) fn is_archive(&self) -> bool {
        let class = self.class.as_ref().map(StorageClass::as_str);
        matches!(class, Some(StorageClass::GLACIER | StorageClass::DEEP_ARCHIVE))
    }

    /// As Amazon does: an archived object gives out no bytes before it is restored.
    pub(super) fn may_be_read(&self) -> S3Result<()> {
        match self.copy {
            Restored::No | Restored::Ongoing(_) if self.is_archive() => Err(s3_error!(
                InvalidObjectState,
                "The operation is not valid for the object's storage class"
            )),
            _ => Ok(()),
        }
    }

    /// `x-amz-restore`.
    pub(super) fn restore(&self) -> Option<String> {
        match self.copy {
            Restored::No => None,
            Restored::Ongoing(_) => Some("ongoing-request=\"true\"".to_owned()),
            Restored::Until(at) => {
                let mut date = Vec::new();
                Timestamp::from(at).format(TimestampFormat::HttpDate, &mut date).unwrap();
                let date = String::from_utf8(date).unwrap();
                Some(format!("ongoing-request=\"false\", expiry-date=\"{date}\""))
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Uploading {
    pub(super) key: String,
    pub(super) class: Option<StorageClass>,
    pub(super) metadata: Option<HashMap<String, String>>,
    pub(super) parts: BTreeMap<i32, (Bytes, String)>,
}

/// What lies in it.
#[derive(Debug, Default)]
pub(crate) struct Content(Mutex<Inside>);

#[derive(Debug, Default)]
pub(super) struct Inside {
    pub(super) objects: BTreeMap<String, Stored>,
    pub(super) uploads: BTreeMap<String, Uploading>,
    pub(super) begun: u64,
    pub(super) asked: Vec<(i32, String)>,
}

impl Content {
    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    /// Names of all objects.
    pub(crate) fn names(&self) -> Vec<String> {
        self.inside().objects.keys().cloned().collect()
    }

    /// Bytes of the object of that name.
    pub(crate) fn size(&self, name: &str) -> Option<usize> {
        self.inside().objects.get(name).map(|object| object.bytes.len())
    }

    /// What was asked to be restored: for how many days, how fast.
    pub(crate) fn asked(&self) -> Vec<(i32, String)> {
        self.inside().asked.clone()
    }

    /// Multipart uploads that are neither completed nor aborted.
    pub(crate) fn uploads(&self) -> usize {
        self.inside().uploads.len()
    }

    /// The numbers of the parts of all of them.
    pub(crate) fn part_numbers(&self) -> Vec<i32> {
        self.inside().uploads.values().flat_map(|upload| upload.parts.keys().copied()).collect()
    }

    pub(crate) fn put(&self, name: &str, bytes: &'static [u8]) {
        self.inside().objects.insert(name.to_owned(), stored(Bytes::from_static(bytes), None, None));
    }

    /// What was asked for can be read from now on, for its days.
    pub(crate) fn finish_restores(&self) {
        for object in self.inside().objects.values_mut() {
            if let Restored::Ongoing(days) = object.copy {
                let seconds = u64::try_from(days).unwrap() * 24 * 60 * 60;
                object.copy = Restored::Until(SystemTime::now() + Duration::from_secs(seconds));
            }
        }
    }

    /// The time of every copy that could be read is over.
    pub(crate) fn expire_restores(&self) {
        for object in self.inside().objects.values_mut() {
            if matches!(object.copy, Restored::Until(_)) {
                object.copy = Restored::No;
            }
        }
    }

    /// A rule of the bucket moves everything below `objects/` to that class.
    pub(crate) fn transition(&self, class: &'static str) {
        for (_, object) in self.inside().objects.iter_mut().filter(|(name, _)| name.contains("objects/")) {
            object.class = Some(StorageClass::from_static(class));
        }
    }

    pub(crate) fn remove(&self, name: &str) {
        self.inside().objects.remove(name);
    }

    /// Changes a byte of an object behind everyone's back.
    pub(crate) fn damage(&self, name: &str, at: usize) {
        let mut inside = self.inside();
        let object = inside.objects.get_mut(name).unwrap();
        let mut bytes = object.bytes.to_vec();
        bytes[at] ^= 1;
        object.bytes = bytes.into();
    }
}

pub(super) fn tag_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

pub(super) fn stored(
    bytes: Bytes,
    metadata: Option<HashMap<String, String>>,
    class: Option<StorageClass>,
) -> Stored {
    Stored { tag: tag_of(&bytes), bytes, metadata, at: SystemTime::now(), class, copy: Restored::No }
}
