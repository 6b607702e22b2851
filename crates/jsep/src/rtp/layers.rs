//! Layers of a section, owned: `a=rid` and `a=simulcast`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use pollrtc_sdp::attribute::RidDirection;

/// A stream within a section and what it is restricted to, `a=rid` (RFC 8851).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rid {
    /// Letters, digits, `-` and `_`.
    pub id: String,
    /// Whether who says so sends or receives it.
    pub direction: RidDirection,
    /// The payload types that it may use, in order of preference; none means any.
    pub payload_types: Vec<u8>,
    /// Such as `max-width` and `1280`, in order. One without a value may be set by the answerer.
    pub restrictions: Vec<(String, Option<String>)>,
}

impl Rid {
    /// A stream without restrictions.
    pub fn new(id: &str, direction: RidDirection) -> Self {
        Self {
            id: id.to_owned(),
            direction,
            payload_types: Vec::new(),
            restrictions: Vec::new(),
        }
    }

    pub(super) fn restriction(&self, name: &str) -> Option<&Option<String>> {
        self.restrictions
            .iter()
            .find(|(each, _)| each == name)
            .map(|(_, value)| value)
    }

    /// The streams that it depends on (RFC 8851 §5).
    pub(super) fn dependencies(&self) -> impl Iterator<Item = &str> {
        let list = self.restriction("depend").and_then(Option::as_deref);
        list.into_iter().flat_map(|list| list.split(','))
    }
}

/// `a=simulcast` (RFC 8853 §5.1): streams in order of preference, each with alternatives.
///
/// ```
/// use pollrtc_jsep::rtp::Simulcast;
///
/// let cameras = Simulcast::send(["q", "h", "f"]);
/// assert_eq!(cameras.send.len(), 3);
/// assert!(cameras.receive.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Simulcast {
    /// What who says so can send.
    pub send: Vec<SimulcastStream>,
    /// What who says so can receive.
    pub receive: Vec<SimulcastStream>,
}

impl Simulcast {
    /// Sends streams of one form each, the most preferred first.
    pub fn send<'r>(rids: impl IntoIterator<Item = &'r str>) -> Self {
        Self {
            send: rids.into_iter().map(SimulcastStream::new).collect(),
            receive: Vec::new(),
        }
    }

    /// Receives streams of one form each, the most preferred first.
    pub fn receive<'r>(rids: impl IntoIterator<Item = &'r str>) -> Self {
        Self::send(rids).reversed()
    }

    /// The same as the other side sees it.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            send: self.receive,
            receive: self.send,
        }
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.send.is_empty() && self.receive.is_empty()
    }

    pub(super) fn streams(&self, direction: RidDirection) -> &[SimulcastStream] {
        match direction {
            RidDirection::Send => &self.send,
            RidDirection::Recv => &self.receive,
        }
    }

    pub(super) fn streams_mut(&mut self, direction: RidDirection) -> &mut Vec<SimulcastStream> {
        match direction {
            RidDirection::Send => &mut self.send,
            RidDirection::Recv => &mut self.receive,
        }
    }
}

/// One stream of a simulcast: forms of it, of which one is used at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SimulcastStream {
    /// The forms in order of preference.
    pub alternatives: Vec<Layer>,
}

impl SimulcastStream {
    /// A stream of one form, not paused.
    pub fn new(rid: &str) -> Self {
        let layer = Layer {
            rid: rid.to_owned(),
            paused: false,
        };
        Self {
            alternatives: [layer].into(),
        }
    }
}

/// A form that a stream can have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layer {
    /// The `a=rid` that says more.
    pub rid: String,
    /// Whether it is not sent for now (`~`).
    pub paused: bool,
}
