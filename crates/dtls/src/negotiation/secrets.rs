//! The secrets of a complete handshake, of either version.

use alloc::boxed::Box;

use pollrtc_crypto::Provider;

use crate::error::ExportError;
use crate::records::ENCRYPTED_EPOCH;
use crate::wire::{CipherSuite, Version};
use crate::{v12, v13};

/// What all keys come from.
pub(crate) enum Secrets {
    V12(v12::SecurityParameters),
    V13(Box<v13::ApplicationTraffic>),
}

/// Labels of the key schedule of DTLS 1.2, which no exporter may be used with (RFC 5705 §4).
const RESERVED_LABELS: [&str; 5] = [
    "client finished",
    "server finished",
    "master secret",
    "extended master secret",
    "key expansion",
];

impl Secrets {
    pub(crate) fn version(&self) -> Version {
        self.cipher_suite().version()
    }

    pub(crate) fn cipher_suite(&self) -> CipherSuite {
        match self {
            Self::V12(secrets) => secrets.suite,
            Self::V13(secrets) => secrets.suite(),
        }
    }

    /// The epoch of the application's data.
    pub(crate) fn application_epoch(&self) -> u16 {
        match self {
            Self::V12(_) => ENCRYPTED_EPOCH,
            Self::V13(secrets) => secrets.write_epoch(),
        }
    }

    /// Whether this is the epoch of what the peer sends now. In DTLS 1.2 nothing follows the
    /// handshake.
    pub(crate) fn is_read_epoch(&self, epoch: u16) -> bool {
        match self {
            Self::V12(_) => false,
            Self::V13(secrets) => secrets.read_epoch() == epoch,
        }
    }

    /// Keys for others. RFC 5705 §4: no context and an empty one are two things in DTLS 1.2; RFC
    /// 8446 §7.5: and one in 1.3.
    pub(crate) fn export(
        &self,
        provider: &dyn Provider,
        label: &str,
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        if RESERVED_LABELS.contains(&label) {
            return Err(ExportError::ReservedLabel);
        }
        let length = u16::try_from(context.unwrap_or_default().len()).map_err(|_| ExportError::ContextTooLong)?;
        let exported = match self {
            Self::V12(secrets) => secrets.export(provider, label, context.map(|context| (length, context)), out),
            Self::V13(secrets) => secrets.export(provider, label, context.unwrap_or_default(), out),
        };
        exported.map_err(|_| ExportError::Provider)
    }
}
