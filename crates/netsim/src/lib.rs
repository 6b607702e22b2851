//! A deterministic network in virtual time: lossy links, NATs after RFC 4787, traces; any sans-IO state machine can be a host in it
