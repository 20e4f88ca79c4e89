//! Fuzzes the property of `properties/headers.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::headers::holds(bytes));
