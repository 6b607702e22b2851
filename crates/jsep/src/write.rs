//! Writes our descriptions, with what ICE and DTLS know now.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use super::config::Config;
use super::line::SectionLine;
use super::section::{
    LocalContent, LocalData, LocalForm, LocalRtp, LocalSection, LocalState, Rtcp, TransportDescription,
};
use super::transport::{LocalTransport, TransportKey};
use crate::rtp::LocalSource;
use pollrtc_sdp::attribute::{Attribute, CandidateKind, Direction, OwnedCandidate, SctpMap, Setup};
use pollrtc_sdp::{Connection, MediaLine, Origin, WriteError, Writer};

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
    let associations = form.associations();
    let ends = form.keys().into_iter();
    let ends = ends.map(|key| End::new(key, transport(key), associations.get(&key)));
    let last = form.last.iter().filter_map(|last| {
        let local = last.local.clone()?;
        Some(End::new(last.key, local, Some(&(last.setup, false))))
    });
    let ends: Vec<End> = ends.chain(last).collect();
    // What is rejected has no transport. Peers that look for one in each section find that of the
    // first that is alive, as browsers write it, or the last that there was: without any ICE
    // credentials, aiortc and libdatachannel refuse the whole.
    let first = form.sections.iter().find_map(LocalSection::key);
    let first = first.or(form.last.as_ref().map(|last| last.key));
    for (index, section) in form.sections.iter().enumerate() {
        let key = section.key().or(first);
        let found = key.and_then(|key| ends.binary_search_by_key(&key, |end| end.key).ok());
        let end = found.and_then(|index| ends.get(index));
        match (&section.state, end) {
            (LocalState::Active { description, .. }, Some(end)) => {
                write_section(&mut writer, section, description, end, config);
            }
            // Where nothing is left, libdatachannel refuses what is inactive throughout ("Remote
            // description has no active media"), and aiortc what has no direction. `sendonly` asks a
            // peer that sees no port zero to send nothing.
            _ => {
                let last = form.last.as_ref().and_then(|last| last.directions.get(index));
                let direction = last.copied().unwrap_or(Direction::Inactive);
                write_rejected(&mut writer, section, end, direction);
            }
        }
    }
    writer.finish().map(|session| session.to_string())
}

/// Our end of a transport, as all sections that it carries say it.
struct End {
    key: TransportKey,
    local: LocalTransport,
    setup: Setup,
    tls_id: bool,
    /// What makes it whole where ICE doesn't do: connection address and port.
    default: (IpAddr, u16),
}

impl End {
    fn new(key: TransportKey, local: LocalTransport, association: Option<&(Setup, bool)>) -> Self {
        let (setup, tls_id) = association.copied().unwrap_or((Setup::ActPass, false));
        let default = default_candidate(&local);
        Self {
            key,
            local,
            setup,
            tls_id,
            default,
        }
    }
}

fn write_section(
    writer: &mut Writer,
    section: &LocalSection,
    description: &TransportDescription,
    end: &End,
    config: &Config,
) {
    let (address, port) = match description {
        // RFC 9143 §6: port zero, and not rejected.
        TransportDescription::BundleOnly => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        _ => end.default,
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
    write_mid(writer, section);
    match description {
        TransportDescription::Full { rtcp, .. } => {
            write_candidates(writer, &end.local);
            write_transport(writer, end);
            write_rtcp(writer, rtcp, &section.content);
        }
        TransportDescription::BundleOnly => {
            writer.flag("bundle-only");
            write_transport(writer, end);
        }
        TransportDescription::Bundled => write_transport(writer, end),
    }
    match &section.content {
        LocalContent::Data(data) => write_data(writer, data, &section.line, config),
        LocalContent::Rtp(rtp) => {
            write_media(writer, rtp, &config.cname);
        }
        LocalContent::Idle(idle) => {
            if idle.rtcp_mux {
                writer.flag("rtcp-mux");
            }
            writer.flag(Direction::Inactive.as_str());
            idle.parameters.write(writer);
        }
        LocalContent::Unknown | LocalContent::Nothing(_) => {}
    }
}

/// RFC 3264 §6: port zero, at least one format; RFC 8866 §5.7: a connection.
fn write_rejected(writer: &mut Writer, section: &LocalSection, end: Option<&End>, direction: Direction) {
    let line = MediaLine {
        kind: &section.line.media,
        port: 0,
        port_count: None,
        protocol: &section.line.protocol,
        format_list: &section.line.formats,
    };
    writer.media(&line).connection(&Connection::UNSPECIFIED);
    write_mid(writer, section);
    if let Some(end) = end {
        write_transport(writer, end);
    }
    let (rtcp_mux, parameters) = match &section.content {
        LocalContent::Nothing(nothing) => (nothing.rtcp_mux, Some(&nothing.parameters)),
        LocalContent::Rtp(rtp) => (rtp.rtcp_mux, Some(&rtp.parameters)),
        _ => (false, None),
    };
    if rtcp_mux {
        writer.flag("rtcp-mux");
    }
    writer.flag(direction.as_str());
    if let Some(parameters) = parameters {
        parameters.write(writer);
    }
}

fn write_mid(writer: &mut Writer, section: &LocalSection) {
    if section.has_mid {
        writer.attribute(Attribute::Mid(&section.mid));
    }
}

fn write_candidates(writer: &mut Writer, local: &LocalTransport) {
    for candidate in &local.candidates {
        writer.attribute(Attribute::Candidate(candidate.as_candidate()));
    }
    if local.end_of_candidates {
        writer.attribute(Attribute::EndOfCandidates);
    }
}

/// RFC 9143 §7.1.3 has these once per bundle, and nothing of the kind in what is rejected. Peers look
/// for them in each section: without, browsers refuse bundled sections or crash, aiortc refuses the
/// whole description. Candidates they find in one.
fn write_transport(writer: &mut Writer, end: &End) {
    let local = &end.local;
    writer
        .attribute(Attribute::IceUfrag(&local.ufrag))
        .attribute(Attribute::IcePwd(&local.pwd));
    for fingerprint in &local.fingerprints {
        writer.formatted("fingerprint", format_args!("{fingerprint}"));
    }
    writer.attribute(Attribute::Setup(end.setup));
    if let Some(id) = local.tls_id.as_deref().filter(|_| end.tls_id) {
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

fn write_media(writer: &mut Writer, rtp: &LocalRtp, cname: &str) {
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
    write_sources(writer, &rtp.sources, cname);
}

/// RFC 5576 §4.1, §4.2, §6.1, RFC 4588 §8.7.
fn write_sources(writer: &mut Writer, sources: &[LocalSource], cname: &str) {
    for source in sources {
        if let Some(rtx) = source.rtx {
            writer.formatted("ssrc-group", format_args!("FID {} {rtx}", source.ssrc));
        }
    }
    for ssrc in sources.iter().flat_map(|source| source.ssrcs()) {
        writer.formatted("ssrc", format_args!("{ssrc} cname:{cname}"));
    }
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
    let candidates = local.candidates.iter().map(OwnedCandidate::as_candidate);
    let usable = candidates.filter(|candidate| candidate.is_udp() && candidate.component == 1);
    let usable =
        usable.filter_map(|candidate| Some((reach(candidate.kind), candidate.address.parse().ok()?, candidate.port)));
    let best = usable.min_by_key(|(reach, ..)| *reach);
    best.map_or((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9), |(_, address, port)| {
        (address, port)
    })
}
