//! **Strongroom** keeps evidence: files that must still be provably the same, years later.

pub mod clock;
pub mod kernel;
pub mod log;
pub mod wire;
