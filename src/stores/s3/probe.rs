//! Finding out at start whether a server can be trusted with shared state.
//!
//! Every promise about writers that do not know of each other rests on conditional writes. A server that takes them and
//! does not look at the condition answers every request well and loses data later. So each condition is tried, in the ways
//! in which it is used, and a server that fails one is refused, with the reason.

use bytes::Bytes;
use futures::future::join_all;
use uuid::Uuid;

use super::bucket::{Bucket, If};
use super::said::Said;
use crate::kernel::id::ObjectKey;
use crate::stores::Error;

/// What the file says that tells a store from anything else.
const FORMAT: &str = "strongroom s3 store v1\n";

/// Writers that race for one name.
const RACERS: usize = 4;

impl Bucket {
    /// Looks whether this is a store of ours.
    pub(super) async fn check_format(&self) -> Result<bool, Error> {
        match self.get_whole(&self.names.format()).await? {
            None => Ok(false),
            Some((found, _)) if found == FORMAT => Ok(true),
            Some((found, _)) => {
                let told = String::from_utf8_lossy(&found[..found.len().min(80)]).trim().to_owned();
                Err(Error::Format(format!("{} has {told:?}", self.place())))
            }
        }
    }

    /// Makes this a store of ours, unless it is one.
    pub(super) async fn ensure_format(&self) -> Result<(), Error> {
        if self.check_format().await? {
            return Ok(());
        }
        match self
            .put(&self.names.format(), &Bytes::from_static(FORMAT.as_bytes()), If::New, Uuid::now_v7(), None)
            .await
        {
            Ok(_) => Ok(()),
            // Another process starts too.
            Err(Said::NotSo) => self.check_format().await.map(drop),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Tries every condition.
    pub(super) async fn probe(&self) -> Result<(), Error> {
        let id = Uuid::now_v7();
        let name = self.names.probe(id);
        let outcome = match self.probe_put(&name).await {
            Ok(()) => self.probe_completion(id).await,
            failed => failed,
        };
        // What is wrong with the server counts more than what is left on it.
        let cleaned = self.delete(&name).await;
        outcome.and(cleaned)
    }

    fn unfit(&self, what: &str) -> Error {
        Error::Unfit(format!(
            "{} {what}; processes that share it would overwrite each other's work, so it cannot be used",
            self.place()
        ))
    }

    async fn probe_put(&self, name: &str) -> Result<(), Error> {
        let racers: Vec<Bytes> = (0..RACERS).map(|n| Bytes::from(format!("racer {n}"))).collect();
        let put = |bytes, condition| self.put(name, bytes, condition, Uuid::now_v7(), None);
        let outcomes = join_all(racers.iter().map(|bytes| put(bytes, If::New))).await;
        let mut tag = None;
        for outcome in outcomes {
            match outcome {
                Ok(_) if tag.is_some() => {
                    return Err(self.unfit("lets two writers make one object (PUT, If-None-Match)"));
                }
                Ok(won) => tag = Some(won),
                Err(Said::NotSo | Said::Conflict) => {}
                Err(other) => return Err(other.unexpected()),
            }
        }
        // Everyone met the first one's work, whose answer was lost: then it is there.
        let tag = match tag {
            Some(tag) => tag,
            None => self.head(name).await?.ok_or_else(|| self.unfit("lets no writer make an object"))?.tag,
        };
        let again = Bytes::from_static(b"again");
        let wrong = "\"00000000000000000000000000000000\"";
        for (condition, what) in [
            (If::New, "overwrites an object that is there (PUT, If-None-Match)"),
            (If::Tag(wrong), "overwrites another version than the one that was seen (PUT, If-Match)"),
        ] {
            match put(&again, condition).await {
                Err(Said::NotSo | Said::Conflict) => {}
                Ok(_) => return Err(self.unfit(what)),
                Err(other) => return Err(other.unexpected()),
            }
        }
        match put(&again, If::Tag(&tag)).await {
            Ok(_) => Ok(()),
            Err(Said::NotSo) => Err(self.unfit("refuses the version that was seen (PUT, If-Match)")),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Whether a completion leaves alone what is there.
    async fn probe_completion(&self, id: Uuid) -> Result<(), Error> {
        let key = ObjectKey::from_uuid(id);
        let upload = self.begin_upload(&key, id).await?;
        let tried = self.probe_upload(&key, &upload.id, id).await;
        let aborted = self.abort_upload(&key, &upload.id).await;
        let deleted = self.delete(&self.names.object(&key)).await;
        let unmarked = self.delete(&self.names.marker(&key, upload.marker)).await;
        tried.and(aborted).and(deleted).and(unmarked)
    }

    async fn probe_upload(&self, key: &ObjectKey, upload: &str, mark: Uuid) -> Result<(), Error> {
        let bytes = Bytes::from_static(b"probe");
        let tag = self.upload_part(key, upload, 1, bytes.clone()).await?;
        self.put(&self.names.object(key), &bytes, If::New, mark, None).await.map_err(Said::unexpected)?;
        match self.complete_upload(key, upload, &[(1, tag)]).await {
            Err(Said::NotSo | Said::Conflict) => Ok(()),
            Ok(()) => Err(self.unfit("overwrites an object that is there (completion, If-None-Match)")),
            Err(other) => Err(other.unexpected()),
        }
    }
}
