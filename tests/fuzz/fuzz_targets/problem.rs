//! Fuzzes the property of `properties/problem.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::problem::holds(bytes));
