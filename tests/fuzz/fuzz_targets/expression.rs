//! Fuzzes the property of `properties/expression.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::expression::holds(bytes));
