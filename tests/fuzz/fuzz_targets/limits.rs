//! Fuzzes the property of `properties/limits.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::limits::holds(bytes));
