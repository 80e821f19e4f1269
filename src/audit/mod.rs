//! Independent verification: of the log, of the views against the log, of the bytes against both.
//!
//! - Shares decoders and readers with what it checks, and nothing that decides: neither `control` nor `data`.
//! - What it finds is a [`Finding`] that names the place; what it cannot look at is an error. The two are never mixed:
//!   a database that does not answer is not a clean log.
//! - Damage of any kind ends in findings, never in a hang or a panic.
//!
//! Two depths of sight: [`log::Verifier`] needs records and a checkpoint only, as any remote auditor can have them;
//! [`server::run`] also compares the tables, the views, the documents and every object with what the log says.
//!
//! Each deletion has to have been allowed where it stands in the log. Records tell that a plan was submitted and approved, or that
//! the actor had the right (`authority`), and that no hold, lock or pin stood in the way (`deletions`). Documents, which are on the
//! server only, tell that the plan names that package, and whether a hold on a query covered it (`deletions::evidence`).
//! A document that was erased since leaves that *undecided*, which is told apart from clean and from a finding.

mod authority;
mod deletions;
mod documents;
mod erasures;
pub mod log;
mod objects;
mod report;
mod rows;
mod scrubs;
pub mod server;

pub use report::{Finding, Report, Subject};
pub use server::{Depth, Error, Expected, Progress};
