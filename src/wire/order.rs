//! Orders of the control plane and reports of data nodes, where the planes are apart; and what is to become of objects.
//!
//! ```text
//! POST /v1/orders               an administrator has an order obeyed that was signed elsewhere
//! POST /v1/orders/next          a data node asks for orders
//! POST /v1/reports              a data node hands over a report
//! POST /v1/objects/judgements   a data node asks what the log says of objects that lie in a store
//! POST /v1/objects/discards     a data node asks to have objects given up that nobody claims
//! ```

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use crate::kernel::id::{NodeName, ObjectKey, OrderId, StoreName};

/// `POST /v1/orders`: an order to be obeyed by whichever data node has the store. The same one may come any number of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RelayOrder {
    /// The compact JWS.
    #[schema(value_type = String)]
    pub order: Secret,
}

/// What came of the order so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RelayedOrder {
    /// The signed report; without one, ask again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub report: Option<Secret>,
}

/// `POST /v1/orders/next`: a data node asks for what it is to do. The answer comes when there is something, or after a few
/// seconds without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOrders {
    /// Who asks.
    #[schema(value_type = String)]
    pub node: NodeName,
    /// The stores that it has.
    #[schema(value_type = Vec<String>)]
    pub stores: Vec<StoreName>,
    /// Orders that it was given and is still busy with: they stay with it.
    #[schema(value_type = Vec<String>)]
    pub in_hand: Vec<OrderId>,
}

/// What a data node is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TakenOrders {
    /// Each a compact JWS.
    #[schema(value_type = Vec<String>)]
    pub orders: Vec<Secret>,
}

/// `POST /v1/reports`: what came of an order. The same one may come any number of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverReport {
    /// The compact JWS.
    #[schema(value_type = String)]
    pub report: Secret,
}

/// The report was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TakenReport {
    /// Whether somebody waited for it. One that nobody waits for concludes nothing.
    pub awaited: bool,
}

/// `POST /v1/objects/judgements` and `POST /v1/objects/discards`: objects that lie in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NameObjects {
    /// Who asks.
    #[schema(value_type = String)]
    pub node: NodeName,
    /// The store that has them.
    #[schema(value_type = String)]
    pub store: StoreName,
    /// Which; at most 1,000 to be judged, 100 to be given up.
    #[schema(value_type = Vec<String>)]
    pub objects: Vec<ObjectKey>,
}

/// What is to become of the objects, in the order asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JudgedObjects {
    /// One for each.
    pub objects: Vec<JudgedObject>,
}

/// What is to become of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JudgedObject {
    /// `claimed` by a blob; too `young` to be given up; there `before-restoration` of the log; `unclaimed`; or `discarded`.
    pub judgement: String,
    /// The event that gave it up: place in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The signed order to delete it, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub order: Option<Secret>,
}
