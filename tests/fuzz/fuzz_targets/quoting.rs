//! Fuzzes the property of `properties/quoting.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::quoting::holds(bytes));
