//! How strict the parser is, and how much it accepts.

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
                Profile::Jsep | Profile::Lenient => Tolerate,
            },
            // RFC 8839 §5.1 goes on without the candidate: a zone in an address is of no other host's.
            Invalid(Field::CandidateAddress) => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Lenient => Tolerate,
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
                Profile::Lenient => Tolerate,
            },
            // RFC 9429 §5.8.1 wants the order of the session's lines; browsers don't mind that of a
            // media section's.
            Misplaced(_) => match (self, level) {
                (Profile::Rfc8866, _) | (Profile::Jsep, Level::Session) => Reject,
                (Profile::Jsep, Level::Media) | (Profile::Lenient, _) => Tolerate,
            },
            Missing(_) => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Lenient => Accept,
            },
            // RFC 8866 §5 leaves this one to the parser.
            MissingLineEnd => match self {
                Profile::Rfc8866 => Tolerate,
                Profile::Jsep | Profile::Lenient => Accept,
            },
            // RFC 8851 §6.2.2 and RFC 8853 §5.2 go on without the stream, RFC 6544 §4.5 without the
            // candidate; browsers write and take the others.
            DuplicateRid | UndefinedRid | MissingTcpType | MissingRelatedAddress | LowerCaseFingerprint => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Lenient => Tolerate,
            },
            TrailingSpace | BlankLine | DuplicateFormat | RepeatedAttribute => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Lenient => Tolerate,
            },
            // RFC 8866 §5.13: an attribute that makes no sense where it stands is ignored.
            UnexpectedValue | MisplacedAttribute | UnlistedFormat => Tolerate,
            // Names are matched exactly but by the lenient profile, which alone reports this.
            NameCase => Tolerate,
            // Nobody sends to the address of a `c=` line that ICE replaces, and candidates without
            // credentials can be of no generation but the current one.
            AddressTypeMismatch | MissingTimeToLive | UnicastSuffix | MissingCredentials => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Lenient => Tolerate,
            },
            // `urn:` and `mime/type` occur in the field, and a section with them can be refused.
            FormatNotToken => match self {
                Profile::Rfc8866 => Reject,
                Profile::Jsep | Profile::Lenient => Accept,
            },
        }
    }
}
