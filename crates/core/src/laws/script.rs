//! From bytes to steps: every byte string is a script, so that quickcheck and fuzzers can make,
//! shrink and splice them.

use core::time::Duration;
use std::vec::Vec;

use crate::Ecn;

/// One call, or a few that belong together.
#[derive(Debug)]
pub(super) enum Step {
    /// Time passes.
    Wait(Duration),
    /// The next call happens at an earlier time than the last.
    Backwards(Duration),
    /// `handle_timeout`, due or not.
    Timeout,
    /// Waits for the machine's own deadline and tells it.
    NextTimeout,
    /// One `poll_transmit` with a buffer of this size.
    Transmit { buffer: usize },
    /// One `poll_event`.
    Event,
    /// One `poll_flow`.
    Flow,
    /// News of a stream or a path: of a request or a flow that is known, or of one that is not.
    FlowNews { kind: u8, pick: u8, mtu: u16 },
    /// What became of a transmit that has an id, or of none.
    Departure { back: u8, dropped: bool },
    /// Drains everything and checks that quiet is quiet.
    Quiesce,
    /// What is under way between the machine and its peer arrives, this many datagrams of it.
    Exchange { datagrams: u8 },
    /// The next datagram to either side is lost.
    Lose,
    /// A datagram that came before comes again: mostly once, sometimes in a burst.
    Replay { back: u8, times: u8 },
    /// A known datagram with some bytes changed, cut or extended.
    Mutated {
        pick: u8,
        edits: Vec<(u8, u8)>,
        cut: Option<u8>,
        way: Way,
    },
    /// Bytes out of thin air.
    Noise { bytes: Vec<u8>, way: Way },
    /// From now on what the peer sends arrives like this.
    Exchanged(Way),
    /// A verb of the protocol.
    Verb { pick: u8, argument: u64 },
}

/// How a datagram comes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    pub(super) source: Origin,
    pub(super) local: Local,
    pub(super) stream: bool,
    pub(super) ecn: Option<Ecn>,
    pub(super) arrived: Option<Duration>,
}

/// Who sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    #[default]
    Peer,
    Stranger,
    /// The peer's host, from another port.
    PeersHost,
    /// A neighbour whose address means something on one link only.
    Neighbour {
        link: u8,
    },
    /// Addresses that nothing can come from.
    Nobody {
        kind: u8,
    },
}

/// Which local address it reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Local {
    #[default]
    Given,
    /// The caller does not say.
    Unsaid,
    /// One that the machine may never have heard of.
    Other,
    /// What a socket that is bound to all addresses tells.
    Unspecified,
}

impl Way {
    /// Two bytes: where from, and with what.
    fn from_bytes(from: u8, with: u8) -> Self {
        let link = from >> 6;
        Self {
            source: match from % 16 {
                0..=8 => Origin::Peer,
                9..=11 => Origin::Stranger,
                12 => Origin::PeersHost,
                13..=14 => Origin::Neighbour { link },
                _ => Origin::Nobody { kind: link },
            },
            local: match (from >> 4) % 4 {
                0..=1 => Local::Given,
                2 => Local::Unsaid,
                _ if link == 0 => Local::Unspecified,
                _ => Local::Other,
            },
            stream: with % 16 == 15,
            ecn: Ecn::from_bits(with >> 4),
            arrived: (with & 0x40 != 0).then(|| Duration::from_millis(u64::from(with & 0x0f))),
        }
    }
}

/// The steps of a script.
pub(super) struct Script<'s>(pub(super) &'s [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn way(&mut self) -> Way {
        let (from, with) = (self.byte(), self.byte());
        Way::from_bytes(from, with)
    }

    fn take(&mut self, len: usize) -> &[u8] {
        let (head, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// Lengths of time from a microsecond to years, the useful ones more often.
    fn duration(&mut self) -> Duration {
        let (scale, count) = (self.byte(), u64::from(self.byte()));
        match scale % 16 {
            0..=2 => Duration::from_micros(count),
            3..=8 => Duration::from_millis(count),
            9..=12 => Duration::from_millis(count * 20),
            13 => Duration::from_secs(count),
            14 => Duration::from_secs(count * 3600),
            _ => Duration::from_secs(count << 24),
        }
    }

    fn buffer(&mut self) -> usize {
        const SIZES: [usize; 8] = [0, 1, 19, 100, 600, 1280, 1500, 65_536];
        SIZES[usize::from(self.byte() % 8)]
    }
}

impl Iterator for Script<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.0.is_empty() {
            return None;
        }
        Some(match self.byte() % 32 {
            0..=1 => Step::Wait(self.duration()),
            2 => Step::Backwards(self.duration()),
            3 => Step::Timeout,
            4..=6 => Step::NextTimeout,
            7..=8 => Step::Transmit { buffer: self.buffer() },
            9 => Step::Event,
            10..=11 => Step::Quiesce,
            12 => match self.byte() {
                shape @ 0..=63 => Step::FlowNews {
                    kind: shape,
                    pick: self.byte(),
                    mtu: u16::from(self.byte()) * 8,
                },
                shape @ 64..=127 => Step::Departure {
                    back: self.byte(),
                    dropped: shape % 2 == 0,
                },
                128..=191 => Step::Flow,
                _ => Step::Exchanged(self.way()),
            },
            13..=19 => Step::Exchange {
                datagrams: self.byte() % 16 + 1,
            },
            20 => Step::Lose,
            21 => {
                let (back, shape) = (self.byte(), self.byte());
                Step::Replay {
                    back,
                    times: if shape % 4 == 0 { shape } else { 1 },
                }
            }
            22..=24 => {
                let (pick, shape) = (self.byte(), self.byte());
                let edits = (0..shape % 5).map(|_| (self.byte(), self.byte())).collect();
                let cut = (shape & 0x40 != 0).then(|| self.byte());
                Step::Mutated {
                    pick,
                    edits,
                    cut,
                    way: self.way(),
                }
            }
            25 => {
                let (len, way) = (self.byte(), self.way());
                Step::Noise {
                    bytes: self.take(usize::from(len & 0x7f)).to_vec(),
                    way,
                }
            }
            _ => {
                let pick = self.byte();
                let mut argument = [0; 8];
                let bytes = self.take(usize::from(pick >> 5));
                argument[..bytes.len()].copy_from_slice(bytes);
                Step::Verb {
                    pick: pick & 0x1f,
                    argument: u64::from_le_bytes(argument),
                }
            }
        })
    }
}
