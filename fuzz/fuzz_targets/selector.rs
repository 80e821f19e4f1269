//! The invariants are in `bodies/selector.rs`.
#![no_main]

#[path = "../bodies/selector.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
