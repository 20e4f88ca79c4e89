//! Fuzzes the property of `properties/bundle_shell.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::bundle_shell::holds(bytes));
