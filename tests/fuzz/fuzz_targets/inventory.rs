//! Fuzzes the property of `properties/inventory.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::inventory::holds(bytes));
