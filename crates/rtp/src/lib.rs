//! RTP and RTCP (RFC 3550) on the wire.
//!
//! A packet that comes is checked once, by [`RtpPacket::parse`]; the view is `Copy`, and reading from it can't fail.
//! It knows its stream, its 48-bit index, when it arrived, its format, and its header extensions by meaning, so that
//! any connection on any thread can write it on. Who wants to keep it takes a [`SharedPacket`] out of a [`Pool`]: that
//! is the one copy. Views and parsers allocate nothing.
//!
//! Bytes that came from the network never make anything here panic; what is malformed is a [`ParseError`], which the
//! layers above drop and count.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod compound;
mod extension;
mod feedback;
mod layout;
mod packet;
mod rewrite;
mod shared;
mod stream;

pub use compound::{Compound, CompoundError, RtcpPacket};
pub use extension::{Extension, ExtensionMap};
pub use feedback::Missing;
pub use layout::ParseError;
pub use packet::RtpPacket;
pub use rewrite::{Patch, Rewrite};
pub use shared::{Pool, SharedPacket};
pub use stream::{Format, Origin, Source, StreamKey, Via};

/// What a datagram on a transport of media holds, by its first two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// RTP, or SRTP.
    Rtp,
    /// RTCP, or SRTCP.
    Rtcp,
}

impl PacketKind {
    /// RFC 9443 §3: 128 to 191 in the first byte is RTP or RTCP. RFC 5761 §4: RTCP has 192 to 223 in the second one,
    /// so that payload types 64 to 95 are not used for RTP beside it. `None` for anything else.
    pub fn of(datagram: &[u8]) -> Option<Self> {
        match datagram {
            [128..=191, 192..=223, ..] => Some(Self::Rtcp),
            [128..=191, _, ..] => Some(Self::Rtp),
            _ => None,
        }
    }
}
