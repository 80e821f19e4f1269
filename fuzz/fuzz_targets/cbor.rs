//! The invariants are in `bodies/cbor.rs`.
#![no_main]

#[path = "../bodies/cbor.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::check(data));
