//! Fuzzes the property of `properties/redaction.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::redaction::holds(bytes));
