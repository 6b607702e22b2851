//! Whom a packet is from, and whom it is about.

use super::extended::XrBlock;
use super::packet::RtcpPacket;

/// An SSRC in an RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RtcpSource {
    /// It has sent the packet, or is described by its sender.
    Sender(u32),
    /// It sends what the packet reports on, or asks for.
    Target(u32),
}

impl RtcpPacket<'_> {
    /// All sources in a packet, in order; one may come several times. The field that some packets leave unused is none.
    pub fn for_each_source(&self, mut tell: impl FnMut(RtcpSource)) {
        use RtcpSource::{Sender, Target};
        match self {
            Self::SenderReport(report) => {
                tell(Sender(report.ssrc()));
                report.reports().for_each(|report| tell(Target(report.ssrc)));
            }
            Self::ReceiverReport(report) => {
                tell(Sender(report.ssrc()));
                report.reports().for_each(|report| tell(Target(report.ssrc)));
            }
            Self::SourceDescription(description) => {
                description.chunks().for_each(|chunk| tell(Sender(chunk.ssrc())));
            }
            Self::Goodbye(goodbye) => goodbye.sources().for_each(|source| tell(Sender(source))),
            Self::ApplicationDefined(application) => tell(Sender(application.ssrc())),
            Self::ExtendedReport(report) => {
                tell(Sender(report.ssrc()));
                for block in report.blocks() {
                    if let XrBlock::LastReports(reports) = block {
                        reports.iter().for_each(|report| tell(Target(report.ssrc)));
                    }
                }
            }
            Self::GenericNack(nack) => {
                tell(Sender(nack.sender_ssrc()));
                tell(Target(nack.media_ssrc()));
            }
            Self::Tmmbr(request) => {
                tell(Sender(request.sender_ssrc()));
                request.limits().for_each(|limit| tell(Target(limit.ssrc)));
            }
            Self::Tmmbn(notification) => {
                tell(Sender(notification.sender_ssrc()));
                notification.limits().for_each(|limit| tell(Target(limit.ssrc)));
            }
            Self::TransportWideFeedback(feedback) => {
                tell(Sender(feedback.sender_ssrc()));
                tell(Target(feedback.media_ssrc()));
            }
            Self::CongestionControlFeedback(feedback) => {
                tell(Sender(feedback.sender_ssrc()));
                feedback.streams().for_each(|stream| tell(Target(stream.ssrc())));
            }
            Self::PictureLossIndication(request) => {
                tell(Sender(request.sender_ssrc));
                tell(Target(request.media_ssrc));
            }
            Self::FullIntraRequest(request) => {
                tell(Sender(request.sender_ssrc()));
                request.entries().for_each(|entry| tell(Target(entry.ssrc)));
            }
            Self::Remb(remb) => {
                tell(Sender(remb.sender_ssrc()));
                remb.ssrcs().for_each(|ssrc| tell(Target(ssrc)));
            }
            Self::Unknown(_) => {}
        }
    }
}
