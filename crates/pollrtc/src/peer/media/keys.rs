//! What protects media on one transport.

use pollrtc_crypto::{Provider, Rng};
use pollrtc_jsep::DtlsRole;
use pollrtc_srtp::{Config, DtlsKeys, Inbound, Outbound, Profile};

use super::told::REPEATABLE;
use crate::peer::dtls::DtlsTransport;

/// Contexts for both ways, keyed by one DTLS association, which they don't outlive.
pub(in crate::peer) struct Keys {
    /// Of which association.
    pub(in crate::peer) association: u32,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
}

/// Where a stream of ours begins under the keys of now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Start {
    /// What its numbers are less by there.
    base: u64,
}

impl Keys {
    /// The keys that DTLS exports (RFC 5764 §4.2). `None` as long as it is not connected, or if it has agreed on no
    /// profile.
    pub(super) fn export(
        dtls: &DtlsTransport,
        max_streams: usize,
        provider: &dyn Provider,
        rng: &mut Rng,
    ) -> Option<Self> {
        let connection = dtls.connection()?;
        let profile = Profile::of(connection.srtp_profile()?.transform())?;
        let keys = DtlsKeys::export(profile, |label, out| {
            connection.export_keying_material(label, None, out)
        })
        .ok()?;
        let (ours, theirs) = match dtls.role {
            DtlsRole::Client => (keys.client, keys.server),
            DtlsRole::Server => (keys.server, keys.client),
        };
        let config = Config {
            // Each stream of media may have another one that repairs it.
            max_streams: max_streams.saturating_mul(2).clamp(1, usize::from(u16::MAX)),
            repeatable: REPEATABLE,
            ..Config::default()
        };
        Some(Self {
            association: dtls.association,
            inbound: Inbound::new(provider, &theirs, &config, rng).ok()?,
            outbound: Outbound::new(provider, &ours, &config).ok()?,
        })
    }

    /// The index of a packet under these keys. A stream that went on under other keys before counts its rollovers from
    /// zero again, since whoever has only these keys can't know of them. `is_old`: whether it has sent anything before.
    pub(super) fn index(&mut self, start: &mut Start, ssrc: u32, sequence: u64, is_old: bool) -> Option<u64> {
        if self.outbound.newest(ssrc).is_none() {
            start.base = if is_old { sequence & !0xffff } else { 0 };
            if is_old {
                // Refused only to streams that are there.
                let _ = self.outbound.resume(ssrc, sequence - start.base);
            }
        }
        sequence.checked_sub(start.base)
    }
}

/// Never the keys.
impl core::fmt::Debug for Keys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Keys")
            .field("association", &self.association)
            .finish_non_exhaustive()
    }
}
