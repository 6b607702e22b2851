//! One connection: opens, carries frames, closes (RFC 9293 §3.5, §3.6).

use core::time::Duration;

use pollrtc_core::{Deframer, Framing, Instant};

use super::receiver::Receiver;
use super::sender::{Piece, Sender};
use super::tls::{self, Tls};
use crate::icmp::IcmpError;
use crate::packet::{Flags, Segment};
use crate::stats::DropReason;

/// A TCP connection with its frames.
#[derive(Debug)]
pub(super) struct Connection {
    framing: Framing,
    tls: Option<Tls>,
    announced_size: u16,
    send_buffer: usize,
    sender: Sender,
    receiver: Receiver,
    /// What came in order and is no whole record yet.
    records: Vec<u8>,
    /// What came in order and is no whole frame yet.
    deframer: Deframer<Vec<u8>>,
    phase: Phase,
    blocked: bool,
    /// By when it has to be open, or closed by both sides.
    deadline: Option<Instant>,
}

/// How far the machine knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It opens.
    Opening,
    /// The machine may use it.
    Open,
    /// The machine knows that it has ended; what is left is between the two systems.
    Ended,
    /// Nothing is left.
    Gone,
}

/// What a connection does to the outside.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) segments: Vec<(Segment, Vec<u8>)>,
    pub(super) happenings: Vec<Happening>,
}

/// What its machine has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Opened,
    Failed,
    Frame(Vec<u8>),
    Blocked,
    Writable,
    Closed,
}

/// What distinguishes one connection from another when it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) framing: Framing,
    pub(super) secured: bool,
    /// The longest payload of a segment that fits through the host's own links.
    pub(super) segment_size: usize,
    /// How many bytes may wait to be acknowledged before the stream is full.
    pub(super) send_buffer: usize,
}

impl Connection {
    /// Opens one.
    pub(super) fn connect(now: Instant, terms: Terms, output: &mut Output) -> Self {
        let connection = Self::new(now, terms, false);
        connection.send_syn(output);
        connection
    }

    /// Answers a SYN.
    pub(super) fn accept(now: Instant, terms: Terms, syn: &Segment, output: &mut Output) -> Self {
        let mut connection = Self::new(now, terms, true);
        connection.receiver.begin();
        connection.note_size(syn);
        connection.send_syn(output);
        connection
    }

    fn new(now: Instant, terms: Terms, accepted: bool) -> Self {
        Self {
            framing: terms.framing,
            tls: terms.secured.then(|| Tls::new(!accepted)),
            announced_size: u16::try_from(terms.segment_size).unwrap_or(u16::MAX),
            send_buffer: terms.send_buffer,
            sender: Sender::new(now, terms.segment_size),
            receiver: Receiver::default(),
            records: Vec::new(),
            deframer: Deframer::new(terms.framing, vec![0; FRAME_MAX]),
            phase: Phase::Opening,
            blocked: false,
            deadline: Some(now + OPEN_WITHIN),
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.sender.retransmit_at().into_iter().chain(self.deadline).min()
    }

    pub(super) fn handle_segment(&mut self, now: Instant, segment: &Segment, payload: &[u8], output: &mut Output) {
        if segment.flags.rst {
            return self.end(output);
        }
        if segment.flags.syn {
            let known = self.receiver.has_begun();
            self.receiver.begin();
            self.note_size(segment);
            if !known && !segment.flags.ack {
                self.send_syn(output); // both open at once (RFC 9293 §3.5)
            }
        }
        if !self.receiver.has_begun() {
            return;
        }
        if segment.flags.ack {
            let carries = !payload.is_empty() || segment.flags.fin || segment.flags.syn;
            let again = self
                .sender
                .handle_acknowledgement(now, segment.acknowledgement, carries);
            if let Some(piece) = again {
                self.send_piece(piece, output);
            }
        }
        let mut came = Vec::new();
        if !payload.is_empty() || segment.flags.fin {
            self.receiver
                .take(segment.sequence, payload, segment.flags.fin, &mut came);
        }
        self.advance(&came, output);
        let sent = self.send_pieces(now, output);
        let to_acknowledge = !payload.is_empty() || segment.flags.fin || segment.flags.syn;
        if to_acknowledge && !sent && self.sender.syn_is_acknowledged() && self.phase != Phase::Gone {
            self.send_acknowledgement(output);
        }
        self.retire(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, output: &mut Output) {
        let late = self.deadline.is_some_and(|deadline| deadline <= now);
        if late || self.sender.has_stalled(now) {
            self.abort(output);
            return;
        }
        if self.sender.handle_timeout(now) {
            self.send_syn(output);
        }
        self.send_pieces(now, output);
    }

    /// ICMP came about one of its segments.
    pub(super) fn handle_complaint(&mut self, now: Instant, error: IcmpError, headers: usize, output: &mut Output) {
        match error {
            IcmpError::TooBig { mtu } if self.sender.limit_segment_size(usize::from(mtu).saturating_sub(headers)) => {
                self.sender.go_back();
                self.send_pieces(now, output);
            }
            IcmpError::TooBig { .. } => {}
            // Linux gives up while it connects; later it is a hint (RFC 1122 §4.2.3.9).
            _ if !self.sender.syn_is_acknowledged() => self.end(output),
            _ => {}
        }
    }

    /// Sends a frame, or says why it is dropped.
    pub(super) fn send(&mut self, now: Instant, frame: &[u8], output: &mut Output) -> Result<(), DropReason> {
        if self.phase != Phase::Open || self.sender.is_finished() {
            return Err(DropReason::NoStream);
        }
        if self.sender.held() >= self.send_buffer {
            return Err(DropReason::StreamFull);
        }
        let around = self.framing.delimiters(frame).ok_or(DropReason::NotAFrame)?;
        let mut bytes = [around.before(), frame, around.behind()].concat();
        if self.tls.is_some() {
            bytes = tls::protect(&bytes);
        }
        self.sender.write(&bytes);
        if self.sender.held() >= self.send_buffer && !self.blocked {
            self.blocked = true;
            output.happenings.push(Happening::Blocked);
        }
        self.send_pieces(now, output);
        Ok(())
    }

    /// Closes it, once all that was given to it has been sent.
    pub(super) fn close(&mut self, now: Instant, output: &mut Output) {
        if self.phase == Phase::Opening {
            self.phase = Phase::Ended;
            return self.abort(output);
        }
        self.sender.finish();
        self.send_pieces(now, output);
    }

    /// Ends it at once.
    pub(super) fn abort(&mut self, output: &mut Output) {
        let flags = Flags {
            rst: true,
            ack: self.receiver.has_begun(),
            ..Flags::default()
        };
        self.send_control(flags, self.sender.next_sequence(), output);
        self.end(output);
    }

    /// The stream has gone on.
    fn advance(&mut self, came: &[u8], output: &mut Output) {
        if !self.sender.syn_is_acknowledged() || matches!(self.phase, Phase::Gone) {
            return;
        }
        if self.phase == Phase::Opening && self.tls.is_none() {
            self.open(output);
        }
        self.begin_tls();
        let mut plain = Vec::new();
        let understood = match &mut self.tls {
            None => {
                plain.extend_from_slice(came);
                true
            }
            Some(tls) => {
                self.records.extend_from_slice(came);
                let mut answer = Vec::new();
                let taken = tls.take(&mut self.records, &mut answer, &mut plain);
                let established = *tls == Tls::Established;
                self.sender.write(&answer);
                if taken.is_ok() && established && self.phase == Phase::Opening {
                    self.open(output);
                }
                taken.is_ok()
            }
        };
        if !understood || !self.take_frames(&plain, output) {
            return self.abort(output);
        }
        if self.blocked && self.sender.held() <= self.send_buffer / 2 {
            self.blocked = false;
            self.tell(Happening::Writable, output);
        }
        if self.receiver.is_finished() || self.sender.is_done() {
            self.tell(Happening::Closed, output);
        }
        if self.receiver.is_finished() {
            self.sender.finish();
        }
    }

    /// A client speaks first, as soon as TCP is established.
    fn begin_tls(&mut self) {
        if self.tls == Some(Tls::AwaitsServer) && !self.sender.has_written() {
            self.sender.write(&Tls::client_hello());
        }
    }

    /// Hands out the frames in what came; `false` if it can't be frames.
    fn take_frames(&mut self, mut came: &[u8], output: &mut Output) -> bool {
        loop {
            let space = self.deframer.space();
            let (now, later) = came.split_at(came.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            self.deframer.filled(now.len());
            came = later;
            loop {
                let frame = match self.deframer.next_frame() {
                    Ok(Some(frame)) => frame.to_vec(),
                    Ok(None) => break,
                    Err(_) => return false,
                };
                self.tell(Happening::Frame(frame), output);
            }
            if came.is_empty() {
                return true;
            }
        }
    }

    fn open(&mut self, output: &mut Output) {
        self.phase = Phase::Open;
        self.deadline = None;
        output.happenings.push(Happening::Opened);
    }

    /// Tells the machine, as long as it wants to know.
    fn tell(&mut self, happening: Happening, output: &mut Output) {
        if self.phase != Phase::Open {
            return;
        }
        if happening == Happening::Closed {
            self.phase = Phase::Ended;
        }
        output.happenings.push(happening);
    }

    /// It is over, for whatever reason.
    fn end(&mut self, output: &mut Output) {
        match self.phase {
            Phase::Opening => output.happenings.push(Happening::Failed),
            Phase::Open => output.happenings.push(Happening::Closed),
            Phase::Ended | Phase::Gone => {}
        }
        self.phase = Phase::Gone;
    }

    /// Goes once both sides have closed; the other one may take its time, but not for ever.
    fn retire(&mut self, now: Instant) {
        if self.phase != Phase::Ended {
            return;
        }
        if self.sender.is_done() && self.receiver.is_finished() {
            self.phase = Phase::Gone;
        } else {
            self.deadline.get_or_insert(now + CLOSE_WITHIN);
        }
    }

    fn note_size(&mut self, syn: &Segment) {
        self.sender.limit_segment_size(usize::from(syn.largest));
    }

    fn send_syn(&self, output: &mut Output) {
        let flags = Flags {
            syn: true,
            ack: self.receiver.has_begun(),
            ..Flags::default()
        };
        self.send_control(flags, 0, output);
    }

    fn send_acknowledgement(&self, output: &mut Output) {
        let flags = Flags {
            ack: true,
            ..Flags::default()
        };
        self.send_control(flags, self.sender.next_sequence(), output);
    }

    fn send_control(&self, flags: Flags, sequence: u64, output: &mut Output) {
        let segment = Segment {
            flags,
            sequence,
            acknowledgement: self.receiver.next(),
            largest: self.announced_size,
        };
        output.segments.push((segment, Vec::new()));
    }

    /// Sends what may be sent; tells whether there was anything.
    fn send_pieces(&mut self, now: Instant, output: &mut Output) -> bool {
        let before = output.segments.len();
        while self.phase != Phase::Gone
            && let Some(piece) = self.sender.poll(now)
        {
            self.send_piece(piece, output);
        }
        output.segments.len() > before
    }

    fn send_piece(&self, piece: Piece, output: &mut Output) {
        let segment = Segment {
            flags: Flags {
                ack: true,
                fin: piece.fin,
                ..Flags::default()
            },
            sequence: piece.sequence,
            acknowledgement: self.receiver.next(),
            largest: self.announced_size,
        };
        output.segments.push((segment, piece.bytes));
    }
}

/// Any frame with its delimiters.
const FRAME_MAX: usize = 65_537 + 2;
/// Six retransmissions of the SYN (Linux' `tcp_syn_retries`), and then as long for TLS.
const OPEN_WITHIN: Duration = Duration::from_secs(127);
/// Linux' `tcp_fin_timeout`.
const CLOSE_WITHIN: Duration = Duration::from_secs(60);
