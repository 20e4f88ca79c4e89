//! Fuzzes the property of `properties/store.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::store::holds(bytes));
