//! The stores of the settings, opened.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Error, files};
use crate::config::{StorePlace, StoreSettings};
use crate::kernel::id::StoreName;
use crate::stores::{self, Beside, Filesystem, S3, S3Settings, Store};

/// All stores, by name.
pub(super) type ByName = HashMap<StoreName, Arc<dyn Store>>;

/// Opens them to write.
pub(super) async fn open(settings: &[StoreSettings]) -> Result<ByName, Error> {
    let mut opened = ByName::new();
    for StoreSettings { name, place, redirect, .. } in settings {
        let store: Arc<dyn Store> = match place {
            StorePlace::Filesystem { path } => {
                files::directory(path, files::OWNER_ONLY)?;
                Arc::new(Filesystem::open(path).await?)
            }
            // Boxed: what the SDK keeps across a request is large.
            StorePlace::S3 { .. } => {
                let settings = S3Settings { links: *redirect, ..bucket(place) };
                Arc::new(Box::pin(S3::open(settings)).await?)
            }
            StorePlace::Elsewhere => return Err(elsewhere().into()),
        };
        opened.insert(name.clone(), store);
    }
    Ok(opened)
}

/// Opens one only to read, beside whoever has it.
pub(super) async fn beside(place: &StorePlace) -> Result<Arc<dyn Store>, stores::Error> {
    Ok(Arc::new(match place {
        StorePlace::Filesystem { path } => Beside::open(path).await?,
        StorePlace::S3 { .. } => Box::pin(S3::beside(bucket(place))).await?,
        StorePlace::Elsewhere => return Err(elsewhere()),
    }))
}

/// Opens all of them only to read.
pub(super) async fn all_beside(settings: &[StoreSettings]) -> Result<ByName, stores::Error> {
    let mut opened = ByName::new();
    for StoreSettings { name, place, .. } in settings {
        opened.insert(name.clone(), beside(place).await?);
    }
    Ok(opened)
}

/// Settings of a node with bytes have no such store; whoever puts some together by hand may.
fn elsewhere() -> stores::Error {
    stores::Error::Setup(
        "a store of kind elsewhere is a name for a control node, and has no bytes here".to_owned(),
    )
}

fn bucket(place: &StorePlace) -> S3Settings {
    let StorePlace::S3 { bucket, endpoint, region, prefix, storage_class, restore_tier } = place else {
        unreachable!("asked for a bucket")
    };
    S3Settings {
        endpoint: endpoint.clone(),
        region: region.clone(),
        prefix: prefix.clone(),
        storage_class: storage_class.clone(),
        restore_tier: restore_tier.clone(),
        ..S3Settings::bucket(bucket)
    }
}
