//! Which standard each rule comes from.

use crate::error::{ErrorKind, Field, Letter};

impl ErrorKind {
    /// The section of the RFC that has the rule, for who wants to read more or to argue.
    ///
    /// ```
    /// let error = pollrtc_sdp::Session::parse("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=setup:client\r\n");
    /// assert_eq!(error.unwrap_err().kind().reference(), "RFC 4145 §4");
    /// ```
    pub fn reference(self) -> &'static str {
        match self {
            ErrorKind::MalformedLine
            | ErrorKind::SpaceAroundEquals
            | ErrorKind::BlankLine
            | ErrorKind::MissingLineEnd
            | ErrorKind::UnknownLine(_)
            | ErrorKind::Misplaced(_)
            | ErrorKind::Missing(Letter(b'v' | b'o' | b's' | b't')) => "RFC 8866 §5",
            ErrorKind::TrailingSpace
            | ErrorKind::BareCarriageReturn
            | ErrorKind::Nul
            | ErrorKind::TrailingText
            | ErrorKind::NameCase
            | ErrorKind::FormatNotToken
            | ErrorKind::Repeated(_) => "RFC 8866 §9",
            ErrorKind::Missing(_)
            | ErrorKind::AddressTypeMismatch
            | ErrorKind::MissingTimeToLive
            | ErrorKind::UnicastSuffix => "RFC 8866 §5.7",
            ErrorKind::UnexpectedValue | ErrorKind::MissingValue => "RFC 8866 §5.13",
            ErrorKind::RepeatedAttribute | ErrorKind::MisplacedAttribute => "RFC 8866 §6",
            ErrorKind::DuplicateFormat => "RFC 8866 §5.14",
            ErrorKind::DuplicateMid => "RFC 5888 §4",
            ErrorKind::UnknownMid => "RFC 5888 §5",
            ErrorKind::MidInTwoBundles => "RFC 9143 §7",
            ErrorKind::UnlistedFormat => "RFC 8866 §6.6",
            ErrorKind::DuplicateExtension | ErrorKind::ExtensionsAtBothLevels => "RFC 8285 §5",
            ErrorKind::DuplicateRid => "RFC 8851 §6.2.2",
            ErrorKind::UndefinedRid => "RFC 8853 §5.2",
            ErrorKind::MissingRelatedAddress => "RFC 8839 §5.1",
            ErrorKind::MissingTcpType => "RFC 6544 §4.5",
            ErrorKind::LowerCaseFingerprint => "RFC 8122 §5",
            ErrorKind::NotInFragment(_) => "RFC 8840 §9.2",
            ErrorKind::MissingMid | ErrorKind::MissingCredentials => "RFC 8840 §4.4",
            ErrorKind::TooLarge { .. } => "the caller's limits",
            ErrorKind::Invalid(field) => field.reference(),
        }
    }
}

impl Field {
    /// The section of the RFC that has the field's grammar.
    fn reference(self) -> &'static str {
        match self {
            Field::Version => "RFC 8866 §5.1",
            Field::Username | Field::SessionId | Field::SessionVersion => "RFC 8866 §5.2",
            Field::SessionName => "RFC 8866 §5.3",
            Field::Information => "RFC 8866 §5.4",
            Field::Uri => "RFC 8866 §5.5",
            Field::Email | Field::Phone => "RFC 8866 §5.6",
            Field::NetworkType | Field::AddressType | Field::Address | Field::TimeToLive | Field::AddressCount => {
                "RFC 8866 §5.7"
            }
            Field::BandwidthType | Field::Bandwidth => "RFC 8866 §5.8",
            Field::StartTime | Field::StopTime => "RFC 8866 §5.9",
            Field::RepeatTime => "RFC 8866 §5.10",
            Field::ZoneAdjustment => "RFC 8866 §5.11",
            Field::Key => "RFC 8866 §5.12",
            Field::AttributeName | Field::Text => "RFC 8866 §5.13",
            Field::Media | Field::Port | Field::PortCount | Field::Protocol | Field::Format => "RFC 8866 §5.14",
            Field::Mid => "RFC 5888 §4",
            Field::GroupSemantics => "RFC 5888 §5",
            Field::IceUfrag | Field::IcePwd => "RFC 8839 §5.4",
            Field::IceOptions => "RFC 8839 §5.6",
            Field::IcePacing => "RFC 8839 §5.5",
            Field::Foundation
            | Field::Component
            | Field::Transport
            | Field::Priority
            | Field::CandidateAddress
            | Field::CandidateType
            | Field::RelatedAddress
            | Field::CandidateExtension => "RFC 8839 §5.1",
            Field::TcpType => "RFC 6544 §4.5",
            Field::RemoteCandidates => "RFC 8839 §5.2",
            Field::HashFunction | Field::Fingerprint => "RFC 8122 §5",
            Field::Setup => "RFC 4145 §4",
            Field::TlsId => "RFC 8842 §4",
            Field::SctpPort => "RFC 8841 §5",
            Field::MaxMessageSize => "RFC 8841 §6",
            Field::SctpMapProtocol | Field::StreamCount => "draft-ietf-mmusic-sctp-sdp-05 §5",
            Field::RtcpPort => "RFC 3605 §2.1",
            Field::PayloadType | Field::EncodingName | Field::ClockRate | Field::Channels => "RFC 8866 §6.6",
            Field::FormatParameters => "RFC 8866 §6.15",
            Field::Feedback => "RFC 4585 §4.2",
            Field::ExtMapId | Field::ExtMapDirection | Field::ExtMapUri => "RFC 8285 §5",
            Field::Msid => "RFC 8830 §2",
            Field::Ssrc | Field::SourceAttribute => "RFC 5576 §4.1",
            Field::SsrcGroupSemantics => "RFC 5576 §4.2",
            Field::Rid | Field::RidDirection | Field::RidRestriction => "RFC 8851 §10",
            Field::Simulcast => "RFC 8853 §5.1",
            Field::PacketTime | Field::FrameRate | Field::Quality => "RFC 8866 §6",
            Field::ImageAttr => "RFC 6236 §3.1",
            Field::CryptoTag | Field::CryptoSuite => "RFC 4568 §9.1",
            Field::KeyManagement => "RFC 4567 §3.1",
            Field::SourceFilter => "RFC 4570 §3",
            Field::ClockSource => "RFC 7273 §4.8",
            Field::MediaClock => "RFC 7273 §5.4",
            Field::Dependency => "RFC 5583 §5.2",
            Field::DataChannelStream | Field::DataChannelOption => "RFC 8864 §5.1",
            _ => "RFC 8866 §6",
        }
    }
}
