//! `POST /v1/repositories/{name}/-/receipts`: handing the control plane what the data plane signed.

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use crate::kernel::digest::{Blake3, Sha256};

/// A receipt to accept. The same one may come any number of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverReceipt {
    /// The compact JWS.
    #[schema(value_type = String)]
    pub receipt: Secret,
}

/// `POST /v1/receipts`: what a data node is to do with the object of a receipt that it handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TakenReceipt {
    /// Whether the log says that the object is discarded, so that it is to be deleted.
    pub discarded: bool,
}

/// The blob may be used in the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AcceptedReceipt {
    /// Its primary address.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Its alias.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
    /// Where in the log it says so.
    pub position: u64,
}
