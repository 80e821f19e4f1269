//! The invariants are in `bodies/recorded_statement.rs`.
#![no_main]

#[path = "../bodies/recorded_statement.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
