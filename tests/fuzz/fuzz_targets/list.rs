//! Fuzzes the property of `properties/list.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::list::holds(bytes));
