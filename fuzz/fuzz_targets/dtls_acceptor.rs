#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| pollrtc_fuzzing::dtls_acceptor::dtls_acceptor(data));
