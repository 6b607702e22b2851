//! Reads the peer's descriptions: what they say, each section on its own.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::bundle::{self, Shared};
use super::config::Config;
use super::description::{Description, SdpKind, Secret};
use super::line::{RTP_PROTOCOLS, SectionLine};
use super::{CertificateHash, Deviation, NegotiationError, RejectReason};
use crate::rtp::{MediaKind, RtpParameters, RtpSources};
use pollrtc_sdp::attribute::{
    Attribute, DEFAULT_MAX_MESSAGE_SIZE, DEFAULT_SCTP_PORT, Direction, OwnedCandidate, Setup,
};
use pollrtc_sdp::{Finding, Media, Session};

/// A description of the peer's.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RemoteDescription {
    pub(super) kind: SdpKind,
    pub(super) text: Secret,
    pub(super) sections: Vec<RemoteSection>,
    /// BUNDLE groups as indices of sections, in the order of their mids (RFC 9143 §5).
    pub(super) bundles: Vec<Vec<usize>>,
    /// LS groups (RFC 5888 §7).
    pub(super) lip_sync: Vec<Vec<usize>>,
    /// Whether there is any `a=ice-options`.
    pub(super) ice_options: bool,
    pub(super) trickle: bool,
    pub(super) ice_lite: bool,
    /// What the profile has tolerated, in order, up to [`FINDINGS_MAXIMUM`].
    pub(super) findings: Vec<Finding>,
    /// What is well-formed and not allowed, up to [`FINDINGS_MAXIMUM`].
    pub(super) deviations: Vec<Deviation>,
    by_mid: BTreeMap<String, usize>,
}

/// More than one needs to see what is wrong with a peer.
const FINDINGS_MAXIMUM: usize = 64;

/// One of its sections. What stands at the session level and holds for sections is in each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RemoteSection {
    pub(super) mid: Option<String>,
    pub(super) line: SectionLine,
    pub(super) port_zero: bool,
    /// A line that it can't do without is malformed.
    malformed: bool,
    pub(super) bundle_only: bool,
    pub(super) credentials: Option<(String, Secret)>,
    /// Hashes by functions that are fit for use, in order, each once.
    pub(super) fingerprints: Vec<CertificateHash>,
    /// Whether there are any at all.
    pub(super) has_fingerprint: bool,
    pub(super) setup: Option<Setup>,
    pub(super) tls_id: Option<String>,
    pub(super) candidates: Vec<OwnedCandidate>,
    pub(super) end_of_candidates: bool,
    /// Also where there is only `a=rtcp-mux-only`: its writer can do no other.
    pub(super) rtcp_mux: bool,
    pub(super) rtcp_rsize: bool,
    pub(super) direction: Direction,
    pub(super) content: RemoteContent,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum RemoteContent {
    Unknown,
    Data(RemoteData),
    Rtp(RemoteRtp),
}

/// RFC 8841, and the form that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RemoteData {
    /// Zero closes the association (RFC 8841 §5.1).
    pub(super) port: u16,
    /// `None` has no bound.
    pub(super) max_message_size: Option<u64>,
    pub(super) legacy: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct RemoteRtp {
    pub(super) kind: MediaKind,
    pub(super) parameters: RtpParameters,
    /// `a=msid` without appdata, each once; empty if the media belongs to no stream.
    pub(super) streams: Vec<String>,
    pub(super) sources: RtpSources,
}

impl RemoteDescription {
    pub(super) fn read(description: &Description, config: &Config) -> Result<Self, NegotiationError> {
        let mut findings = Vec::new();
        let mut lost = Lost::default();
        let session = config.parser().parse_weighing(&description.sdp, |finding, vital| {
            if findings.len() < FINDINGS_MAXIMUM {
                findings.push(finding);
            }
            lost.add(finding, vital);
        })?;
        lost.lines.sort_unstable();
        let mut lines = lost.lines.iter().peekable();
        // The sections stand one behind the other up to the end.
        let sections_length: usize = session.media().map(|media| media.as_bytes().len()).sum();
        let mut end = session.as_bytes().len().saturating_sub(sections_length);
        while let Some((_, name)) = lines.next_if(|(offset, _)| *offset < end) {
            lost.names.insert(*name);
        }
        let mut deviations = Vec::new();
        let mut sections: Vec<RemoteSection> = Vec::with_capacity(session.media_count());
        let mut by_mid = BTreeMap::new();
        let mut room = config.candidates_maximum;
        let mut options = session.ice_options().is_some();
        let mut trickle = session.ice_options().is_some_and(|options| options.contains("trickle"));
        for (index, media) in session.media().enumerate() {
            let mut section = RemoteSection::read(&media, room);
            let setup = section.setup.filter(|_| description.kind != SdpKind::Offer);
            let setup = match setup.filter(|_| !media.is_rejected()) {
                Some(Setup::ActPass) => Some(Deviation::SetupUndecided { section: index }),
                Some(Setup::HoldConn) => Some(Deviation::HoldConn { section: index }),
                _ => None,
            };
            let mux = (media.rtcp_mux_only() && !media.rtcp_mux()).then_some(Deviation::RtcpMuxOnly { section: index });
            let room_for_more = FINDINGS_MAXIMUM.saturating_sub(deviations.len());
            deviations.extend(setup.into_iter().chain(mux).take(room_for_more));
            end = end.saturating_add(media.as_bytes().len());
            section.malformed = lost.names.iter().any(|name| !media.has(name));
            while lines.next_if(|(offset, _)| *offset < end).is_some() {
                section.malformed = true;
            }
            room = room.saturating_sub(section.candidates.len());
            // The lenient profile lets doubles pass: the first has the mid then, the others have none.
            section.mid = section.mid.filter(|mid| !by_mid.contains_key(mid));
            by_mid.extend(section.mid.clone().map(|mid| (mid, index)));
            options |= media.ice_options().is_some();
            trickle |= media.ice_options().is_some_and(|options| options.contains("trickle"));
            sections.push(section);
        }
        // Whoever gets no section learns more from an error than from an answer that rejects all.
        let mut offered = sections
            .iter()
            .filter(|section| !section.port_zero || section.bundle_only);
        if let Some(first) = lost.first.filter(|_| offered.all(|section| section.malformed)) {
            return Err(first.into());
        }
        let groups = |semantics| groups(&session, semantics, &by_mid);
        Ok(Self {
            kind: description.kind,
            text: Secret(description.sdp.clone()),
            bundles: groups("BUNDLE"),
            lip_sync: groups("LS"),
            sections,
            ice_options: options,
            trickle,
            ice_lite: session.ice_lite(),
            findings,
            deviations,
            by_mid,
        })
    }

    /// Tells of deviations, as far as there is room.
    pub(super) fn deviate(&mut self, deviations: impl IntoIterator<Item = Deviation>) {
        let room = FINDINGS_MAXIMUM.saturating_sub(self.deviations.len());
        self.deviations.extend(deviations.into_iter().take(room));
    }

    /// Which BUNDLE group each section is in.
    pub(super) fn bundle_of(&self) -> Vec<Option<usize>> {
        bundle::group_of(&self.bundles, self.sections.len())
    }

    /// The section of an offered group that describes its transport: the first that is alive and has a
    /// port (RFC 9143 §7.3.1). Browsers describe it in bundle-only sections too: where nothing better
    /// is left, one of those will do. `None` if none describes it.
    pub(super) fn tagged_of(&self, shared: &Shared) -> Option<usize> {
        let describes = |index: &usize| {
            self.sections
                .get(*index)
                .is_some_and(|section| section.credentials.is_some())
        };
        let has_port = |index: &usize| self.sections.get(*index).is_some_and(|section| !section.port_zero);
        let members = || shared.members.iter().copied();
        members()
            .find(|index| describes(index) && has_port(index))
            .or_else(|| members().find(describes))
    }

    pub(super) fn index_of_mid(&self, mid: &str) -> Option<usize> {
        self.by_mid.get(mid).copied()
    }

    pub(super) fn mids(&self) -> impl Iterator<Item = &String> {
        self.by_mid.keys()
    }
}

/// Malformed lines that sections can't do without.
#[derive(Default)]
struct Lost {
    first: Option<Finding>,
    /// Where they stand, and what they should say.
    lines: Vec<(usize, &'static str)>,
    /// What the session should say for the sections that don't say it themselves.
    names: BTreeSet<&'static str>,
}

impl Lost {
    fn add(&mut self, finding: Finding, vital: Option<&'static str>) {
        if let Some(name) = vital {
            self.first.get_or_insert(finding);
            self.lines.push((finding.offset(), name));
        }
    }
}

/// Groups of this kind. A section is in one of them at most: the first that names it.
fn groups(session: &Session<'_>, semantics: &str, by_mid: &BTreeMap<String, usize>) -> Vec<Vec<usize>> {
    let mut seen = alloc::vec![false; session.media_count()];
    let mut groups = Vec::new();
    for group in session.groups().filter(|group| group.semantics == semantics) {
        let members = group.mids().filter_map(|mid| by_mid.get(mid).copied());
        let members: Vec<usize> = members
            .filter(|member| {
                seen.get_mut(*member)
                    .is_some_and(|seen| !core::mem::replace(seen, true))
            })
            .collect();
        groups.push(members);
    }
    groups
}

/// More hashes of certificates than anybody has. Those of the session are copied into each section.
const FINGERPRINTS_MAXIMUM: usize = 32;

impl RemoteSection {
    fn read(media: &Media<'_>, candidates_maximum: usize) -> Self {
        let mut fingerprints: Vec<CertificateHash> = media
            .fingerprints()
            .take(FINGERPRINTS_MAXIMUM)
            .filter_map(|each| CertificateHash::of(&each))
            .collect();
        // RFC 8122 §5: a set.
        fingerprints.sort_unstable();
        fingerprints.dedup();
        let credentials = media.ice_ufrag().zip(media.ice_pwd());
        let candidates = media.candidates().take(candidates_maximum);
        Self {
            mid: media.mid().map(ToString::to_string),
            line: SectionLine {
                media: media.kind().to_string(),
                protocol: media.protocol().to_string(),
                formats: media.line().format_list.to_string(),
            },
            port_zero: media.port() == 0,
            malformed: false,
            bundle_only: media.bundle_only(),
            credentials: credentials.map(|(ufrag, pwd)| (ufrag.to_string(), Secret(pwd.to_string()))),
            has_fingerprint: media.fingerprints().next().is_some(),
            fingerprints,
            setup: media.setup(),
            tls_id: media.tls_id().map(ToString::to_string),
            candidates: candidates.map(OwnedCandidate::from).collect(),
            end_of_candidates: media.end_of_candidates(),
            rtcp_mux: media.rtcp_mux() || media.rtcp_mux_only(),
            rtcp_rsize: media.rtcp_rsize(),
            direction: media.direction(),
            content: RemoteContent::read(media),
        }
    }

    /// Port zero rejects, unless the section only waits to be bundled (RFC 9143 §6).
    pub(super) fn rejected(&self, bundled: bool) -> Option<RejectReason> {
        match (self.port_zero, self.bundle_only) {
            (true, false) => Some(RejectReason::Peer),
            (true, true) if !bundled => Some(RejectReason::BundleOnly),
            _ => self.malformed.then_some(RejectReason::Malformed),
        }
    }

    pub(super) fn is_rejected(&self, bundled: bool) -> bool {
        self.rejected(bundled).is_some()
    }

    /// Whether its protocol promises DTLS (RFC 9429 §5.1.2).
    pub(super) fn promises_dtls(&self) -> bool {
        self.line.protocol.contains("TLS")
    }

    pub(super) fn rtp(&self) -> Option<&RemoteRtp> {
        match &self.content {
            RemoteContent::Rtp(rtp) => Some(rtp),
            _ => None,
        }
    }

    pub(super) fn data(&self) -> Option<&RemoteData> {
        match &self.content {
            RemoteContent::Data(data) => Some(data),
            _ => None,
        }
    }
}

impl RemoteContent {
    fn read(media: &Media<'_>) -> Self {
        if media.is_rejected() {
            return RemoteContent::Unknown;
        }
        if media.is_data_channel() {
            return RemoteContent::Data(RemoteData {
                port: media.sctp_port().unwrap_or(DEFAULT_SCTP_PORT),
                // RFC 8841 §6.1: zero has no bound.
                max_message_size: match media.max_message_size().unwrap_or(DEFAULT_MAX_MESSAGE_SIZE) {
                    0 => None,
                    bytes => Some(bytes),
                },
                legacy: media.sctp_map().is_some(),
            });
        }
        match MediaKind::parse(media.kind()) {
            Some(kind) if RTP_PROTOCOLS.contains(&media.protocol()) => RemoteContent::Rtp(RemoteRtp {
                kind,
                parameters: RtpParameters::read(media),
                streams: streams(media),
                sources: RtpSources::read(media),
            }),
            _ => RemoteContent::Unknown,
        }
    }
}

/// The streams of a section: `a=msid` (RFC 8830 §2), or what came before it, `a=ssrc:1 msid:`.
fn streams(media: &Media<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut said = false;
    let mut streams = Vec::new();
    let mut legacy = None;
    for attribute in media.attributes() {
        match attribute.name {
            "msid" => {
                if let Ok(Attribute::Msid(msid)) = attribute.typed() {
                    said = true;
                    let new = msid.stream_id().filter(|id| seen.insert(*id));
                    streams.extend(new.map(ToString::to_string));
                }
            }
            "ssrc" if legacy.is_none() => {
                if let Ok(Attribute::Ssrc(ssrc)) = attribute.typed() {
                    legacy = ssrc.msid();
                }
            }
            _ => {}
        }
    }
    match said {
        true => streams,
        false => legacy
            .iter()
            .filter_map(|msid| msid.stream_id())
            .map(ToString::to_string)
            .collect(),
    }
}
