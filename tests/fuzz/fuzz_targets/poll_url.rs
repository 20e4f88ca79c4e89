//! Fuzzes the property of `properties/poll_url.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::poll_url::holds(bytes));
