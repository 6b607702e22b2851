//! What an `m=` line says apart from the port, and which protocols are the same by other names.

use alloc::string::String;

/// What an `m=` line says apart from the port, so that a section can be refused in kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SectionLine {
    pub(super) media: String,
    pub(super) protocol: String,
    pub(super) formats: String,
}

impl SectionLine {
    /// Whether an answer's line can be that to ours: the same media over what is the same protocol,
    /// by whichever of its names.
    pub(super) fn is_answered_by(&self, answer: &Self) -> bool {
        let same_stack = || {
            let stacks = Stack::of(&self.protocol).zip(Stack::of(&answer.protocol));
            stacks.is_some_and(|(ours, theirs)| ours == theirs)
        };
        self.media == answer.media && (self.protocol == answer.protocol || same_stack())
    }
}

/// What deployed peers mean by the names of protocols, which they don't always answer as offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stack {
    Rtp,
    Sctp,
}

impl Stack {
    fn of(protocol: &str) -> Option<Self> {
        const SCTP_PROTOCOLS: [&str; 3] = ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"];
        if RTP_PROTOCOLS.contains(&protocol) {
            Some(Stack::Rtp)
        } else if SCTP_PROTOCOLS.contains(&protocol) {
            Some(Stack::Sctp)
        } else {
            None
        }
    }
}

/// RFC 9429 §5.1.2: what peers write when they mean RTP over DTLS.
pub(super) const RTP_PROTOCOLS: [&str; 8] = [
    "UDP/TLS/RTP/SAVPF",
    "TCP/DTLS/RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "TCP/DTLS/RTP/SAVP",
    "RTP/SAVPF",
    "RTP/SAVP",
    "RTP/AVPF",
    "RTP/AVP",
];
