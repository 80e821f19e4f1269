//! What settings bound, and how much of it there is: for `/v1/status` and for `/metrics`, from one place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::app::App;
use crate::config::limits::Limits;
use crate::data::{DataPlane, InUse};
use crate::wire::status as wire;

const MIB: u64 = 1024 * 1024;

/// Connections that are open.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<AtomicU64>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Connected(Arc<AtomicU64>);

impl Connections {
    pub(super) fn one(&self) -> Connected {
        self.0.fetch_add(1, Ordering::Relaxed);
        Connected(self.0.clone())
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All that this node bounds, with what the data plane says of it, if that is here.
pub(super) fn bounded(app: &App, in_use: Option<InUse>) -> Vec<wire::Limit> {
    let limits = app.limits().each();
    let here = limits.into_iter().filter(|(name, _)| in_use.is_some() || !Limits::is_of_data_plane(name));
    let used = |name: &str| match name {
        "connections" => Some(app.connections().0.load(Ordering::Relaxed)),
        "uploads" => in_use.map(|in_use| in_use.uploads as u64),
        "buffer-mib" => in_use.map(|in_use| (in_use.buffer_bytes as u64).div_ceil(MIB)),
        _ => None,
    };
    here.map(|(name, value)| wire::Limit { name: name.to_owned(), value, used: used(name) }).collect()
}

/// The same as gauges. What cannot be found out now is left as it was.
pub(super) async fn measure(app: &App) {
    let data = app.data_plane();
    let in_use = data.map(DataPlane::in_use);
    for wire::Limit { name, value, used } in bounded(app, in_use) {
        metrics::gauge!("strongroom_limit", "name" => name.clone()).set(value as f64);
        if let Some(used) = used {
            metrics::gauge!("strongroom_limit_used", "name" => name).set(used as f64);
        }
    }
    metrics::gauge!("strongroom_callers_counted").set(app.rates().callers() as f64);
    if let Some(in_use) = in_use {
        metrics::gauge!("strongroom_upload_buffer_bytes").set(in_use.buffer_bytes as f64);
        metrics::gauge!("strongroom_receipts_undelivered").set(in_use.undelivered as f64);
    }
    if let Some(data) = data
        && let Ok(Some(free)) = data.free_bytes().await
    {
        metrics::gauge!("strongroom_store_free_bytes").set(free as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_while_it_is_there() {
        let connections = Connections::default();
        let (one, two) = (connections.one(), connections.clone().one());
        assert_eq!(connections.0.load(Ordering::Relaxed), 2);
        drop((one, two));
        assert_eq!(connections.0.load(Ordering::Relaxed), 0);
    }
}
