//! **Strongroom** keeps evidence: files that must still be provably the same, years later.

// In dependency order: a module imports only from modules above it.
pub mod kernel;

pub mod clock;
pub mod postgres;

pub mod contract;

pub mod stores;

pub mod data;

pub mod access;
pub mod client;
pub mod log;
pub mod views;
pub mod wire;

pub mod control;

pub mod audit;

pub mod http;
