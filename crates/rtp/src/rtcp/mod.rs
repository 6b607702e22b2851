//! RTCP (RFC 3550 §6) on the wire: a view and a builder of each packet.
//!
//! [`Compound::parse`] finds the packets in a datagram, and [`Compound::packets`] checks each of them once, as it comes
//! to it. What they give is `Copy`, borrows the datagram, and can't fail to be read; one that is malformed is an
//! [`RtcpError`] among the others, so that it costs nothing but itself.
//!
//! What is written implements [`WriteRtcp`], which tells its length beforehand; [`CompoundBuilder`] puts packets behind
//! each other, and holds the rules for what a compound begins with. Nothing here allocates.
//!
//! ```
//! use pollrtc_rtp::rtcp::{
//!     Compound, CompoundBuilder, PictureLossIndication, ReceiverReportBuilder, RtcpPacket, SdesChunkBuilder, SdesItem,
//!     SourceDescriptionBuilder,
//! };
//!
//! let mut buf = [0; 128];
//! let report = ReceiverReportBuilder { ssrc: 1, reports: &[] };
//! let items = [SdesItem::cname("anna")];
//! let description = SourceDescriptionBuilder { chunks: &[SdesChunkBuilder { ssrc: 1, items: &items }] };
//! let request = PictureLossIndication { sender_ssrc: 1, media_ssrc: 7 };
//! let len = CompoundBuilder::new(&mut buf).push(&report).push(&description).push(&request).finish()?;
//!
//! let compound = Compound::parse(&buf[..len]).expect("it was just written");
//! let last = compound.packets().last().expect("there are three");
//! assert_eq!(last, Ok(RtcpPacket::PictureLossIndication(request)));
//! # Ok::<(), pollrtc_rtp::rtcp::BuildError>(())
//! ```
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod application;
mod builder;
mod compound;
mod congestion;
mod extended;
mod goodbye;
mod keyframe;
mod nack;
mod packet;
mod raw;
mod remb;
mod report;
mod sdes;
mod source;
mod tmmbr;
mod transport;
mod write;

pub use application::{ApplicationDefined, ApplicationDefinedBuilder};
pub use builder::CompoundBuilder;
pub use compound::{Compound, CompoundError};
pub use congestion::{
    ArrivalOffset, CongestionControlFeedback, CongestionControlFeedbackBuilder, Ecn, PacketMetric, StreamMetrics,
    StreamMetricsBuilder,
};
pub use extended::{ExtendedReport, ExtendedReportBuilder, LastReport, LastReports, XrBlock, XrBlockBuilder};
pub use goodbye::{Goodbye, GoodbyeBuilder};
pub use keyframe::{FirEntry, FullIntraRequest, FullIntraRequestBuilder, PictureLossIndication};
pub use nack::{GenericNack, GenericNackBuilder};
pub use packet::RtcpPacket;
pub use raw::{RawPacket, RtcpError};
pub use remb::{Remb, RembBuilder};
pub use report::{ReceiverReport, ReceiverReportBuilder, ReportBlock, SenderInfo, SenderReport, SenderReportBuilder};
pub use sdes::{SdesChunk, SdesChunkBuilder, SdesItem, SdesType, SourceDescription, SourceDescriptionBuilder};
pub use source::RtcpSource;
pub use tmmbr::{BitrateLimit, Tmmbn, TmmbnBuilder, Tmmbr, TmmbrBuilder};
pub use transport::{Arrival, PacketStatus, TransportWideFeedback, TransportWideFeedbackBuilder};
pub use write::{BuildError, WriteRtcp};
