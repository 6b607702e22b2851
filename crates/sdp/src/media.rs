//! One media section.

use crate::attribute::{Candidate, DEFAULT_SCTP_PORT, Direction, Fingerprint, IceOptions, Name, Rtcp, SctpMap, Setup};
use crate::attribute::{Crypto, DcMap, Decimal, ImageAttr};
use crate::attribute::{ExtMap, Fmtp, Msid, Rid, RtcpFb, RtpMap, Simulcast, Ssrc, SsrcGroup};
use crate::fields::{Bandwidth, Connection, MediaLine};
use crate::line::{Lines, RawLines};
use crate::section::{Attributes, Section, TypedAttributes};
use crate::session::Session;

/// A media section: an `m=` line and what belongs to it.
///
/// Accessors give what the section says, else what the session says for all sections, where the
/// RFC lets it.
#[derive(Debug, Clone, Copy)]
pub struct Media<'a> {
    line: MediaLine<'a>,
    section: Section<'a>,
    session: Session<'a>,
}

impl<'a> Media<'a> {
    /// The `m=` line.
    pub fn line(&self) -> MediaLine<'a> {
        self.line
    }

    /// `audio`, `video`, `application` or another token.
    pub fn kind(&self) -> &'a str {
        self.line.kind
    }

    /// The port. Zero means that the section is rejected, unless it is
    /// [`bundle_only`](Self::bundle_only).
    pub fn port(&self) -> u16 {
        self.line.port
    }

    /// The transport protocol, such as `UDP/DTLS/SCTP`.
    pub fn protocol(&self) -> &'a str {
        self.line.protocol
    }

    /// Payload types for RTP, `webrtc-datachannel` for data.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.line.formats()
    }

    /// Whether the section is refused or taken out of use (RFC 3264 §6, RFC 9143 §6): port zero
    /// without `a=bundle-only`.
    pub fn is_rejected(&self) -> bool {
        self.line.port == 0 && !self.bundle_only()
    }

    /// Whether data channels go over this section, in today's form (RFC 8841) or the old one.
    pub fn is_data_channel(&self) -> bool {
        let is_named = || self.formats().any(|format| format == "webrtc-datachannel");
        self.line.kind == "application"
            && match self.line.protocol {
                "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" => is_named(),
                // The old form has a port there, some peers the old protocol with the new format.
                "DTLS/SCTP" => is_named() || self.sctp_map().is_some_and(|map| map.protocol == "webrtc-datachannel"),
                _ => false,
            }
    }

    /// Whether the section itself, not the session, has a well-formed attribute of this name.
    pub fn has(&self, name: &str) -> bool {
        match Name::of(name.as_bytes()) {
            Some(name) => self.section.has(name),
            None => self.attributes().any(|attribute| attribute.name == name),
        }
    }

    /// The section's text, byte for byte as it came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.section.text()
    }

    /// The section's lines, `m=` first.
    pub fn lines(&self) -> Lines<'a> {
        self.section.lines()
    }

    /// The section's own attributes, known or not, in order.
    pub fn attributes(&self) -> Attributes<'a> {
        self.section.attributes()
    }

    /// The section's own attributes in order, each in its type. What is not known or malformed is
    /// [`Attribute::Other`](crate::attribute::Attribute::Other), as it came.
    ///
    /// ```
    /// use pollrtc_sdp::Session;
    /// use pollrtc_sdp::attribute::Attribute;
    ///
    /// let session = Session::parse("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=x\r\n")?;
    /// let media = session.media().next().unwrap();
    /// for attribute in media.typed_attributes() {
    ///     match attribute {
    ///         Attribute::Mid(mid) => assert_eq!(mid, "0"),
    ///         other => assert_eq!(other.to_string(), "x"),
    ///     }
    /// }
    /// # Ok::<(), pollrtc_sdp::ParseError>(())
    /// ```
    pub fn typed_attributes(&self) -> TypedAttributes<'a> {
        self.section.typed_attributes()
    }

    /// `i=`.
    pub fn information(&self) -> Option<&'a [u8]> {
        self.section.values('i').next()
    }

    /// `c=`: the section's first, else the session's.
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.section.connections().next().or_else(|| self.session.connection())
    }

    /// The section's own `c=` lines; several are legal with multicast layers.
    pub fn connections(&self) -> impl Iterator<Item = Connection<'a>> + Clone + use<'a> {
        self.section.connections()
    }

    /// The section's own `b=` lines.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'a>> + Clone + use<'a> {
        self.section.bandwidths()
    }

    /// `a=mid` (RFC 5888 §4).
    pub fn mid(&self) -> Option<&'a str> {
        self.section.mid()
    }

    /// Whether the section may only be used in its bundle (RFC 9143 §6).
    pub fn bundle_only(&self) -> bool {
        self.section.has(Name::BundleOnly)
    }

    /// `a=ice-ufrag`, else the session's.
    pub fn ice_ufrag(&self) -> Option<&'a str> {
        self.section.ice_ufrag().or_else(|| self.session.ice_ufrag())
    }

    /// `a=ice-pwd`, else the session's.
    pub fn ice_pwd(&self) -> Option<&'a str> {
        self.section.ice_pwd().or_else(|| self.session.ice_pwd())
    }

    /// `a=ice-options`, else the session's.
    pub fn ice_options(&self) -> Option<IceOptions<'a>> {
        self.section.ice_options().or_else(|| self.session.ice_options())
    }

    /// `a=candidate`, in order. Those that only the lenient profile accepts are left out.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate<'a>> + Clone + use<'a> {
        self.section.candidates()
    }

    /// Whether the writer has no candidates left to tell, here or for all sections (RFC 8840 §8.1).
    pub fn end_of_candidates(&self) -> bool {
        self.section.has(Name::EndOfCandidates) || self.session.end_of_candidates()
    }

    /// `a=fingerprint`: the section's own, or if it has none the session's (RFC 8122 §5).
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint<'a>> + Clone + use<'a> {
        let own = self.section.fingerprints().next().is_some();
        let section = if own { self.section } else { *self.session.section() };
        section.fingerprints()
    }

    /// `a=setup`, else the session's.
    pub fn setup(&self) -> Option<Setup> {
        self.section.setup().or_else(|| self.session.setup())
    }

    /// `a=tls-id` (RFC 8842 §4).
    pub fn tls_id(&self) -> Option<&'a str> {
        self.section.tls_id()
    }

    /// `a=sctp-port`, or the port of the old form, or for a data channel section that says neither
    /// [`DEFAULT_SCTP_PORT`]. Zero closes the association (RFC 8841 §10.4).
    pub fn sctp_port(&self) -> Option<u16> {
        self.section
            .sctp_port()
            .or_else(|| self.sctp_map().map(|map| map.port))
            .or_else(|| self.is_data_channel().then_some(DEFAULT_SCTP_PORT))
    }

    /// `a=max-message-size` in bytes; zero has no bound. Without the attribute it is
    /// [`DEFAULT_MAX_MESSAGE_SIZE`](crate::attribute::DEFAULT_MAX_MESSAGE_SIZE).
    pub fn max_message_size(&self) -> Option<u64> {
        self.section.max_message_size()
    }

    /// `a=sctpmap`: the section has the form that came before RFC 8841, and its answer has to have it too.
    pub fn sctp_map(&self) -> Option<SctpMap<'a>> {
        self.section.sctp_map()
    }

    /// Which way media flows, seen from the writer: what the section says, else the session, else
    /// both ways (RFC 8866 §6.7).
    pub fn direction(&self) -> Direction {
        self.section
            .direction()
            .or_else(|| self.session.direction())
            .unwrap_or_default()
    }

    /// `a=rtcp-mux` (RFC 5761 §5.1.1).
    pub fn rtcp_mux(&self) -> bool {
        self.section.has(Name::RtcpMux)
    }

    /// `a=rtcp-mux-only` (RFC 8858 §3).
    pub fn rtcp_mux_only(&self) -> bool {
        self.section.has(Name::RtcpMuxOnly)
    }

    /// `a=rtcp-rsize` (RFC 5506).
    pub fn rtcp_rsize(&self) -> bool {
        self.section.has(Name::RtcpRsize)
    }

    /// `a=rtcp` (RFC 3605).
    pub fn rtcp(&self) -> Option<Rtcp<'a>> {
        self.section.rtcp()
    }

    /// Whether one- and two-byte header extensions may be mixed, here or in all sections
    /// (RFC 8285 §6).
    pub fn extmap_allow_mixed(&self) -> bool {
        self.section.has(Name::ExtmapAllowMixed) || self.session.extmap_allow_mixed()
    }

    /// `a=rtpmap`, in order. Payload types without one are left out; see [`rtp_map`](Self::rtp_map).
    pub fn rtp_maps(&self) -> impl Iterator<Item = RtpMap<'a>> + Clone + use<'a> {
        self.section.rtp_maps()
    }

    /// What a payload type of the `m=` line stands for: its first `a=rtpmap`, else what RFC 3551 §6
    /// says.
    pub fn rtp_map(&self, payload_type: u8) -> Option<RtpMap<'a>> {
        let listed = self.formats().any(|format| format.parse() == Ok(payload_type));
        let written = || self.rtp_maps().find(|map| map.payload_type == payload_type);
        listed
            .then(|| written().or_else(|| RtpMap::of_static(payload_type)))
            .flatten()
    }

    /// `a=fmtp`, in order.
    pub fn format_parameters(&self) -> impl Iterator<Item = Fmtp<'a>> + Clone + use<'a> {
        self.section.fmtps()
    }

    /// `a=rtcp-fb`, in order.
    pub fn feedback(&self) -> impl Iterator<Item = RtcpFb<'a>> + Clone + use<'a> {
        self.section.feedback()
    }

    /// `a=extmap`: the section's own, or if it has none the session's (RFC 8285 §5: all stand at
    /// one level).
    pub fn header_extensions(&self) -> impl Iterator<Item = ExtMap<'a>> + Clone + use<'a> {
        let own = self.section.extmaps().next().is_some();
        let section = if own { self.section } else { *self.session.section() };
        section.extmaps()
    }

    /// `a=msid`: the streams that the section's track is in (RFC 8830).
    pub fn msids(&self) -> impl Iterator<Item = Msid<'a>> + Clone + use<'a> {
        self.section.msids()
    }

    /// `a=rid`, in order. RFC 8851 wants their ids to differ, which is not checked here.
    pub fn rids(&self) -> impl Iterator<Item = Rid<'a>> + Clone + use<'a> {
        self.section.rids()
    }

    /// `a=simulcast`, if it is as RFC 8853 has it.
    pub fn simulcast(&self) -> Option<Simulcast<'a>> {
        self.section.simulcast()
    }

    /// `a=ssrc`, in order.
    pub fn ssrcs(&self) -> impl Iterator<Item = Ssrc<'a>> + Clone + use<'a> {
        self.section.ssrcs()
    }

    /// `a=ssrc-group`, in order.
    pub fn ssrc_groups(&self) -> impl Iterator<Item = SsrcGroup<'a>> + Clone + use<'a> {
        self.section.ssrc_groups()
    }

    /// `a=ptime`: milliseconds of media in a packet (RFC 8866 §6.4).
    pub fn ptime(&self) -> Option<Decimal<'a>> {
        self.section.ptime()
    }

    /// `a=maxptime`: the most milliseconds of media in a packet (RFC 8866 §6.5).
    pub fn max_ptime(&self) -> Option<Decimal<'a>> {
        self.section.max_ptime()
    }

    /// `a=framerate`, in frames per second (RFC 8866 §6.13).
    pub fn frame_rate(&self) -> Option<Decimal<'a>> {
        self.section.frame_rate()
    }

    /// `a=label` (RFC 4574).
    pub fn label(&self) -> Option<&'a str> {
        self.section.label()
    }

    /// `a=content`: tokens joined by commas (RFC 4796).
    pub fn content(&self) -> Option<&'a str> {
        self.section.content()
    }

    /// `a=imageattr`, in order (RFC 6236).
    pub fn image_attributes(&self) -> impl Iterator<Item = ImageAttr<'a>> + Clone + use<'a> {
        self.section.image_attrs()
    }

    /// `a=crypto`, in order (RFC 4568); of no use to WebRTC.
    pub fn cryptos(&self) -> impl Iterator<Item = Crypto<'a>> + Clone + use<'a> {
        self.section.cryptos()
    }

    /// `a=dcmap`: the data channels that both sides open without DCEP (RFC 8864).
    pub fn data_channel_maps(&self) -> impl Iterator<Item = DcMap<'a>> + Clone + use<'a> {
        self.section.dc_maps()
    }

    /// Whether the writer encrypts all of the RTP header that can be (RFC 9335), here or in all
    /// sections.
    pub fn cryptex(&self) -> bool {
        self.section.has(Name::Cryptex) || self.session.section().has(Name::Cryptex)
    }
}

/// The media sections of a session, in order; from [`Session::media`].
#[derive(Debug, Clone)]
pub struct MediaSections<'a> {
    session: Session<'a>,
    rest: &'a [u8],
}

impl<'a> MediaSections<'a> {
    pub(crate) fn new(session: Session<'a>, media: &'a [u8]) -> Self {
        Self { session, rest: media }
    }
}

impl<'a> Iterator for MediaSections<'a> {
    type Item = Media<'a>;

    fn next(&mut self) -> Option<Media<'a>> {
        let mut lines = RawLines::new(self.rest);
        let [b'm', b'=', value @ ..] = lines.next()?.bytes else {
            return None;
        };
        let line = MediaLine::parse(value.trim_ascii_end()).ok()?;
        let mut section = Section::new(self.session.section().reading());
        let mut end = lines.position();
        for line in lines.by_ref() {
            if line.bytes.starts_with(b"m=") {
                break;
            }
            section.note_line(&line);
            end = line.end;
        }
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(Media {
            line,
            section: section.with_text(text),
            session: self.session,
        })
    }
}

impl<'a> Session<'a> {
    /// The media sections in order, understood or not.
    pub fn media(&self) -> MediaSections<'a> {
        MediaSections::new(*self, self.media)
    }

    /// The media section with this `a=mid`.
    pub fn media_by_mid(&self, mid: &str) -> Option<Media<'a>> {
        self.media().find(|media| media.mid() == Some(mid))
    }

    /// The first of the media sections that `media` has.
    #[cfg(feature = "alloc")]
    pub(crate) fn media_from(&self, media: &'a [u8]) -> Option<Media<'a>> {
        MediaSections::new(*self, media).next()
    }
}
