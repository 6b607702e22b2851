//! Writes our descriptions (RFC 9429 §5.2, §5.3).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use pollrtc_crypto::Fingerprint;
use pollrtc_ice::{Candidate, CandidateKind, Credentials};
use pollrtc_sdp::attribute::{Attribute, DEFAULT_SCTP_PORT, SctpMap};
use pollrtc_sdp::{Connection, MediaLine, Origin, WriteError, Writer};

use super::{LocalForm, Section, SectionKind};

/// What ICE, DTLS and SCTP add to a description.
pub(crate) struct LocalTransport<'a> {
    pub(crate) credentials: &'a Credentials,
    pub(crate) candidates: Vec<&'a Candidate>,
    pub(crate) end_of_candidates: bool,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) ice_lite: bool,
    pub(crate) max_message_size: usize,
}

pub(super) fn write(session_id: u64, form: &LocalForm, local: &LocalTransport<'_>) -> Result<String, WriteError> {
    let (id, version) = (session_id.to_string(), form.version.to_string());
    let mut writer = Writer::new(&Origin::with_id(&id, &version));
    let may_be_bundled = |mid: &&str| form.bundle.as_ref().is_none_or(|mids| mids.contains(*mid));
    let data = || form.sections.iter().filter(|section| section.is_data());
    let bundle: Vec<&str> = data()
        .filter_map(|section| section.mid.as_deref())
        .filter(may_be_bundled)
        .collect();
    if !bundle.is_empty() {
        writer.group("BUNDLE", bundle);
    }
    if local.ice_lite {
        writer.attribute(Attribute::IceLite);
    }
    writer.attribute(Attribute::ExtmapAllowMixed);
    for section in &form.sections {
        match &section.kind {
            SectionKind::Data { legacy } => write_data(&mut writer, section, *legacy, form, local),
            SectionKind::Rejected {
                media,
                protocol,
                formats,
            } => {
                let line = MediaLine {
                    kind: media,
                    port: 0,
                    port_count: None,
                    protocol,
                    format_list: formats,
                };
                writer.media(&line).connection(&Connection::UNSPECIFIED);
                if let Some(mid) = &section.mid {
                    writer.attribute(Attribute::Mid(mid));
                }
                writer.flag("inactive");
            }
        }
    }
    writer.finish().map(|session| session.to_string())
}

fn write_data(writer: &mut Writer, section: &Section, legacy: bool, form: &LocalForm, local: &LocalTransport<'_>) {
    // RFC 8839 §4.2: media line and connection name the default candidate; 9 and an unspecified
    // address say that there is none yet (RFC 8840 §4.3.1).
    let default = default_candidate(&local.candidates);
    let (ip, port) = default.unwrap_or((IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED), 9));
    let sctp_port = DEFAULT_SCTP_PORT.to_string();
    let line = match legacy {
        false => MediaLine::data_channel(port),
        true => MediaLine {
            protocol: "DTLS/SCTP",
            format_list: &sctp_port,
            ..MediaLine::data_channel(port)
        },
    };
    let address = ip.to_string();
    let address_type = if ip.is_ipv4() { "IP4" } else { "IP6" };
    writer.media(&line).connection(&Connection {
        address_type,
        address: &address,
        ..Connection::UNSPECIFIED
    });
    for candidate in &local.candidates {
        let line = candidate.to_string();
        writer.text("candidate", line.strip_prefix("candidate:").unwrap_or(&line));
    }
    if local.end_of_candidates {
        writer.attribute(Attribute::EndOfCandidates);
    }
    writer
        .attribute(Attribute::IceUfrag(&local.credentials.ufrag))
        .attribute(Attribute::IcePwd(&local.credentials.pwd))
        .text("ice-options", "trickle ice2")
        .text("fingerprint", &local.fingerprint.to_string())
        .attribute(Attribute::Setup(form.setup));
    if let Some(mid) = &section.mid {
        writer.attribute(Attribute::Mid(mid));
    }
    if legacy {
        let map = SctpMap {
            port: DEFAULT_SCTP_PORT,
            protocol: "webrtc-datachannel",
            streams: Some(u16::MAX),
        };
        writer.attribute(Attribute::SctpMap(map));
    } else {
        writer.attribute(Attribute::SctpPort(DEFAULT_SCTP_PORT));
    }
    writer.attribute(Attribute::MaxMessageSize(local.max_message_size as u64));
}

/// The candidate that a peer without ICE would most likely reach (RFC 8839 §4.2.1).
fn default_candidate(candidates: &[&Candidate]) -> Option<(IpAddr, u16)> {
    let reach = |candidate: &&&Candidate| match candidate.kind() {
        CandidateKind::ServerReflexive => 0,
        _ => 1,
    };
    let best = candidates
        .iter()
        .filter(|candidate| candidate.address().is_some())
        .min_by_key(reach)?;
    best.address().map(|address| (address.ip(), address.port()))
}
