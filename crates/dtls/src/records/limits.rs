//! Epochs, lengths and limits of records.

use pollrtc_crypto::AeadAlgorithm;

use crate::wire::record::HEADER_LEN;

/// The only epoch of DTLS 1.2 with keys.
pub(crate) const ENCRYPTED_EPOCH: u16 = 1;
/// The epoch of DTLS 1.3 that protects the handshake (RFC 9147 §6.1).
pub(crate) const HANDSHAKE_EPOCH: u16 = 2;
/// The first epoch of DTLS 1.3 that protects the application's data (RFC 9147 §6.1).
pub(crate) const APPLICATION_EPOCH: u16 = 3;
/// The longest [`RecordLayer::prefix_len`] without a connection id.
pub(crate) const MAX_PREFIX_LEN: usize = HEADER_LEN + EXPLICIT_NONCE_LEN;
/// The longest [`RecordLayer::suffix_len`].
pub(crate) const MAX_SUFFIX_LEN: usize = 1 + TAG_LEN;

/// The longest connection id (RFC 9146 §3).
pub(crate) const MAX_ID_LEN: usize = 255;

pub(super) const TAG_LEN: usize = AeadAlgorithm::TAG_LEN;
pub(super) const EXPLICIT_NONCE_LEN: usize = 8;
/// RFC 9147 §4.5.3: a key must not survive this many forgeries. DTLS 1.2 names no limit, but its
/// ciphers are the same.
pub(super) const FORGERY_LIMIT: u64 = 1 << 36;
/// Sequence numbers that only alerts may use, so that even a worn-out connection can say so.
pub(super) const RESERVED_FOR_ALERTS: u64 = 16;
