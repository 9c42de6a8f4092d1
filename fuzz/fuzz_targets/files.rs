#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kubectl_xaccount_fuzz::files(data));
