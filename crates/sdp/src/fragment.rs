//! What is sent of a description when candidates are trickled.

use crate::attribute::{Group, IceOptions};
use crate::line::Lines;
use crate::media::{Media, MediaSections};
#[cfg(feature = "alloc")]
use crate::profile::Reading;
use crate::section::Attributes;
use crate::session::Session;

/// An `application/trickle-ice-sdpfrag` body (RFC 8840 §9, with RFC 9725 for WHIP): ICE attributes
/// for all sections, then a media section for each that there are candidates for.
///
/// ```
/// use pollrtc_sdp::Fragment;
///
/// let fragment = Fragment::parse(concat!(
///     "a=group:BUNDLE 0 1\r\n",
///     "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n",
///     "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
///     "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n",
/// ))?;
/// assert_eq!(fragment.credentials(), Some(("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")));
/// for media in fragment.media() {
///     for candidate in media.candidates() {
///         println!("for {:?}: try {}:{}", media.mid(), candidate.address, candidate.port);
///     }
///     assert!(media.end_of_candidates());
/// }
/// # Ok::<(), pollrtc_sdp::ParseError>(())
/// ```
///
/// Its [`Media`] have the accessors of a description's, of which [`mid`](Media::mid),
/// [`candidates`](Media::candidates), [`ice_ufrag`](Media::ice_ufrag), [`ice_pwd`](Media::ice_pwd)
/// and [`end_of_candidates`](Media::end_of_candidates) have a meaning here; the rest of an `m=` line
/// is to be ignored. Sections come in any order and need not be all that the description has; with a
/// bundle that of its tagged mid is enough (RFC 9725 §4.3). Names of attributes are matched whatever
/// the case of their letters, as RFC 8840 §9.2 demands.
///
/// [`Parser::parse_fragment`](crate::Parser::parse_fragment) has other profiles and limits.
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'a> {
    session: Session<'a>,
}

impl<'a> Fragment<'a> {
    /// From what a pass over a fragment has found.
    pub(crate) fn new(session: Session<'a>) -> Self {
        Self { session }
    }

    /// The view of a text that has been checked before.
    #[cfg(feature = "alloc")]
    pub(crate) fn of_checked(text: &'a [u8]) -> Self {
        let heads = || crate::line::RawLines::new(text).filter(|line| line.bytes.starts_with(b"m="));
        let media_start = heads().next().map_or(text.len(), |line| line.start);
        Self::new(Session::of_checked(
            text,
            media_start,
            heads().count(),
            Reading::Lenient,
        ))
    }

    /// The user name fragment and password that tell of which generation the candidates are
    /// (RFC 8840 §4.4): those for all sections, else those of the first section that has them.
    ///
    /// Candidates with credentials other than those of the current generation belong to another one:
    /// an old one whose candidates come late, or, where the signalling lets a fragment restart ICE
    /// (RFC 9725 §4.3.3), a new one.
    pub fn credentials(&self) -> Option<(&'a str, &'a str)> {
        let own = self.session.ice_ufrag().zip(self.session.ice_pwd());
        own.or_else(|| self.media().find_map(|media| media.ice_ufrag().zip(media.ice_pwd())))
    }

    /// `a=ice-ufrag` for all sections.
    pub fn ice_ufrag(&self) -> Option<&'a str> {
        self.session.ice_ufrag()
    }

    /// `a=ice-pwd` for all sections.
    pub fn ice_pwd(&self) -> Option<&'a str> {
        self.session.ice_pwd()
    }

    /// `a=ice-options` for all sections.
    pub fn ice_options(&self) -> Option<IceOptions<'a>> {
        self.session.ice_options()
    }

    /// Whether the writer is an ICE-lite agent.
    pub fn ice_lite(&self) -> bool {
        self.session.ice_lite()
    }

    /// `a=ice-pacing`, in milliseconds.
    pub fn ice_pacing(&self) -> Option<u32> {
        self.session.ice_pacing()
    }

    /// Whether the writer has no candidates left to tell, in any section.
    pub fn end_of_candidates(&self) -> bool {
        self.session.end_of_candidates()
    }

    /// The first group whose sections share one transport; its mids need not be in the fragment.
    pub fn bundle(&self) -> Option<Group<'a>> {
        self.session.bundle()
    }

    /// The attributes for all sections, known or not, in order.
    pub fn attributes(&self) -> Attributes<'a> {
        self.session.attributes()
    }

    /// The media sections in order.
    pub fn media(&self) -> MediaSections<'a> {
        self.session.media()
    }

    /// How many media sections there are.
    pub fn media_count(&self) -> usize {
        self.session.media_count()
    }

    /// The first media section with this `a=mid`.
    pub fn media_by_mid(&self, mid: &str) -> Option<Media<'a>> {
        self.session.media_by_mid(mid)
    }

    /// All lines, those of the media sections too.
    pub fn lines(&self) -> Lines<'a> {
        self.session.lines()
    }

    /// The text, byte for byte as it came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.session.as_bytes()
    }
}
