#![cfg_attr(not(feature = "std"), no_std)]
//! WebRTC peer connections as sans-IO, poll-based state machines
