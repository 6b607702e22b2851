//! RE-CONFIG parameters (RFC 6525 §4).

use super::parameters::parameter_header;
use super::{PacketWriter, Parameter, kind, take_u16, take_u32};

const OUTGOING_RESET: u16 = 13;
const INCOMING_RESET: u16 = 14;
const SSN_TSN_RESET: u16 = 15;
const RESPONSE: u16 = 16;
const ADD_OUTGOING_STREAMS: u16 = 17;
const ADD_INCOMING_STREAMS: u16 = 18;

/// One parameter of a RE-CONFIG chunk.
#[derive(Clone, Copy, Debug)]
pub enum Reconfig<'a> {
    /// The peer resets streams on which it sends (§4.1).
    OutgoingReset(OutgoingReset<'a>),
    /// Any other request (§4.2, §4.3, §4.5, §4.6), with its sequence number.
    OtherRequest {
        /// The request's sequence number.
        sequence: u32,
    },
    /// The answer to a request of ours (§4.4).
    Response(ReconfigResponse),
}

/// An outgoing SSN reset request (RFC 6525 §4.1).
#[derive(Clone, Copy, Debug)]
pub struct OutgoingReset<'a> {
    /// The request's own sequence number.
    pub request_sequence: u32,
    /// Of the incoming reset request that it answers, if it does.
    pub response_sequence: u32,
    /// The last TSN that its sender had used when it made the request.
    pub last_tsn: u32,
    streams: &'a [[u8; 2]],
}

impl OutgoingReset<'_> {
    /// Which streams; none means all.
    pub fn streams(&self) -> impl ExactSizeIterator<Item = u16> + '_ {
        self.streams.iter().map(|id| u16::from_be_bytes(*id))
    }
}

/// A response (RFC 6525 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconfigResponse {
    /// Of the request that it answers.
    pub sequence: u32,
    /// What became of the request.
    pub result: ReconfigResult,
}

/// What became of a request (RFC 6525 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconfigResult {
    /// There was nothing to do.
    NothingToDo,
    /// Done.
    Performed,
    /// Refused.
    Denied,
    /// Refused since the SSN is wrong.
    WrongSsn,
    /// Refused since another request is being worked on.
    AlreadyInProgress,
    /// Refused since the sequence number is not the next one.
    BadSequenceNumber,
    /// Being worked on; ask again.
    InProgress,
}

impl ReconfigResult {
    /// Its number on the wire.
    pub fn to_wire(self) -> u32 {
        match self {
            Self::NothingToDo => 0,
            Self::Performed => 1,
            Self::Denied => 2,
            Self::WrongSsn => 3,
            Self::AlreadyInProgress => 4,
            Self::BadSequenceNumber => 5,
            Self::InProgress => 6,
        }
    }

    fn from_wire(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::NothingToDo,
            1 => Self::Performed,
            2 => Self::Denied,
            3 => Self::WrongSsn,
            4 => Self::AlreadyInProgress,
            5 => Self::BadSequenceNumber,
            6 => Self::InProgress,
            _ => return None,
        })
    }
}

impl<'a> Reconfig<'a> {
    /// Reads one parameter; `None` if it is unknown or malformed.
    pub fn parse(parameter: &Parameter<'a>) -> Option<Self> {
        let (sequence, rest) = take_u32(parameter.value)?;
        Some(match parameter.kind {
            OUTGOING_RESET => {
                let (response_sequence, rest) = take_u32(rest)?;
                let (last_tsn, rest) = take_u32(rest)?;
                let (streams, tail) = rest.as_chunks::<2>();
                if !tail.is_empty() {
                    return None;
                }
                Self::OutgoingReset(OutgoingReset {
                    request_sequence: sequence,
                    response_sequence,
                    last_tsn,
                    streams,
                })
            }
            RESPONSE => {
                let (number, _next_tsns) = take_u32(rest)?;
                let result = ReconfigResult::from_wire(number)?;
                Self::Response(ReconfigResponse { sequence, result })
            }
            INCOMING_RESET | SSN_TSN_RESET => Self::OtherRequest { sequence },
            ADD_OUTGOING_STREAMS | ADD_INCOMING_STREAMS => {
                take_u16(rest)?;
                Self::OtherRequest { sequence }
            }
            _ => return None,
        })
    }

    /// Adds a chunk with an outgoing reset request to a packet; false if it does not fit.
    pub(crate) fn write_outgoing_reset(
        packet: &mut PacketWriter<'_>,
        request_sequence: u32,
        response_sequence: u32,
        last_tsn: u32,
        streams: &[u16],
    ) -> bool {
        let len = streams.len().saturating_mul(2).saturating_add(12);
        let Some(header) = parameter_header(OUTGOING_RESET, len) else {
            return false;
        };
        packet.chunk(kind::RE_CONFIG, 0, |body| {
            body.put(&header);
            body.put_u32(request_sequence);
            body.put_u32(response_sequence);
            body.put_u32(last_tsn);
            streams.iter().for_each(|stream| body.put_u16(*stream));
        })
    }
}

impl ReconfigResponse {
    /// Adds a chunk with the response to a packet; false if it does not fit.
    pub(crate) fn write(&self, packet: &mut PacketWriter<'_>) -> bool {
        let (sequence, result) = (self.sequence.to_be_bytes(), self.result.to_wire().to_be_bytes());
        packet.chunk(kind::RE_CONFIG, 0, |body| {
            body.put_parameter(RESPONSE, &[&sequence, &result])
        })
    }
}
