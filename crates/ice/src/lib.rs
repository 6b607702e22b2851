#![cfg_attr(not(feature = "std"), no_std)]
//! Interactive Connectivity Establishment (RFC 8445) as a sans-IO state machine: full and lite agents, trickle, consent freshness
