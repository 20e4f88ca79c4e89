//! Fuzzes the property of `properties/template.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::template::holds(bytes));
