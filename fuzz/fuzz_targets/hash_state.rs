//! The invariants are in `bodies/hash_state.rs`.
#![no_main]

#[path = "../bodies/hash_state.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
