//! Orders from the control plane to the data plane: by a call in one process, and over HTTP where the planes are apart.
//!
//! - A data node asks for orders all the time and names those that it has in hand. It is never called.
//! - A report that could not be delivered is kept in a file under the state directory, and offered again until the
//!   control plane has decided. One that is lost all the same costs another reading: its order is given again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::link::Link;
use super::sweep::{self, SweepError, SweptObjects};
use super::{Error, admin, files, service};
use crate::client::Client;
use crate::contract::{self, Order};
use crate::control::orders::{Carry, NotCarried};
use crate::data::{Disobeyed, Obeyed, Orderly};
use crate::kernel::id::{KeyId, OrderId};
use crate::kernel::limits::{ORDER_RETRY_SECONDS, REDELIVERY_INTERVAL_SECONDS};
use crate::wire::secret::Secret;

/// In this process.
pub(super) struct InProcess {
    orderly: Orderly,
}

impl InProcess {
    pub(super) fn new(orderly: Orderly) -> Self {
        Self { orderly }
    }
}

#[async_trait]
impl Carry for InProcess {
    async fn carry(&self, _: &Order, text: &str) -> Result<String, NotCarried> {
        let order = self.orderly.read(text).map_err(|error| NotCarried(error.to_string()))?;
        Ok(self.orderly.obey(&order).await.text)
    }
}

/// Through the service of a control plane, whose board data nodes look at: for whoever works beside it.
pub(super) struct ThroughService {
    client: Client,
}

impl ThroughService {
    /// By what a service on this machine left in its state directory.
    pub(super) fn find(state_dir: &Path) -> Result<Self, Error> {
        let announced = service::announced(state_dir).ok_or(Error::NoService)?;
        let token = files::read(&admin::file(state_dir))?.ok_or(Error::NoService)?;
        let secret = Some(Secret::new(token.trim().to_owned()));
        Ok(Self { client: Client::new(&announced.url, secret).map_err(Error::ControlUrl)? })
    }
}

#[async_trait]
impl Carry for ThroughService {
    async fn carry(&self, _: &Order, text: &str) -> Result<String, NotCarried> {
        loop {
            let relayed = self.client.relay_order(text).await;
            let relayed = relayed.map_err(|error| NotCarried(error.to_string()))?;
            if let Some(report) = relayed.report {
                return Ok(report.reveal().to_owned());
            }
        }
    }
}

/// A data node at its orders. Clones share it.
#[derive(Clone)]
pub(super) struct Errands(Arc<Inner>);

struct Inner {
    link: Arc<Link>,
    orderly: Orderly,
    in_hand: Mutex<BTreeSet<OrderId>>,
    reports: PathBuf,
}

impl Errands {
    pub(super) fn new(link: Arc<Link>, orderly: Orderly, state_dir: &Path) -> Result<Self, Error> {
        let reports = state_dir.join("reports");
        files::directory(&reports, files::OWNER_ONLY)?;
        Ok(Self(Arc::new(Inner { link, orderly, in_hand: Mutex::default(), reports })))
    }

    /// The key that signs reports, if it was retired.
    pub(super) fn retired_key(&self) -> Option<KeyId> {
        let key = self.0.orderly.reports.id();
        let known = self.0.orderly.orders.current();
        known.get(&key).is_some_and(|key| key.retired_at_ms().is_some()).then_some(key)
    }

    /// Sweeps the objects of the stores that are here once.
    pub(super) async fn sweep(&self, dry_run: bool) -> Result<SweptObjects, SweepError> {
        let Inner { link, orderly, .. } = &*self.0;
        let mut swept = sweep::look(&**link, &orderly.stores).await?;
        if !dry_run && !swept.gone.is_empty() {
            sweep::clear(&**link, orderly, &mut swept).await?;
        }
        Ok(swept)
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeSet<OrderId>> {
        self.0.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for orders and obeys them, until it is told to stop. What is being read then is left.
    pub(super) async fn run(self, stopping: CancellationToken) {
        let mut working = JoinSet::new();
        let mut told = false;
        loop {
            let in_hand: Vec<OrderId> = self.in_hand().iter().copied().collect();
            let stores = self.0.orderly.stores();
            let asked = tokio::select! {
                () = stopping.cancelled() => return,
                asked = self.0.link.next_orders(&stores, &in_hand) => asked,
            };
            while working.try_join_next().is_some() {}
            match asked {
                Ok(orders) => {
                    told = false;
                    for text in orders {
                        let errands = self.clone();
                        working.spawn(async move { errands.carry_out(&text).await });
                    }
                }
                Err(error) => {
                    // Whatever is wrong with the control plane is told by whoever asks it for keys.
                    if !std::mem::replace(&mut told, true) {
                        tracing::debug!(error, "asking for orders");
                    }
                    tokio::select! {
                        () = stopping.cancelled() => return,
                        () = tokio::time::sleep(Duration::from_secs(ORDER_RETRY_SECONDS)) => {}
                    }
                }
            }
        }
    }

    async fn carry_out(&self, text: &str) {
        let mut read = self.0.orderly.read(text);
        if matches!(read, Err(Disobeyed::Statement(contract::Error::UnknownKey(_)))) {
            // The key may have been made for this order.
            self.0.link.refresh().await;
            read = self.0.orderly.read(text);
        }
        let order = match read {
            Ok(order) => order,
            Err(error) => return tracing::warn!(%error, "an order is not obeyed"),
        };
        if !self.in_hand().insert(order.id) {
            return;
        }
        let obeyed = self.0.orderly.obey(&order).await;
        if let Err(error) = self.0.link.hand_over_report(&obeyed.text).await {
            tracing::info!(order = %order.id, error, "a report is offered again later");
            if let Err(error) = self.keep(&obeyed).await {
                tracing::error!(order = %order.id, %error, "a report is lost; its order will come again");
            }
        }
        self.in_hand().remove(&order.id);
    }

    async fn keep(&self, obeyed: &Obeyed) -> Result<(), Error> {
        let path = self.0.reports.join(obeyed.report.order.to_string());
        let text = obeyed.text.clone();
        let write = move || files::write(&path, text.as_bytes());
        tokio::task::spawn_blocking(write).await.expect("writing a file does not panic")
    }

    /// Offers what is kept, now and then, until it is told to stop.
    pub(super) async fn redeliver(self, stopping: CancellationToken) {
        loop {
            match self.offer_again().await {
                Ok(0) => {}
                Ok(delivered) => tracing::info!(delivered, "offered reports again"),
                Err(error) => tracing::error!(%error, "offering reports again"),
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(REDELIVERY_INTERVAL_SECONDS)) => {}
            }
        }
    }

    /// How many were delivered.
    async fn offer_again(&self) -> Result<usize, Error> {
        let mut delivered = 0;
        for path in kept(&self.0.reports)? {
            let Some(text) = files::read(&path)? else { continue };
            if let Err(error) = self.0.link.hand_over_report(&text).await {
                tracing::debug!(error, "a report could not be offered");
                break;
            }
            std::fs::remove_file(&path).map_err(|source| Error::File { path, source })?;
            delivered += 1;
        }
        Ok(delivered)
    }
}

/// The files of reports. One that was not written to its end is none.
fn kept(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::File { path: directory.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none() {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;
    use crate::clock::System;
    use crate::contract::{KeyRing, Outcome, Report, Reported, SharedRing, SigningKey};
    use crate::data::{Damaged, Moving, Pace};
    use crate::kernel::event::KeyKind;
    use crate::kernel::id::ObjectKey;

    /// A control plane that answers each request so.
    async fn answer(listener: &TcpListener, status: &str, media_type: &str, body: &str) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8_192];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    fn errands(url: &str, state_dir: &Path) -> Errands {
        let (ring, node) = (SharedRing::from(KeyRing::default()), "d1".parse().unwrap());
        let token_file = state_dir.join("node.token");
        std::fs::write(&token_file, "srt_any").unwrap();
        let link = Arc::new(Link::new(url, token_file, "d1".parse().unwrap(), ring.clone()).unwrap());
        let orderly = Orderly {
            stores: HashMap::new(),
            node,
            reports: SigningKey::generate(KeyKind::Report),
            orders: ring,
            clock: Arc::new(System),
            damaged: Damaged::default(),
            pace: Pace::unbounded(),
            moving: Moving::keeping(0),
        };
        Errands::new(link, orderly, state_dir).unwrap()
    }

    #[tokio::test]
    async fn a_report_is_kept_until_the_control_plane_has_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let errands = errands(&format!("http://{}", listener.local_addr().unwrap()), directory.path());
        for number in [1, 2] {
            let report = Report {
                order: OrderId(Uuid::from_u128(number)),
                node: "d1".parse().unwrap(),
                store: "main".parse().unwrap(),
                object: ObjectKey::from_uuid(Uuid::nil()),
                at_ms: 0,
                task: Reported::Delete,
                outcome: Outcome::Done,
            };
            let text = report.sign(&errands.0.orderly.reports);
            errands.keep(&Obeyed { report, text }).await.unwrap();
        }
        let left = || kept(&directory.path().join("reports")).unwrap().len();
        let away = answer(&listener, "503 Unavailable", "text/plain", "");
        let (offered, ()) = tokio::join!(errands.offer_again(), away);
        assert_eq!((offered.unwrap(), left()), (0, 2));
        // One is taken, one is refused for good.
        let invalid =
            r#"{"type":"about:blank","title":"no","status":400,"detail":"no","code":"report-invalid"}"#;
        let answers = async {
            answer(&listener, "200 OK", "application/json", r#"{"awaited":false}"#).await;
            answer(&listener, "400 Bad Request", "application/problem+json", invalid).await;
        };
        let (offered, ()) = tokio::join!(errands.offer_again(), answers);
        assert_eq!((offered.unwrap(), left()), (2, 0));
    }
}
