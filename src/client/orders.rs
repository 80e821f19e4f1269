//! The calls of data nodes about orders, and of those who have them obeyed.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::transport::Repeat;
use super::{Client, Error};
use crate::wire::order::{
    DeliverReport, JudgedObjects, NameObjects, RelayOrder, RelayedOrder, TakeOrders, TakenOrders, TakenReport,
};

impl Client {
    /// Has a signed order obeyed by whichever data node has the store. Without a report in the answer, ask again.
    ///
    /// # Errors
    /// [`Error`]; so for all that follow.
    pub async fn relay_order(&self, order: &str) -> Result<RelayedOrder, Error> {
        self.tell("/v1/orders", &RelayOrder { order: order.to_owned().into() }).await
    }

    /// Asks for orders as a data node.
    pub async fn take_orders(&self, request: &TakeOrders) -> Result<TakenOrders, Error> {
        self.tell("/v1/orders/next", request).await
    }

    /// Hands over a report as a data node.
    pub async fn hand_over_report(&self, report: &str) -> Result<TakenReport, Error> {
        self.tell("/v1/reports", &DeliverReport { report: report.to_owned().into() }).await
    }

    /// Asks as a data node what the log says of objects.
    pub async fn judge_objects(&self, request: &NameObjects) -> Result<JudgedObjects, Error> {
        self.tell("/v1/objects/judgements", request).await
    }

    /// Has objects given up as a data node, where nobody claims them.
    pub async fn give_up_objects(&self, request: &NameObjects) -> Result<JudgedObjects, Error> {
        self.tell("/v1/objects/discards", request).await
    }

    /// What may be sent again.
    async fn tell<T: DeserializeOwned>(&self, path: &str, request: &impl Serialize) -> Result<T, Error> {
        let response = self.send(Method::POST, path, Repeat::Safe, |builder| builder.json(request)).await?;
        self.transport().json(response).await
    }
}
