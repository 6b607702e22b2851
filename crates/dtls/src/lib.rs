#![cfg_attr(not(feature = "std"), no_std)]
//! DTLS (RFC 6347) as a sans-IO state machine, client and server, with DTLS-SRTP (RFC 5764)
