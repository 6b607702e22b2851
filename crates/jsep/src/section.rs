//! Media sections: what we write, what is agreed, and their mids.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::line::SectionLine;
use super::transceiver::TransceiverId;
use super::transport::{LocalTransport, TransportKey};
use super::{DtlsRole, RejectReason, TransportId};
use crate::rtp::{LocalSource, NegotiatedRtp, RtpParameters};
use pollrtc_sdp::attribute::{Direction, Setup};

/// One of our descriptions, without what its transports add: it can be written again with the
/// candidates that have come since.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LocalForm {
    pub(super) version: u64,
    pub(super) sections: Vec<LocalSection>,
    /// BUNDLE groups as indices of sections; the tagged one first (RFC 9143 §7.2.1).
    pub(super) bundles: Vec<Vec<usize>>,
    /// LS groups (RFC 5888 §7).
    pub(super) lip_sync: Vec<Vec<usize>>,
    /// Whether `a=ice-options` is written: in answers only if the offer has it.
    pub(super) ice_options: bool,
    pub(super) ice_lite: bool,
    /// If all sections are rejected: the transport that ends with this description, or with one before.
    pub(super) last: Option<LastTransport>,
}

/// What is left of a transport once the last section that it carried is rejected. Nobody knows its
/// credentials any more then, but the description is still the one that was set.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LastTransport {
    pub(super) key: TransportKey,
    /// Our role in its DTLS association.
    pub(super) dtls_role: DtlsRole,
    pub(super) setup: Setup,
    /// What each section says of itself.
    pub(super) directions: Vec<Direction>,
    /// What was written, without candidates; `None` until the description is created.
    pub(super) local: Option<LocalTransport>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct LocalSection {
    /// Unique; written unless the peer's offer has none.
    pub(super) mid: String,
    pub(super) has_mid: bool,
    pub(super) line: SectionLine,
    pub(super) content: LocalContent,
    pub(super) state: LocalState,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum LocalState {
    /// Port zero.
    Rejected(RejectReason),
    Active {
        key: TransportKey,
        description: TransportDescription,
    },
}

/// How much a section says about its transport.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TransportDescription {
    /// All: it has its own, or it is the tagged one of its bundle.
    Full { setup: Setup, tls_id: bool, rtcp: Rtcp },
    /// What the tagged section of its bundle says, but for the candidates.
    Bundled,
    /// The same, and it is to be rejected outside the bundle (RFC 9143 §6).
    BundleOnly,
}

/// What is said about RTCP where the transport is described; nothing if it carries no RTP.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Rtcp {
    /// `a=rtcp-mux`, also for media in the bundle of a data section that describes the transport.
    pub(super) mux: bool,
    pub(super) mux_only: bool,
    pub(super) rsize: bool,
    /// `a=rtcp` with the default address (RFC 3605).
    pub(super) address: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum LocalContent {
    /// Kept in its place and refused.
    Unknown,
    /// The same for media.
    Nothing(Box<LocalNothing>),
    Data(LocalData),
    Rtp(Box<LocalRtp>),
    Idle(Box<LocalIdle>),
}

/// What a section of media says though it is rejected. The RFCs want none of it, but aiortc looks at
/// no port: without codecs that it knows, or `a=rtcp-mux`, it refuses the whole description.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LocalNothing {
    pub(super) rtcp_mux: bool,
    /// Codecs of the formats of the `m=` line.
    pub(super) parameters: RtpParameters,
}

/// Media that we can't take, in a section that stays without any, because it is bundled with what we
/// do take.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LocalIdle {
    /// Why we can't.
    pub(super) reason: RejectReason,
    /// A codec of the peer's: an `m=` line has to have one.
    pub(super) parameters: RtpParameters,
    pub(super) rtcp_mux: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalData {
    /// The form of draft-ietf-mmusic-sctp-sdp-05.
    pub(super) legacy: bool,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct LocalRtp {
    pub(super) transceiver: TransceiverId,
    pub(super) direction: Direction,
    pub(super) parameters: RtpParameters,
    /// `None`: no `a=msid` at all.
    pub(super) streams: Option<Vec<String>>,
    pub(super) sources: Vec<LocalSource>,
    /// `a=rtcp-mux`. RFC 8859 would have it once per bundle, but libwebrtc refuses bundled sections
    /// of media without it.
    pub(super) rtcp_mux: bool,
}

impl LocalContent {
    /// Media that is refused, with what its formats were said to be.
    pub(super) fn nothing(line: &SectionLine, rtcp_mux: bool, described: Option<&RtpParameters>) -> Self {
        let is_format = |payload_type: u8| {
            let mut formats = line.formats.split(' ');
            formats.any(|format| format.parse() == Ok(payload_type))
        };
        let described = described.into_iter().flat_map(|described| &described.codecs);
        let codecs = described.filter(|each| is_format(each.payload_type)).map(|each| {
            let mut each = each.clone();
            each.codec.feedback.clear();
            each
        });
        let parameters = RtpParameters {
            codecs: codecs.collect(),
            ..RtpParameters::default()
        };
        LocalContent::Nothing(Box::new(LocalNothing { rtcp_mux, parameters }))
    }

    /// What it says about media.
    pub(super) fn parameters(&self) -> Option<&RtpParameters> {
        match self {
            LocalContent::Rtp(rtp) => Some(&rtp.parameters),
            LocalContent::Idle(idle) => Some(&idle.parameters),
            LocalContent::Nothing(nothing) => Some(&nothing.parameters),
            LocalContent::Unknown | LocalContent::Data(_) => None,
        }
    }
}

impl LocalSection {
    pub(super) fn key(&self) -> Option<TransportKey> {
        match &self.state {
            LocalState::Active { key, .. } => Some(*key),
            LocalState::Rejected(_) => None,
        }
    }

    pub(super) fn rejected(&self) -> Option<RejectReason> {
        match self.state {
            LocalState::Rejected(reason) => Some(reason),
            LocalState::Active { .. } => None,
        }
    }

    /// Whether candidates are signalled for this section.
    pub(super) fn describes_transport(&self) -> bool {
        matches!(
            self.state,
            LocalState::Active {
                description: TransportDescription::Full { .. },
                ..
            }
        )
    }

    pub(super) fn transceiver(&self) -> Option<TransceiverId> {
        match &self.content {
            LocalContent::Rtp(rtp) => Some(rtp.transceiver),
            _ => None,
        }
    }
}

impl LocalForm {
    /// The transports that it needs, each once, in order.
    pub(super) fn keys(&self) -> Vec<TransportKey> {
        each_once(self.sections.iter().filter_map(LocalSection::key))
    }

    /// What the sections that describe transports say about DTLS: the role, and whether there is a
    /// `tls-id`.
    pub(super) fn associations(&self) -> BTreeMap<TransportKey, (Setup, bool)> {
        let described = self.sections.iter().filter_map(|section| match &section.state {
            LocalState::Active {
                key,
                description: TransportDescription::Full { setup, tls_id, .. },
            } => Some((*key, (*setup, *tls_id))),
            _ => None,
        });
        described.collect()
    }

    /// What was offered for a transport did not come to be: these are the credentials that hold.
    pub(super) fn replace_key(&mut self, holds: TransportKey) {
        for section in &mut self.sections {
            if let LocalState::Active { key, .. } = &mut section.state
                && key.transport == holds.transport
            {
                *key = holds;
            }
        }
    }

    pub(super) fn key_of(&self, transport: TransportId) -> Option<TransportKey> {
        self.sections
            .iter()
            .filter_map(LocalSection::key)
            .find(|key| key.transport == transport)
    }
}

/// The items in order and without doubles.
pub(super) fn each_once<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// One section as both sides agreed on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AgreedSection {
    pub(super) mid: String,
    pub(super) line: SectionLine,
    pub(super) rejected: Option<RejectReason>,
    /// `None` if it is rejected.
    pub(super) transport: Option<TransportId>,
    pub(super) content: AgreedContent,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum AgreedContent {
    Unknown,
    Data(AgreedData),
    Rtp(Box<AgreedRtp>),
    Idle(Box<AgreedIdle>),
}

/// See [`LocalIdle`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AgreedIdle {
    pub(super) reason: RejectReason,
    pub(super) parameters: RtpParameters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AgreedData {
    pub(super) legacy: bool,
    pub(super) local_port: u16,
    pub(super) remote_port: u16,
    /// `None` has no bound.
    pub(super) max_message_size: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct AgreedRtp {
    pub(super) transceiver: TransceiverId,
    /// Seen from us.
    pub(super) direction: Direction,
    /// What we offered, if we did: what a change of mind is compared with.
    pub(super) offered: Option<Direction>,
    /// What the peer offered, seen from it, if it did.
    pub(super) peer_offered: Option<Direction>,
    pub(super) parameters: NegotiatedRtp,
    /// Our `a=msid` as it was written.
    pub(super) streams: Option<Vec<String>>,
}

impl AgreedSection {
    pub(super) fn data(&self) -> Option<&AgreedData> {
        match &self.content {
            AgreedContent::Data(data) if self.rejected.is_none() => Some(data),
            _ => None,
        }
    }

    pub(super) fn rtp(&self) -> Option<&AgreedRtp> {
        match &self.content {
            AgreedContent::Rtp(rtp) => Some(rtp),
            _ => None,
        }
    }

    pub(super) fn idle(&self) -> Option<&AgreedIdle> {
        match &self.content {
            AgreedContent::Idle(idle) if self.rejected.is_none() => Some(idle),
            _ => None,
        }
    }
}

/// Gives out mids: at most three bytes as long as there are any, in the order of a counter, which
/// tells nothing about the user (RFC 9429 §5.2.1).
#[derive(Debug)]
pub(super) struct Mids {
    taken: BTreeSet<String>,
    next: u32,
}

impl Mids {
    pub(super) fn new(taken: BTreeSet<String>, next: u32) -> Self {
        Self { taken, next }
    }

    /// These are taken too.
    pub(super) fn avoid<'m>(&mut self, mids: impl Iterator<Item = &'m String>) {
        self.taken.extend(mids.cloned());
    }

    pub(super) fn fresh(&mut self) -> String {
        loop {
            let mid = mid_of(self.next);
            self.next = self.next.saturating_add(1);
            if self.taken.insert(mid.clone()) {
                return mid;
            }
        }
    }

    /// What the counter is at.
    pub(super) fn next(&self) -> u32 {
        self.next
    }
}

/// `0` to `999`, then `a00` to `zzz` in base 36, then longer ones.
fn mid_of(number: u32) -> String {
    const FIRST_LETTER: u32 = 10 * 36 * 36;
    const LAST: u32 = 36 * 36 * 36;
    let beyond = number.saturating_sub(1_000).saturating_add(FIRST_LETTER);
    if number < 1_000 {
        format!("{number}")
    } else if beyond < LAST {
        [beyond / 1_296, beyond / 36 % 36, beyond % 36]
            .into_iter()
            .filter_map(|digit| char::from_digit(digit, 36))
            .collect()
    } else {
        format!("m{number}")
    }
}
