//! The invariants are in `bodies/statement.rs`.
#![no_main]

#[path = "../bodies/statement.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
