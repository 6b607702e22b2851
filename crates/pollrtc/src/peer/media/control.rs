//! RTCP of one session: what is reported, asked for and heard.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_media::{NtpClock, RoundTrip};
use pollrtc_rtp::Missing;
use pollrtc_rtp::rtcp::{
    CompoundBuilder, GenericNackBuilder, PictureLossIndication, ReportBlock, SdesChunkBuilder, SdesItem, SdesType,
    SenderInfo, SourceDescriptionBuilder, TransportWideFeedbackBuilder,
};

use super::receiver::Receiver;
use super::sender::Sender;

/// How often reports are sent, on average. RFC 3550 §6.2 has five seconds; WebRTC's peers report each second, since
/// round trips and rates are measured by them.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many streams one compound reports on, so that it fits into a datagram on any path.
const REPORTS: usize = 16;
/// The same for those that it reports of.
const SENDERS: usize = 8;
/// How long feedback on arrivals is at most, so that it fits into a datagram with what comes before it.
const LONGEST_FEEDBACK: usize = 1000;
/// How many entries one NACK has.
const MISSING: usize = 128;

/// When to report, and who.
#[derive(Debug)]
pub(super) struct Control {
    /// Who reports where nothing is sent: never 0, which some take for nobody.
    ssrc: u32,
    /// When the next round of reports begins.
    next_round: Instant,
    /// A round that goes on: how many senders and streams were dealt with.
    round: Option<(usize, usize)>,
    /// Whether compounds without a report are allowed (RFC 5506).
    pub(super) is_reduced_size: bool,
    pub(super) round_trip: RoundTrip,
    rng: Rng,
}

/// What a compound needs beside its session.
pub(super) struct Reporting<'r> {
    pub(super) now: Instant,
    pub(super) clock: NtpClock,
    pub(super) cname: &'r str,
}

impl Control {
    pub(super) fn new(now: Instant, rng: &mut Rng) -> Self {
        let mut rng = rng.fork();
        Self {
            ssrc: (rng.u64() as u32).max(1), // any 32 of the bits
            next_round: now + interval(&mut rng) / 2,
            round: None,
            is_reduced_size: false,
            round_trip: RoundTrip::default(),
            rng,
        }
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        match self.round {
            Some(_) => Instant::ZERO,
            None => self.next_round,
        }
    }

    /// Writes the next compound that is due, plain; how long it is. `senders`: those whose packets the session carries.
    pub(super) fn write<'s>(
        &mut self,
        receiver: &mut Receiver,
        senders: impl Iterator<Item = &'s Sender> + Clone,
        reporting: &Reporting<'_>,
        buf: &mut [u8],
    ) -> Option<usize> {
        let own = senders.clone().next().map_or(self.ssrc, |sender| sender.source.ssrc);
        // At the end of time nothing is due any more.
        let due = self.poll_timeout();
        if reporting.now >= due && due < Instant::FAR_FUTURE {
            let from = self.round.unwrap_or((0, 0));
            let (len, next) = report(receiver, senders, from, own, reporting, buf)?;
            self.round = next;
            if next.is_none() {
                self.next_round = reporting.now + interval(&mut self.rng);
            }
            return Some(len);
        }
        self.write_feedback(receiver, own, reporting, buf)
    }

    /// RFC 4585 §6.2.1, §6.3.1: what is asked for of the next stream that asks for something.
    fn write_feedback(
        &self,
        receiver: &mut Receiver,
        own: u32,
        reporting: &Reporting<'_>,
        buf: &mut [u8],
    ) -> Option<usize> {
        let now = reporting.now;
        if now < receiver.feedback_due {
            return None;
        }
        let mut missing: [Missing; MISSING] = [Missing { first: 0, following: 0 }; MISSING];
        for (ssrc, media) in receiver.all_media_mut() {
            let mut count = 0;
            for (slot, lacking) in missing
                .iter_mut()
                .zip(core::iter::from_fn(|| media.missing.poll_missing(now)))
            {
                *slot = lacking;
                count += 1;
            }
            let key_frame = media.keyframes.poll_request(now);
            if count == 0 && key_frame.is_none() {
                continue;
            }
            let mut compound = self.begin(own, reporting, buf);
            if count > 0 {
                compound = compound.push(&GenericNackBuilder {
                    sender_ssrc: own,
                    media_ssrc: ssrc,
                    missing: missing.iter().take(count).copied(),
                });
            }
            if key_frame.is_some() {
                compound = compound.push(&PictureLossIndication {
                    sender_ssrc: own,
                    media_ssrc: ssrc,
                });
            }
            return compound.finish().ok();
        }
        if let Some(len) = self.write_arrivals(receiver, own, reporting, buf) {
            return Some(len);
        }
        receiver.note_feedback();
        None
    }

    /// When packets came, by their transport-wide numbers: what the peer's estimate of the path rests on.
    fn write_arrivals(
        &self,
        receiver: &mut Receiver,
        own: u32,
        reporting: &Reporting<'_>,
        buf: &mut [u8],
    ) -> Option<usize> {
        let now = reporting.now;
        loop {
            let report = receiver.arrivals.poll_report(now)?;
            let feedback = TransportWideFeedbackBuilder::new(
                own,
                receiver.last_ssrc,
                report.count,
                report.base_sequence,
                report.ticks(),
                LONGEST_FEEDBACK,
            );
            let written = feedback.and_then(|feedback| {
                let compound = self.begin(own, reporting, buf).push(&feedback);
                Some((compound.finish().ok()?, feedback.status_count()))
            });
            match written {
                Some((len, told)) => {
                    receiver.arrivals.handle_reported(now, told.into(), len);
                    return Some(len);
                }
                // What can't be told is not worth another try.
                None => receiver.arrivals.handle_reported(now, usize::MAX, 0),
            }
        }
    }

    /// A compound for feedback: with an empty report where there must be one (RFC 5506 §3.4.1).
    fn begin<'b>(&self, own: u32, reporting: &Reporting<'_>, buf: &'b mut [u8]) -> CompoundBuilder<'b> {
        if self.is_reduced_size {
            return CompoundBuilder::reduced_size(buf);
        }
        let items = [SdesItem {
            kind: SdesType::CNAME,
            value: reporting.cname.as_bytes(),
        }];
        let chunks = [SdesChunkBuilder {
            ssrc: own,
            items: &items,
        }];
        let reports = CompoundBuilder::new(buf).push_reports(own, None, &[]);
        reports.push(&SourceDescriptionBuilder { chunks: &chunks })
    }
}

/// RFC 3550 §6.4: one compound of a round, and where the round goes on.
fn report<'s>(
    receiver: &mut Receiver,
    senders: impl Iterator<Item = &'s Sender> + Clone,
    (senders_from, streams_from): (usize, usize),
    own: u32,
    reporting: &Reporting<'_>,
    buf: &mut [u8],
) -> Option<(usize, Option<(usize, usize)>)> {
    let Reporting { now, clock, cname } = *reporting;
    let mut blocks: Vec<ReportBlock> = Vec::with_capacity(REPORTS);
    let mut streams = receiver.all_media_mut().skip(streams_from);
    let reported = streams.by_ref().take(REPORTS);
    let reported = reported.filter_map(|(ssrc, media)| media.reception.report(now, ssrc));
    blocks.extend(reported);
    let more_streams = streams.next().is_some();

    let mut sent = senders.skip(senders_from);
    let infos: Vec<(u32, SenderInfo)> = sent
        .by_ref()
        .take(SENDERS)
        .filter_map(|sender| Some((sender.source.ssrc, sender.transmission.report(now, clock)?)))
        .collect();
    let more_senders = sent.next().is_some();

    let names = [SdesItem {
        kind: SdesType::CNAME,
        value: cname.as_bytes(),
    }];
    let mut compound = CompoundBuilder::new(buf);
    let mut chunks = Vec::with_capacity(SENDERS);
    match infos.split_first() {
        None => {
            compound = compound.push_reports(own, None, &blocks);
            chunks.push(SdesChunkBuilder {
                ssrc: own,
                items: &names,
            });
        }
        Some(((ssrc, info), others)) => {
            compound = compound.push_reports(*ssrc, Some(*info), &blocks);
            for (ssrc, info) in others {
                compound = compound.push_reports(*ssrc, Some(*info), &[]);
            }
            chunks.extend(infos.iter().map(|(ssrc, _)| SdesChunkBuilder {
                ssrc: *ssrc,
                items: &names,
            }));
        }
    }
    let len = compound
        .push(&SourceDescriptionBuilder { chunks: &chunks })
        .finish()
        .ok()?;
    let next = (more_streams || more_senders).then_some((senders_from + SENDERS, streams_from + REPORTS));
    Some((len, next))
}

/// RFC 3550 §6.3.1: half to one and a half of the average, so that peers don't report in step.
fn interval(rng: &mut Rng) -> Duration {
    let millis = INTERVAL.as_millis() as u64; // a second
    Duration::from_millis(millis / 2 + rng.u64() % millis)
}
