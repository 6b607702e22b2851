//! What the peer's description says, checked as a whole before anything changes.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use pollrtc_crypto::Fingerprint;
use pollrtc_ice::{Candidate, Credentials};
use pollrtc_sdp::attribute::{DEFAULT_SCTP_PORT, Setup};
use pollrtc_sdp::{Media, Session};

use crate::description::NegotiationError;

/// A peer's description.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RemoteDescription {
    pub(super) sections: Vec<RemoteSection>,
    /// The mids of the BUNDLE group (RFC 9143).
    pub(super) bundle: BTreeSet<String>,
    pub(super) ice_lite: bool,
    /// The transport of the first usable data section.
    pub(crate) transport: Option<RemoteTransport>,
}

/// One m-section as far as it must be answered in kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RemoteSection {
    pub(super) mid: Option<String>,
    pub(super) media: String,
    pub(super) protocol: String,
    pub(super) formats: String,
}

/// How to reach and recognise the peer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RemoteTransport {
    /// Index of the section that told it.
    pub(crate) section: usize,
    pub(crate) credentials: Credentials,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) end_of_candidates: bool,
    pub(crate) fingerprints: Vec<Fingerprint>,
    pub(super) setup: Setup,
    pub(super) tls_id: Option<String>,
    pub(crate) sctp: SctpParameters,
}

/// RFC 8841.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SctpParameters {
    pub(crate) port: u16,
    /// `None` if absent, which means 64 KiB; `Some(0)` means no limit (RFC 8841 §6).
    pub(crate) max_message_size: Option<u64>,
    /// The form of draft-ietf-mmusic-sctp-sdp-05, with `a=sctpmap`.
    pub(super) legacy: bool,
}

impl RemoteDescription {
    pub(super) fn parse(sdp: &str) -> Result<Self, NegotiationError> {
        let session = Session::parse(sdp)?;
        let sections: Vec<RemoteSection> = session.media().map(|media| RemoteSection::of(&media)).collect();
        let bundle: BTreeSet<String> = session
            .bundle()
            .map(|group| group.mids().map(ToString::to_string).collect())
            .unwrap_or_default();
        let data = session
            .media()
            .enumerate()
            .find(|(_, media)| is_usable_data(media, &bundle));
        let transport = match data {
            Some((index, media)) => Some(RemoteTransport::of(index, &media, &session, &bundle)?),
            None => None,
        };
        Ok(Self {
            sections,
            bundle,
            ice_lite: session.ice_lite(),
            transport,
        })
    }
}

impl RemoteSection {
    fn of(media: &Media<'_>) -> Self {
        Self {
            mid: media.mid().map(ToString::to_string),
            media: media.kind().to_string(),
            protocol: media.protocol().to_string(),
            formats: media.formats().collect::<Vec<_>>().join(" "),
        }
    }
}

impl RemoteTransport {
    fn of(
        section: usize,
        media: &Media<'_>,
        session: &Session<'_>,
        bundle: &BTreeSet<String>,
    ) -> Result<Self, NegotiationError> {
        let (Some(ufrag), Some(pwd)) = (media.ice_ufrag(), media.ice_pwd()) else {
            return Err(NegotiationError::MissingIceCredentials { section });
        };
        let fingerprints: Vec<Fingerprint> = media
            .fingerprints()
            .filter_map(|fingerprint| Fingerprint::parse(fingerprint.algorithm, fingerprint.value).ok())
            .collect();
        if fingerprints.is_empty() {
            return Err(NegotiationError::MissingFingerprint { section });
        }
        // One transport carries the whole BUNDLE group, and a peer may name its candidates in the
        // group's first section only (RFC 9143 §7.1.3), which need not be the one with the data.
        let in_group = |media: &Media<'_>| media.mid().is_some_and(|mid| bundle.contains(mid));
        let bundled = in_group(media);
        let same_transport = |index: usize, other: &Media<'_>| {
            index == section || (bundled && in_group(other) && other.ice_ufrag() == Some(ufrag))
        };
        let sections = || {
            session
                .media()
                .enumerate()
                .filter(|(index, m)| same_transport(*index, m))
        };
        Ok(Self {
            section,
            credentials: Credentials::new(ufrag, pwd),
            // A candidate that we can't use is no reason to refuse the description (RFC 8839 §5.1).
            candidates: sections()
                .flat_map(|(_, media)| media.candidates())
                .filter_map(|candidate| Candidate::try_from(candidate).ok())
                .collect(),
            end_of_candidates: sections().any(|(_, media)| media.end_of_candidates()),
            fingerprints,
            // RFC 4145 §4: absent means active.
            setup: media.setup().unwrap_or(Setup::Active),
            tls_id: media.tls_id().map(ToString::to_string),
            sctp: SctpParameters::of(media),
        })
    }
}

impl SctpParameters {
    fn of(media: &Media<'_>) -> Self {
        Self {
            // RFC 8841 §5.1 makes the attribute mandatory; what lacks it means the usual port.
            port: media.sctp_port().unwrap_or(DEFAULT_SCTP_PORT),
            max_message_size: media.max_message_size(),
            legacy: media.sctp_map().is_some(),
        }
    }
}

/// A section that carries data channels and is not rejected: port zero rejects it, unless it is
/// only waiting to be bundled (RFC 9143 §6).
fn is_usable_data(media: &Media<'_>, bundle: &BTreeSet<String>) -> bool {
    let bundled = media.bundle_only() && media.mid().is_some_and(|mid| bundle.contains(mid));
    media.is_data_channel() && (media.port() != 0 || bundled) && media.sctp_port() != Some(0)
}
