//! The names of the attributes that we know.

macro_rules! names {
    ($($variant:ident $text:literal $level:ident $repeat:ident;)*) => {
        /// An attribute that has a typed form.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Name { $($variant,)* }

        impl Name {
            pub(crate) const COUNT: usize = [$(Name::$variant,)*].len();

            /// Names are compared as they are (RFC 8866 §9: tokens, and §5.13 does not fold case).
            #[inline]
            pub(crate) fn of(name: &[u8]) -> Option<Self> {
                match name {
                    $($text => Some(Name::$variant),)*
                    _ => None,
                }
            }

            /// The name as it is written.
            #[inline]
            pub(crate) fn as_bytes(self) -> &'static [u8] {
                match self { $(Name::$variant => $text,)* }
            }

            /// Where the attribute has a meaning.
            pub(crate) fn usage(self) -> Usage {
                match self { $(Name::$variant => Usage::$level,)* }
            }

            /// Whether one section may hold several.
            pub(crate) fn may_repeat(self) -> bool {
                match self { $(Name::$variant => Repeat::$repeat as u8 == Repeat::Several as u8,)* }
            }
        }
    };
}

impl Name {
    /// The name, whatever the case of its letters.
    pub(crate) fn of_any_case(name: &[u8]) -> Option<Self> {
        let mut folded = [0; LONGEST];
        let folded = folded.get_mut(..name.len())?;
        folded.copy_from_slice(name);
        folded.make_ascii_lowercase();
        Self::of(folded)
    }

    /// The name that stands for all those of which one section may have only one together.
    pub(crate) fn exclusive(self) -> Name {
        match self {
            Name::SendOnly | Name::RecvOnly | Name::Inactive => Name::SendRecv,
            name => name,
        }
    }
}

impl Name {
    /// Whether a malformed one is ignored rather than refused: its RFC says so (RFC 8851
    /// §6.2.2, RFC 8853 §5.1), or all that it is about can be done without it.
    pub(crate) fn is_optional(self) -> bool {
        matches!(self, Name::Simulcast | Name::Rid | Name::Fmtp)
    }
}

/// Longer than every name that we know.
const LONGEST: usize = 32;

/// Where an attribute has a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    Session,
    Media,
    Both,
}

enum Repeat {
    Once,
    Several,
}

names! {
    Candidate b"candidate" Media Several;
    Mid b"mid" Media Once;
    Group b"group" Session Several;
    BundleOnly b"bundle-only" Media Once;
    IceUfrag b"ice-ufrag" Both Once;
    IcePwd b"ice-pwd" Both Once;
    IceOptions b"ice-options" Both Once;
    IceLite b"ice-lite" Session Once;
    IcePacing b"ice-pacing" Session Once;
    RemoteCandidates b"remote-candidates" Media Once;
    EndOfCandidates b"end-of-candidates" Both Once;
    Fingerprint b"fingerprint" Both Several;
    Setup b"setup" Both Once;
    TlsId b"tls-id" Media Once;
    SctpPort b"sctp-port" Media Once;
    MaxMessageSize b"max-message-size" Media Once;
    SctpMap b"sctpmap" Media Several;
    MsidSemantic b"msid-semantic" Session Several;
    ExtmapAllowMixed b"extmap-allow-mixed" Both Once;
    SendRecv b"sendrecv" Both Once;
    SendOnly b"sendonly" Both Once;
    RecvOnly b"recvonly" Both Once;
    Inactive b"inactive" Both Once;
    RtcpMux b"rtcp-mux" Media Once;
    RtcpMuxOnly b"rtcp-mux-only" Media Once;
    RtcpRsize b"rtcp-rsize" Media Once;
    Rtcp b"rtcp" Media Once;
    RtpMap b"rtpmap" Media Several;
    Fmtp b"fmtp" Media Several;
    RtcpFb b"rtcp-fb" Media Several;
    ExtMap b"extmap" Both Several;
    Msid b"msid" Media Several;
    Rid b"rid" Media Several;
    Simulcast b"simulcast" Media Once;
    Ssrc b"ssrc" Media Several;
    SsrcGroup b"ssrc-group" Media Several;
}
