//! Objects that an upload may still claim: those of sessions that have a journal, and of receipts that wait.

use std::collections::BTreeSet;

use super::small::LooseReceipt;
use crate::kernel::id::ObjectKey;
use crate::stores::{self, Document, Kind, Store};

/// The objects of every journal and every receipt that waits for delivery in a store. What is listed before this is
/// asked, and not in the answer, has no upload any more that could claim it.
///
/// # Errors
/// If the store does not say.
pub async fn outstanding(store: &dyn Store) -> Result<BTreeSet<ObjectKey>, stores::Error> {
    let mut objects = BTreeSet::new();
    for document in store.names(Kind::Sessions).await? {
        // Whatever the journal says, even if it cannot be read.
        if let Document::Session(session) = document {
            objects.insert(ObjectKey::from_uuid(session.0));
        }
    }
    for document in store.names(Kind::Receipts).await? {
        let Document::Receipt(grant) = document else { continue };
        objects.insert(ObjectKey::from_uuid(grant.0));
        if let Some((bytes, _)) = store.load(document).await?
            && let Ok(loose) = LooseReceipt::decode(&bytes)
        {
            objects.insert(loose.object);
        }
    }
    Ok(objects)
}
