//! Sweeping objects that nobody claims, and those that the log has given up.
//!
//! ```text
//! the log is proven -> objects are listed -> those that the log knows are left, so are young ones -> those that an
//! upload may still claim are left -> the log is proven -> object.discarded, an event each -> the log is proven ->
//! deletion, by order
//! ```
//! - Nothing is done unless the log continues the checkpoint kept outside of the database: by an older log, objects of
//!   acknowledged deposits would look as if nobody claimed them.
//! - Each step may be cut off, repeated, or done by two at once: what is given up is one event, and object keys are never
//!   used again.
//! - What the log restored from a backup cannot know, for it was there before that, is left: its events may be lost.
//!
//! A dry run stops before the first event, and says what would go and why.

use async_trait::async_trait;
use futures::StreamExt as _;
use serde::Serialize;

use super::Error;
use super::stores::ByName;
use crate::contract::Outcome;
use crate::control;
use crate::control::objects::Judgement;
use crate::control::orders;
use crate::data::{self, Disobeyed, Orderly};
use crate::kernel::id::{ObjectKey, StoreName};
use crate::kernel::limits::{OBJECTS_GIVEN_UP_MAX, PAGE_MAX_ITEMS};
use crate::log::checkpoint;
use crate::stores;

/// Why nothing, or nothing more, was swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The log does not continue what was signed, or that cannot be found out.
    #[error("nothing is swept: {0}")]
    Unproven(#[from] checkpoint::Error),
    /// The store does not say what is there.
    #[error("blob store: {0}")]
    Store(#[from] stores::Error),
    /// The log could not be read or appended to.
    #[error(transparent)]
    Log(#[from] control::Error),
    /// The control plane, elsewhere, says so or says nothing.
    #[error("nothing is swept: {0}")]
    Control(String),
    /// The control plane gave an order that is none.
    #[error(transparent)]
    Disobeyed(#[from] Disobeyed),
    /// A report was not taken.
    #[error(transparent)]
    Report(#[from] orders::Error),
    /// It could not be prepared.
    #[error(transparent)]
    Node(#[from] Box<Error>),
}

/// Why an object goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The log gave it up before.
    Discarded,
    /// The log knows nothing of it, and no receipt for it could be in time any more.
    Unclaimed,
}

/// An object that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// The store that has it.
    pub store: StoreName,
    /// Which.
    pub object: ObjectKey,
    /// Its bytes.
    pub bytes: u64,
    /// Why.
    pub why: Why,
    /// The event that gave it up; none in a dry run, if it still stands.
    pub discarded_at: Option<u64>,
    /// Whether it is known to be deleted.
    pub deleted: bool,
}

/// What a sweep of objects found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SweptObjects {
    /// Objects looked at.
    pub objects: u64,
    /// Those that a blob has.
    pub claimed: u64,
    /// Those that a receipt may still claim.
    pub young: u64,
    /// Those of uploads that are not over.
    pub uploading: u64,
    /// Those that were there before the log was restored from a backup.
    pub before_restoration: u64,
    /// Those that went, or in a dry run would go.
    pub gone: Vec<Gone>,
}

/// An object that was asked to be given up: what the log says of it now, and the order to delete it if it may go.
pub(super) type GivenUp = (Judgement, Option<String>);

/// Whoever knows what the log says of objects: the control plane, here or elsewhere. It answers only while its log
/// continues what was signed.
#[async_trait]
pub(super) trait Registrar: Send + Sync {
    /// What is to become of each of these objects, at most [`PAGE_MAX_ITEMS`].
    async fn judge(&self, store: &StoreName, objects: &[ObjectKey]) -> Result<Vec<Judgement>, SweepError>;

    /// Gives up those of these objects, at most [`OBJECTS_GIVEN_UP_MAX`], that nobody claims.
    async fn give_up(&self, store: &StoreName, objects: &[ObjectKey]) -> Result<Vec<GivenUp>, SweepError>;

    /// Is told what came of an order.
    async fn report(&self, text: &str) -> Result<(), SweepError>;
}

/// What may go from these stores, and what is left and why.
pub(super) async fn look(registrar: &dyn Registrar, stores: &ByName) -> Result<SweptObjects, SweepError> {
    let mut swept = SweptObjects::default();
    for (name, store) in stores {
        let listed = store.list().await?;
        let mut pages = listed.ready_chunks(PAGE_MAX_ITEMS as usize);
        while let Some(page) = pages.next().await {
            let page: Vec<stores::Listed> = page.into_iter().collect::<Result<_, _>>()?;
            let sealed: Vec<stores::Listed> = page.into_iter().filter(|listed| listed.sealed).collect();
            let keys: Vec<ObjectKey> = sealed.iter().map(|listed| listed.key.clone()).collect();
            let judged = registrar.judge(name, &keys).await?;
            for (listed, judgement) in sealed.into_iter().zip(judged) {
                swept.count(name, listed, judgement);
            }
        }
        // After the listing: an upload that ended since has its event, and is seen when that is appended.
        let uploading = data::outstanding(&**store).await?;
        let found = swept.gone.len();
        let is_over = |gone: &Gone| gone.why == Why::Discarded || !uploading.contains(&gone.object);
        swept.gone.retain(|gone| gone.store != *name || is_over(gone));
        swept.uploading += (found - swept.gone.len()) as u64;
    }
    Ok(swept)
}

/// Has it put on record that these objects are given up, and deletes them. One that was claimed meanwhile is left, and
/// one that could not be deleted is left for the next sweep.
pub(super) async fn clear(
    registrar: &dyn Registrar,
    orderly: &Orderly,
    swept: &mut SweptObjects,
) -> Result<(), SweepError> {
    let mut cleared = Vec::new();
    for gone in std::mem::take(&mut swept.gone).chunk_by(|one, next| one.store == next.store) {
        for some in gone.chunks(OBJECTS_GIVEN_UP_MAX) {
            let keys: Vec<ObjectKey> = some.iter().map(|gone| gone.object.clone()).collect();
            let given_up = registrar.give_up(&some[0].store, &keys).await?;
            for (gone, (judgement, order)) in some.iter().zip(given_up) {
                let (Judgement::Discarded(position), Some(order)) = (judgement, order) else {
                    swept.claimed += 1;
                    continue;
                };
                let order = orderly.read(&order)?;
                let obeyed = orderly.obey(&order).await;
                registrar.report(&obeyed.text).await?;
                let deleted = obeyed.report.outcome == Outcome::Done && order.object == gone.object;
                cleared.push(Gone { discarded_at: Some(position), deleted, ..gone.clone() });
            }
        }
    }
    let deleted = cleared.iter().filter(|gone| gone.deleted).count() as u64;
    metrics::counter!("strongroom_objects_swept_total").increment(deleted);
    swept.gone = cleared;
    Ok(())
}

impl SweptObjects {
    fn count(&mut self, store: &StoreName, listed: stores::Listed, judgement: Judgement) {
        self.objects += 1;
        let (why, discarded_at) = match judgement {
            Judgement::Claimed => return self.claimed += 1,
            Judgement::Young => return self.young += 1,
            Judgement::BeforeRestoration => return self.before_restoration += 1,
            Judgement::Discarded(position) => (Why::Discarded, Some(position)),
            Judgement::Unclaimed => (Why::Unclaimed, None),
        };
        let (object, bytes) = (listed.key, listed.size_bytes);
        self.gone.push(Gone { store: store.clone(), object, bytes, why, discarded_at, deleted: false });
    }
}
