//! Fuzzes the property of `properties/start.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::start::holds(bytes));
