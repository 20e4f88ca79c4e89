//! Fuzzes the property of `properties/report.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::report::holds(bytes));
