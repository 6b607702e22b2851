//! One packet, by what it says.

use super::application::ApplicationDefined;
use super::congestion::{self, CongestionControlFeedback};
use super::extended::ExtendedReport;
use super::goodbye::Goodbye;
use super::keyframe::{self, FullIntraRequest, PictureLossIndication};
use super::nack::{self, GenericNack};
use super::raw::{self, RawPacket, RtcpError};
use super::remb::{self, Remb};
use super::report::{ReceiverReport, SenderReport};
use super::sdes::SourceDescription;
use super::tmmbr::{self, Tmmbn, Tmmbr};
use super::transport::{self, TransportWideFeedback};

/// One RTCP packet: a view of bytes that were checked once. Reading from it can't fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RtcpPacket<'d> {
    /// SR (RFC 3550 §6.4.1).
    SenderReport(SenderReport<'d>),
    /// RR (RFC 3550 §6.4.2).
    ReceiverReport(ReceiverReport<'d>),
    /// SDES (RFC 3550 §6.5).
    SourceDescription(SourceDescription<'d>),
    /// BYE (RFC 3550 §6.6).
    Goodbye(Goodbye<'d>),
    /// APP (RFC 3550 §6.7).
    ApplicationDefined(ApplicationDefined<'d>),
    /// XR (RFC 3611).
    ExtendedReport(ExtendedReport<'d>),
    /// Generic NACK (RFC 4585 §6.2.1).
    GenericNack(GenericNack<'d>),
    /// TMMBR (RFC 5104 §4.2.1).
    Tmmbr(Tmmbr<'d>),
    /// TMMBN (RFC 5104 §4.2.2).
    Tmmbn(Tmmbn<'d>),
    /// When packets arrived, by their transport-wide numbers (draft-holmer-rmcat-transport-wide-cc-extensions).
    TransportWideFeedback(TransportWideFeedback<'d>),
    /// When packets arrived, by their streams (RFC 8888).
    CongestionControlFeedback(CongestionControlFeedback<'d>),
    /// PLI (RFC 4585 §6.3.1).
    PictureLossIndication(PictureLossIndication),
    /// FIR (RFC 5104 §4.3.1).
    FullIntraRequest(FullIntraRequest<'d>),
    /// REMB (draft-alvestrand-rmcat-remb).
    Remb(Remb<'d>),
    /// Any other type or format. Its length is right.
    Unknown(RawPacket<'d>),
}

impl<'d> RtcpPacket<'d> {
    /// What a packet says, from its header and its body.
    ///
    /// # Errors
    ///
    /// If it is of a known type, and its body is not what this type has.
    #[inline]
    pub fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        Ok(match (raw.packet_type, raw.count) {
            (raw::SENDER_REPORT, _) => Self::SenderReport(SenderReport::of(raw)?),
            (raw::RECEIVER_REPORT, _) => Self::ReceiverReport(ReceiverReport::of(raw)?),
            (raw::SOURCE_DESCRIPTION, _) => Self::SourceDescription(SourceDescription::of(raw)?),
            (raw::GOODBYE, _) => Self::Goodbye(Goodbye::of(raw)?),
            (raw::APPLICATION_DEFINED, _) => Self::ApplicationDefined(ApplicationDefined::of(raw)?),
            (raw::EXTENDED_REPORT, _) => Self::ExtendedReport(ExtendedReport::of(raw)?),
            (raw::TRANSPORT_FEEDBACK, nack::FORMAT) => Self::GenericNack(GenericNack::of(raw)?),
            (raw::TRANSPORT_FEEDBACK, tmmbr::REQUEST) => Self::Tmmbr(Tmmbr::of(raw)?),
            (raw::TRANSPORT_FEEDBACK, tmmbr::NOTIFICATION) => Self::Tmmbn(Tmmbn::of(raw)?),
            (raw::TRANSPORT_FEEDBACK, congestion::FORMAT) => {
                Self::CongestionControlFeedback(CongestionControlFeedback::of(raw)?)
            }
            (raw::TRANSPORT_FEEDBACK, transport::FORMAT) => {
                Self::TransportWideFeedback(TransportWideFeedback::of(raw)?)
            }
            (raw::PAYLOAD_FEEDBACK, keyframe::PICTURE_LOSS) => {
                Self::PictureLossIndication(PictureLossIndication::of(raw)?)
            }
            (raw::PAYLOAD_FEEDBACK, keyframe::FULL_INTRA) => Self::FullIntraRequest(FullIntraRequest::of(raw)?),
            (raw::PAYLOAD_FEEDBACK, remb::FORMAT) if remb::is_remb(raw) => Self::Remb(Remb::of(raw)?),
            _ => Self::Unknown(raw),
        })
    }
}
