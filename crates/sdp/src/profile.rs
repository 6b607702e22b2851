//! How strict the parser is, and how much it accepts: the one place that says what a deviation costs.

use crate::attribute::Name;
use crate::error::{ErrorKind, Field};

/// How strict the parser is.
///
/// What a profile tolerates is still told: [`Parser::parse_with`](crate::Parser::parse_with) hands
/// each deviation to the caller as a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Profile {
    /// The letter of RFC 8866 and of the RFCs that define the attributes.
    Rfc8866,
    /// What JSEP (RFC 9429 §5.8) demands and browsers produce: as strict as the RFCs on all that
    /// has a meaning, tolerant on what browsers tolerate (no `c=`, empty `s=`, order of the lines
    /// of a media section, blank lines).
    #[default]
    Jsep,
    /// What peers in use write, read by who wants to connect with them, as `pollrtc-jsep` does: a malformed
    /// line costs what it is about. It is skipped
    /// and told as a finding, unless the description can't be understood without it: lines must be
    /// lines, and `v=` and `m=` be in order.
    ///
    /// What a section can't do without is `a=mid`, `a=ice-ufrag` and `a=ice-pwd`, `a=fingerprint`,
    /// `a=setup`, `a=sctp-port`, `a=sctpmap` and `a=max-message-size`: who answers rejects a section for
    /// which one of these is malformed ([`Parser::parse_weighing`](crate::Parser::parse_weighing) tells
    /// which), and goes on with the others. A malformed `a=group` costs
    /// the group, a malformed `a=rtpmap` its codec, a malformed `a=extmap` its header extension.
    Interop,
    /// For cameras, gateways and old files: a line that is wrong is skipped and told as a finding
    /// whenever the rest can be understood without it. Names of attributes are matched whatever
    /// the case of their letters.
    Lenient,
}

/// How much the parser accepts; all of it bounds the caller's work, not the parser's memory, which
/// is constant.
///
/// ```
/// use pollrtc_sdp::{ErrorKind, Limit, Limits, Parser};
///
/// let limits = Limits { bytes: 16, ..Limits::default() };
/// let error = Parser::new().limits(limits).parse("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::TooLarge { limit: Limit::Bytes, maximum: 16 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in all (2 MiB).
    pub bytes: u32,
    /// Lines in all (100,000).
    pub lines: u32,
    /// Media sections (5,000; more than [`Limits::MEDIA_SECTIONS_MAXIMUM`] counts as that).
    pub media_sections: u32,
    /// Attributes in one section (25,000).
    pub attributes: u32,
    /// Candidates in one media section (1,000), whether well-formed or not. Not counted by a parser
    /// that looks at the [`structure only`](crate::Parser::structure_only).
    pub candidates: u32,
}

impl Limits {
    /// The most media sections that the check for unique mids has room for.
    pub const MEDIA_SECTIONS_MAXIMUM: u32 = 8_192;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 2 << 20,
            lines: 100_000,
            media_sections: 5_000,
            attributes: 25_000,
            candidates: 1_000,
        }
    }
}

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Session,
    Media,
}

/// What a malformed attribute means for the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Its section can't be used, or without one for the session none; see [`Profile::Interop`].
    Vital,
    /// It is as good as absent. RFC 9429 §5.8 refuses the description; peers don't.
    Minor,
    /// The same, because its RFC says so (RFC 8851 §6.2.2, RFC 8853 §5.1) or because what it is about
    /// can be done without it; only the letter of the RFCs refuses it.
    Optional,
    /// No profile refuses it: nothing here depends on it.
    Idle,
}

impl Weight {
    /// The one table of what is vital.
    pub(crate) fn of(name: Name) -> Self {
        match name {
            Name::Mid
            | Name::IceUfrag
            | Name::IcePwd
            | Name::Fingerprint
            | Name::Setup
            | Name::SctpPort
            | Name::SctpMap
            | Name::MaxMessageSize => Weight::Vital,
            // libdatachannel and libjuice join options by commas. They only advise.
            Name::IceOptions
            | Name::Fmtp
            | Name::Rid
            | Name::Simulcast
            | Name::FrameRate
            | Name::Quality
            | Name::Orient
            | Name::Lang
            | Name::SdpLang
            | Name::Charset
            | Name::Type
            | Name::Cat
            | Name::Keywds
            | Name::Tool => Weight::Optional,
            Name::MsidSemantic
            | Name::ImageAttr
            | Name::KeyMgmt
            | Name::Crypto
            | Name::SourceFilter
            | Name::Label
            | Name::Content
            | Name::TsRefClk
            | Name::MediaClk
            | Name::Depend
            | Name::DcMap
            | Name::DcSa => Weight::Idle,
            _ => Weight::Minor,
        }
    }
}

/// How values of attributes are read that are not as their RFCs have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Not at all.
    Exact,
    /// As browsers do: what can mean one thing only.
    Tolerant,
    /// As far as there is any sense in them; names are matched whatever the case of their letters.
    Lenient,
}

impl Reading {
    pub(crate) fn folds_names(self) -> bool {
        self == Reading::Lenient
    }
}

/// What becomes of a deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Reject,
    /// Told as a finding; the line counts if it can be understood.
    Tolerate,
    /// Not even worth a finding.
    Accept,
}

impl Profile {
    /// How values of attributes are read.
    pub(crate) fn reading(self) -> Reading {
        match self {
            Profile::Rfc8866 => Reading::Exact,
            Profile::Jsep | Profile::Interop => Reading::Tolerant,
            Profile::Lenient => Reading::Lenient,
        }
    }

    /// Whether what is vital and malformed costs its section. The lenient profile goes on as if it were
    /// absent.
    pub(crate) fn loses_sections(self) -> bool {
        self == Profile::Interop
    }

    /// What becomes of a malformed attribute that can't be read in another way.
    pub(crate) fn verdict_of_malformed(self, name: Name, kind: ErrorKind, level: Level) -> Verdict {
        match (Weight::of(name), self) {
            (Weight::Idle, _) => Verdict::Tolerate,
            (Weight::Optional, Profile::Jsep) => Verdict::Tolerate,
            _ => self.verdict(kind, level),
        }
    }

    /// The one table that says what each profile makes of each deviation.
    pub(crate) fn verdict(self, kind: ErrorKind, level: Level) -> Verdict {
        use ErrorKind::*;
        use Verdict::*;
        match kind {
            // No reading of these is safe: what one parser takes for one line is two for another.
            Nul | BareCarriageReturn | MalformedLine | TooLarge { .. } => Reject,
            Missing(crate::Letter(b'v')) | Invalid(Field::Version) => Reject,
            // Cameras leave the name empty and write short times; browsers read neither.
            Invalid(Field::SessionName | Field::StartTime | Field::StopTime) => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Interop | Profile::Lenient => Tolerate,
            },
            // RFC 8839 §5.1 goes on without the candidate: a zone in an address is of no other host's.
            Invalid(Field::CandidateAddress) => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Interop | Profile::Lenient => Tolerate,
            },
            UnknownLine(_)
            | Missing(crate::Letter(b'o' | b's' | b't'))
            | Invalid(_)
            | TrailingText
            | MissingValue
            | SpaceAroundEquals
            | DuplicateMid
            | DuplicateExtension
            | ExtensionsAtBothLevels
            | UnknownMid
            | MidInTwoBundles
            | NotInFragment(_)
            | MissingMid
            | Repeated(_) => match self {
                Profile::Rfc8866 | Profile::Jsep => Reject,
                Profile::Interop | Profile::Lenient => Tolerate,
            },
            // RFC 9429 §5.8.1 wants the order of the session's lines; browsers don't mind that of a
            // media section's.
            Misplaced(_) => match (self, level) {
                (Profile::Rfc8866, _) | (Profile::Jsep, Level::Session) => Reject,
                (Profile::Jsep, Level::Media) | (Profile::Interop | Profile::Lenient, _) => Tolerate,
            },
            Missing(_) => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Interop | Profile::Lenient => Accept,
            },
            // RFC 8866 §5 leaves this one to the parser.
            MissingLineEnd => match self {
                Profile::Rfc8866 => Tolerate,
                Profile::Jsep | Profile::Interop | Profile::Lenient => Accept,
            },
            // RFC 8851 §6.2.2 and RFC 8853 §5.2 go on without the stream, RFC 6544 §4.5 without the
            // candidate; browsers write and take the others.
            DuplicateRid | UndefinedRid | MissingTcpType | MissingRelatedAddress | LowerCaseFingerprint => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Interop | Profile::Lenient => Tolerate,
            },
            TrailingSpace | BlankLine | DuplicateFormat | RepeatedAttribute => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Interop | Profile::Lenient => Tolerate,
            },
            // RFC 8866 §5.13: an attribute that makes no sense where it stands is ignored.
            UnexpectedValue | MisplacedAttribute | UnlistedFormat => Tolerate,
            // Names are matched exactly but by the lenient profile, which alone reports this.
            NameCase => Tolerate,
            // Nobody sends to the address of a `c=` line that ICE replaces, and candidates without
            // credentials can be of no generation but the current one.
            AddressTypeMismatch | MissingTimeToLive | UnicastSuffix | MissingCredentials => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Interop | Profile::Lenient => Tolerate,
            },
            // `urn:` and `mime/type` occur in the field, and a section with them can be refused.
            FormatNotToken => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Interop | Profile::Lenient => Accept,
            },
        }
    }
}
