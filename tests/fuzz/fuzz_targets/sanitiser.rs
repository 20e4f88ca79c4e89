//! Fuzzes the property of `properties/sanitiser.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::sanitiser::holds(bytes));
