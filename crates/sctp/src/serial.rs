//! Sequence numbers that don't wrap.
//!
//! On the wire TSNs have 32 bits and SSNs 16, compared by serial arithmetic (RFC 9260 §1.6). Inside
//! they are `u64`: extended once where a packet is read, cut where one is written. So nothing in
//! between can get a wrap wrong.

/// An extended number to begin with; the numbers below it leave room for what a peer says is older.
pub(crate) fn begin(wire: u32) -> u64 {
    (1 << 32) | u64::from(wire)
}

/// The number nearest to `reference` that is `wire` on the wire.
pub(crate) fn extend(reference: u64, wire: u32) -> u64 {
    let distance = wire.wrapping_sub(reference as u32) as i32;
    reference.saturating_add_signed(distance.into())
}

/// The number nearest to `reference` whose low 16 bits are `wire`.
pub(crate) fn extend_ssn(reference: u64, wire: u16) -> u64 {
    let distance = wire.wrapping_sub(reference as u16) as i16;
    reference.wrapping_add_signed(distance.into())
}

/// The first extended stream sequence number; a multiple of 2^16, so that it is 0 on the wire.
pub(crate) const FIRST_SSN: u64 = 1 << 16;
