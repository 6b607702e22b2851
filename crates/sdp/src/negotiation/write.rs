//! Writes our descriptions, with what ICE and DTLS know now.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use super::config::Config;
use super::section::{
    LocalContent, LocalData, LocalForm, LocalRtp, LocalSection, LocalState, Rtcp, SectionLine, TransportDescription,
};
use super::transport::{LocalTransport, TransportKey};
use crate::attribute::{Attribute, Candidate, CandidateKind, SctpMap, Setup};
use crate::{Connection, MediaLine, Origin, WriteError, Writer};

/// RFC 9429 §5.2.1: less than 2^63 - 1.
const SESSION_ID_MAXIMUM: u64 = (1 << 63) - 2;

pub(super) fn write(
    config: &Config,
    form: &LocalForm,
    mut transport: impl FnMut(TransportKey) -> LocalTransport,
) -> Result<String, WriteError> {
    let (id, version) = (
        (config.session_id >> 1).min(SESSION_ID_MAXIMUM).to_string(),
        form.version.to_string(),
    );
    let mut writer = Writer::new(&Origin {
        address: "0.0.0.0",
        ..Origin::with_id(&id, &version)
    });
    let mid_of = |index: &usize| {
        let section = form.sections.get(*index).filter(|section| section.has_mid);
        section.map(|section| section.mid.as_str())
    };
    for (semantics, groups) in [("BUNDLE", &form.bundles), ("LS", &form.lip_sync)] {
        for group in groups {
            let mids: Vec<&str> = group.iter().filter_map(mid_of).collect();
            if !mids.is_empty() {
                writer.group(semantics, mids);
            }
        }
    }
    if form.ice_lite {
        writer.attribute(Attribute::IceLite);
    }
    if form.ice_options {
        writer.text("ice-options", "trickle ice2");
    }
    let locals: Vec<(TransportKey, LocalTransport)> =
        form.keys().into_iter().map(|key| (key, transport(key))).collect();
    for section in &form.sections {
        write_section(&mut writer, section, &locals, config);
    }
    writer.finish().map(|session| session.to_string())
}

fn write_section(
    writer: &mut Writer,
    section: &LocalSection,
    locals: &[(TransportKey, LocalTransport)],
    config: &Config,
) {
    let mid = Some(section.mid.as_str()).filter(|_| section.has_mid);
    let LocalState::Active { key, description } = &section.state else {
        // RFC 3264 §6: port zero, at least one format; RFC 8866 §5.7: a connection.
        return write_rejected(writer, &section.line, mid);
    };
    let none = LocalTransport::default();
    let found = locals.binary_search_by_key(key, |(known, _)| *known);
    let local = found
        .ok()
        .and_then(|index| locals.get(index))
        .map_or(&none, |(_, local)| local);
    let (address, port) = match description {
        // RFC 9143 §6: port zero, and not rejected.
        TransportDescription::BundleOnly => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        _ => default_candidate(local),
    };
    let line = MediaLine {
        kind: &section.line.media,
        port,
        port_count: None,
        protocol: &section.line.protocol,
        format_list: &section.line.formats,
    };
    writer.media(&line);
    let address_type = if address.is_ipv4() { "IP4" } else { "IP6" };
    writer.connection(&Connection {
        address_type,
        address: &address.to_string(),
        ..Connection::UNSPECIFIED
    });
    if let Some(mid) = mid {
        writer.attribute(Attribute::Mid(mid));
    }
    match description {
        TransportDescription::Full { setup, tls_id, rtcp } => {
            write_transport(writer, local, *setup, *tls_id);
            write_rtcp(writer, rtcp, &section.content);
        }
        TransportDescription::BundleOnly => {
            writer.flag("bundle-only");
        }
        TransportDescription::Bundled => {}
    }
    match &section.content {
        LocalContent::Data(data) => write_data(writer, data, &section.line, config),
        LocalContent::Rtp(rtp) => {
            write_media(writer, rtp);
        }
        LocalContent::Unknown => {}
    }
}

fn write_rejected(writer: &mut Writer, line: &SectionLine, mid: Option<&str>) {
    let line = MediaLine {
        kind: &line.media,
        port: 0,
        port_count: None,
        protocol: &line.protocol,
        format_list: &line.formats,
    };
    writer.media(&line).connection(&Connection::UNSPECIFIED);
    if let Some(mid) = mid {
        writer.attribute(Attribute::Mid(mid));
    }
    writer.flag("inactive");
}

/// What RFC 8859 puts into the categories IDENTICAL and TRANSPORT: once per bundle.
fn write_transport(writer: &mut Writer, local: &LocalTransport, setup: Setup, tls_id: bool) {
    for candidate in &local.candidates {
        let value = candidate.strip_prefix("a=").unwrap_or(candidate);
        writer.text("candidate", value.strip_prefix("candidate:").unwrap_or(value));
    }
    if local.end_of_candidates {
        writer.attribute(Attribute::EndOfCandidates);
    }
    writer
        .attribute(Attribute::IceUfrag(&local.ufrag))
        .attribute(Attribute::IcePwd(&local.pwd));
    for fingerprint in &local.fingerprints {
        writer.text(
            "fingerprint",
            &format!("{} {}", fingerprint.algorithm, fingerprint.value),
        );
    }
    writer.attribute(Attribute::Setup(setup));
    if let Some(id) = local.tls_id.as_deref().filter(|_| tls_id) {
        writer.attribute(Attribute::TlsId(id));
    }
}

fn write_rtcp(writer: &mut Writer, rtcp: &Rtcp, content: &LocalContent) {
    if rtcp.address {
        writer.text("rtcp", "9 IN IP4 0.0.0.0");
    }
    if rtcp.mux_only {
        writer.flag("rtcp-mux-only");
    }
    // RFC 9143 §7.1.3: a data section speaks for the media in its bundle.
    if matches!(content, LocalContent::Data(_)) {
        if rtcp.mux {
            writer.flag("rtcp-mux");
        }
        if rtcp.rsize {
            writer.flag("rtcp-rsize");
        }
    }
}

fn write_media(writer: &mut Writer, rtp: &LocalRtp) {
    if rtp.rtcp_mux {
        writer.flag("rtcp-mux");
    }
    writer.flag(rtp.direction.as_str());
    match rtp.streams.as_deref() {
        None => {}
        // RFC 8830 §2: in no stream.
        Some([]) => {
            writer.text("msid", "-");
        }
        Some(streams) => {
            for stream in streams {
                writer.text("msid", stream);
            }
        }
    }
    rtp.parameters.write(writer);
}

fn write_data(writer: &mut Writer, data: &LocalData, line: &SectionLine, config: &Config) {
    if data.legacy {
        let port = line.formats.split(' ').find_map(|format| format.parse().ok());
        writer.attribute(Attribute::SctpMap(SctpMap {
            port: port.unwrap_or(data.port),
            protocol: "webrtc-datachannel",
            streams: Some(u16::MAX),
        }));
    } else {
        writer.attribute(Attribute::SctpPort(data.port));
    }
    writer.attribute(Attribute::MaxMessageSize(config.max_message_size));
}

/// The candidate that works most often without ICE: relayed, then reflexive, then host
/// (RFC 8839 §4.2.1.2). Before there is any, the port is 9 (RFC 8840 §4.1.1).
fn default_candidate(local: &LocalTransport) -> (IpAddr, u16) {
    let reach = |kind: CandidateKind<'_>| match kind {
        CandidateKind::Relay => 0,
        CandidateKind::ServerReflexive => 1,
        _ => 2,
    };
    let candidates = local.candidates.iter().filter_map(|text| Candidate::parse(text).ok());
    let usable = candidates.filter(|candidate| candidate.is_udp() && candidate.component == 1);
    let usable =
        usable.filter_map(|candidate| Some((reach(candidate.kind), candidate.address.parse().ok()?, candidate.port)));
    let best = usable.min_by_key(|(reach, ..)| *reach);
    best.map_or((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9), |(_, address, port)| {
        (address, port)
    })
}
