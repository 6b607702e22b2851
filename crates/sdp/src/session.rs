//! The description as a whole.

use crate::attribute::{Direction, ExtMap, Fingerprint, Group, IceOptions, MsidSemantic, Name, Setup};
use crate::fields::{Bandwidth, Connection, Origin, Timing};
use crate::line::Lines;
#[cfg(feature = "alloc")]
use crate::profile::Reading;
use crate::section::{Attributes, Section, TypedAttributes};

/// A description that has been checked, as views into its text.
///
/// ```
/// use pollrtc_sdp::Session;
///
/// let session = Session::parse(concat!(
///     "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
///     "a=group:BUNDLE 0\r\n",
///     "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n",
///     "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=mid:0\r\na=sctp-port:5000\r\n",
/// ))?;
/// let media = session.media().next().unwrap();
/// assert_eq!(media.kind(), "application");
/// assert_eq!(media.ice_ufrag(), Some("EsAw"));
/// assert!(session.bundle().unwrap().contains(media.mid().unwrap()));
/// # Ok::<(), pollrtc_sdp::ParseError>(())
/// ```
///
/// Nothing is copied and nothing allocated: a session is as cheap to clone as a few hundred bytes
/// are, and lives as long as its text does. Where the lenient profile has let something malformed
/// pass, the typed accessors behave as if it were not there.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    section: Section<'a>,
    /// From the first `m=` on.
    pub(crate) media: &'a [u8],
    media_count: usize,
    text: &'a [u8],
}

impl<'a> Session<'a> {
    pub(crate) fn new(text: &'a [u8], session: Section<'a>, media: &'a [u8], media_count: usize) -> Self {
        Self {
            section: session,
            media,
            media_count,
            text,
        }
    }

    /// The view of a text that has been checked before.
    #[cfg(feature = "alloc")]
    pub(crate) fn of_checked(text: &'a [u8], media_start: usize, media_count: usize, reading: Reading) -> Self {
        let (session, media) = text.split_at_checked(media_start).unwrap_or((text, &[]));
        let mut section = Section::new(reading);
        for line in crate::line::RawLines::new(session) {
            section.note_line(&line);
        }
        Self::new(text, section.with_text(session), media, media_count)
    }

    pub(crate) fn section(&self) -> &Section<'a> {
        &self.section
    }

    /// The text, byte for byte as it came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// All lines, those of the media sections too.
    pub fn lines(&self) -> Lines<'a> {
        Lines::new(self.text)
    }

    /// `o=`.
    pub fn origin(&self) -> Origin<'a> {
        let value = self.section.values('o').next().unwrap_or_default();
        Origin::parse(value).unwrap_or_else(|_| Origin::salvage(value))
    }

    /// `s=`; its encoding is UTF-8 unless `a=charset` says otherwise.
    pub fn name(&self) -> &'a [u8] {
        self.section.values('s').next().unwrap_or_default()
    }

    /// `i=`.
    pub fn information(&self) -> Option<&'a [u8]> {
        self.section.values('i').next()
    }

    /// `c=` of the session.
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.section.connections().next()
    }

    /// `b=` of the session.
    pub fn bandwidths(&self) -> impl Iterator<Item = Bandwidth<'a>> + Clone + use<'a> {
        self.section.bandwidths()
    }

    /// `t=`.
    pub fn timings(&self) -> impl Iterator<Item = Timing<'a>> + Clone + use<'a> {
        self.section
            .values('t')
            .map(|value| Timing::parse(value).unwrap_or_else(|_| Timing::salvage(value)))
    }

    /// The session's own attributes, known or not, in order.
    pub fn attributes(&self) -> Attributes<'a> {
        self.section.attributes()
    }

    /// The session's own attributes in order, each in its type. What is not known or malformed is
    /// [`Attribute::Other`](crate::attribute::Attribute::Other), as it came.
    pub fn typed_attributes(&self) -> TypedAttributes<'a> {
        self.section.typed_attributes()
    }

    /// How many media sections there are.
    pub fn media_count(&self) -> usize {
        self.media_count
    }

    /// `a=group`.
    pub fn groups(&self) -> impl Iterator<Item = Group<'a>> + Clone + use<'a> {
        self.section.groups()
    }

    /// The first group whose sections share one transport (RFC 9143).
    pub fn bundle(&self) -> Option<Group<'a>> {
        self.groups().find(Group::is_bundle)
    }

    /// Whether the writer is an ICE-lite agent.
    pub fn ice_lite(&self) -> bool {
        self.section.has(Name::IceLite)
    }

    /// `a=ice-ufrag` of the session; a media section's own comes first.
    pub fn ice_ufrag(&self) -> Option<&'a str> {
        self.section.ice_ufrag()
    }

    /// `a=ice-pwd` of the session; a media section's own comes first.
    pub fn ice_pwd(&self) -> Option<&'a str> {
        self.section.ice_pwd()
    }

    /// `a=ice-options` of the session.
    pub fn ice_options(&self) -> Option<IceOptions<'a>> {
        self.section.ice_options()
    }

    /// `a=ice-pacing`, in milliseconds.
    pub fn ice_pacing(&self) -> Option<u32> {
        self.section.ice_pacing()
    }

    /// `a=fingerprint` of the session; a media section's own replace them as a set.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint<'a>> + Clone + use<'a> {
        self.section.fingerprints()
    }

    /// `a=setup` of the session.
    pub fn setup(&self) -> Option<Setup> {
        self.section.setup()
    }

    /// Which way media flows in sections that don't say.
    pub fn direction(&self) -> Option<Direction> {
        self.section.direction()
    }

    /// Whether the writer has no candidates left to tell, in any section.
    pub fn end_of_candidates(&self) -> bool {
        self.section.has(Name::EndOfCandidates)
    }

    /// Whether one- and two-byte header extensions may be mixed in all sections.
    pub fn extmap_allow_mixed(&self) -> bool {
        self.section.has(Name::ExtmapAllowMixed)
    }

    /// `a=extmap` of the session, for sections that have none of their own.
    pub fn header_extensions(&self) -> impl Iterator<Item = ExtMap<'a>> + Clone + use<'a> {
        self.section.extmaps()
    }

    /// `a=msid-semantic`.
    pub fn msid_semantic(&self) -> Option<MsidSemantic<'a>> {
        self.section.msid_semantic()
    }
}
