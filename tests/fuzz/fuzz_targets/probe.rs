//! Fuzzes the property of `properties/probe.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::probe::holds(bytes));
