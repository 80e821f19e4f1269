//! **Strongroom** keeps evidence: files that must still be provably the same, years later.

pub mod kernel;
pub mod wire;
