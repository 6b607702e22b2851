#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| pollrtc_fuzzing::jsep_rtp::jsep_rtp(data));
