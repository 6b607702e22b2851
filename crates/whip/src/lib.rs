#![doc = "The rules that WHIP (RFC 9725) and WHEP add to offers and answers, without HTTP."]
//!
//! For servers and clients that speak them; requests and answers over HTTP are the caller's.
//!
//! A server that gets an offer:
//!
//! ```
//! use pollrtc_whip::sdp::Session;
//! use pollrtc_whip::{Protocol, check_offer};
//!
//! fn post(body: &[u8]) -> Result<(), u16> {
//!     // 400: no description at all.
//!     let offer = Session::parse(body).map_err(|_| 400_u16)?;
//!     check_offer(Protocol::Whip, &offer).map_err(|fault| fault.status())?;
//!     // Answer with 201, `Location`, `ETag`, and an answer with all candidates.
//!     Ok(())
//! }
//! assert_eq!(post(b"hello"), Err(400));
//! assert_eq!(post(b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"), Err(422));
//! ```
//!
//! What comes with `PATCH` is a [`Fragment`]; [`Patch`] tells what it asks for.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

#[cfg(feature = "std")]
extern crate std;

use pollrtc_sdp::Fragment;
use pollrtc_sdp::Media;
use pollrtc_sdp::Session;
use pollrtc_sdp::attribute::{Direction, Setup};

// What the API and the examples speak of besides.
pub use pollrtc_sdp as sdp;

/// Which way media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// WHIP: the client sends (RFC 9725).
    Whip,
    /// WHEP: the client receives (draft-ietf-wish-whep).
    Whep,
}

impl Protocol {
    /// RFC 9725 §4.2: the client's main direction, or both.
    fn may_offer(self, direction: Direction) -> bool {
        match self {
            Protocol::Whip => matches!(direction, Direction::SendOnly | Direction::SendRecv),
            Protocol::Whep => matches!(direction, Direction::RecvOnly | Direction::SendRecv),
        }
    }

    /// RFC 9725 §4.2: only the client's main direction, whatever was offered. A WHEP server may have
    /// nothing to send in a section.
    fn may_answer(self, direction: Direction) -> bool {
        match self {
            Protocol::Whip => direction == Direction::RecvOnly,
            Protocol::Whep => matches!(direction, Direction::SendOnly | Direction::Inactive),
        }
    }
}

/// More sections than an offer has that anybody means; others are not looked at.
pub const MAX_SECTIONS: usize = 64;

/// Checks that an offer keeps the rules; the first fault if not.
///
/// # Errors
///
/// The server refuses the request with [`Fault::status`]. It never answers an offer in parts
/// (RFC 9725 §4.4.3): what it has no codec for is a reason to refuse too.
pub fn check_offer(protocol: Protocol, offer: &Session<'_>) -> Result<(), Fault> {
    offer_faults(protocol, offer).next().map_or(Ok(()), Err)
}

/// All that is wrong with an offer, for servers that let something pass.
///
/// ```
/// use pollrtc_whip::sdp::Session;
/// use pollrtc_whip::{Fault, Protocol, offer_faults};
///
/// # fn check(offer: &Session<'_>) -> Option<Fault> {
/// // Some clients name a stream for each track.
/// offer_faults(Protocol::Whip, offer).find(|fault| !matches!(fault, Fault::Stream { .. }))
/// # }
/// ```
pub fn offer_faults<'a>(protocol: Protocol, offer: &Session<'a>) -> impl Iterator<Item = Fault> + use<'a> {
    let session = *offer;
    let whole = [
        (offer.media_count() == 0).then_some(Fault::NoMedia),
        (offer.media_count() > MAX_SECTIONS).then_some(Fault::TooManySections),
    ];
    let stream = offer.media().next().and_then(stream_of);
    let sections = sections(offer).scan([false; 2], move |seen, (section, media)| {
        let mut faults = transport_faults(&session, section, &media);
        faults[0] = kind_fault(section, &media, seen);
        faults[1] = (!protocol.may_offer(media.direction())).then_some(Fault::Direction { section });
        // RFC 9725 §4.4.2: one stream. A WHEP client sends none.
        let of_other = stream_of(media) != stream || stream.is_none();
        faults[2] = (protocol == Protocol::Whip && of_other).then_some(Fault::Stream { section });
        // RFC 9725 §4.4.4: the server decides, or the client can only start.
        let may_start = matches!(setup_of(&session, &media), Some(Setup::ActPass | Setup::Active));
        faults[3] = (!may_start).then_some(Fault::Setup { section });
        Some(faults)
    });
    whole.into_iter().chain(sections.flatten()).flatten()
}

/// Checks that an answer keeps the rules, and that it is one to this offer; the first fault if not.
///
/// # Errors
///
/// A server has made a mistake; a client gives up.
pub fn check_answer(protocol: Protocol, offer: &Session<'_>, answer: &Session<'_>) -> Result<(), Fault> {
    answer_faults(protocol, offer, answer).next().map_or(Ok(()), Err)
}

/// All that is wrong with an answer, for clients that let something pass.
pub fn answer_faults<'a>(
    protocol: Protocol,
    offer: &Session<'a>,
    answer: &Session<'a>,
) -> impl Iterator<Item = Fault> + use<'a> {
    let (session, offer) = (*answer, *offer);
    let count = (offer.media_count() != answer.media_count()).then_some(Fault::Sections);
    // RFC 9725 §4.2: all candidates of the server come with the answer.
    let candidates = answer.media().any(|media| media.candidates().next().is_some());
    let whole = [count, (!candidates).then_some(Fault::NoCandidates)];
    let stream = answer.media().find_map(stream_of);
    let pairs = sections(answer).zip(offer.media());
    let sections = pairs.map(move |((section, media), offered)| {
        let rejected = media.is_rejected();
        if rejected && protocol == Protocol::Whep {
            return [None; FAULTS];
        }
        let mut faults = transport_faults(&session, section, &media);
        let same = (media.kind(), media.protocol(), media.mid()) == (offered.kind(), offered.protocol(), offered.mid());
        faults[0] = (!same).then_some(Fault::Sections);
        faults[1] = (!protocol.may_answer(media.direction())).then_some(Fault::Direction { section });
        // A WHIP server sends no stream.
        let sends = media.direction() == Direction::SendOnly;
        let of_other = sends && (stream_of(media) != stream || stream.is_none());
        faults[2] = of_other.then_some(Fault::Stream { section });
        // RFC 9725 §4.4.4 with RFC 8842 §5.3.
        let answered = setup_of(&session, &media);
        let fits = match setup_of(&offer, &offered) {
            Some(Setup::Active) => answered == Some(Setup::Passive),
            _ => matches!(answered, Some(Setup::Passive | Setup::Active)),
        };
        faults[3] = (!fits).then_some(Fault::Setup { section });
        faults
    });
    whole.into_iter().chain(sections.flatten()).flatten()
}

/// How many things can be wrong with one section.
const FAULTS: usize = 9;

type SectionFaults = [Option<Fault>; FAULTS];

fn sections<'a>(session: &Session<'a>) -> impl Iterator<Item = (usize, Media<'a>)> + use<'a> {
    session.media().enumerate().take(MAX_SECTIONS)
}

/// What offers and answers have in common; the first four places are left to the caller.
fn transport_faults(session: &Session<'_>, section: usize, media: &Media<'_>) -> SectionFaults {
    let bundled = is_bundled(session, media);
    let tagged = tagged_of(session, media);
    let transport = |has: &dyn Fn(&Media<'_>) -> bool| has(media) || tagged.as_ref().is_some_and(has);
    let credentials = transport(&|media| media.ice_ufrag().is_some() && media.ice_pwd().is_some());
    let fingerprint = transport(&|media| media.fingerprints().next().is_some());
    let several_groups = session.groups().filter(|group| group.is_bundle()).count() > 1;
    [
        None,
        None,
        None,
        None,
        // RFC 9725 §4.4.1: one bundle with all sections, RTCP on the same port.
        (!bundled || several_groups).then_some(Fault::NotBundled { section }),
        (!transport(&|media| media.rtcp_mux())).then_some(Fault::RtcpMux { section }),
        // RFC 9725 §4.4.3: all or nothing.
        media.is_rejected().then_some(Fault::Rejected { section }),
        (!credentials).then_some(Fault::Credentials { section }),
        (!fingerprint).then_some(Fault::Fingerprint { section }),
    ]
}

fn is_bundled(session: &Session<'_>, media: &Media<'_>) -> bool {
    let bundle = media.mid().zip(session.bundle());
    bundle.is_some_and(|(mid, group)| group.contains(mid))
}

/// What a bundled section does not say of its transport, the first one of its bundle does
/// (RFC 9143 §7.1.3).
fn tagged_of<'a>(session: &Session<'a>, media: &Media<'_>) -> Option<Media<'a>> {
    let first = session.bundle().filter(|_| is_bundled(session, media))?.mids().next();
    session.media().take(MAX_SECTIONS).find(|media| media.mid() == first)
}

fn setup_of(session: &Session<'_>, media: &Media<'_>) -> Option<Setup> {
    media.setup().or_else(|| tagged_of(session, media)?.setup())
}

/// RFC 9725 §4.4.2: audio and video, of each one track at most.
fn kind_fault(section: usize, media: &Media<'_>, seen: &mut [bool; 2]) -> Option<Fault> {
    let [audio, video] = seen;
    let seen = match media.kind() {
        "audio" => audio,
        "video" => video,
        _ => return Some(Fault::Kind { section }),
    };
    core::mem::replace(seen, true).then_some(Fault::SeveralTracks { section })
}

/// RFC 8830, and what came before it.
fn stream_of<'a>(media: Media<'a>) -> Option<&'a str> {
    let msid = media.msids().next();
    let msid = msid.or_else(|| media.ssrcs().find_map(|source| source.msid()));
    msid.map(|msid| msid.stream)
}

/// How an offer or an answer breaks the rules of RFC 9725 (of its section in brackets). Sections
/// count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is nothing to send or receive (§4.4.2).
    #[error("offer at least one section")]
    NoMedia,
    /// There are more sections than anybody means.
    #[error("offer at most {MAX_SECTIONS} sections")]
    TooManySections,
    /// Neither audio nor video (§4.4.2).
    #[error("section {section}: offer audio and video only")]
    Kind {
        /// Index of the section, from zero.
        section: usize,
    },
    /// The second track of a kind (§4.4.2).
    #[error("section {section}: offer at most one track of each kind")]
    SeveralTracks {
        /// Index of the section, from zero.
        section: usize,
    },
    /// Not of the stream that the first section is of, or of none (§4.4.2).
    #[error("section {section}: name the same stream in `a=msid` of all sections")]
    Stream {
        /// Index of the section, from zero.
        section: usize,
    },
    /// The client of WHIP sends and the server receives, and the other way round with WHEP (§4.2).
    #[error("section {section}: let media go from client to server with WHIP, from server to client with WHEP")]
    Direction {
        /// Index of the section, from zero.
        section: usize,
    },
    /// Not in the one bundle (§4.4.1).
    #[error("section {section}: bundle all sections in one group")]
    NotBundled {
        /// Index of the section, from zero.
        section: usize,
    },
    /// No `a=rtcp-mux` (§4.4.1).
    #[error("section {section}: add `a=rtcp-mux`")]
    RtcpMux {
        /// Index of the section, from zero.
        section: usize,
    },
    /// Port zero (§4.4.3).
    #[error("section {section}: leave out what is not used instead of rejecting it")]
    Rejected {
        /// Index of the section, from zero.
        section: usize,
    },
    /// An offer has `actpass`, or `active` if the client can do no other; an answer fits it (§4.4.4).
    #[error("section {section}: set `a=setup` to actpass or active in an offer, and to what fits it in an answer")]
    Setup {
        /// Index of the section, from zero.
        section: usize,
    },
    /// No `a=ice-ufrag` and `a=ice-pwd`.
    #[error("section {section}: add `a=ice-ufrag` and `a=ice-pwd`")]
    Credentials {
        /// Index of the section, from zero.
        section: usize,
    },
    /// No `a=fingerprint`.
    #[error("section {section}: add `a=fingerprint`")]
    Fingerprint {
        /// Index of the section, from zero.
        section: usize,
    },
    /// The answer's sections are not those of the offer.
    #[error("answer each section in its place, with the same kind, protocol and mid")]
    Sections,
    /// The answer has no candidates, and none will follow (§4.2).
    #[error("put all candidates into the answer")]
    NoCandidates,
    /// A fragment without `a=ice-ufrag` and `a=ice-pwd` (RFC 8840 §4.4).
    #[error("add `a=ice-ufrag` and `a=ice-pwd` to the fragment")]
    FragmentCredentials,
}

impl Fault {
    /// With which HTTP status a server refuses: 422, for what can be read but not served, or 400
    /// (RFC 9725 §4.4.2 leaves the choice).
    pub fn status(self) -> u16 {
        match self {
            Fault::FragmentCredentials => 400,
            _ => 422,
        }
    }
}

/// What a `PATCH` request asks for (RFC 9725 §4.3).
///
/// ```
/// use pollrtc_whip::sdp::Fragment;
/// use pollrtc_whip::Patch;
///
/// let body = concat!(
///     "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
///     "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 61764 typ host\r\n",
/// );
/// let fragment = Fragment::parse(body)?;
/// let patch = Patch::of(&fragment, ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1"))?;
/// assert_eq!(patch, Patch::Candidates);
/// assert_eq!(patch.precondition(Some("\"xyz\""), "\"xyz\""), Ok(()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Patch<'a> {
    /// More candidates of the generation that is in use. The answer is 204.
    Candidates,
    /// ICE restarts with these credentials, and with the candidates of the fragment, if any. The
    /// answer is 200 with a fragment of the server's new credentials and candidates, and a new
    /// `ETag`; or an error, and then all stays as it is. The DTLS association and its roles stay
    /// (RFC 9725 §4.4.4).
    Restart {
        /// The client's new `a=ice-ufrag`.
        ufrag: &'a str,
        /// The client's new `a=ice-pwd`.
        pwd: &'a str,
    },
}

impl<'a> Patch<'a> {
    /// Reads a fragment of a client whose user fragment and password are `current`: others mean a
    /// restart. They may stand before all sections or in the first that has them; a section for the
    /// tagged mid of the bundle is enough.
    ///
    /// # Errors
    ///
    /// If the fragment has no credentials.
    pub fn of(fragment: &Fragment<'a>, current: (&str, &str)) -> Result<Self, Fault> {
        let (ufrag, pwd) = fragment.credentials().ok_or(Fault::FragmentCredentials)?;
        Ok(if (ufrag, pwd) == current {
            Patch::Candidates
        } else {
            Patch::Restart { ufrag, pwd }
        })
    }

    /// The status if all goes well.
    pub fn success(self) -> u16 {
        match self {
            Patch::Candidates => 204,
            Patch::Restart { .. } => 200,
        }
    }

    /// Checks the request's `If-Match` against the session's `ETag`, both with their quotes. A
    /// client names the tag that it knows, so that candidates never get into the wrong generation,
    /// or `*` to restart whatever there is (RFC 9725 §4.3.1).
    ///
    /// # Errors
    ///
    /// The status to refuse with: 428 without `If-Match`, 412 if it does not fit.
    pub fn precondition(self, if_match: Option<&str>, etag: &str) -> Result<(), u16> {
        let named = if_match.ok_or(428_u16)?.trim_ascii();
        let fits = match self {
            Patch::Restart { .. } if named == "*" => true,
            // RFC 9110 §13.1.1: any of a list, and never a weak one.
            _ => named
                .split(',')
                .any(|tag| tag.trim_ascii() == etag && !tag.trim_ascii().starts_with("W/")),
        };
        if fits { Ok(()) } else { Err(412) }
    }
}

/// The sections of a fragment that the description knows; candidates for others are dropped
/// (RFC 8840 §4.4, RFC 9725 §4.3).
pub fn known_sections<'a>(fragment: &Fragment<'a>, knows: impl Fn(&str) -> bool) -> impl Iterator<Item = Media<'a>> {
    fragment.media().filter(move |media| media.mid().is_some_and(&knows))
}
