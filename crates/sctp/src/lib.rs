#![cfg_attr(not(feature = "std"), no_std)]
//! SCTP (RFC 9260) for WebRTC data channels (RFC 8831, RFC 8832) as a sans-IO state machine
