#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| pollrtc_fuzzing::sdp_rtp::sdp_rtp(data));
