//! Fuzzes the property of `properties/plan.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::plan::holds(bytes));
