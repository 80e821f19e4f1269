//! What the integration tests stand on.
//!
//! Each test has a database of its own. They share one server for as long as any of them holds it: the embedded
//! cluster by default, or a container where `STRONGROOM_TEST_POSTGRES=container` (image in
//! `STRONGROOM_TEST_POSTGRES_IMAGE`, the official one by default), so that the same tests run on both.
#![expect(dead_code, reason = "each test binary uses its part of the harness")]

pub(crate) mod node;
pub(crate) mod postgres;

/// Used by no binary, so that the expectation above holds in each.
struct Unused;
