#![cfg_attr(not(feature = "std"), no_std)]
//! STUN (RFC 8489): an allocation-free message view and builder, client transactions, a binding server
