//! Fuzzes the property of `properties/bundle.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::bundle::holds(bytes));
