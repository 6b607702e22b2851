#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| pollrtc_fuzzing::frames::frames(data));
