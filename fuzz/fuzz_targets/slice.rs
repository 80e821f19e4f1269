//! The invariants are in `bodies/slice.rs`.
#![no_main]

#[path = "../bodies/slice.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
