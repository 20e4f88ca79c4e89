//! Fuzzes the property of `properties/playbook.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::playbook::holds(bytes));
