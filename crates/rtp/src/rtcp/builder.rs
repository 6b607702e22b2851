//! Writing a compound into the caller's buffer.

use super::compound::Compound;
use super::packet::RtcpPacket;
use super::report::{REPORTS_MAX, ReceiverReportBuilder, ReportBlock, SenderInfo, SenderReportBuilder};
use super::sdes::SdesType;
use super::write::{BuildError, WriteRtcp};

/// Puts packets behind each other, in the order of the calls.
///
/// Nothing fails before [`finish`](Self::finish), which tells the first thing that went wrong, or how many bytes the
/// compound has.
///
/// ```
/// use pollrtc_rtp::rtcp::{BuildError, CompoundBuilder, PictureLossIndication, WriteRtcp};
///
/// let request = PictureLossIndication { sender_ssrc: 1, media_ssrc: 2 };
/// let mut buf = [0; 64];
/// assert_eq!(CompoundBuilder::reduced_size(&mut buf).push(&request).finish(), Ok(request.encoded_len()));
/// assert_eq!(CompoundBuilder::new(&mut buf).push(&request).finish(), Err(BuildError::NoReport));
/// ```
#[derive(Debug)]
pub struct CompoundBuilder<'b> {
    buf: &'b mut [u8],
    /// Length so far, also of what no longer fitted.
    len: usize,
    form: Form,
    error: Option<BuildError>,
}

#[derive(Debug)]
enum Form {
    Full,
    ReducedSize,
}

impl<'b> CompoundBuilder<'b> {
    /// A full compound: a report comes first, and a source description with a CNAME is among the packets
    /// (RFC 3550 §6.1).
    pub const fn new(buf: &'b mut [u8]) -> Self {
        Self::of_form(buf, Form::Full)
    }

    /// Any packets in any order, which is allowed where `rtcp-rsize` was agreed on (RFC 5506 §3.4).
    pub const fn reduced_size(buf: &'b mut [u8]) -> Self {
        Self::of_form(buf, Form::ReducedSize)
    }

    const fn of_form(buf: &'b mut [u8], form: Form) -> Self {
        Self {
            buf,
            len: 0,
            form,
            error: None,
        }
    }

    /// A packet.
    #[must_use]
    pub fn push(mut self, packet: &impl WriteRtcp) -> Self {
        let written = packet.write_to(self.buf.get_mut(self.len..).unwrap_or_default());
        let len = match written {
            Ok(len) => len,
            Err(BuildError::BufferTooSmall { needed }) => needed,
            Err(error) => {
                self.error.get_or_insert(error);
                return self;
            }
        };
        self.len = self.len.saturating_add(len);
        self
    }

    /// Reports of any number of sources: a sender report if there is something to tell of what was sent, or a receiver
    /// report; and as many further receiver reports as are needed, since each packet has at most 31 (RFC 3550 §6.1).
    #[must_use]
    pub fn push_reports(mut self, ssrc: u32, info: Option<SenderInfo>, reports: &[ReportBlock]) -> Self {
        let (first, others) = reports.split_at_checked(REPORTS_MAX).unwrap_or((reports, &[]));
        self = match info {
            Some(info) => self.push(&SenderReportBuilder {
                ssrc,
                info,
                reports: first,
            }),
            None => self.push(&ReceiverReportBuilder { ssrc, reports: first }),
        };
        for reports in others.chunks(REPORTS_MAX) {
            self = self.push(&ReceiverReportBuilder { ssrc, reports });
        }
        self
    }

    /// The bytes so far, also of what no longer fitted.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True before the first packet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes the compound has.
    ///
    /// # Errors
    ///
    /// The first thing that went wrong; the buffer's content is then of no use.
    pub fn finish(self) -> Result<usize, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let written = self
            .buf
            .get(..self.len)
            .ok_or(BuildError::BufferTooSmall { needed: self.len })?;
        if let Form::Full = self.form {
            check_full(written)?;
        }
        Ok(self.len)
    }
}

/// RFC 3550 §6.1: what a full compound must have.
fn check_full(written: &[u8]) -> Result<(), BuildError> {
    let compound = Compound::parse(written).map_err(|_| BuildError::NoReport)?;
    if compound.is_reduced_size() {
        return Err(BuildError::NoReport);
    }
    let has_cname = compound.packets().any(|packet| match packet {
        Ok(RtcpPacket::SourceDescription(description)) => description
            .chunks()
            .any(|chunk| chunk.items().any(|item| item.kind == SdesType::CNAME)),
        _ => false,
    });
    has_cname.then_some(()).ok_or(BuildError::NoCname)
}
