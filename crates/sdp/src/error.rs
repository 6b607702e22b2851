//! What can be wrong with a description, and where.

use core::fmt;

/// What is wrong with a description, and where: line and column for people, offset for programs.
///
/// `Display` says what to do:
///
/// ```
/// let error = pollrtc_sdp::Session::parse("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 70000 RTP/AVP 0\r\n").unwrap_err();
/// assert_eq!(error.to_string(), "line 5, column 9: write a number from 0 to 65535 as the port");
/// assert_eq!((error.line(), error.column(), error.offset()), (5, 9, 49));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    kind: ErrorKind,
    line: u32,
    column: u32,
    offset: u32,
}

impl ParseError {
    pub(crate) fn new(kind: ErrorKind, line: u32, column: u32, offset: u32) -> Self {
        Self {
            kind,
            line,
            column,
            offset,
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The line, counted from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, counted in bytes from 1; it points at the start of the field that is wrong.
    pub fn column(&self) -> u32 {
        self.column
    }

    /// The distance in bytes from the start of the description.
    pub fn offset(&self) -> usize {
        self.offset as usize
    }
}

/// Something that a profile tolerates, told to the caller of
/// [`Parser::parse_with`](crate::Parser::parse_with).
///
/// ```
/// # use pollrtc_sdp::{Parser, Profile};
/// let text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0"; // the end of the last line is missing
/// let mut lines = Vec::new();
/// Parser::new().profile(Profile::Rfc8866).parse_with(text, |finding| lines.push(finding.line()))?;
/// assert_eq!(lines, [4]);
/// # Ok::<(), pollrtc_sdp::ParseError>(())
/// ```
pub type Finding = ParseError;

/// What is wrong, in words that say how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The line is not a lower-case letter, `=` and a value.
    #[error("a line is one lower-case letter, `=` and a value; complete or remove this one")]
    MalformedLine,
    /// White space before or after `=`, or at the start of the line.
    #[error("remove the space before the value")]
    SpaceAroundEquals,
    /// Space at the end of the line.
    #[error("remove the space at the end of the line")]
    TrailingSpace,
    /// A line without anything in it.
    #[error("remove the blank line")]
    BlankLine,
    /// The last line has no line end.
    #[error("end the last line with CRLF")]
    MissingLineEnd,
    /// A carriage return that does not end a line.
    #[error("remove the carriage return, or follow it by a line feed")]
    BareCarriageReturn,
    /// A byte of value zero.
    #[error("remove the NUL byte")]
    Nul,
    /// A letter that SDP does not define.
    #[error("remove this line: SDP has no `{0}=`")]
    UnknownLine(Letter),
    /// A line after another that it has to precede, or at a level where it has no place.
    #[error("move the `{0}=` line: the order is v o s i u e p c b t r z k a, then for each m: i c b k a")]
    Misplaced(Letter),
    /// A line that may occur once occurs again.
    #[error("remove this line: only one `{0}=` is allowed here")]
    Repeated(Letter),
    /// A line that must be there is not.
    #[error("add the `{0}=` line, which is missing")]
    Missing(Letter),
    /// A field has a form that its grammar does not allow.
    #[error("write {expected} as the {0}", expected = .0.expected())]
    Invalid(Field),
    /// Text where the grammar ends.
    #[error("remove what follows: the value ends here")]
    TrailingText,
    /// A flag attribute such as `a=rtcp-mux` with a value.
    #[error("remove the value: this attribute is a flag")]
    UnexpectedValue,
    /// An attribute that needs a value has none.
    #[error("add a value: this attribute is not a flag")]
    MissingValue,
    /// An attribute that may occur once at its level occurs again; the first one counts.
    #[error("remove this attribute: it stands here already, and the first one counts")]
    RepeatedAttribute,
    /// The attribute has no meaning at this level.
    #[error("move this attribute to the level it belongs to (session or media)")]
    MisplacedAttribute,
    /// The attribute's name is that of a known one but for the case of its letters.
    #[error("write the attribute's name in lower case")]
    NameCase,
    /// The address is not of the type that stands before it.
    #[error("write `IP4` before an IPv4 address and `IP6` before an IPv6 address")]
    AddressTypeMismatch,
    /// An IPv4 multicast address without a time to live.
    #[error("add `/` and a time to live to the multicast address")]
    MissingTimeToLive,
    /// A unicast address with a time to live or a number of addresses.
    #[error("remove `/` and what follows: only multicast addresses have a time to live or a number of addresses")]
    UnicastSuffix,
    /// A format in an `m=` line is no token.
    #[error("write formats as tokens: letters, digits and punctuation other than `/:;=@` and quotes")]
    FormatNotToken,
    /// The same format is listed twice in one `m=` line.
    #[error("list each format once")]
    DuplicateFormat,
    /// An attribute is about a format that its `m=` line does not list; it means nothing.
    #[error("list the format in the `m=` line, or remove what is said of it")]
    UnlistedFormat,
    /// Two header extensions have the same id.
    #[error("give each header extension its own id")]
    DuplicateExtension,
    /// Header extensions are declared for the session and in a media section too.
    #[error("declare header extensions either for the session or in each media section")]
    ExtensionsAtBothLevels,
    /// Two `a=rid` have the same id; neither counts.
    #[error("give each RTP stream its own rid")]
    DuplicateRid,
    /// `a=simulcast` names a rid that no `a=rid` defines.
    #[error("define each rid that `a=simulcast` names")]
    UndefinedRid,
    /// A candidate that is not the host's own does not say what it is derived from.
    #[error("add `raddr` and `rport` to the candidate")]
    MissingRelatedAddress,
    /// A TCP candidate does not say who connects; it is ignored.
    #[error("add `tcptype` to the candidate")]
    MissingTcpType,
    /// A fingerprint with lower-case digits.
    #[error("write the fingerprint in upper case")]
    LowerCaseFingerprint,
    /// Two media sections have the same `a=mid`.
    #[error("give each media section its own mid")]
    DuplicateMid,
    /// A group names a mid that no media section has.
    #[error("name only mids of media sections in a group")]
    UnknownMid,
    /// A mid stands in more than one BUNDLE group.
    #[error("put each mid into one BUNDLE group only")]
    MidInTwoBundles,
    /// A line that has no place in a fragment ([`Fragment`](crate::Fragment)).
    #[error("remove this line: a fragment has only `a=` and `m=` lines")]
    NotInFragment(Letter),
    /// A media section of a fragment does not say which section it is about.
    #[error("add `a=mid` to each media section of a fragment")]
    MissingMid,
    /// Candidates in a fragment without the credentials that tell their generation.
    #[error("add `a=ice-ufrag` and `a=ice-pwd` to the fragment")]
    MissingCredentials,
    /// The description is larger than the caller allows.
    #[error("shorten the description: it has more than {maximum} {limit}")]
    TooLarge {
        /// What is counted.
        limit: Limit,
        /// How many the caller allows.
        maximum: u32,
    },
}

/// A line's letter, printed as such.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Letter(pub u8);

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.0))
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", char::from(self.0))
    }
}

/// What a limit counts; see [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Bytes in all.
    Bytes,
    /// Lines in all.
    Lines,
    /// Media sections.
    MediaSections,
    /// Attributes in one section.
    Attributes,
    /// Candidates in one media section.
    Candidates,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Bytes => "bytes",
            Limit::Lines => "lines",
            Limit::MediaSections => "media sections",
            Limit::Attributes => "attributes in one section",
            Limit::Candidates => "candidates in one section",
        })
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident: $name:literal, $expected:literal;)*) => {
        /// The field of a line whose form is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Field {
            $(#[doc = concat!("The ", $name, ": ", $expected, ".")] $variant,)*
        }

        impl Field {
            /// What the grammar allows in this field.
            pub fn expected(self) -> &'static str {
                match self { $(Field::$variant => $expected,)* }
            }
        }

        impl fmt::Display for Field {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Field::$variant => $name,)* })
            }
        }
    };
}

fields! {
    Version: "protocol version", "`0`";
    Username: "user name", "visible characters, or `-`,";
    SessionId: "session id", "digits";
    SessionVersion: "session version", "digits";
    NetworkType: "network type", "a token such as `IN`";
    AddressType: "address type", "`IP4`, `IP6` or another token";
    Address: "address", "an IPv4 or IPv6 address or a host name";
    TimeToLive: "time to live", "a number from 0 to 255";
    AddressCount: "number of addresses", "a number from 1";
    SessionName: "session name", "text, or `-`,";
    Information: "information", "text";
    Uri: "URI", "a URI";
    Email: "e-mail address", "an e-mail address";
    Phone: "phone number", "a phone number such as `+1 617 555-6011`";
    BandwidthType: "bandwidth type", "a token such as `AS`, followed by `:`,";
    Bandwidth: "bandwidth", "digits";
    StartTime: "start time", "`0` or at least ten digits";
    StopTime: "stop time", "`0` or at least ten digits";
    RepeatTime: "repeat time", "an interval, a duration and offsets, each digits with d, h, m, s or no unit,";
    ZoneAdjustment: "zone adjustment", "pairs of a time and an offset";
    Key: "key", "`prompt`, `clear:`, `base64:` or `uri:` with its key";
    AttributeName: "attribute name", "a token";
    Media: "media type", "a token such as `application`";
    Port: "port", "a number from 0 to 65535";
    PortCount: "number of ports", "a number from 1";
    Protocol: "transport protocol", "tokens joined by `/`, such as `UDP/DTLS/SCTP`,";
    Format: "format", "at least one token";
    Mid: "mid", "a token";
    GroupSemantics: "group semantics", "a token such as `BUNDLE`";
    IceUfrag: "ICE user name fragment", "4 to 256 letters, digits, `+` or `/`";
    IcePwd: "ICE password", "22 to 256 letters, digits, `+` or `/`";
    IceOptions: "ICE options", "tokens such as `trickle`";
    IcePacing: "ICE pacing", "at most ten digits";
    Foundation: "candidate's foundation", "1 to 32 letters, digits, `+` or `/`";
    Component: "candidate's component", "a number from 1 to 256";
    Transport: "candidate's transport", "a token such as `udp`";
    Priority: "candidate's priority", "a number from 1 to 2147483647";
    CandidateAddress: "candidate's address", "an IPv4 or IPv6 address or a host name";
    CandidateType: "candidate's type", "`typ` and a token such as `host`";
    RelatedAddress: "candidate's related address", "`raddr` with an address and `rport` with a port";
    TcpType: "candidate's TCP type", "`active`, `passive` or `so`";
    CandidateExtension: "candidate's extension", "a name and a value";
    RemoteCandidates: "remote candidates", "a component, an address and a port for each";
    HashFunction: "hash function", "a token such as `sha-256`";
    Fingerprint: "fingerprint", "pairs of hexadecimal digits joined by `:`, as many as the hash function gives,";
    Setup: "setup role", "`active`, `passive`, `actpass` or `holdconn`";
    TlsId: "tls-id", "20 to 255 letters, digits, `+`, `/`, `-` or `_`";
    SctpPort: "SCTP port", "a number from 0 to 65535 without leading zeroes";
    MaxMessageSize: "maximum message size", "a number without leading zeroes";
    SctpMapProtocol: "sctpmap protocol", "a token such as `webrtc-datachannel`";
    StreamCount: "number of streams", "a number from 0 to 65535";
    RtcpPort: "RTCP port", "a number from 0 to 65535";
    PayloadType: "payload type", "a number from 0 to 127";
    EncodingName: "encoding's name", "a token such as `opus`";
    ClockRate: "clock rate", "`/` and a number from 1";
    Channels: "number of channels", "a number from 1";
    FormatParameters: "format's parameters", "a space and text";
    Feedback: "feedback's kind", "a token such as `nack`";
    ExtMapId: "header extension's id", "a number from 1 to 255, or in an offer from 4096 to 4351,";
    ExtMapDirection: "header extension's direction", "`sendrecv`, `sendonly`, `recvonly` or `inactive`";
    ExtMapUri: "header extension's name", "a URI";
    Msid: "stream's or track's id", "1 to 64 token characters";
    Ssrc: "synchronization source", "a number from 0 to 4294967295";
    SourceAttribute: "source's attribute", "a token such as `cname`";
    SsrcGroupSemantics: "group semantics", "a token such as `FID`";
    Rid: "RTP stream id", "letters, digits, `-` or `_`";
    RidDirection: "RTP stream's direction", "`send` or `recv`";
    RidRestriction: "RTP stream's restrictions", "`pt=` and payload types, then names and values, joined by `;`,";
    Decimal: "number", "digits, maybe with a fraction, above zero";
    PacketTime: "packet time", "milliseconds above zero";
    FrameRate: "frame rate", "a number above zero";
    Quality: "quality", "a number";
    Word: "value", "visible characters";
    ImageAttr: "image sizes", "a payload type or `*`, `send` or `recv`, and `*` or sets in brackets";
    CryptoTag: "tag", "at most nine digits";
    CryptoSuite: "crypto suite", "a token";
    KeyManagement: "key management protocol", "a token such as `mikey`";
    SourceFilter: "source filter", "`incl` or `excl`, a network, an address type, a destination and sources";
    ClockSource: "clock source", "a token such as `ptp`";
    MediaClock: "media clock", "a token such as `direct`";
    Dependency: "dependencies", "a format and a kind for each, joined by `;`,";
    DataChannelStream: "data channel's stream", "a number from 0 to 65535";
    DataChannelOption: "data channel's options", "names and values joined by `;`";
    Simulcast: "simulcast streams", "`send`, `recv` or both, each followed by rids joined by `;` and `,`,";
    Text: "value", "UTF-8 text";
}
