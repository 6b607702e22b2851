//! What each fuzz target does, and the replay of its seeds on stable.
//!
//! A body takes any bytes. That of a parser checks what holds for every input (no panic, and what
//! was read is written back the same); that of a state machine takes the bytes as a script for the
//! law harness ([`pollrtc_core::laws`]). `fuzz/` makes a libFuzzer target of each; `tests/replay.rs`
//! puts each file in `fuzz/seeds/<target>` through its body.

pub mod attributes;
pub mod crypto;
pub mod document;
pub mod dtls;
pub mod dtls_acceptor;
pub mod dtls_sequence;
pub mod frames;
pub mod framing;
pub mod ice;
pub mod jsep;
pub mod jsep_rtp;
pub mod media;
pub mod netsim;
pub mod pollrtc;
pub mod rtcp;
pub mod rtp;
pub mod rtp_payload;
pub mod sctp;
pub mod sdp;
pub mod srtp;
pub mod stun;

use core::fmt::Debug;

use pollrtc_core::StateMachine;
use pollrtc_core::laws::Laws;

/// What a target does with the bytes that it is given; it panics if they show a fault.
pub type Body = fn(&[u8]);

/// The targets: name and body.
pub const TARGETS: &[(&str, Body)] = &[
    ("deframer", framing::deframer),
    ("sdp", sdp::sdp),
    ("sdp_attributes", attributes::sdp_attributes),
    ("sdp_candidate", sdp::sdp_candidate),
    ("jsep_rtp", jsep_rtp::jsep_rtp),
    ("sdp_document", document::sdp_document),
    ("sdp_fragment", sdp::sdp_fragment),
    ("crypto_fingerprint", crypto::crypto_fingerprint),
    ("crypto_certificate", crypto::crypto_certificate),
    ("crypto_key_exchange", crypto::crypto_key_exchange),
    ("dtls_record", dtls::dtls_record),
    ("dtls_handshake", dtls::dtls_handshake),
    ("dtls_connection", dtls::dtls_connection),
    ("dtls_acceptor", dtls_acceptor::dtls_acceptor),
    ("dtls_sequence", dtls_sequence::dtls_sequence),
    ("ice_candidate", ice::ice_candidate),
    ("ice_agent", ice::ice_agent),
    ("netsim_network", netsim::netsim_network),
    ("stun_message", stun::stun_message),
    ("stun_client", stun::stun_client),
    ("stun_server", stun::stun_server),
    ("rtp_packet", rtp::rtp_packet),
    ("rtp_payload", rtp_payload::rtp_payload),
    ("dependency_descriptor", rtp_payload::dependency_descriptor),
    ("srtp_unprotect", srtp::srtp_unprotect),
    ("forwarder", media::forwarder),
    ("departures", media::departures),
    ("frames", frames::frames),
    ("rtcp_compound", rtcp::rtcp_compound),
    ("sctp_packet", sctp::sctp_packet),
    ("sctp_association", sctp::sctp_association),
    ("sctp_peer", sctp::sctp_peer),
    ("dcep", sctp::dcep),
    ("data_channels", sctp::data_channels),
    ("jsep", jsep::jsep),
    ("jsep_pair", jsep::jsep_pair),
    ("negotiation", pollrtc::negotiation),
    ("negotiation_structured", pollrtc::negotiation_structured),
    ("peer_connection", pollrtc::peer_connection),
    ("peer_media", pollrtc::peer_media),
    ("router", pollrtc::router),
    ("router_duplicates", pollrtc::router_duplicates),
];

/// Puts a script through the laws.
pub(crate) fn run<M>(laws: &Laws<M>, script: &[u8])
where
    M: StateMachine + 'static,
    M::Event: Debug,
{
    match is_repeated(script) {
        true => laws.run(script),
        false => laws.run_once(script),
    }
}

/// Whether two runs of a script are compared. A fuzzer does so with one in eight, always the same ones: twice as many
/// scripts find more than each of them twice. Replays compare all.
pub(crate) fn is_repeated(script: &[u8]) -> bool {
    let sum = script
        .iter()
        .fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    !cfg!(fuzzing) || sum.wrapping_mul(0x9e37_79b9) >> 29 == 0
}
