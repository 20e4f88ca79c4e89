//! Fuzzes the property of `properties/poll.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rollcall_fuzz::poll::holds(bytes));
